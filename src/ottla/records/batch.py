"""The record batch, version 2: the unit in which records are sent, stored, replicated and fetched.

::

     0        8        12       16    17    21     23        27        35        43        51       53       57      61
     ┌────────┬────────┬────────┬─────┬─────┬──────┬─────────┬─────────┬─────────┬─────────┬────────┬────────┬───────┬──
     │  base  │ batch  │ leader │magic│ crc │attri-│  last   │  base   │   max   │producer │producer│  base  │record │re-
     │ offset │ length │ epoch  │ = 2 │     │butes │ offset  │timestamp│timestamp│   id    │ epoch  │sequence│ count │cords
     │  int64 │ int32  │ int32  │int8 │u32  │int16 │delta i32│  int64  │  int64  │  int64  │ int16  │ int32  │ int32 │
     └────────┴────────┴────────┴─────┴─────┴──────┴─────────┴─────────┴─────────┴─────────┴────────┴────────┴───────┴──
                       └─ batch length counts from here          the CRC-32C covers from the attributes to the end ─────▶

Attributes: bits 0-2 the codec, bit 3 timestamp type (0 CreateTime, 1 LogAppendTime), bit 4 transactional, bit 5
control, bit 6 the base timestamp is a delete horizon (KIP-534).

The checksum begins after the leader epoch, so that a broker can give a batch its offset and epoch in place without
computing it anew. Compaction keeps base offset, last offset delta, sequence and producer fields of a batch even where
its first or last records are gone: producers' sequence numbers and followers' offsets stay whole.

Source: ``org.apache.kafka.common.record.DefaultRecordBatch``, KIP-98, KIP-534.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ottla.records.checksum import crc32c
from ottla.records.errors import (
    BatchTooLarge,
    CorruptBatch,
    InvalidRecord,
    InvalidTimestamp,
    UnsupportedCompression,
    UnsupportedMagic,
)

Buffer = bytes | bytearray | memoryview

MAGIC = 2
HEADER_BYTES = 61
LOG_OVERHEAD_BYTES = 12
"""Base offset and batch length, which every magic begins with and which the batch length does not count."""
MAGIC_POSITION = 16
CRC_POSITION = 17
CHECKED_POSITION = 21
"""From here to its end the checksum covers a batch."""
SMALLEST_BATCH_LENGTH = 14
"""What the smallest message of any magic (an empty one of magic 0) has as its length."""

CODEC_MASK = 0x07
LOG_APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20
DELETE_HORIZON_BIT = 0x40

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_LEADER_EPOCH = -1
MAX_SEQUENCE = 2**31 - 1

HEADER = Struct(">qiibIhiqqqhii")
_OFFSET = Struct(">q")
_LENGTH = Struct(">i")
_EPOCH = Struct(">i")
_CRC = Struct(">I")
_ATTRIBUTES = Struct(">h")

_MAX_TIMESTAMP_POSITION = 35

_unpack_header = HEADER.unpack_from
_pack_offset = _OFFSET.pack_into
_pack_epoch = _EPOCH.pack_into


class Codec(IntEnum):
    """How a batch's records are compressed: the low three bits of its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class TimestampType(IntEnum):
    """Whose clock a batch's timestamps come from."""

    CREATE_TIME = 0
    LOG_APPEND_TIME = 1


