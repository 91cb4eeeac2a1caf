"""One partition of a topic as one share group consumes it: what is in flight, who has it, and where it begins.

    done with      in flight                          never handed out
    ───────────┬──────────┬─────────┬──────────┬────────────────────
               │ ACQUIRED │ ARCHIVED│ AVAILABLE│
               ▲ start_offset                  ▲ next_offset

The start offset is the first record not done with; everything below it is forgotten. A fetch begins with the first available
record, or at `next_offset`. While `partition_max_record_locks` records or more lie between the two, nothing beyond
`next_offset` is handed out.

What changes for good (acknowledged, released, given up) has to be written by the persister: the method answers with a
`StateWrite`, and whoever wrote it says `written` or `write_failed`. Locks are not written: after a change of leader, what
was acquired is available again, with the delivery count of the last write.

States of the share partition itself:

    EMPTY ──begin_loading──▶ INITIALIZING ──loaded──▶ ACTIVE
                                  └─load_failed──▶ FAILED        FENCED: from anywhere, nobody may use it any more

Apache: kafka.server.share.SharePartition (KIP-932). Different here: ranges instead of states per offset (in_flight.py); an
acquisition that began within the window does not go beyond it while the window is full; offsets never go back.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.shares.in_flight import InFlightRange, RecordState
from ottla.shares.records import SharePartitionKey
from ottla.shares.settings import SharePartitionSettings
from ottla.shares.state_batches import StateBatch

MAX_IN_FLIGHT_RANGES: Final = 20_000
"""An acknowledgement that would cut the window into more is refused: as many states still fit into one record of the share
coordinator's log. More than the record locks that may be configured."""


class SharePartitionState(Enum):
    """See the module's drawing."""

    EMPTY = "empty"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    FAILED = "failed"
    FENCED = "fenced"


class AcknowledgeType(Enum):
    """What a member says of a record, by the number on the wire."""

    GAP = 0
    """There is no record at this offset: a control record, or compacted away."""
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3


_BECOMES: Final = {
    AcknowledgeType.GAP.value: RecordState.ARCHIVED,
    AcknowledgeType.ACCEPT.value: RecordState.ACKNOWLEDGED,
    AcknowledgeType.RELEASE.value: RecordState.AVAILABLE,
    AcknowledgeType.REJECT.value: RecordState.ARCHIVED,
}


class LogBatch(NamedTuple):
    """A batch of the log, as far as a share partition has to know it."""

    base_offset: int
    last_offset: int


class OffsetRange(NamedTuple):
    """Offsets, both included."""

    first_offset: int
    last_offset: int


class AcquiredRange(NamedTuple):
    """Records that a member has got."""

    first_offset: int
    last_offset: int
    delivery_count: int


class Acknowledgement(NamedTuple):
    """What a member says of records."""

    first_offset: int
    last_offset: int
    types: Sequence[int]
    """One `AcknowledgeType` for all, or one for each."""


@dataclass(frozen=True, slots=True, eq=False)
class StateWrite:
    """State to be written; handed back to `written` or `write_failed`."""

    start_offset: int
    batches: tuple[StateBatch, ...]
    ranges: tuple[InFlightRange, ...] = ()
    """Those that go back if the write fails."""


