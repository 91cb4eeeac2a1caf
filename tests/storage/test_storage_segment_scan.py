"""A segment read through gives each sound batch once and stops, saying why, at the first that is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.records.record import Record, build_batch
from ottla.storage import segment_scan
from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.segment_scan import SegmentScan


def batches(count, value_bytes=20):
    return [
        bytes(build_batch([Record(0, 1000 + n, b"k%d" % n, b"v" * value_bytes)], base_offset=n))
        for n in range(count)
    ]


def scan(content, **options):
    disk = MemoryDisk()
    file = disk.open("/log", OpenMode.CREATE)
    file.write_all(content, 0)
    result = SegmentScan(file, len(content), **options)
    return result, [(position, header[0], bytes(view)) for position, header, view in result]


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(61, 300))
def test_every_batch_once_whatever_the_chunk(sizes, chunk_bytes):
    """Batches that lie across chunks, or are larger than one, come whole."""
    stored = [
        bytes(build_batch([Record(0, 1, None, b"v" * size)], base_offset=n)) for n, size in enumerate(sizes)
    ]
    before, segment_scan.CHUNK_BYTES = segment_scan.CHUNK_BYTES, chunk_bytes
    try:
        result, seen = scan(b"".join(stored))
    finally:
        segment_scan.CHUNK_BYTES = before
    assert [(offset, batch) for _, offset, batch in seen] == list(enumerate(stored))
    assert result.problem is None
    assert result.valid_bytes == sum(map(len, stored))


@pytest.mark.parametrize("cut", range(1, 90))
def test_a_torn_last_batch_ends_the_scan(cut):
    """Every byte of the last batch cut: those before it stand, and the tear is named."""
    stored = batches(3)
    content = b"".join(stored)[:-cut]
    if cut >= len(stored[2]):
        pytest.fail("the batch is shorter than the cuts")
    result, seen = scan(content)
    assert [offset for _, offset, _ in seen] == [0, 1]
    assert result.valid_bytes == len(stored[0]) + len(stored[1])
    assert "cut short" in result.problem


@given(st.data())
def test_one_flipped_bit_ends_the_scan_before_its_batch(data):
    """A flipped bit is found, but in the two fields that the checksum leaves out: base offset and leader epoch."""
    stored = batches(3)
    content = bytearray(b"".join(stored))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    broken = next(n for n in range(3) if position < sum(map(len, stored[: n + 1])))
    within = position - sum(map(len, stored[:broken]))
    result, seen = scan(bytes(content))
    if within < 8 or 12 <= within < 16:
        assert len(seen) == 3
    else:
        assert [offset for _, offset, _ in seen] == list(range(broken))
        assert result.problem


@pytest.mark.parametrize("tail", [b"\0" * 5, b"\0" * 40, b"\0" * 4096, b"\xff" * 100])
def test_zeros_and_rubbish_after_the_last_batch_are_left_out(tail):
    """A file that a crash left longer than its contents."""
    stored = batches(2)
    result, seen = scan(b"".join(stored) + tail)
    assert len(seen) == 2
    assert result.valid_bytes == sum(map(len, stored))
    assert result.problem


def test_messages_of_old_formats_pass():
    """Formats 0 and 1 are told by their own checksum and come with their last offset."""
    import struct
    from zlib import crc32

    body = struct.pack(">bbqi1si1s", 1, 0, 777, 1, b"k", 1, b"v")
    message = struct.pack(">qiI", 41, 4 + len(body), crc32(body)) + body
    new = bytes(build_batch([Record(0, 1, b"k", b"v")], base_offset=42))
    for content in (message + new, new + message):
        result, seen = scan(content)
        assert [offset for _, offset, _ in seen] == ([41, 42] if content.startswith(message) else [42, 41])
        assert result.problem is None
    broken, seen = scan(message[:-1] + b"x" + new)
    assert seen == []
    assert "checksum" in broken.problem


def test_a_million_small_batches_take_seconds():
    """The speed of a start after a crash: about 1 µs a batch, 100 allowed where other tests run beside."""
    content = b"".join(batches(1000, 900)) * 20
    begin = time.perf_counter()
    result, seen = scan(content)
    took = time.perf_counter() - begin
    assert len(seen) == 20_000
    assert took < len(seen) * 100e-6
    assert result.valid_bytes == len(content)