class BatchHeader(NamedTuple):
    """The 61 bytes in front of a batch's records, field by field in their order."""

    base_offset: int
    batch_length: int
    """Bytes of the batch after this field."""
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    """First record's time in ms, or the delete horizon if bit 6 of the attributes says so."""
    max_timestamp: int
    """Largest time of its records in ms, of all records under LogAppendTime; -1 where there is none."""
    producer_id: int
    """-1 where the producer is not idempotent."""
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_in_bytes(self) -> int:
        """Bytes of the whole batch."""
        return self.batch_length + LOG_OVERHEAD_BYTES

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def codec(self) -> int:
        """The codec's number as it stands there, known (``Codec``) or not."""
        return self.attributes & CODEC_MASK

    @property
    def timestamp_type(self) -> TimestampType:
        return TimestampType((self.attributes & LOG_APPEND_TIME_BIT) >> 3)

    @property
    def is_transactional(self) -> bool:
        return self.attributes & TRANSACTIONAL_BIT != 0

    @property
    def is_control(self) -> bool:
        return self.attributes & CONTROL_BIT != 0

    @property
    def delete_horizon_ms(self) -> int | None:
        """When tombstones and markers in this batch may go (KIP-534), ``None`` where it is not yet set."""
        return self.base_timestamp if self.attributes & DELETE_HORIZON_BIT else None

    @property
    def has_producer_id(self) -> bool:
        return self.producer_id > NO_PRODUCER_ID

    @property
    def last_sequence(self) -> int:
        """Sequence number of the last record; -1 without one. Wraps after 2^31 - 1 to 0."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return increment_sequence(self.base_sequence, self.last_offset_delta)


_make_header = tuple.__new__
"""`BatchHeader._make` without its check of the length, which `struct` has made: a third of the time."""

_LAST_CODEC = int(Codec.ZSTD)  # a member of an enum is looked up anew each time it is named, for 0.1 µs


def increment_sequence(sequence: int, increment: int) -> int:
    """The sequence number ``increment`` after this one; after 2^31 - 1 comes 0."""
    return (sequence + increment) & MAX_SEQUENCE


def parse_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """The header at ``position``, after a check of its shape alone (neither checksum nor completeness).

    Raises ``CorruptBatch`` for fewer than 61 bytes, a length too small or an unknown magic; ``UnsupportedMagic`` for
    message formats 0 and 1, which ``ottla.records.legacy`` reads.
    """
    try:
        fields = _unpack_header(buffer, position)
    except Exception as error:
        _check_magic(buffer, position)
        raise CorruptBatch(
            f"{len(buffer) - position} bytes at {position} cannot hold a batch header"
        ) from error
    if fields[3] != MAGIC:
        _check_magic(buffer, position)
    if fields[1] < HEADER_BYTES - LOG_OVERHEAD_BYTES:
        raise CorruptBatch(f"batch at {position}: length {fields[1]} is smaller than a batch header")
    return BatchHeader._make(fields)


def _check_magic(buffer: Buffer, position: int) -> None:
    """Raise for the magic byte at ``position`` if it is there and is not 2."""
    if len(buffer) <= position + MAGIC_POSITION:
        return
    magic = buffer[position + MAGIC_POSITION]
    if magic < MAGIC:
        raise UnsupportedMagic(
            f"message format {magic} at {position}: only record batches of magic 2 are taken"
        )
    if magic > MAGIC:
        raise CorruptBatch(f"unknown magic {magic} at {position}")


def batch_size_at(buffer: Buffer, position: int = 0) -> int | None:
    """Bytes of the batch or legacy message set at ``position`` by its own word; ``None`` if its length is not there.

    Raises ``CorruptBatch`` for a length below that of the smallest message.
    """
    if len(buffer) - position < LOG_OVERHEAD_BYTES:
        return None
    (length,) = _LENGTH.unpack_from(buffer, position + 8)
    if length < SMALLEST_BATCH_LENGTH:
        raise CorruptBatch(f"batch at {position}: length {length} is smaller than the smallest message")
    return int(length) + LOG_OVERHEAD_BYTES


def iterate_batches(buffer: Buffer) -> Iterator[tuple[BatchHeader, memoryview]]:
    """Every whole batch of magic 2 in ``buffer``, in order, as its header and a view of all its bytes (no copy).

    A batch cut short at the end ends the iteration, as fetched bytes may be cut anywhere. Checksums are not checked.
    Raises ``CorruptBatch`` for an impossible length and ``UnsupportedMagic`` for message formats 0 and 1.
    """
    view = memoryview(buffer)
    position = 0
    while True:
        size = batch_size_at(view, position)
        if size is None or position + size > len(view):
            return
        yield parse_header(view, position), view[position : position + size]
        position += size


def check_crc(batch: Buffer, header: BatchHeader | None = None) -> None:
    """Raise ``CorruptBatch`` unless the checksum of this one whole batch matches."""
    if header is None:
        header = parse_header(batch)
    view = memoryview(batch)
    computed = crc32c(view[CHECKED_POSITION : header.size_in_bytes])
    if computed != header.crc:
        raise CorruptBatch(
            f"batch with base offset {header.base_offset}: stored checksum {header.crc:#010x}, "
            f"computed {computed:#010x}"
        )


def assign_offsets(batch: bytearray | memoryview, base_offset: int, leader_epoch: int) -> None:
    """Write base offset and partition leader epoch into the batch in place; the checksum does not cover them."""
    _pack_offset(batch, 0, base_offset)
    _pack_epoch(batch, 12, leader_epoch)


def set_log_append_time(batch: bytearray | memoryview, now_ms: int) -> None:
    """Make the batch one of LogAppendTime, all its records of ``now_ms``, and compute its checksum anew, in place."""
    (attributes,) = _ATTRIBUTES.unpack_from(batch, CHECKED_POSITION)
    _ATTRIBUTES.pack_into(batch, CHECKED_POSITION, attributes | LOG_APPEND_TIME_BIT)
    _OFFSET.pack_into(batch, _MAX_TIMESTAMP_POSITION, now_ms)
    write_crc(batch)


def write_crc(batch: bytearray | memoryview) -> None:
    """Compute the checksum of this one whole batch and write it."""
    _CRC.pack_into(batch, CRC_POSITION, crc32c(memoryview(batch)[CHECKED_POSITION:]))


def validate_produced_batch(
    records: memoryview,
    *,
    max_message_bytes: int,
    from_client: bool = True,
    oldest_timestamp_ms: int | None = None,
    newest_timestamp_ms: int | None = None,
) -> BatchHeader:
    """Check all that the header of one produced batch can tell, and its checksum; no record is looked at.

    Hot path: one unpack, one checksum, comparisons of locals. ``records`` holds exactly one batch of magic 2, after
    which bytes too few to be another are ignored, as Apache does: the batch is ``records[:header.size_in_bytes]``.

    ``max_message_bytes``: bound on the whole batch. ``from_client``: false for coordinators, which may write control
    batches, give records without sequence and come with base offsets of their own. The timestamp bounds are absolute,
    ``None`` where the topic sets none or is of LogAppendTime, and are held against the base and the max timestamp.

    Raises ``InvalidRecord`` (no or several batches, counts that disagree, a control bit, a base offset other than 0, a
    sequence below 0), its subclass ``UnsupportedMagic``, ``BatchTooLarge``, ``CorruptBatch``, ``UnsupportedCompression``
    or ``InvalidTimestamp``. Source: ``LogValidator``, ``UnifiedLog.analyzeAndValidateRecords``,
    ``ProduceRequest.validateRecords``.
    """
    available = len(records)
    if available < HEADER_BYTES:
        _refuse_short(records)
    fields = _unpack_header(records)
    (
        base_offset,
        batch_length,
        _leader_epoch,
        magic,
        crc,
        attributes,
        last_offset_delta,
        base_timestamp,
        max_timestamp,
        producer_id,
        _producer_epoch,
        base_sequence,
        record_count,
    ) = fields
    size = batch_length + LOG_OVERHEAD_BYTES
    if magic != MAGIC or size < HEADER_BYTES or size != available:
        _check_single(records, size)
        records = records[:size]
    if size > max_message_bytes:
        raise BatchTooLarge(f"the batch is {size} bytes, more than max.message.bytes={max_message_bytes}")
    if crc32c(records[CHECKED_POSITION:]) != crc:
        check_crc(records)
    if attributes & CODEC_MASK > _LAST_CODEC:
        raise UnsupportedCompression(f"unknown compression codec {attributes & CODEC_MASK}")
    if last_offset_delta < 0 or record_count <= 0 or last_offset_delta + 1 != record_count:
        raise InvalidRecord(
            f"the batch says {record_count} records, its last offset delta is {last_offset_delta}"
        )
    if from_client:
        if base_offset != 0:
            raise InvalidRecord(f"the base offset of a produced batch is {base_offset}, not 0")
        if attributes & CONTROL_BIT:
            raise InvalidRecord("clients are not allowed to write control records")
        if producer_id >= 0 and base_sequence < 0:
            raise InvalidRecord(f"sequence {base_sequence} of a batch of producer id {producer_id}")
        if attributes & LOG_APPEND_TIME_BIT:
            raise InvalidTimestamp("a producer must not set the timestamp type to LogAppendTime")
    if oldest_timestamp_ms is not None or newest_timestamp_ms is not None:
        _check_timestamps((base_timestamp, max_timestamp), oldest_timestamp_ms, newest_timestamp_ms)
    return _make_header(BatchHeader, fields)


def _refuse_short(records: memoryview) -> None:
    """Say of fewer than 61 bytes what they are: nothing, an old message, or a batch cut short."""
    size = batch_size_at(records)
    _check_magic(records, 0)
    if size is not None and size < HEADER_BYTES:
        raise CorruptBatch(f"a batch of {size} bytes is smaller than its header")
    raise InvalidRecord("a produce request must hold exactly one record batch a partition")


def _check_single(records: memoryview, size: int) -> None:
    """The slow half of the shape check: some of magic, length and completeness is not as usual."""
    batch_size_at(records)
    if size > len(records):
        raise InvalidRecord(f"a batch of {size} bytes, of which {len(records)} are there")
    _check_magic(records, 0)
    if size < HEADER_BYTES:
        raise CorruptBatch(f"a batch of {size} bytes is smaller than its header")
    following = batch_size_at(records, size)
    if following is not None and size + following <= len(records):
        raise InvalidRecord("a produce request must hold exactly one record batch a partition")


def _check_timestamps(timestamps: tuple[int, int], oldest_ms: int | None, newest_ms: int | None) -> None:
    for timestamp in timestamps:
        if timestamp == NO_TIMESTAMP:
            continue
        if oldest_ms is not None and timestamp < oldest_ms:
            raise InvalidTimestamp(
                f"timestamp {timestamp} is before {oldest_ms}, the oldest the topic takes now"
            )
        if newest_ms is not None and timestamp > newest_ms:
            raise InvalidTimestamp(
                f"timestamp {timestamp} is after {newest_ms}, the newest the topic takes now"
            )
