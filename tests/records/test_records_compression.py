"""Codecs: both snappy framings, levels, and batches that unpack to more than they should."""

import contextlib
import gzip
import tracemalloc
import zlib

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.records.batch import Codec
from ottla.records.compression import compress, decompress
from ottla.records.errors import BatchTooLarge, CorruptBatch, RecordsError, UnsupportedCompression

COMPRESSED = [codec for codec in Codec if codec is not Codec.NONE]
LIMIT = 8 * 1024 * 1024


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000])
def test_what_was_compressed_comes_back(codec: Codec, size: int) -> None:
    """From nothing to several megabytes."""
    payload = (b"some bytes of a record " * (size // 23 + 1))[:size]
    assert bytes(decompress(codec, compress(codec, payload), LIMIT)) == payload


@pytest.mark.parametrize(
    ("codec", "levels"), [(Codec.GZIP, [-1, 1, 9]), (Codec.LZ4, [1, 9, 12, 17]), (Codec.ZSTD, [-5, 1, 3, 22])]
)
def test_every_level_of_kafka_s_range_is_taken(codec: Codec, levels: list[int]) -> None:
    """The ends of the ranges of compression.<codec>.level."""
    for level in levels:
        assert bytes(decompress(codec, compress(codec, b"x" * 10_000, level), LIMIT)) == b"x" * 10_000


def test_snappy_is_read_raw_and_framed() -> None:
    """librdkafka writes one raw block, Java's snappy a frame of blocks."""
    payload = b"abc" * 50_000
    assert bytes(decompress(Codec.SNAPPY, memoryview(cramjam.snappy.compress_raw(payload)), LIMIT)) == payload
    framed = bytes(compress(Codec.SNAPPY, payload))
    assert framed.startswith(b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
    assert bytes(decompress(Codec.SNAPPY, framed, LIMIT)) == payload


def test_lz4_blocks_are_independent() -> None:
    """Java's reader refuses linked blocks: the frame's flag says independent, and no content checksum."""
    frame = bytes(compress(Codec.LZ4, b"x" * 200_000))
    assert frame[:4] == b"\x04\x22\x4d\x18"
    assert frame[4] & 0x20
    assert not frame[4] & 0x04


def bomb(codec: Codec, size: int) -> bytes:
    if codec is Codec.SNAPPY:
        return bytes(cramjam.snappy.compress_raw(bytes(size)))
    return bytes(compress(codec, bytes(size)))


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_bomb_stops_at_the_bound_in_bounded_memory(codec: Codec) -> None:
    """256 MB of zeros, a few KB compressed (snappy: 12 MB), are refused with little more than the bound allocated."""
    packed = bomb(codec, 256 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(BatchTooLarge):
            decompress(codec, packed, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 3 * LIMIT
    finally:
        tracemalloc.stop()


def test_the_bound_itself_is_allowed() -> None:
    """Exactly as many bytes as the bound come through, one more does not."""
    for codec in COMPRESSED:
        packed = compress(codec, b"y" * 100_000)
        assert len(decompress(codec, packed, 100_000)) == 100_000
        with pytest.raises(BatchTooLarge):
            decompress(codec, packed, 99_999)


def test_a_snappy_block_that_claims_gigabytes_gets_no_memory() -> None:
    """A block of few bytes cannot unpack to much: its claim is refused before anything is allocated."""
    claim = b"\xff\xff\xff\xff\x07" + b"\x00" * 10
    with pytest.raises(BatchTooLarge):
        decompress(Codec.SNAPPY, claim, LIMIT)
    with pytest.raises(CorruptBatch):
        decompress(Codec.SNAPPY, claim, 1 << 40)


@pytest.mark.parametrize("codec", COMPRESSED)
def test_cut_bytes_are_corrupt(codec: Codec) -> None:
    """A payload that ends early is corruption."""
    packed = bytes(compress(codec, bytes(range(256)) * 100))
    with pytest.raises(CorruptBatch):
        decompress(codec, packed[: len(packed) // 2], LIMIT)


@given(st.sampled_from(COMPRESSED), st.binary(max_size=200))
def test_any_bytes_unpack_or_raise_one_error(codec: Codec, content: bytes) -> None:
    """Whatever is behind the header, with each codec's magic in front or not."""
    for prefix in (b"", b"\x82SNAPPY\x00" + b"\0\0\0\1" * 2, bytes(compress(codec, b"abc"))[:8]):
        with contextlib.suppress(RecordsError):
            decompress(codec, prefix + content, 1 << 20)


def test_several_members_of_gzip_are_one_payload() -> None:
    """Concatenated gzip members are read through, as Java's GZIPInputStream does."""
    packed = gzip.compress(b"one") + gzip.compress(b"two")
    assert bytes(decompress(Codec.GZIP, packed, LIMIT)) == b"onetwo"
    assert zlib.decompress(bytes(compress(Codec.GZIP, b"plain")), 31) == b"plain"


def test_an_unknown_codec_is_named() -> None:
    """Numbers 5 to 7 are no codec."""
    with pytest.raises(UnsupportedCompression):
        decompress(5, b"x", LIMIT)
