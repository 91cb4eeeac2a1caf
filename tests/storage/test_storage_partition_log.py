"""The partition log as a broker uses it."""

import pytest
from log_fixture import NOW_MS, LogRoom

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import Codec, check_crc, iterate_batches, parse_header
from ottla.records.control import ControlType, build_end_txn_marker
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.append_result import AppendOrigin
from ottla.storage.disk import DiskFile, MemoryDisk, OpenMode
from ottla.storage.file_slice import SliceGone
from ottla.storage.read_result import AbortedTransaction, EpochEndOffset, TimestampOffset

SMALL = TopicConfig(segment_bytes=1_000, index_interval_bytes=100)


def code_of(call) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        call()
    return caught.value.code


def end_transaction(room: LogRoom, kind: ControlType, producer_id: int) -> None:
    marker = build_end_txn_marker(
        kind, producer_id=producer_id, producer_epoch=0, coordinator_epoch=0, timestamp_ms=NOW_MS
    )
    room.log.append_as_leader(
        memoryview(marker), leader_epoch=0, now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR
    )


# -- appending


def test_batches_get_their_offsets_and_read_back_as_they_were() -> None:
    """Offsets rise record by record, the leader's epoch stands in the header, checksums hold."""
    room = LogRoom()
    assert room.append(b"a", b"b", epoch=3)[:2] == (0, 1)
    assert room.append(b"c", epoch=4)[:2] == (2, 2)
    assert room.values() == [(0, b"a"), (1, b"b"), (2, b"c")]
    found = room.log.read(0, 1_000).slice
    assert found is not None
    headers = []
    for header, batch in iterate_batches(found.read_all()):
        check_crc(batch, header)
        headers.append((header.base_offset, header.partition_leader_epoch))
    assert headers == [(0, 3), (2, 4)]
    assert (room.log.log_end_offset, room.log.next_offset, room.log.latest_epoch()) == (3, 3, 4)
    room.close()


def test_nothing_is_on_disk_before_the_first_append() -> None:
    """Five thousand idle partitions cost no file; the first append makes one."""
    room = LogRoom()
    assert room.log.read(0, 100).slice is None
    assert not room.disk.exists("/logs/topic-0")
    assert not room.log.is_materialized
    room.append(b"a")
    assert room.disk.listdir("/logs/topic-0") == ["00000000000000000000.log"]
    room.close()


def test_what_a_batch_must_not_be_is_answered_with_kafka_s_code() -> None:
    """Each rule of the topic by the code that Apache gives, and nothing is written."""
    room = LogRoom(TopicConfig(max_message_bytes=200, message_timestamp_before_max_ms=1_000))
    good = build_batch([Record(0, NOW_MS, b"k", b"v")])
    damaged = bytearray(good)
    damaged[-1] ^= 1
    old = bytearray(good)
    old[16] = 1
    cases = [
        (damaged, ErrorCode.CORRUPT_MESSAGE),
        (old, ErrorCode.INVALID_RECORD),
        (good * 2, ErrorCode.INVALID_RECORD),
        (build_batch([Record(0, NOW_MS, b"k", b"v" * 200)]), ErrorCode.MESSAGE_TOO_LARGE),
        (build_batch([Record(0, NOW_MS + 3_600_001, None, None)]), ErrorCode.INVALID_TIMESTAMP),
        (build_batch([Record(0, NOW_MS - 1_001, None, None)]), ErrorCode.INVALID_TIMESTAMP),
    ]
    for batch, code in cases:
        assert (
            code_of(
                lambda batch=batch: room.log.append_as_leader(
                    memoryview(batch), leader_epoch=0, now_ms=NOW_MS
                )
            )
            is code
        )
    room.log.update_config(TopicConfig(segment_bytes=50))
    assert code_of(lambda: room.append(b"x")) is ErrorCode.RECORD_LIST_TOO_LARGE
    assert room.log.log_end_offset == 0
    room.close()


