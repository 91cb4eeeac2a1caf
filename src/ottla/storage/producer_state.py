"""What a partition remembers of its idempotent and transactional producers.

For each producer id: epoch, the last five batches (by which a repeated batch is known and a gap in the sequence is seen)
and the offset where its open transaction began. From the latter comes the last stable offset.

There can be hundreds of thousands of ids on one partition, so an entry is one `bytes`, replaced at each append::

    row, 38 bytes, as in a snapshot behind the producer id:
        producer epoch int16 │ last sequence int32 │ last offset int64 │ offset delta int32 │ timestamp int64
        coordinator epoch int32 │ first offset of the open transaction int64 (-1: none)
    then up to four earlier batches, newest first, 24 bytes each:
        last sequence int32 │ last offset int64 │ offset delta int32 │ timestamp int64

A last offset of -1 in the row says that the producer has no batch here (only markers, or its batches are gone).

Immutable entries also make a snapshot cheap on the loop: the list of items is copied, another thread encodes it.

No clock and no file in here: the log reads and writes the snapshots (`producer_snapshot`).

Source: Apache's `ProducerStateManager`, `ProducerAppendInfo`, `ProducerStateEntry`; KIP-98, KIP-360.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import (
    MAX_SEQUENCE,
    NO_PRODUCER_EPOCH,
    NO_SEQUENCE,
    TRANSACTIONAL_BIT,
    BatchHeader,
)
from ottla.records.control import ControlType, EndTxnMarker
from ottla.storage.append_result import AppendOrigin
from ottla.storage.txn_index import AbortedEntry

BATCHES_RETAINED: Final = 5
"""So many batches of a producer may be in flight (`max.in.flight.requests.per.connection`), so many are remembered."""

ROW: Final = Struct(">hiqiqiq")
_unpack_row, _pack_row = ROW.unpack_from, ROW.pack
_BATCH: Final = Struct(">iqiq")
_BATCHES: Final = Struct(">2x iqiq 12x")
_EARLIER_BYTES: Final = (BATCHES_RETAINED - 1) * _BATCH.size
_NO_OFFSET: Final = -1
_NO_COORDINATOR_EPOCH: Final = -1

EXPIRY_STEP_PRODUCERS: Final = 2_000
"""Producers looked at in one call of `expire`: about a millisecond."""

_CLIENT, _REPLICATION = AppendOrigin.CLIENT, AppendOrigin.REPLICATION
"""On the hot path: a member of an enum is looked up anew each time it is named, for 0.1 µs."""


class ActiveProducer(NamedTuple):
    """One producer that has written to the partition (DescribeProducers)."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    current_txn_start_offset: int
    """-1 without an open transaction."""


class DuplicateBatch(NamedTuple):
    """Where the log already has a batch that was sent again."""

    base_offset: int
    last_offset: int
    timestamp: int