class SharePartition:
    """See the module. `now_ms` is any clock that does not go back."""

    __slots__ = (
        "_earliest_lock_ms",
        "_may_have_available",
        "_ranges",
        "_settings",
        "key",
        "leader_epoch",
        "next_offset",
        "start_offset",
        "state",
        "state_epoch",
    )

    def __init__(self, key: SharePartitionKey, leader_epoch: int, settings: SharePartitionSettings) -> None:
        self.key = key
        self.leader_epoch = leader_epoch
        """Of the topic's partition when this was made."""
        self.state = SharePartitionState.EMPTY
        self.state_epoch = 0
        self.start_offset = 0
        self.next_offset = 0
        self._settings = settings
        self._ranges: list[InFlightRange] = []
        """By offset. Between two there may be offsets that the log has not got."""
        self._may_have_available = False
        self._earliest_lock_ms: int | None = None
        """No lock is over before."""

    # Loading.

    def begin_loading(self) -> None:
        """Its state is being read."""
        self.state = SharePartitionState.INITIALIZING

    def loaded(self, state_epoch: int, start_offset: int, batches: Iterable[StateBatch]) -> None:
        """Begin with what the persister had. What lies between two batches was acquired when it was written: available.

        Raises `KafkaError` UNKNOWN_SERVER_ERROR for state that can't be; the partition has FAILED then.
        """
        if self.state is not SharePartitionState.INITIALIZING:
            return
        ranges: list[InFlightRange] = []
        expected = start_offset
        for batch in sorted(batches):
            state = _kept_state(batch.delivery_state)
            if state is None or batch.first_offset < expected or batch.last_offset < batch.first_offset:
                self.state = SharePartitionState.FAILED
                raise KafkaError(
                    ErrorCode.UNKNOWN_SERVER_ERROR, f"Failed to initialize the share partition {self.key}"
                )
            if batch.first_offset > expected:
                ranges.append(InFlightRange(expected, batch.first_offset - 1, RecordState.AVAILABLE, 0))
            ranges.append(InFlightRange(batch.first_offset, batch.last_offset, state, batch.delivery_count))
            expected = batch.last_offset + 1
        self._ranges = ranges
        self.state_epoch = state_epoch
        self.start_offset = start_offset
        self.next_offset = expected
        self._may_have_available = True
        self.state = SharePartitionState.ACTIVE
        self._advance_start_offset()

    def load_failed(self) -> None:
        if self.state is SharePartitionState.INITIALIZING:
            self.state = SharePartitionState.FAILED

    def fence(self) -> None:
        """Another leader, another state, or no topic any more: nobody may use this from now on."""
        self.state = SharePartitionState.FENCED

    # What there is.

    @property
    def in_flight_records(self) -> int:
        """Offsets between the start offset and the last one handed out."""
        return self.next_offset - self.start_offset if self._ranges else 0

    @property
    def in_flight_ranges(self) -> int:
        """In how many pieces they are."""
        return len(self._ranges)

    def ranges(self) -> Iterator[InFlightRange]:
        """What is in flight, by offset; for metrics and tests."""
        return iter(self._ranges)

    @property
    def next_fetch_offset(self) -> int:
        """The first record that may be handed out."""
        if self._may_have_available:
            for each in self._ranges:
                if each.is_available:
                    return each.first_offset
            self._may_have_available = False
        return self.next_offset

    @property
    def can_acquire(self) -> bool:
        """Whether there may be anything to hand out, if the log has it."""
        if self.state is not SharePartitionState.ACTIVE:
            return False
        return self._has_room or self.next_fetch_offset != self.next_offset

    @property
    def _has_room(self) -> bool:
        return self.in_flight_records < self._settings.partition_max_record_locks

    # Acquiring.

    def acquire(
        self,
        member_id: str,
        batches: Sequence[LogBatch],
        *,
        fetch_offset: int,
        batch_size: int,
        max_records: int,
        lock_deadline_ms: int,
        aborted: Sequence[OffsetRange] = (),
    ) -> list[AcquiredRange]:
        """Lock available records among `batches`, which the log has from `fetch_offset` on, for `member_id`.

        `max_records` is exceeded only to end with a whole batch. More than `batch_size` new records become several
        ranges, cut between batches. `aborted` records (`share.isolation.level=read_committed`) are archived instead.
        """
        if self.state is not SharePartitionState.ACTIVE or max_records <= 0 or not batches:
            return []
        self._archive_missing(fetch_offset, batches[0].base_offset)
        acquired = self._acquire_in_window(member_id, batches, max_records, lock_deadline_ms)
        left = max_records - sum(each.last_offset - each.first_offset + 1 for each in acquired)
        if left > 0 and self._has_room and batches[-1].last_offset >= self.next_offset:
            acquired += self._acquire_new(member_id, batches, batch_size, left, lock_deadline_ms)
        if acquired:
            self._note_lock(lock_deadline_ms)
        if aborted:
            acquired = self._archive_aborted(acquired, aborted)
        return [AcquiredRange(each.first_offset, each.last_offset, each.delivery_count) for each in acquired]

    def _acquire_in_window(
        self, member_id: str, batches: Sequence[LogBatch], max_records: int, lock_deadline_ms: int
    ) -> list[InFlightRange]:
        first, last = batches[0].base_offset, batches[-1].last_offset
        acquired: list[InFlightRange] = []
        index = self._index_from(first)
        while index < len(self._ranges) and max_records > 0:
            each = self._ranges[index]
            if each.first_offset > last:
                break
            if each.is_available:
                if each.first_offset < first:
                    index = self._cut(index, first)
                    each = self._ranges[index]
                end = min(each.last_offset, last)
                if end - each.first_offset >= max_records:
                    end = min(end, _end_of_batch(batches, each.first_offset + max_records - 1))
                if end < each.last_offset:
                    self._cut(index, end + 1)
                each.acquire(member_id, lock_deadline_ms)
                acquired.append(each)
                max_records -= each.last_offset - each.first_offset + 1
            index += 1
        return acquired

    def _acquire_new(
        self,
        member_id: str,
        batches: Sequence[LogBatch],
        batch_size: int,
        max_records: int,
        lock_deadline_ms: int,
    ) -> list[InFlightRange]:
        first = max(batches[0].base_offset, self.next_offset)
        last = batches[-1].last_offset
        if last - first >= max_records:
            last = min(last, _end_of_batch(batches, first + max_records - 1))
        acquired = [
            InFlightRange(*piece, RecordState.ACQUIRED, 1, member_id, lock_deadline_ms)
            for piece in _in_pieces(first, last, batches, batch_size)
        ]
        if not self._ranges:
            self.start_offset = first
        self._ranges += acquired
        self.next_offset = last + 1
        return acquired

    def _archive_missing(self, fetch_offset: int, base_offset: int) -> None:
        """The log was asked for `fetch_offset` and begins only at `base_offset`: what lies between has been compacted
        away."""
        if base_offset <= fetch_offset or not self._ranges:
            return
        index = self._index_from(fetch_offset)
        while index < len(self._ranges) and self._ranges[index].first_offset < base_offset:
            each = self._ranges[index]
            if each.is_available:
                if each.first_offset < fetch_offset:
                    index = self._cut(index, fetch_offset)
                    each = self._ranges[index]
                if each.last_offset >= base_offset:
                    self._cut(index, base_offset)
                each.archive()
            index += 1
        self._advance_start_offset()

    def _archive_aborted(
        self, acquired: list[InFlightRange], aborted: Sequence[OffsetRange]
    ) -> list[InFlightRange]:
        kept: list[InFlightRange] = []
        for each in acquired:
            rest: InFlightRange | None = each
            for first, last in aborted:
                if rest is None or last < rest.first_offset or first > rest.last_offset:
                    continue
                if rest.first_offset < first:
                    kept.append(rest)
                    rest = self._split(rest, first)
                following = self._split(rest, last + 1) if last < rest.last_offset else None
                rest.archive()
                rest = following
            if rest is not None:
                kept.append(rest)
        self._advance_start_offset()
        return kept

    # Acknowledging and releasing.

    def acknowledge(self, member_id: str, acknowledgements: Iterable[Acknowledgement]) -> StateWrite | None:
        """Take what the member says of its records. None: nothing has changed, all of it lies below the start offset.

        Raises `KafkaError`, and changes nothing: INVALID_RECORD_STATE for a record that the member has not acquired (any
        more), INVALID_REQUEST for offsets beyond those that are in flight.
        """
        changed: list[InFlightRange] = []
        try:
            for each in acknowledgements:
                if each.last_offset >= self.start_offset:
                    self._acknowledge_one(member_id, each, changed)
        except KafkaError:
            for each_range in changed:
                each_range.roll_back()
            raise
        return self._write(changed, in_transition=True)

    def _acknowledge_one(self, member_id: str, said: Acknowledgement, changed: list[InFlightRange]) -> None:
        if len(said.types) > MAX_IN_FLIGHT_RANGES or len(self._ranges) > MAX_IN_FLIGHT_RANGES:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"More than {MAX_IN_FLIGHT_RANGES} ranges of records in flight."
            )
        self._check_in_flight(said)
        first = max(said.first_offset, self.start_offset)
        index = self._index_from(first)
        while index < len(self._ranges) and self._ranges[index].first_offset <= said.last_offset:
            each = self._ranges[index]
            if each.state is not RecordState.ACQUIRED:
                raise KafkaError(
                    ErrorCode.INVALID_RECORD_STATE,
                    "The batch cannot be acknowledged. The batch is not in the acquired state.",
                )
            if each.member_id != member_id:
                raise KafkaError(ErrorCode.INVALID_RECORD_STATE, "Member is not the owner of batch record")
            index = self._acknowledge_range(index, first, said, changed)

    def _acknowledge_range(
        self, index: int, first: int, said: Acknowledgement, changed: list[InFlightRange]
    ) -> int:
        """Acknowledge the part of one acquired range that `said` speaks of; the index behind that part."""
        if self._ranges[index].first_offset < first:
            index = self._cut(index, first)
        if self._ranges[index].last_offset > said.last_offset:
            self._cut(index, said.last_offset + 1)
        part = self._ranges[index]
        pieces = [part]
        if len(said.types) > 1:
            offset, last = part.first_offset, part.last_offset
            types = said.types[offset - said.first_offset : last - said.first_offset + 1]
            for position in range(1, len(types)):
                if types[position] != types[position - 1]:
                    pieces.append(pieces[-1].split(offset + position))
            self._ranges[index : index + 1] = pieces
        for piece in pieces:
            kind = said.types[piece.first_offset - said.first_offset if len(said.types) > 1 else 0]
            piece.begin(_BECOMES[kind], self._settings.delivery_count_limit)
            changed.append(piece)
        return index + len(pieces)

    def _check_in_flight(self, said: Acknowledgement) -> None:
        """That the offsets lie in the window, with Apache's errors where they don't."""
        if not self._ranges or self._ranges[0].first_offset > max(said.first_offset, self.start_offset):
            raise KafkaError(
                ErrorCode.INVALID_RECORD_STATE,
                "Batch record not found. The request batch offsets are not found in the cache.",
            )
        last_range = self._ranges[bisect_right(self._ranges, said.last_offset, key=_first_offset_of) - 1]
        if last_range.last_offset < said.first_offset:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                "Batch record not found. The first offset in request is past acquired records.",
            )
        if last_range.last_offset < said.last_offset:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                "Batch record not found. The last offset in request is past acquired records.",
            )

    def release(self, member_id: str) -> StateWrite | None:
        """Give back everything that the member has acquired, as if it had never been handed out to it."""
        changed = [
            each
            for each in self._ranges
            if each.state is RecordState.ACQUIRED and each.member_id == member_id
        ]
        for each in changed:
            each.begin_return()
        return self._write(changed, in_transition=True)

    # Locks.

    @property
    def next_lock_ms(self) -> int | None:
        """When to call `expire_locks` next; None: nothing is locked. It may prove too early, never too late."""
        return self._earliest_lock_ms

    def expire_locks(self, now_ms: int) -> StateWrite | None:
        """Make what is locked for longer than it may be available again; given up if that was its last delivery."""
        if self._earliest_lock_ms is None or self._earliest_lock_ms > now_ms:
            return None
        self._earliest_lock_ms = None
        expired: list[InFlightRange] = []
        for each in self._ranges:
            if each.state is RecordState.ACQUIRED:
                if each.lock_deadline_ms <= now_ms:
                    each.expire(self._settings.delivery_count_limit)
                    expired.append(each)
                else:
                    self._note_lock(each.lock_deadline_ms)
        self._may_have_available = self._may_have_available or bool(expired)
        return self._write(expired, in_transition=False)

    def _note_lock(self, deadline_ms: int) -> None:
        if self._earliest_lock_ms is None or deadline_ms < self._earliest_lock_ms:
            self._earliest_lock_ms = deadline_ms

    # Writing.

    def _write(self, changed: list[InFlightRange], *, in_transition: bool) -> StateWrite | None:
        if not changed:
            return None
        return StateWrite(
            self.start_offset,
            tuple(
                StateBatch(each.first_offset, each.last_offset, each.delivery_count, int(each.state))
                for each in changed
            ),
            tuple(changed) if in_transition else (),
        )

    def written(self, write: StateWrite) -> None:
        """The persister has it."""
        for each in write.ranges:
            each.commit()
        self._may_have_available = True
        self._advance_start_offset()

    def write_failed(self, write: StateWrite) -> None:
        """The persister has not got it: what was acknowledged is acquired as before. A lock that is over by now is found
        by the next `expire_locks`."""
        for each in write.ranges:
            each.roll_back()
            if each.state is RecordState.ACQUIRED:
                self._note_lock(each.lock_deadline_ms)
        self._advance_start_offset()

    # The window.

    def log_start_moved(self, log_start_offset: int) -> None:
        """Records below have been deleted from the log: nothing is to be said of them any more."""
        if log_start_offset <= self.start_offset:
            return
        del self._ranges[: self._index_from(log_start_offset)]
        if self._ranges and self._ranges[0].first_offset < log_start_offset:
            self._ranges[0].first_offset = log_start_offset
        self.next_offset = max(self.next_offset, log_start_offset)
        self.start_offset = self._ranges[0].first_offset if self._ranges else self.next_offset
        self._advance_start_offset()

    def _advance_start_offset(self) -> None:
        """Forget what is done with at the beginning of the window."""
        done = 0
        for each in self._ranges:
            if not each.is_done:
                break
            done += 1
        if done:
            del self._ranges[:done]
            self.start_offset = self._ranges[0].first_offset if self._ranges else self.next_offset

    def _index_from(self, offset: int) -> int:
        """The index of the range that holds `offset`, or of the first one behind it."""
        index = bisect_right(self._ranges, offset, key=_first_offset_of) - 1
        return index if index >= 0 and self._ranges[index].last_offset >= offset else index + 1

    def _cut(self, index: int, offset: int) -> int:
        """Make a range begin at `offset`, within the one at `index`; the new one's index."""
        self._ranges.insert(index + 1, self._ranges[index].split(offset))
        return index + 1

    def _split(self, each: InFlightRange, offset: int) -> InFlightRange:
        return self._ranges[self._cut(self._index_from(each.first_offset), offset)]


def _first_offset_of(each: InFlightRange) -> int:
    return each.first_offset


def _kept_state(delivery_state: int) -> RecordState | None:
    """The state that a written number stands for; None if it stands for none."""
    if delivery_state == RecordState.ACQUIRED:
        return RecordState.AVAILABLE  # nobody has it any more
    return next((state for state in RecordState if state == delivery_state), None)


def _end_of_batch(batches: Sequence[LogBatch], offset: int) -> int:
    """The last offset of the batch that holds `offset`; `offset` itself between two batches."""
    index = bisect_right(batches, offset, key=_base_offset_of) - 1
    return max(batches[index].last_offset, offset) if index >= 0 else offset


def _base_offset_of(batch: LogBatch) -> int:
    return batch.base_offset


def _in_pieces(first: int, last: int, batches: Sequence[LogBatch], batch_size: int) -> Iterator[OffsetRange]:
    """`first` to `last` in pieces of `batch_size` offsets or a little more, cut where a batch begins."""
    if last - first + 1 > batch_size:
        for batch in batches:
            if batch.base_offset > last:
                break
            if batch.base_offset - first >= max(batch_size, 1):
                yield OffsetRange(first, batch.base_offset - 1)
                first = batch.base_offset
    yield OffsetRange(first, last)
