"""Message sets of formats 0 and 1, as they lie in old segments: told by their header, never written, never unpacked.

::

     0        8      12     16    17     18 (magic 1)  18 or 26
     ┌────────┬──────┬──────┬─────┬──────┬────────────┬───────────────────────────────────────────────┐
     │ offset │ size │ crc  │magic│attri-│ timestamp  │ key length int32, key, value length int32, value │
     │  int64 │ int32│ u32  │int8 │butes │   int64    │                                                │
     └────────┴──────┴──────┴─────┴──────┴────────────┴───────────────────────────────────────────────┘
                             the CRC-32 (zlib's) covers from the magic to the end ──────────────────────▶

A compressed message wraps others and carries the offset of its *last* one, so the offset that stands first is the last
of each entry in both cases; that is what indexes and reads go by. Consumers that ask for such offsets get the bytes as
they are.

Source: ``org.apache.kafka.common.record.AbstractLegacyRecordBatch``, ``LegacyRecord``.
"""

from struct import Struct
from typing import NamedTuple
from zlib import crc32

from ottla.records.batch import (
    HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    MAGIC_POSITION,
    NO_TIMESTAMP,
    Buffer,
    batch_size_at,
    check_crc,
    parse_header,
)
from ottla.records.errors import CorruptBatch

_ENTRY = Struct(">qiIbb")
_TIMESTAMP = Struct(">q")
_OVERHEAD_BYTES = {0: LOG_OVERHEAD_BYTES + 14, 1: LOG_OVERHEAD_BYTES + 22}

STORED_HEADER_BYTES = HEADER_BYTES
"""Bytes from an entry's start that tell all of ``StoredEntry``; a legacy message may be shorter as a whole."""


class StoredEntry(NamedTuple):
    """What the log needs to know of one entry of a segment, of whatever format."""

    last_offset: int
    size_in_bytes: int
    max_timestamp: int
    """-1 for magic 0, which has none."""
    magic: int


def stored_entry(buffer: Buffer, position: int = 0) -> StoredEntry | None:
    """The entry at ``position`` by its header; ``None`` if its header is not wholly there.

    Raises ``CorruptBatch`` for a header that no format has. The entry's body need not be there.
    """
    size = batch_size_at(buffer, position)
    if size is None or len(buffer) - position <= MAGIC_POSITION:
        return None
    if buffer[position + MAGIC_POSITION] < MAGIC:
        return _legacy_entry(buffer, position, size)
    if len(buffer) - position < HEADER_BYTES:
        return None
    header = parse_header(buffer, position)
    return StoredEntry(header.last_offset, size, header.max_timestamp, MAGIC)


def _legacy_entry(buffer: Buffer, position: int, size: int) -> StoredEntry | None:
    magic = buffer[position + MAGIC_POSITION]
    overhead = _OVERHEAD_BYTES[magic]
    if size < overhead:
        raise CorruptBatch(f"message of format {magic} at {position}: {size} bytes are less than its header")
    if len(buffer) - position < overhead:
        return None
    offset = _ENTRY.unpack_from(buffer, position)[0]
    timestamp = NO_TIMESTAMP if magic == 0 else _TIMESTAMP.unpack_from(buffer, position + 18)[0]
    return StoredEntry(offset, size, timestamp, magic)


def check_stored_crc(entry: Buffer) -> None:
    """Raise ``CorruptBatch`` unless the checksum of this one whole entry, of whatever format, matches."""
    view = memoryview(entry)
    if len(view) > MAGIC_POSITION and view[MAGIC_POSITION] >= MAGIC:
        check_crc(view)
        return
    if stored_entry(view) is None:
        raise CorruptBatch(f"{len(view)} bytes cannot hold a message")
    stored = _ENTRY.unpack_from(view)[2]
    computed = crc32(view[MAGIC_POSITION:])
    if stored != computed:
        raise CorruptBatch(f"stored checksum {stored:#010x}, computed {computed:#010x}")
