"""What a partition remembers of its producers: sequences, duplicates, transactions, snapshots."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import BatchHeader, parse_header
from ottla.records.control import ControlType, EndTxnMarker
from ottla.records.record import Record, build_batch
from ottla.storage.append_result import AppendOrigin
from ottla.storage.producer_snapshot import (
    CorruptSnapshotError,
    decode,
    encode,
    snapshot_name,
    snapshot_offsets,
)
from ottla.storage.producer_state import DuplicateBatch, ProducerState
from ottla.storage.txn_index import AbortedEntry

MAX_SEQUENCE = 2**31 - 1


def header(
    sequence: int,
    *,
    count: int = 1,
    producer_id: int = 1,
    epoch: int = 0,
    transactional: bool = False,
    time: int = 5,
) -> BatchHeader:
    batch = build_batch(
        [Record(0, time, None, b"")] * count,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        transactional=transactional,
    )
    return parse_header(batch)


class Producers:
    """A state with an offset that counts up, as the log does it."""

    def __init__(self) -> None:
        self.state = ProducerState()
        self.offset = 0

    def send(self, batch: BatchHeader, origin: AppendOrigin = AppendOrigin.CLIENT) -> int | DuplicateBatch:
        duplicate = self.state.check(batch, origin)
        if duplicate is not None:
            return duplicate
        offset = self.offset
        self.state.update(batch, offset)
        self.offset += batch.last_offset_delta + 1
        return offset

    def end(
        self, kind: ControlType, *, producer_id: int = 1, epoch: int = 0, coordinator: int = 0
    ) -> AbortedEntry | None:
        batch = header(-1, producer_id=producer_id, epoch=epoch, transactional=True)
        marker = EndTxnMarker(kind, coordinator)
        self.state.check_marker(batch, marker, AppendOrigin.COORDINATOR)
        aborted = self.state.end_transaction(batch, marker, self.offset, 9)
        self.offset += 1
        return aborted

    def refused(self, batch: BatchHeader) -> ErrorCode:
        with pytest.raises(KafkaError) as caught:
            self.send(batch)
        return caught.value.code


def test_sequences_follow_one_another() -> None:
    """In order is taken; a gap is OUT_OF_ORDER_SEQUENCE_NUMBER; the first batch may begin anywhere."""
    producers = Producers()
    assert producers.send(header(40, count=3)) == 0
    assert producers.send(header(43)) == 3
    assert producers.refused(header(45)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.refused(header(42)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.send(header(44)) == 4


def test_the_last_five_batches_are_known_again() -> None:
    """A repeated batch answers where it stands; the sixth to last is out of order."""
    producers = Producers()
    for sequence in range(0, 12, 2):
        producers.send(header(sequence, count=2, time=100 + sequence))
    for sequence in range(2, 12, 2):
        assert producers.send(header(sequence, count=2)) == DuplicateBatch(
            sequence, sequence + 1, 100 + sequence
        )
    assert producers.refused(header(0, count=2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    # Only the same batch is a repetition, not one that overlaps it.
    assert producers.refused(header(8, count=3)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.send(header(12)) == 12


def test_a_new_epoch_begins_with_sequence_zero() -> None:
    """An epoch below is fenced, one above starts over, and forgets the batches before."""
    producers = Producers()
    producers.send(header(0, epoch=3))
    assert producers.refused(header(1, epoch=2)) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert producers.refused(header(1, epoch=4)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.send(header(0, epoch=4)) == 1
    assert producers.send(header(0, epoch=4)) == DuplicateBatch(1, 1, 5)
    assert producers.refused(header(0, epoch=3)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_sequences_wrap_at_the_end_of_the_range() -> None:
    """2^31 - 1 is followed by 0, also inside a batch, and such a batch is known again."""
    producers = Producers()
    producers.send(header(MAX_SEQUENCE - 1))
    assert producers.send(header(MAX_SEQUENCE, count=3)) == 1
    assert producers.send(header(MAX_SEQUENCE, count=3)) == DuplicateBatch(1, 3, 5)
    assert producers.send(header(2)) == 4
    producers.send(header(MAX_SEQUENCE, producer_id=2))
    assert producers.send(header(0, producer_id=2)) == 6


def test_coordinators_and_followers_skip_the_sequence_s_check() -> None:
    """A coordinator's records have no sequence; a follower takes what its leader took."""
    producers = Producers()
    producers.send(header(-1), AppendOrigin.COORDINATOR)
    producers.send(header(-1), AppendOrigin.COORDINATOR)
    producers.send(header(9, epoch=5), AppendOrigin.REPLICATION)
    producers.send(header(3, epoch=1), AppendOrigin.REPLICATION)