def test_log_append_time_is_written_and_answered() -> None:
    """The broker's clock in the batch and in the answer, whatever the producer said."""
    room = LogRoom(TopicConfig(message_timestamp_type="LogAppendTime"))
    result = room.append(b"a", timestamps=[5], now_ms=NOW_MS + 7)
    assert (result.log_append_time_ms, result.max_timestamp) == (NOW_MS + 7, NOW_MS + 7)
    found = room.log.read(0, 1_000).slice
    assert found is not None
    batch = found.read_all()
    check_crc(batch)
    assert next(iterate_records(batch)).timestamp_ms == NOW_MS + 7
    room.close()


def test_a_compacted_topic_refuses_records_without_a_key() -> None:
    """Each keyless record is named; compressed batches are looked into as well."""
    room = LogRoom(TopicConfig(cleanup_policy=frozenset({"compact"})))
    for codec in Codec:
        with pytest.raises(KafkaError) as caught:
            room.append(b"a", b"b", b"c", keys=[b"k", None, None], codec=codec)
        assert caught.value.code is ErrorCode.INVALID_RECORD
        assert [place for place, _message in caught.value.record_errors] == [1, 2]
    assert room.append(b"a", codec=Codec.ZSTD).base_offset == 0
    room.close()


@pytest.mark.parametrize("compression_type", ["uncompressed", "gzip", "snappy", "lz4", "zstd"])
def test_a_topic_s_own_codec_is_what_lies_on_disk(compression_type: str) -> None:
    """compression.type other than producer: batches of any codec are stored in the topic's."""
    room = LogRoom(TopicConfig(compression_type=compression_type))
    for codec in Codec:
        room.append(b"x" * 500, b"y", codec=codec, producer=(codec + 1, 0, 0))
    found = room.log.read(0, 100_000).slice
    assert found is not None
    batches = list(iterate_batches(found.read_all()))
    wanted = 0 if compression_type == "uncompressed" else Codec[compression_type.upper()]
    assert {header.codec for header, _batch in batches} == {wanted}
    assert [header.producer_id for header, _batch in batches] == [1, 2, 3, 4, 5]
    for header, batch in batches:
        check_crc(batch, header)
    assert [value for _offset, value in room.values()] == [b"x" * 500, b"y"] * 5
    room.close()


def test_a_batch_sent_twice_is_written_once() -> None:
    """The second time the first offsets are answered; a gap is refused."""
    room = LogRoom()
    assert room.append(b"a", b"b", producer=(7, 0, 0))[:2] == (0, 1)
    again = room.append(b"a", b"b", producer=(7, 0, 0))
    assert (again.base_offset, again.last_offset, again.duplicate) == (0, 1, True)
    assert code_of(lambda: room.append(b"x", producer=(7, 0, 9))) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert room.append(b"c", producer=(7, 0, 2)).base_offset == 2
    assert [value for _offset, value in room.values()] == [b"a", b"b", b"c"]
    room.close()


def test_duplicates_are_known_after_a_restart() -> None:
    """Clean, from the snapshot; also when the snapshot is gone or damaged, from the log."""
    for harm in ("none", "missing", "damaged"):
        room = LogRoom()
        for sequence in range(3):
            room.append(b"%d" % sequence, producer=(7, 0, sequence))
        room.settle()
        room.log.close()
        room.directory.close()
        path = "/logs/topic-0/00000000000000000003.snapshot"
        if harm == "missing":
            room.disk.unlink(path)
        elif harm == "damaged":
            room.disk.open(path, OpenMode.WRITE).write_all(b"\xff", 12)
        room.log = room._open(load=True)
        assert room.append(b"2", producer=(7, 0, 2)).duplicate
        assert room.append(b"3", producer=(7, 0, 3)).base_offset == 3
        room.close()


# -- reading


@pytest.mark.parametrize("nowait", [True, False])
def test_a_fetch_inside_a_batch_gets_the_whole_batch(nowait) -> None:
    """Consumers drop the records before the offset they asked for."""
    room = LogRoom()
    room.append(b"a", b"b", b"c")
    room.append(b"d")
    found = room.log.read(1, 1_000, nowait=nowait).slice
    assert found is not None
    assert [header.base_offset for header, _batch in iterate_batches(found.read_all())] == [0, 3]
    room.close()


