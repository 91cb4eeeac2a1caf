"""The codecs of record batches, and a bound on what they may unpack to.

What follows a batch's header is compressed as one piece:

- gzip: one gzip member or several.
- snappy: what Java's snappy writes (xerial framing, below) or one raw snappy block, as librdkafka writes it.
- lz4: the LZ4 frame format with independent blocks; Java's reader refuses linked ones.
- zstd: one Zstandard frame or several.

::

    xerial:  82 'SNAPPY' 00 │ version int32 = 1 │ compatible version int32 = 1 │ for each block: length int32, raw snappy

A batch of a kilobyte can claim to hold ten gigabytes. Nothing here believes a declared size: output goes into a buffer
that begins small and grows fourfold up to the caller's bound, and the codec stops at its end.

Source: ``org.apache.kafka.common.compress``, KIP-390 for the levels.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

import cramjam

from ottla.records.batch import Buffer, Codec
from ottla.records.errors import BatchTooLarge, CorruptBatch, UnsupportedCompression

FIRST_OUTPUT_BYTES: Final = 64 * 1024
"""Smallest first output buffer; the usual batch unpacks into it at once."""

GUESSED_RATIO: Final = 4
"""First output buffer in terms of the input, and by how much it grows when it was too small."""

DEFAULT_LEVELS: Final = {Codec.GZIP: -1, Codec.LZ4: 9, Codec.ZSTD: 3}
"""``compression.gzip.level``, ``compression.lz4.level`` and ``compression.zstd.level`` when not set."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = _XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"
_XERIAL_BLOCK_BYTES: Final = 32 * 1024
_LENGTH: Final = Struct(">i")
_LONGEST_VARINT: Final = 5

_OUTPUT_FULL: Final = "failed to write whole buffer"
"""What the codecs' streams say when the output buffer is full: Rust's ``ErrorKind::WriteZero``."""

_LZ4_FASTEST: Final = 1
_LZ4_HIGHEST: Final = 12
_GZIP_DEFAULT: Final = 6


def compress(codec: Codec, payload: Buffer, level: int | None = None) -> Buffer:
    """``payload`` compressed, at the codec's own ``level`` (``None``: Kafka's default; snappy has none)."""
    if level is None:
        level = DEFAULT_LEVELS.get(codec, 0)
    match codec:
        case Codec.NONE:
            return payload
        case Codec.GZIP:
            return memoryview(cramjam.gzip.compress(payload, _GZIP_DEFAULT if level < 0 else level))
        case Codec.SNAPPY:
            return _compress_xerial(payload)
        case Codec.LZ4:
            return _compress_lz4(payload, level)
        case Codec.ZSTD:
            return memoryview(cramjam.zstd.compress(payload, level))


def decompress(codec: int, payload: Buffer, max_bytes: int) -> Buffer:
    """What ``payload`` unpacks to, at most ``max_bytes``; memory used stays within a small multiple of that.

    Raises ``BatchTooLarge`` beyond the bound, ``CorruptBatch`` for bytes that the codec cannot read,
    ``UnsupportedCompression`` for a number that is no codec.
    """
    if codec == Codec.NONE:
        return payload
    if codec == Codec.SNAPPY:
        return _decompress_snappy(payload, max_bytes)
    try:
        into = _STREAMS[codec]
    except KeyError:
        raise UnsupportedCompression(f"unknown compression codec {codec}") from None
    return _decompress_growing(into, payload, max_bytes, Codec(codec).name.lower())


_STREAMS: Final[dict[int, Callable[[Buffer, bytearray], int]]] = {
    Codec.GZIP: cramjam.gzip.decompress_into,
    Codec.LZ4: cramjam.lz4.decompress_into,
    Codec.ZSTD: cramjam.zstd.decompress_into,
}


def _decompress_growing(
    into: Callable[[Buffer, bytearray], int], payload: Buffer, max_bytes: int, name: str
) -> Buffer:
    size = min(max_bytes, max(FIRST_OUTPUT_BYTES, GUESSED_RATIO * len(payload)))
    while True:
        output = bytearray(size)
        try:
            count = into(payload, output)
        except cramjam.DecompressionError as error:
            if _OUTPUT_FULL not in str(error):
                raise CorruptBatch(f"cannot decompress {len(payload)} bytes of {name}: {error}") from error
            if size >= max_bytes:
                raise BatchTooLarge(
                    f"{len(payload)} bytes of {name} decompress to more than {max_bytes} bytes"
                ) from error
            size = min(max_bytes, size * GUESSED_RATIO)
            continue
        return memoryview(output)[:count]


def _compress_lz4(payload: Buffer, level: int) -> Buffer:
    # At its default level 9 Apache takes lz4's fast compressor, not the high one of that level.
    effort = _LZ4_FASTEST if level == DEFAULT_LEVELS[Codec.LZ4] else min(level, _LZ4_HIGHEST)
    compressor = cramjam.lz4.Compressor(level=effort, content_checksum=False, block_linked=False)
    compressor.compress(bytes(payload))
    return memoryview(compressor.finish())


def _compress_xerial(payload: Buffer) -> Buffer:
    view = memoryview(payload)
    output = bytearray(_XERIAL_HEADER)
    for start in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = memoryview(cramjam.snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES]))
        output += _LENGTH.pack(len(block))
        output += block
    return output


def _decompress_snappy(payload: Buffer, max_bytes: int) -> Buffer:
    view = memoryview(payload)
    if bytes(view[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return _decompress_block(view, max_bytes)
    output = bytearray()
    position = len(_XERIAL_HEADER)
    while position < len(view):
        if len(view) - position < _LENGTH.size:
            raise CorruptBatch(f"snappy: {len(view) - position} bytes after the last block")
        (length,) = _LENGTH.unpack_from(view, position)
        position += _LENGTH.size
        if not 0 < length <= len(view) - position:
            raise CorruptBatch(
                f"snappy: a block of {length} bytes, of which {len(view) - position} are there"
            )
        output += _decompress_block(view[position : position + length], max_bytes - len(output))
        position += length
    return output


def _decompress_block(block: memoryview, max_bytes: int) -> Buffer:
    declared = _declared_block_bytes(block)
    if declared > max_bytes:
        raise BatchTooLarge(
            f"a snappy block of {len(block)} bytes claims {declared} bytes, {max_bytes} are allowed"
        )
    if declared > _MOST_PER_SNAPPY_BYTE * len(block):
        raise CorruptBatch(f"a snappy block of {len(block)} bytes claims {declared} bytes")
    try:
        return memoryview(cramjam.snappy.decompress_raw(block))
    except cramjam.DecompressionError as error:
        raise CorruptBatch(f"cannot decompress {len(block)} bytes of snappy: {error}") from error


_MOST_PER_SNAPPY_BYTE: Final = 64
"""A copy of three bytes gives at most 64: whoever claims more is not to make us allocate for it."""


def _declared_block_bytes(block: memoryview) -> int:
    """The varint in front of a raw snappy block: its uncompressed length."""
    length = 0
    for place, byte in enumerate(block[:_LONGEST_VARINT]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return length
    raise CorruptBatch("snappy: no length in front of a block")
