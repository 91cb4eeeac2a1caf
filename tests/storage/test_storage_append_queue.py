"""Appends while the disk is slow, and appends that fail."""

import errno
import threading

import pytest
from log_fixture import NOW_MS, LogRoom

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import iterate_batches
from ottla.storage.append_queue import QUEUE_BYTES_MAX
from ottla.storage.disk import DiskFile, DiskSpace, MemoryDisk, OpenMode
from ottla.storage.log_directory import DirectoryState


class StubbornDisk(MemoryDisk):
    """A disk whose writes can be held up, and can fail after a part."""

    __slots__ = (
        "fail_after_bytes",
        "fail_fsync",
        "fsyncs",
        "full_suffixes",
        "gate",
        "usable_bytes",
        "writes",
    )

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.fail_after_bytes: int | None = None
        self.fail_fsync = False
        self.fsyncs = 0
        self.full_suffixes: tuple[str, ...] = ()
        self.writes = 0
        self.usable_bytes = 1 << 40

    def open(self, path: str, mode: OpenMode) -> DiskFile:
        return StubbornFile(self, super().open(path, mode))

    def space(self, path: str) -> DiskSpace:
        return DiskSpace(1 << 40, self.usable_bytes)


class StubbornFile(DiskFile):
    """A file of it; only logs are stubborn."""

    __slots__ = ("_disk", "_file")

    def __init__(self, disk: StubbornDisk, file: DiskFile) -> None:
        self._disk = disk
        self._file = file
        self.path = file.path

    def pwrite(self, buffer, position: int) -> int:
        return self.pwritev((buffer,), position)

    def pwritev(self, buffers, position: int) -> int:
        if self.path.endswith(self._disk.full_suffixes or ("/",)):
            raise OSError(errno.ENOSPC, "no space", self.path)
        if not self.path.endswith(".log"):
            return self._file.pwritev(buffers, position)
        self._disk.gate.wait(10)
        self._disk.writes += 1
        content = b"".join(bytes(buffer) for buffer in buffers)
        left = self._disk.fail_after_bytes
        if left is not None and len(content) > left:
            self._disk.fail_after_bytes = 0
            if left == 0:
                raise OSError(errno.ENOSPC, "no space", self.path)
            return self._file.pwrite(content[:left], position)
        return self._file.pwrite(content, position)

    def pread_into(self, view: memoryview, position: int, *, nowait: bool = False) -> int:
        return self._file.pread_into(view, position, nowait=nowait)

    def fsync(self) -> None:
        self._disk.gate.wait(10)
        self._disk.fsyncs += 1
        if self._disk.fail_fsync:
            raise OSError(errno.EIO, "broken", self.path)

    def truncate(self, size_bytes: int) -> None:
        self._file.truncate(size_bytes)

    def size(self) -> int:
        return self._file.size()

    def close(self) -> None:
        self._file.close()


def make(config: TopicConfig | None = None) -> tuple[LogRoom, StubbornDisk, list[int]]:
    disk = StubbornDisk()
    room = LogRoom(config, disk=disk)
    ends: list[int] = []
    room.log.on_advance = lambda log: ends.append(log.log_end_offset)
    return room, disk, ends


def storage_error(call) -> None:
    with pytest.raises(KafkaError) as caught:
        call()
    assert caught.value.code is ErrorCode.KAFKA_STORAGE_ERROR


def test_while_the_disk_is_slow_offsets_are_given_and_become_readable_when_written() -> None:
    """The loop does not wait: appends answer at once, the end moves when the thread has written, in order."""
    room, disk, ends = make()
    room.append(b"0")
    room.directory.is_slow = True
    disk.gate.clear()
    received = bytearray(b"")
    for number in range(1, 50):
        assert room.append(b"%d" % number).base_offset == number
    assert (room.log.log_end_offset, room.log.next_offset) == (1, 50)
    assert room.values() == [(0, b"0")]
    assert room.log.read(1, 100, nowait=True).slice is None
    disk.gate.set()
    room.settle()
    assert room.log.log_end_offset == 50
    assert ends == sorted(ends)
    assert ends[-1] == 50
    assert room.values() == [(number, b"%d" % number) for number in range(50)]
    assert disk.writes < 50, "batches that wait together are written together"
    assert not received
    room.close()


