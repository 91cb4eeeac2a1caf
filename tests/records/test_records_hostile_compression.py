"""Compressed bytes that point outside of what they are: no memory of anybody else's comes out of them."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest
import xxhash

from ottla.records.batch import Codec
from ottla.records.compression import compress, decompress
from ottla.records.errors import CorruptBatch

SECRET = b"somebody else's record "
LIMIT = 1 << 20


def lz4_frame(block: bytes) -> bytes:
    """A frame of one block, without checksums of contents."""
    descriptor = b"\x60\x40"
    checksum = xxhash.xxh32_intdigest(descriptor) >> 8 & 0xFF
    return (
        b"\x04\x22\x4d\x18"
        + descriptor
        + bytes([checksum])
        + struct.pack("<I", len(block))
        + block
        + struct.pack("<I", 0)
    )


LITERALS = b"\x50ABCDE"
HOSTILE = {
    "lz4, a match before the beginning": (Codec.LZ4, lz4_frame(b"\x1fA\xff\x7f\xff\x10" + LITERALS)),
    "lz4, a match of no distance": (Codec.LZ4, lz4_frame(b"\x1fA\0\0\xff\x10" + LITERALS)),
    "lz4, more literals than there are": (Codec.LZ4, lz4_frame(b"\xf0\xff\xff\xff\x10A")),
    "lz4, a block longer than the frame": (
        Codec.LZ4,
        lz4_frame(LITERALS)[:7] + struct.pack("<I", 1 << 22) + b"A",
    ),
    "snappy, a copy from before the beginning": (Codec.SNAPPY, b"\x20\x00A\x7e\xff\x7f"),
    "snappy, a copy of no distance": (Codec.SNAPPY, b"\x20\x00A\x7e\x00\x00"),
    "snappy, fewer bytes than it says": (Codec.SNAPPY, b"\x20\x00A"),
    "zstd, a window of a terabyte": (Codec.ZSTD, b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x01\x00\x00"),
    "zstd, a frame that ends in its header": (Codec.ZSTD, b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff"),
    "gzip, a distance before the beginning": (
        Codec.GZIP,
        gzip.compress(b"")[:10] + b"\x4b\x04\x62\x00\x00" + bytes(8),
    ),
    "gzip, a checksum of other bytes": (
        Codec.GZIP,
        gzip.compress(b"abc")[:-8] + struct.pack("<II", zlib.crc32(b"abd"), 3),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_points_outside_gives_nothing_away(name: str) -> None:
    """lz4-java's CVE-2025-12183 and CVE-2025-66566 (Kafka 3.9.2, 4.0.2): refused, or filled with nobody's bytes."""
    codec, content = HOSTILE[name]
    for _ in range(20):
        decompress(codec, compress(codec, SECRET * 3_000), LIMIT)
        try:
            came = bytes(decompress(codec, content, LIMIT))
        except CorruptBatch:
            continue
        assert set(came) <= set(b"A" + b"BCDE" + b"\0"), came[:80]
        assert SECRET[:8] not in came