def test_an_open_transaction_holds_the_last_stable_offset() -> None:
    """It begins at the first batch; other producers go on; the marker frees it once it is replicated."""
    producers = Producers()
    producers.send(header(0, producer_id=2))
    producers.send(header(0, transactional=True))
    producers.send(header(1, transactional=True))
    assert producers.state.first_unstable_offset(3) == 1
    assert producers.state.has_open_transaction(1, 0)
    assert producers.refused(header(2)) is ErrorCode.INVALID_TXN_STATE
    assert producers.end(ControlType.COMMIT) is None
    assert not producers.state.has_open_transaction(1, 0)
    assert producers.state.first_unstable_offset(3) == 1, "the marker at 3 is not below the high watermark"
    assert producers.state.first_unstable_offset(4) is None
    assert producers.send(header(2)) == 4


def test_an_aborted_transaction_gets_an_entry_with_the_last_stable_offset() -> None:
    """Of two open transactions the older one decides it; a transaction without records gives no entry."""
    producers = Producers()
    producers.send(header(0, producer_id=1, transactional=True))
    producers.send(header(0, producer_id=2, transactional=True))
    assert producers.end(ControlType.ABORT, producer_id=2) == AbortedEntry(2, 1, 2, 0)
    assert producers.end(ControlType.ABORT, producer_id=1) == AbortedEntry(1, 0, 3, 4)
    assert producers.end(ControlType.ABORT, producer_id=3) is None


