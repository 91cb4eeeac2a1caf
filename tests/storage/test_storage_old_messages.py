"""Segments with messages of formats 0 and 1, as an old broker left them: served as they are."""

import zlib
from struct import pack

import pytest
from log_fixture import NOW_MS, LogRoom

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import iterate_batches
from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.read_result import TimestampOffset


def message(magic: int, offset: int, timestamp: int) -> bytes:
    body = pack(">bb", magic, 0)
    if magic == 1:
        body += pack(">q", timestamp)
    body += pack(">i", -1) + pack(">i", 9) + b"old value"
    body = pack(">I", zlib.crc32(body)) + body
    return pack(">qi", offset, len(body)) + body


def taken_over(magic: int, count: int = 50) -> tuple[LogRoom, bytes]:
    disk = MemoryDisk()
    disk.mkdir("/logs/topic-0")
    content = b"".join(message(magic, offset, NOW_MS + offset) for offset in range(count))
    disk.open("/logs/topic-0/00000000000000000000.log", OpenMode.CREATE).write_all(content, 0)
    room = LogRoom(TopicConfig(index_interval_bytes=100), disk=disk)
    room.directory.close()
    room.log = room._open(load=True)
    return room, content


@pytest.mark.parametrize("magic", [0, 1])
def test_old_messages_are_served_byte_for_byte(magic: int) -> None:
    """From any offset on; new batches are written behind them, and both are found again after a restart."""
    room, content = taken_over(magic)
    assert (room.log.log_start_offset, room.log.log_end_offset) == (0, 50)
    size = len(content) // 50
    for offset in (0, 1, 17, 49):
        found = room.log.read(offset, 1 << 20).slice
        assert found is not None
        assert bytes(found.read_all()) == content[offset * size :]
    assert room.append(b"new").base_offset == 50
    room.reopen()
    assert room.log.log_end_offset == 51
    found = room.log.read(49, 1 << 20).slice
    assert found is not None
    rest = found.read_all()
    assert rest[:size] == content[49 * size :]
    assert [header.base_offset for header, _batch in iterate_batches(rest[size:])] == [50]
    room.close()


def test_old_messages_are_found_by_time() -> None:
    """Format 1 has timestamps: an entry is found as a whole."""
    room, _content = taken_over(1)
    assert room.log.offset_for_timestamp(NOW_MS + 20) == TimestampOffset(NOW_MS + 20, 20, -1)
    assert room.log.offset_of_max_timestamp() == TimestampOffset(NOW_MS + 49, 49, -1)
    room.close()
    room, _content = taken_over(0)
    assert room.log.offset_for_timestamp(0) is None
    assert room.log.offset_of_max_timestamp() is None
    room.close()


def test_old_messages_can_be_truncated() -> None:
    """A follower may have to."""
    room, _content = taken_over(1)
    room.log.truncate_to(20)
    assert room.log.log_end_offset == 20
    assert room.append(b"new").base_offset == 20
    room.close()


def test_old_messages_are_never_written() -> None:
    """A leader of an old format is refused by name."""
    room, _content = taken_over(1)
    with pytest.raises(KafkaError) as caught:
        room.log.append_as_follower(memoryview(bytearray(message(1, 50, NOW_MS))), now_ms=NOW_MS)
    assert caught.value.code is ErrorCode.INVALID_RECORD
    assert "message format 1" in caught.value.message
    room.close()