def test_queued_batches_are_copies() -> None:
    """The caller's memory is its own again when the append has returned."""
    room, disk, _ends = make()
    room.directory.is_slow = True
    disk.gate.clear()
    from ottla.records.record import Record, build_batch

    batch = build_batch([Record(0, NOW_MS, b"k", b"value")])
    room.log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=NOW_MS)
    batch[:] = bytes(len(batch))
    disk.gate.set()
    room.settle()
    assert room.values() == [(0, b"value")]
    room.close()


def test_order_is_kept_when_the_disk_becomes_calm_with_batches_waiting() -> None:
    """A batch never overtakes one that waits; when none waits the loop writes again."""
    room, disk, _ends = make()
    room.directory.is_slow = True
    disk.gate.clear()
    room.append(b"0")
    room.directory.is_slow = False
    room.append(b"1")
    assert room.log.log_end_offset == 0
    disk.gate.set()
    room.settle()
    assert room.log.log_end_offset == 2
    room.append(b"2")
    assert room.log.log_end_offset == 3
    assert [value for _offset, value in room.values()] == [b"0", b"1", b"2"]
    room.close()


def test_segments_roll_while_batches_wait() -> None:
    """Positions and segments are decided at once, the files are made by the thread."""
    room, disk, _ends = make(TopicConfig(segment_bytes=500, index_interval_bytes=100))
    room.directory.is_slow = True
    disk.gate.clear()
    for number in range(40):
        room.append(b"v" * 50 + b"%d" % number, producer=(1, 0, number))
    assert len(room.log.segments) > 8
    disk.gate.set()
    room.settle()
    assert [value for _offset, value in room.values()] == [b"v" * 50 + b"%d" % number for number in range(40)]
    room.directory.is_slow = False
    room.reopen()
    assert room.log.log_end_offset == 40
    assert room.append(b"x", producer=(1, 0, 40)).base_offset == 40
    room.close()