def test_markers_are_fenced_by_epoch_and_by_coordinator() -> None:
    """An older producer epoch or coordinator epoch may not end a transaction."""
    producers = Producers()
    producers.send(header(0, epoch=2, transactional=True))
    for epoch, coordinator, code in (
        (1, 7, ErrorCode.INVALID_PRODUCER_EPOCH),
        (2, 6, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
    ):
        if coordinator == 6:
            producers.end(ControlType.COMMIT, epoch=2, coordinator=7)
        with pytest.raises(KafkaError) as caught:
            producers.end(ControlType.ABORT, epoch=epoch, coordinator=coordinator)
        assert caught.value.code is code


def test_a_marker_of_a_new_epoch_forgets_the_batches() -> None:
    """After a coordinator fenced a producer, its new epoch begins with sequence 0 (KIP-360)."""
    producers = Producers()
    producers.send(header(0, transactional=True))
    producers.end(ControlType.ABORT, epoch=1)
    assert producers.refused(header(5, epoch=1, transactional=True)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producers.send(header(0, epoch=1, transactional=True)) == 2


def test_active_producers_are_listed() -> None:
    """With what DescribeProducers tells of them."""
    producers = Producers()
    producers.send(header(4, producer_id=9, epoch=1, time=50))
    producers.send(header(0, producer_id=3, transactional=True))
    producers.end(ControlType.COMMIT, producer_id=4, coordinator=8)
    assert sorted(producers.state.active_producers()) == [
        (3, 0, 0, 5, -1, 1),
        (4, 0, -1, 9, 8, -1),
        (9, 1, 4, 50, -1, -1),
    ]


def test_producers_are_listed_as_of_the_first_step() -> None:
    """Whoever lists a hundred thousand does it piece by piece: what the log takes in meanwhile does not show."""
    producers = Producers()
    producers.send(header(0, producer_id=1))
    producers.send(header(0, producer_id=2))
    listed = producers.state.active_producers()
    first = next(listed)
    producers.send(header(1, producer_id=2))
    producers.send(header(0, producer_id=3))
    assert [(each.producer_id, each.last_sequence) for each in (first, *listed)] == [(1, 0), (2, 0)]


def restored(state: ProducerState, now_ms: int = 0) -> ProducerState:
    again = ProducerState()
    again.restore(decode(encode(state.rows())), state.end_offset, now_ms=now_ms, expiration_ms=100)
    return again


def test_a_snapshot_brings_back_sequences_and_open_transactions() -> None:
    """The last batch of each producer and where its transaction began."""
    producers = Producers()
    producers.send(header(0, transactional=True))
    producers.send(header(0, producer_id=2))
    producers.send(header(1, producer_id=2))
    state = restored(producers.state)
    assert list(state.active_producers()) == list(producers.state.active_producers())
    assert state.first_unstable_offset(10) == 0
    assert state.check(header(1, producer_id=2), AppendOrigin.CLIENT) == DuplicateBatch(2, 2, 5)
    assert state.check(header(2, producer_id=2), AppendOrigin.CLIENT) is None


def test_idle_producers_expire_but_never_in_a_transaction() -> None:
    """producer.id.expiration.ms, at a start and step by step while running."""
    producers = Producers()
    producers.send(header(0, producer_id=1, time=10))
    producers.send(header(0, producer_id=2, time=10, transactional=True))
    producers.send(header(0, producer_id=3, time=150))
    assert [active.producer_id for active in restored(producers.state, now_ms=200).active_producers()] == [
        2,
        3,
    ]
    assert producers.state.expire(109, 100) == 0
    assert producers.state.expire(110, 100) == 1
    assert [active.producer_id for active in producers.state.active_producers()] == [2, 3]


def test_a_snapshot_is_laid_out_as_apache_writes_it() -> None:
    """Version, checksum, count, then 46 bytes each."""
    producers = Producers()
    producers.send(header(7, count=2, producer_id=5, epoch=3, transactional=True, time=0x99))
    content = encode(producers.state.rows())
    assert content[:2] == b"\0\1"
    assert content[6:10].hex() == "00000001"
    assert content[10:].hex() == "".join(
        (
            "0000000000000005",
            "0003",
            "00000008",
            "0000000000000001",
            "00000001",
            "0000000000000099",
            "ffffffff",
            "0" * 16,
        )
    )
    assert snapshot_name(1217) == "00000000000000001217.snapshot"
    assert snapshot_offsets(
        ["00000000000000001217.snapshot", "x.snapshot", "00000000000000000003.snapshot"]
    ) == [3, 1217]


@given(st.data())
def test_a_damaged_snapshot_is_never_believed(data: st.DataObject) -> None:
    """Any flipped bit and any cut is found."""
    producers = Producers()
    for producer_id in range(3):
        producers.send(header(0, producer_id=producer_id))
    content = bytearray(encode(producers.state.rows()))
    if data.draw(st.booleans()):
        bit = data.draw(st.integers(0, len(content) * 8 - 1))
        content[bit // 8] ^= 1 << bit % 8
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    with pytest.raises(CorruptSnapshotError):
        decode(bytes(content))


def test_a_producer_takes_less_than_400_bytes() -> None:
    """So that 200,000 of them stay below 80 MB, whether each has sent one batch or five."""
    state = ProducerState()
    template = header(0)
    tracemalloc.start()
    try:
        for _ in range(5):
            for producer_id in range(10**9, 10**9 + 20_000):
                state.update(template._replace(producer_id=producer_id), producer_id)
            assert tracemalloc.get_traced_memory()[0] < 400 * 20_000
    finally:
        tracemalloc.stop()