@pytest.mark.parametrize("nowait", [True, False])
def test_a_first_batch_larger_than_the_limit_still_comes(nowait) -> None:
    """Whole, and alone; not if the caller has other partitions to answer with."""
    room = LogRoom()
    room.append(b"x" * 500)
    room.append(b"y")
    found = room.log.read(0, 10, nowait=nowait).slice
    assert found is not None
    assert [header.base_offset for header, _batch in iterate_batches(found.read_all())] == [0]
    assert found.size_in_bytes == parse_header(found.read_all()).size_in_bytes
    assert room.log.read(0, 10, min_one_batch=False, nowait=nowait).slice is None
    assert room.log.read(0, 0, min_one_batch=False, nowait=nowait).slice is None
    room.close()


def test_offsets_outside_of_the_log_are_out_of_range() -> None:
    """Below the start and above the end; the end itself is an empty answer."""
    room = LogRoom()
    room.append(b"a", b"b")
    room.log.advance_log_start_offset(1)
    assert code_of(lambda: room.log.read(0, 100)) is ErrorCode.OFFSET_OUT_OF_RANGE
    assert code_of(lambda: room.log.read(3, 100)) is ErrorCode.OFFSET_OUT_OF_RANGE
    assert room.log.read(2, 100) == (None, 2)
    room.close()


@pytest.mark.parametrize("nowait", [True, False])
def test_no_read_crosses_the_upper_bound(nowait) -> None:
    """At every high watermark, over several segments: exactly the batches below it."""
    room = LogRoom(SMALL)
    for number in range(40):
        room.append(b"v" * 50, b"%d" % number)
    assert len(room.log.segments) > 3
    for bound in range(0, 81, 2):
        offset = 0
        while offset < bound:
            read = room.log.read(offset, 1 << 20, upper_bound_offset=bound, nowait=nowait)
            assert read.slice is not None
            for header, _batch in iterate_batches(read.slice.read_all()):
                assert header.base_offset == offset
                offset = header.next_offset
            assert offset <= read.next_offset <= bound
        assert offset == bound
        assert room.log.read(offset, 1 << 20, upper_bound_offset=bound, nowait=nowait).slice is None
    room.close()


class CountingDisk(MemoryDisk):
    """Counts reads of files."""

    __slots__ = ("reads",)

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def open(self, path: str, mode: OpenMode) -> DiskFile:
        return CountingFile(self, super().open(path, mode))


class CountingFile(DiskFile):
    """A file whose reads are counted."""

    __slots__ = ("_disk", "_file")

    def __init__(self, disk: CountingDisk, file: DiskFile) -> None:
        self._disk = disk
        self._file = file
        self.path = file.path

    def pwrite(self, buffer, position: int) -> int:
        return self._file.pwrite(buffer, position)

    def pwritev(self, buffers, position: int) -> int:
        return self._file.pwritev(buffers, position)

    def pread_into(self, view: memoryview, position: int, *, nowait: bool = False) -> int:
        self._disk.reads += 1
        return self._file.pread_into(view, position, nowait=nowait)

    def fsync(self) -> None:
        self._file.fsync()

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def size(self) -> int:
        return self._file.size()

    def close(self) -> None:
        self._file.close()


def test_consumers_that_keep_up_are_answered_without_reading_a_file() -> None:
    """The newest batches are found in memory, also up to a high watermark a little behind."""
    disk = CountingDisk()
    room = LogRoom(disk=disk)
    for number in range(1_000):
        room.append(b"%d" % number)
        assert room.log.read(number, 1 << 20, nowait=True).slice is not None
        if number > 10:
            read = room.log.read(number - 10, 1 << 20, upper_bound_offset=number, nowait=True)
            assert read.slice is not None
            assert read.next_offset == number
    assert disk.reads == 0
    room.close()