class ProducerState:
    """The producers of one partition, as of `end_offset`."""

    __slots__ = ("_entries", "_expiring", "_open", "_unreplicated", "end_offset", "snapshot_offset")

    def __init__(self) -> None:
        self._entries: dict[int, bytes] = {}
        self._open: dict[int, int] = {}
        """First offset of each open transaction to its producer id, in rising order of offsets."""
        self._unreplicated: list[tuple[int, int]] = []
        """First and last offsets of transactions that are decided, but maybe not below the high watermark yet."""
        self._expiring: list[int] = []
        self.end_offset = 0
        """Everything below it has been taken in."""
        self.snapshot_offset: int | None = None
        """`end_offset` of the newest snapshot on disk."""

    def __len__(self) -> int:
        return len(self._entries)

    # -- checking a batch before it is written

    def check(self, header: BatchHeader, origin: AppendOrigin) -> DuplicateBatch | None:
        """Whether a batch with a producer id may be appended; the earlier batch if this one repeats it.

        Hot path for idempotent producers: one look-up, one unpack. Raises `KafkaError` INVALID_PRODUCER_EPOCH,
        OUT_OF_ORDER_SEQUENCE_NUMBER or INVALID_TXN_STATE.
        """
        entry = self._entries.get(header.producer_id)
        if entry is None or origin is _REPLICATION:
            return None
        epoch, last_sequence, last_offset, _delta, _timestamp, _coordinator_epoch, txn_first = (
            ROW.unpack_from(entry)
        )
        producer_epoch = header.producer_epoch
        if origin is _CLIENT:
            if producer_epoch == epoch:
                sequence = header.base_sequence
                if last_offset >= 0:
                    if sequence != last_sequence + 1 and not (
                        sequence == 0 and last_sequence == MAX_SEQUENCE
                    ):
                        return self._duplicate_or_gap(header, entry)
                elif sequence != 0:
                    # Known by its markers alone, in this epoch: as Apache, whose last sequence is then -1.
                    raise _gap(header, NO_SEQUENCE)
            elif producer_epoch > epoch and header.base_sequence != 0 and epoch != NO_PRODUCER_EPOCH:
                raise KafkaError(
                    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                    f"Invalid sequence number for new epoch of producer {header.producer_id}: "
                    f"{header.producer_epoch} (request epoch), {header.base_sequence} (seq. number), "
                    f"{epoch} (current producer epoch)",
                )
        if producer_epoch < epoch:
            self.check_epoch(header.producer_id, producer_epoch, epoch)
        if txn_first >= 0 and not header.attributes & TRANSACTIONAL_BIT and not header.is_control:
            raise KafkaError(
                ErrorCode.INVALID_TXN_STATE,
                f"Expected transactional write from producer {header.producer_id}: "
                f"its transaction that began at offset {txn_first} is open",
            )
        return None

    @staticmethod
    def check_epoch(producer_id: int, producer_epoch: int, current_epoch: int) -> None:
        if producer_epoch < current_epoch:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"Epoch of producer {producer_id} is {producer_epoch}, "
                f"which is smaller than the last seen epoch {current_epoch}",
            )

    def _duplicate_or_gap(self, header: BatchHeader, entry: bytes) -> DuplicateBatch:
        for last_sequence, last_offset, delta, timestamp in _batches_of(entry):
            first_sequence = _first_sequence(last_sequence, delta)
            if header.base_sequence == first_sequence and header.last_sequence == last_sequence:
                return DuplicateBatch(last_offset - delta, last_offset, timestamp)
        raise _gap(header, ROW.unpack_from(entry)[1])

    def check_marker(self, header: BatchHeader, marker: EndTxnMarker, origin: AppendOrigin) -> None:
        """Whether a coordinator may write this marker.

        Raises `KafkaError` INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED.
        """
        entry = self._entries.get(header.producer_id)
        if entry is None or origin is _REPLICATION:
            return
        row = ROW.unpack_from(entry)
        self.check_epoch(header.producer_id, header.producer_epoch, row[0])
        if row[5] > marker.coordinator_epoch:
            raise KafkaError(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"Invalid coordinator epoch for producer {header.producer_id}: "
                f"{marker.coordinator_epoch} (request), {row[5]} (current)",
            )

    # -- taking in what was written

    def update(self, header: BatchHeader, base_offset: int) -> None:
        """Take in a batch of records, with a producer id, that stands at `base_offset`. Hot path, as `check`."""
        (
            _,
            _,
            _,
            _,
            _,
            attributes,
            last_offset_delta,
            _,
            max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            _,
        ) = header
        entry = self._entries.get(producer_id)
        earlier = b""
        coordinator_epoch = _NO_COORDINATOR_EPOCH
        txn_first = _NO_OFFSET
        if entry is not None:
            epoch, _, last_offset, _, _, coordinator_epoch, txn_first = _unpack_row(entry)
            if epoch == producer_epoch and last_offset >= 0:
                earlier = entry[2:26] + entry[ROW.size : ROW.size + _EARLIER_BYTES - _BATCH.size]
        if attributes & TRANSACTIONAL_BIT and txn_first < 0:
            txn_first = base_offset
            self._open[base_offset] = producer_id
        row = _pack_row(
            producer_epoch,
            header.last_sequence if base_sequence < 0 else (base_sequence + last_offset_delta) & MAX_SEQUENCE,
            base_offset + last_offset_delta,
            last_offset_delta,
            max_timestamp,
            coordinator_epoch,
            txn_first,
        )
        self._entries[producer_id] = row + earlier

    def end_transaction(
        self, header: BatchHeader, marker: EndTxnMarker, offset: int, timestamp: int
    ) -> AbortedEntry | None:
        """Take in a marker at `offset`; the entry for the transaction index if it aborts a transaction with records."""
        producer_id = header.producer_id
        entry = self._entries.get(producer_id)
        epoch, sequence, last_offset, delta, _timestamp, _coordinator_epoch, txn_first = (
            ROW.unpack_from(entry) if entry is not None else _NOTHING
        )
        earlier = entry[ROW.size :] if entry is not None else b""
        if epoch != header.producer_epoch:
            sequence, last_offset, delta, earlier = NO_SEQUENCE, _NO_OFFSET, 0, b""
        self._entries[producer_id] = (
            ROW.pack(
                header.producer_epoch,
                sequence,
                last_offset,
                delta,
                timestamp,
                marker.coordinator_epoch,
                _NO_OFFSET,
            )
            + earlier
        )
        if txn_first < 0:
            return None
        self._open.pop(txn_first, None)
        insort(self._unreplicated, (txn_first, offset))
        if marker.control_type is not ControlType.ABORT:
            return None
        stable = next(iter(self._open), offset + 1)
        return AbortedEntry(producer_id, txn_first, offset, stable)

    # -- the last stable offset

    def first_unstable_offset(self, high_watermark: int) -> int | None:
        """Where the oldest transaction begins that is open, or decided at or above the high watermark."""
        unreplicated = self._unreplicated
        if unreplicated:
            unreplicated[:] = [
                transaction for transaction in unreplicated if transaction[1] >= high_watermark
            ]
        oldest_open = next(iter(self._open), None)
        if not unreplicated:
            return oldest_open
        decided = unreplicated[0][0]
        return decided if oldest_open is None else min(decided, oldest_open)

    def has_open_transaction(self, producer_id: int, producer_epoch: int) -> bool:
        """Whether the producer has records of an open transaction of this epoch here (KIP-890)."""
        entry = self._entries.get(producer_id)
        if entry is None:
            return False
        row = ROW.unpack_from(entry)
        return bool(row[0] == producer_epoch and row[6] >= 0)

    def epoch_and_batches(self, producer_id: int) -> tuple[int, bool]:
        """The producer's epoch here (-1: not known), and whether it has a batch of this epoch."""
        entry = self._entries.get(producer_id)
        if entry is None:
            return NO_PRODUCER_EPOCH, False
        row = ROW.unpack_from(entry)
        return row[0], row[2] >= 0

    # -- looking at it

    def active_producers(self) -> Iterator[ActiveProducer]:
        """All producers as of the first step, in no order: what is taken in until the last one changes nothing."""
        for producer_id, entry in self._entries.copy().items():
            epoch, sequence, _offset, _delta, timestamp, coordinator_epoch, txn_first = ROW.unpack_from(entry)
            yield ActiveProducer(producer_id, epoch, sequence, timestamp, coordinator_epoch, txn_first)

    def last_sequences(self) -> dict[int, tuple[int, int, int]]:
        """Of each producer with a batch: epoch, last sequence and last offset. Compaction keeps these batches."""
        return {
            producer_id: (row[0], row[1], row[2])
            for producer_id, entry in self._entries.items()
            if (row := ROW.unpack_from(entry))[2] >= 0
        }

    # -- snapshots

    def rows(self) -> list[tuple[int, bytes]]:
        """A copy of the entries for `producer_snapshot.encode`, which may run on another thread."""
        return list(self._entries.items())

    def restore(
        self, rows: Iterable[tuple[int, bytes]], end_offset: int, *, now_ms: int, expiration_ms: int
    ) -> None:
        """Forget all and begin with a snapshot's rows, of which the expired are left out."""
        self.clear(end_offset)
        self.snapshot_offset = end_offset
        transactions = []
        for producer_id, row in rows:
            fields = ROW.unpack_from(row)
            txn_first = fields[6]
            if txn_first < 0 and now_ms - fields[4] >= expiration_ms:
                continue
            self._entries[producer_id] = bytes(row)
            if txn_first >= 0:
                transactions.append((txn_first, producer_id))
        self._open.update(sorted(transactions))

    def clear(self, end_offset: int) -> None:
        self._entries = {}
        self._open = {}
        self._unreplicated = []
        self._expiring = []
        self.end_offset = end_offset
        self.snapshot_offset = None

    @property
    def is_expiring(self) -> bool:
        """Whether `expire` has producers left to look at in this round."""
        return bool(self._expiring)

    def expire(self, now_ms: int, expiration_ms: int) -> int:
        """Forget producers without open transaction that were last heard of `expiration_ms` ago; how many went.

        Looks at `EXPIRY_STEP_PRODUCERS` of them, at the next ones the next time.
        """
        if not self._expiring:
            self._expiring = list(self._entries)
        step, self._expiring = (
            self._expiring[-EXPIRY_STEP_PRODUCERS:],
            self._expiring[:-EXPIRY_STEP_PRODUCERS],
        )
        forgotten = 0
        for producer_id in step:
            entry = self._entries.get(producer_id)
            if entry is None:
                continue
            row = ROW.unpack_from(entry)
            if row[6] < 0 and now_ms - row[4] >= expiration_ms:
                del self._entries[producer_id]
                forgotten += 1
        return forgotten


_NOTHING: Final = (NO_PRODUCER_EPOCH, NO_SEQUENCE, _NO_OFFSET, 0, -1, _NO_COORDINATOR_EPOCH, _NO_OFFSET)


def _first_sequence(last_sequence: int, delta: int) -> int:
    return (last_sequence - delta) & MAX_SEQUENCE


def _batches_of(entry: bytes) -> Iterable[tuple[int, ...]]:
    yield _BATCHES.unpack_from(entry)
    yield from _BATCH.iter_unpack(entry[ROW.size :])


def _gap(header: BatchHeader, last_sequence: int) -> KafkaError:
    return KafkaError(
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        f"Out of order sequence number for producer {header.producer_id}: {header.base_sequence} "
        f"(incoming seq. number), {last_sequence} (current end sequence number)",
    )