def test_the_queue_is_bounded() -> None:
    """Beyond its bytes appends are refused with a retriable error, and nothing has happened then."""
    room, disk, _ends = make(TopicConfig(max_message_bytes=1 << 30))
    room.directory.is_slow = True
    disk.gate.clear()
    count = 0
    with pytest.raises(KafkaError) as caught:
        for count in range(100):
            room.append(b"v" * (QUEUE_BYTES_MAX // 8), producer=(1, 0, count))
    assert caught.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert caught.value.code.retriable
    assert count == 7
    assert room.log.next_offset == 7
    disk.gate.set()
    room.settle()
    assert room.append(b"next", producer=(1, 0, 7)).base_offset == 7
    room.settle()
    assert len(room.values()) == 8
    room.close()


def test_a_truncation_waits_for_what_is_queued() -> None:
    """It cuts what was written, not around it."""
    room, disk, _ends = make()
    room.directory.is_slow = True
    disk.gate.clear()
    for number in range(10):
        room.append(b"%d" % number)
    threading.Timer(0.05, disk.gate.set).start()
    room.log.truncate_to(4)
    assert room.log.log_end_offset == 4
    room.settle()
    assert [offset for offset, _value in room.values()] == [0, 1, 2, 3]
    room.close()


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("torn_bytes", [0, 1, 30, 65])
def test_a_full_disk_loses_nothing_acknowledged_and_comes_back(slow, torn_bytes: int) -> None:
    """A torn batch is cut away before the next append; sequences go back with it; no restart is needed."""
    room, disk, _ends = make()
    failures: list[int] = []
    room.log.on_failure = lambda log: failures.append(log.log_end_offset)
    room.append(b"0", producer=(1, 0, 0))
    room.append(b"1", producer=(1, 0, 1))
    if slow:
        room.directory.is_slow = True
        disk.fail_after_bytes = torn_bytes
        room.append(b"2", producer=(1, 0, 2))
        room.append(b"3", producer=(1, 0, 3))
        room.settle()
        assert failures
    else:
        disk.fail_after_bytes = torn_bytes
        storage_error(lambda: room.append(b"2", producer=(1, 0, 2)))
    assert room.directory.state is DirectoryState.FULL
    assert room.log.log_end_offset == 2
    assert [value for _offset, value in room.values()] == [b"0", b"1"]
    storage_error(lambda: room.append(b"x"))
    disk.fail_after_bytes = None
    room.directory.is_slow = False
    room.directory.probe_space(NOW_MS)
    assert room.directory.state is DirectoryState.ONLINE
    assert room.append(b"1", producer=(1, 0, 1)).duplicate
    assert room.append(b"2", producer=(1, 0, 2))[:2] == (2, 2)
    assert [value for _offset, value in room.values()] == [b"0", b"1", b"2"]
    content = room.disk.read_file("/logs/topic-0/00000000000000000000.log")
    assert [header.base_offset for header, _batch in iterate_batches(content)] == [0, 1, 2]
    assert len(content) == room.log.size_in_bytes
    room.reopen()
    assert len(room.values()) == 3
    room.close()


@pytest.mark.parametrize("flush_messages", [1, 3])
def test_flush_messages_holds_the_end_back_until_the_fsync(flush_messages: int) -> None:
    """A record that must be fsynced is not readable before; fsync never runs on the loop; one covers many."""
    room, disk, ends = make(TopicConfig(flush_messages=flush_messages))
    disk.gate.set()
    for number in range(flush_messages - 1):
        room.append(b"%d" % number)
        assert room.log.log_end_offset == number + 1
    hold = threading.Event()
    room.directory.submit(lambda: hold.wait(10) and None)
    for number in range(flush_messages - 1, 20):
        room.append(b"%d" % number)
    assert room.log.log_end_offset == flush_messages - 1
    assert room.log.next_offset == 20
    assert room.log.read(flush_messages - 1, 100, nowait=True).slice is None
    assert len(room.values()) == flush_messages - 1
    hold.set()
    room.settle()
    assert room.log.log_end_offset == 20
    assert room.log.recovery_point >= 20 - flush_messages + 1
    assert ends[-1] == 20
    room.close()


def test_a_failed_fsync_takes_the_directory_offline_for_good() -> None:
    """Nothing that it should have made durable becomes readable, and it is not tried again."""
    room, disk, _ends = make(TopicConfig(flush_messages=1))
    disk.fail_fsync = True
    room.append(b"a")
    room.settle()
    assert room.directory.state is DirectoryState.OFFLINE
    assert (room.log.log_end_offset, room.log.recovery_point) == (0, 0)
    fsyncs = disk.fsyncs
    storage_error(lambda: room.append(b"b"))
    storage_error(room.log.flush)
    assert disk.fsyncs == fsyncs
    room.close()


def test_a_flush_moves_the_recovery_point() -> None:
    """To what was written when it began."""
    room, disk, _ends = make()
    room.append(b"a", b"b")
    assert room.log.recovery_point == 0
    room.log.start_flush(NOW_MS)
    room.append(b"c")
    room.settle()
    assert room.log.recovery_point == 2
    room.log.flush()
    assert room.log.recovery_point == 3
    assert disk.fsyncs
    room.close()


@pytest.mark.parametrize("holding", [False, True])
def test_a_disk_that_is_full_when_a_segment_closes_comes_back(holding) -> None:
    """Indexes and snapshot find no room: the directory is full, not offline, and all is fsynced when there is room."""
    room, disk, _ends = make(TopicConfig(flush_messages=1 if holding else 2**63 - 1))
    disk.full_suffixes = (".index", ".snapshot", ".tmp")
    failures: list[int] = []
    room.log.on_failure = lambda log: failures.append(log.log_end_offset)
    room.append(b"a")
    room.settle()
    if not holding:
        room.log.roll(NOW_MS)
        room.settle()
    assert room.directory.state is DirectoryState.FULL
    assert bool(failures) == holding
    assert room.log.recovery_point == 0
    storage_error(lambda: room.append(b"b"))
    disk.full_suffixes = ()
    room.directory.probe_space(NOW_MS)
    room.append(b"b")
    room.settle()
    room.log.flush()
    assert [value for _offset, value in room.values()] == ([b"b"] if holding else [b"a", b"b"])
    assert room.log.recovery_point == room.log.log_end_offset
    room.reopen()
    assert room.append(b"c").base_offset == (1 if holding else 2)
    room.close()


def test_index_entries_leave_memory_while_a_segment_grows() -> None:
    """Not only when it is rolled or fsynced: memory stays bounded, and look-ups find all."""
    room, _disk, _ends = make(TopicConfig(index_interval_bytes=1))
    for number in range(10_000):
        room.append(b"%d" % number, timestamps=[NOW_MS + number])
        if number % 500 == 0:
            room.settle()
    room.settle()
    place, content = room.log.active_segment.offset_index.pending()
    assert place >= 4_096
    assert len(content) < 6_000 * 8
    for number in (0, 1, 4_095, 4_096, 4_097, 9_999):
        assert room.values(number)[0] == (number, b"%d" % number)
        found = room.log.offset_for_timestamp(NOW_MS + number)
        assert found is not None
        assert found.offset == number
    room.close()