def test_a_slice_cut_meanwhile_says_so() -> None:
    """After a truncation the bytes at its place are foreign: the slice refuses them."""
    room = LogRoom()
    for value in (b"a", b"b", b"c"):
        room.append(value)
    found = room.log.read(0, 1_000).slice
    assert found is not None
    room.log.truncate_to(1)
    room.append(b"other")
    with pytest.raises(SliceGone):
        found.read_all()
    room.close()


def test_a_deleted_segment_stays_readable_until_its_files_go() -> None:
    """Slices given out before retention came are served; after file.delete.delay.ms they are gone."""
    room = LogRoom(SMALL)
    for number in range(30):
        room.append(b"v" * 100, b"%d" % number)
    found = room.log.read(0, 1_000).slice
    assert found is not None
    count = len(room.log.segments)
    room.log.delete_oldest_segments(2, NOW_MS)
    assert len(room.log.segments) == count - 2
    assert room.log.log_start_offset == room.log.segments[0].base_offset
    assert "00000000000000000000.log.deleted" in room.disk.listdir(room.log.path)
    assert next(iterate_batches(found.read_all()))[0].base_offset == 0
    room.log.unlink_doomed(NOW_MS + SMALL.file_delete_delay_ms)
    room.settle()
    assert not [name for name in room.disk.listdir(room.log.path) if name.endswith(".deleted")]
    with pytest.raises(SliceGone):
        found.read_all()
    room.close()


# -- rolling


def test_segments_roll_by_size() -> None:
    """No segment is larger than segment.bytes; the names are the base offsets."""
    room = LogRoom(SMALL)
    for _ in range(50):
        room.append(b"v" * 100)
    room.settle()
    assert all(segment.size_in_bytes <= 1_000 for segment in room.log.segments)
    names = [name for name in room.disk.listdir(room.log.path) if name.endswith(".log")]
    assert names == [f"{segment.base_offset:020d}.log" for segment in room.log.segments]
    assert len(room.values()) == 50
    room.close()


def test_segments_roll_by_the_time_of_their_records() -> None:
    """segment.ms after the first record's time, not the clock's; without times by the clock."""
    room = LogRoom(TopicConfig(segment_ms=1_000))
    room.append(b"a", timestamps=[NOW_MS])
    room.append(b"b", timestamps=[NOW_MS + 1_000], now_ms=NOW_MS + 50_000)
    assert len(room.log.segments) == 1
    room.append(b"c", timestamps=[NOW_MS + 1_001])
    assert len(room.log.segments) == 2
    room.log.roll(NOW_MS)
    room.append(b"d", timestamps=[-1], now_ms=NOW_MS)
    room.append(b"e", timestamps=[-1], now_ms=NOW_MS + 1_000)
    assert len(room.log.segments) == 3
    room.append(b"f", timestamps=[-1], now_ms=NOW_MS + 1_001)
    assert len(room.log.segments) == 4
    room.close()


def test_segments_roll_when_an_index_is_full() -> None:
    """segment.index.bytes bounds the entries of both indexes."""
    room = LogRoom(TopicConfig(segment_index_bytes=60, index_interval_bytes=1))
    for number in range(40):
        room.append(b"v" * 10, timestamps=[NOW_MS + number])
    assert len(room.log.segments) > 5
    assert all(len(segment.offset_index) * 8 <= 60 for segment in room.log.segments)
    assert all(len(segment.time_index) * 12 <= 60 for segment in room.log.segments)
    room.close()


def test_segments_roll_before_a_relative_offset_overflows() -> None:
    """Compacted logs can skip far: an index entry has 31 bits for its offset."""
    room = LogRoom()
    for base_offset in (0, 2**31 - 1, 2**31, 2**40):
        batch = build_batch([Record(0, NOW_MS, b"k", b"v")], base_offset=base_offset, leader_epoch=0)
        room.log.append_as_follower(memoryview(batch), now_ms=NOW_MS)
    assert [segment.base_offset for segment in room.log.segments] == [0, 2**31, 2**31 + 1]
    assert [offset for offset, _value in room.values()] == [0, 2**31 - 1, 2**31, 2**40]
    room.close()


# -- as a follower


def test_a_follower_keeps_offsets_and_epochs_as_the_leader_has_them() -> None:
    """Several batches at once, a cut one at the end left out; going back is refused."""
    leader = LogRoom()
    for number in range(6):
        leader.append(b"%d" % number, epoch=number // 3, producer=(5, 0, number))
    fetched = leader.log.read(0, 10_000).slice
    assert fetched is not None
    content = fetched.read_all()
    follower = LogRoom(path="/other")
    assert follower.log.append_as_follower(memoryview(content[:-1]), now_ms=NOW_MS) == 5
    assert code_of(lambda: follower.log.append_as_follower(memoryview(content), now_ms=NOW_MS)) is (
        ErrorCode.OFFSET_OUT_OF_RANGE
    )
    last = leader.log.read(5, 10_000).slice
    assert last is not None
    follower.log.append_as_follower(memoryview(last.read_all()), now_ms=NOW_MS)
    assert follower.values() == leader.values()
    assert follower.log.epochs.entries == leader.log.epochs.entries
    assert list(follower.log.active_producers()) == list(leader.log.active_producers())
    leader.close()
    follower.close()


# -- look-ups


@pytest.mark.parametrize("codec", Codec)
def test_offsets_by_time_are_exact_inside_batches(codec: Codec) -> None:
    """For every time the first record of at least that time, over several segments."""
    room = LogRoom(SMALL)
    times = []
    for batch in range(30):
        stamps = [NOW_MS + batch * 10 + step for step in (0, 7, 3)]
        times += stamps
        room.append(b"v" * 40, b"w" * 40, b"x", timestamps=stamps, codec=codec, epoch=batch // 10)
    for asked in range(NOW_MS - 1, NOW_MS + 300):
        wanted = next((offset for offset, time in enumerate(times) if time >= asked), None)
        found = room.log.offset_for_timestamp(asked)
        if wanted is None:
            assert found is None
        else:
            assert found == TimestampOffset(times[wanted], wanted, wanted // 30)
    room.close()


def test_the_offset_of_the_largest_time_is_exact() -> None:
    """Also when times go up and down, and after a restart; the first of several records that have it."""
    room = LogRoom(SMALL)
    assert room.log.offset_of_max_timestamp() is None
    for number in range(30):
        stamps = [NOW_MS + number % 7, NOW_MS + (900 if number in (13, 20) else 1), NOW_MS]
        room.append(b"v" * 40, b"w", b"x", timestamps=stamps)
    assert room.log.offset_of_max_timestamp() == TimestampOffset(NOW_MS + 900, 13 * 3 + 1, 0)
    room.reopen()
    assert room.log.offset_of_max_timestamp() == TimestampOffset(NOW_MS + 900, 13 * 3 + 1, 0)
    room.close()


def test_records_below_the_log_start_are_not_found_by_time() -> None:
    """DeleteRecords may stand inside a batch."""
    room = LogRoom()
    room.append(b"a", b"b", b"c", timestamps=[NOW_MS, NOW_MS + 1, NOW_MS + 2])
    room.log.advance_log_start_offset(1)
    assert room.log.offset_for_timestamp(NOW_MS) == TimestampOffset(NOW_MS + 1, 1, 0)
    room.close()


def test_where_a_leader_epoch_ends() -> None:
    """For followers and consumers that were with an older leader; epochs survive a restart."""
    room = LogRoom()
    for epoch in (1, 1, 4, 4, 9):
        room.append(b"v", epoch=epoch)
    for _ in range(2):
        assert room.log.offset_for_leader_epoch(1) == EpochEndOffset(1, 2)
        assert room.log.offset_for_leader_epoch(3) == EpochEndOffset(1, 2)
        assert room.log.offset_for_leader_epoch(4) == EpochEndOffset(4, 4)
        assert room.log.offset_for_leader_epoch(9) == EpochEndOffset(9, 5)
        assert room.log.offset_for_leader_epoch(10) == EpochEndOffset(-1, -1)
        assert [room.log.epoch_of_offset(offset) for offset in (0, 2, 4)] == [1, 4, 9]
        room.log.flush()
        assert b"\n9 4\n" in room.disk.read_file("/logs/topic-0/leader-epoch-checkpoint")
    room.close()


# -- transactions


def test_read_committed_bounds_and_aborted_transactions() -> None:
    """The last stable offset waits for open transactions; aborted ones are listed by first offset."""
    room = LogRoom()
    room.append(b"a", producer=(2, 0, 0), transactional=True)
    room.append(b"b", producer=(1, 0, 0), transactional=True)
    room.append(b"c")
    assert room.log.last_stable_offset(3) == 0
    end_transaction(room, ControlType.ABORT, 1)
    assert room.log.last_stable_offset(4) == 0
    end_transaction(room, ControlType.ABORT, 2)
    assert room.log.last_stable_offset(4) == 0
    assert room.log.last_stable_offset(5) == 5
    assert room.log.aborted_transactions(0, 5) == [AbortedTransaction(2, 0), AbortedTransaction(1, 1)]
    assert room.log.aborted_transactions(4, 5) == [AbortedTransaction(2, 0)]
    room.reopen()
    assert room.log.aborted_transactions(0, 5) == [AbortedTransaction(2, 0), AbortedTransaction(1, 1)]
    assert room.log.last_stable_offset(5) == 5
    room.close()


def test_an_open_transaction_holds_the_last_stable_offset_after_a_restart() -> None:
    """From the snapshot, and over a roll."""
    room = LogRoom()
    room.append(b"a")
    room.append(b"b", producer=(2, 0, 0), transactional=True)
    room.log.roll(NOW_MS)
    room.append(b"c")
    room.reopen()
    assert room.log.last_stable_offset(3) == 1
    assert next(room.log.active_producers()).current_txn_start_offset == 1
    end_transaction(room, ControlType.COMMIT, 2)
    assert room.log.last_stable_offset(4) == 4
    assert room.log.aborted_transactions(0, 4) == []
    room.close()


def test_truncation_takes_transactions_and_producers_back() -> None:
    """What was cut off never was: sequences, open transactions and aborts of it are forgotten."""
    room = LogRoom()
    room.append(b"a", producer=(1, 0, 0))
    room.append(b"b", producer=(1, 0, 1), transactional=True)
    end_transaction(room, ControlType.ABORT, 1)
    room.log.truncate_to(2)
    assert room.log.aborted_transactions(0, 10) == []
    assert room.log.last_stable_offset(2) == 1
    room.log.truncate_to(1)
    assert room.log.last_stable_offset(1) == 1
    assert room.append(b"b", producer=(1, 0, 1))[:2] == (1, 1)
    room.close()


# -- truncation, deletion, restart


def test_truncation_inside_a_batch_takes_the_whole_batch() -> None:
    """A follower never keeps half a batch; the next offset is what was asked for."""
    room = LogRoom(SMALL)
    for number in range(30):
        room.append(b"v" * 60, b"%d" % number, epoch=number // 10)
    assert room.log.truncate_to(25)
    assert room.log.log_end_offset == 25
    assert [offset for offset, _value in room.values()] == list(range(24))
    assert room.log.latest_epoch() == 1
    assert not room.log.truncate_to(26)
    assert room.append(b"next", epoch=2).base_offset == 25
    assert room.values(24) == [(25, b"next")]
    room.close()


def test_a_log_can_be_emptied_and_begin_elsewhere() -> None:
    """A follower that is too far behind begins at its leader's start."""
    room = LogRoom(SMALL)
    for _ in range(20):
        room.append(b"v" * 60)
    room.log.truncate_fully_and_start_at(1_000)
    assert (room.log.log_start_offset, room.log.log_end_offset) == (1_000, 1_000)
    assert room.append(b"a").base_offset == 1_000
    room.reopen()
    assert room.values() == [(1_000, b"a")]
    room.close()


def test_the_log_start_never_goes_beyond_the_end() -> None:
    """DeleteRecords above the end is out of range, below the start it does nothing."""
    room = LogRoom()
    room.append(b"a", b"b")
    assert code_of(lambda: room.log.advance_log_start_offset(3)) is ErrorCode.OFFSET_OUT_OF_RANGE
    assert room.log.advance_log_start_offset(2)
    assert not room.log.advance_log_start_offset(1)
    room.close()


def test_deleting_all_segments_leaves_an_empty_one() -> None:
    """The log goes on where it ended."""
    room = LogRoom()
    room.append(b"a", b"b")
    room.log.delete_oldest_segments(1, NOW_MS)
    assert (room.log.log_start_offset, room.log.log_end_offset) == (2, 2)
    assert room.append(b"c").base_offset == 2
    room.reopen()
    assert room.values() == [(2, b"c")]
    room.close()


def test_a_log_that_was_closed_opens_as_it_was() -> None:
    """Offsets, records, look-ups by time and further appends, over several segments."""
    room = LogRoom(SMALL)
    for number in range(60):
        room.append(b"v" * 60, timestamps=[NOW_MS + number], epoch=number // 20)
    before = (room.values(), room.log.log_end_offset, room.log.size_in_bytes, len(room.log.segments))
    epochs = room.log.epochs.entries
    room.reopen()
    assert (room.values(), room.log.log_end_offset, room.log.size_in_bytes, len(room.log.segments)) == before
    assert room.log.offset_for_timestamp(NOW_MS + 33) == TimestampOffset(NOW_MS + 33, 33, 1)
    assert epochs
    assert room.append(b"more").base_offset == 60
    room.close()


def test_missing_and_contradictory_indexes_are_made_anew_at_the_start() -> None:
    """A log without its indexes, or with torn ones, finds everything."""
    room = LogRoom(SMALL)
    for number in range(60):
        room.append(b"v" * 60, timestamps=[NOW_MS + number])
    room.settle()
    room.log.close()
    room.directory.close()
    for place, name in enumerate(room.disk.listdir("/logs/topic-0")):
        path = f"/logs/topic-0/{name}"
        if name.endswith(("index", "timeindex")):
            if place % 2:
                room.disk.unlink(path)
            else:
                room.disk.open(path, OpenMode.CREATE).write_all(b"\0" * 25, 0)
    room.log = room._open(load=True)
    assert [offset for offset, _value in room.values()] == list(range(60))
    for number in range(60):
        assert room.log.offset_for_timestamp(NOW_MS + number) == TimestampOffset(NOW_MS + number, number, 0)
    room.close()


def test_a_preallocated_segment_counts_only_what_was_written() -> None:
    """preallocate=true makes the file large at once; it is cut to its bytes when the log is closed."""
    room = LogRoom(TopicConfig(preallocate=True, segment_bytes=4_096))
    room.append(b"a")
    assert room.disk.size("/logs/topic-0/00000000000000000000.log") == 4_096
    assert room.log.size_in_bytes < 200
    room.reopen()
    assert room.values() == [(0, b"a")]
    assert room.disk.size("/logs/topic-0/00000000000000000000.log") == room.log.size_in_bytes
    room.close()


def test_few_descriptors_are_enough_for_many_segments() -> None:
    """A cache of four files serves fifty segments, old and new."""
    room = LogRoom(SMALL, descriptors=4)
    for number in range(400):
        room.append(b"v" * 60, timestamps=[NOW_MS + number])
    assert len(room.log.segments) > 50
    assert len(room.values()) == 400
    room.settle()
    assert len(room.cache) <= 4
    room.close()


def test_the_largest_time_is_on_disk_though_the_segment_was_fsynced_before_it_was_closed() -> None:
    """Closing a segment adds its largest time to the time index: also where nothing else is left to fsync."""
    room = LogRoom()
    room.append(b"a", timestamps=[NOW_MS + 5])
    room.log.flush()
    room.log.roll(NOW_MS)
    room.append(b"b", timestamps=[NOW_MS])
    room.reopen()
    assert room.log.segments[0].max_timestamp == NOW_MS + 5
    assert room.log.offset_of_max_timestamp() == TimestampOffset(NOW_MS + 5, 0, 0)
    room.close()
