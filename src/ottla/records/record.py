"""Records inside a batch: building a batch from records, and reading them back.

::

    length varint │ attributes int8 = 0 │ timestamp delta varlong │ offset delta varint
    key length varint (-1: null) │ key │ value length varint (-1: null) │ value
    header count varint │ for each: key length varint │ key │ value length varint (-1: null) │ value

Varints are zigzag: ``(n << 1) ^ (n >> 63)``, seven bits a byte, the low ones first. Deltas are to the batch's base
timestamp and base offset. The broker reads records only where it must (compaction, look-ups by time, its own internal
topics), therefore this is plain Python with a short way for the one-byte varints that most fields are.

Source: ``org.apache.kafka.common.record.DefaultRecord``.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ottla.records.batch import (
    CODEC_MASK,
    CONTROL_BIT,
    DELETE_HORIZON_BIT,
    HEADER,
    HEADER_BYTES,
    LOG_APPEND_TIME_BIT,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL_BIT,
    BatchHeader,
    Buffer,
    Codec,
    TimestampType,
    parse_header,
    write_crc,
)
from ottla.records.compression import compress, decompress
from ottla.records.errors import CorruptBatch, InvalidRecord

MAX_DECOMPRESSED_BYTES: Final = 1 << 30
"""What reading one batch may decompress to unless the caller says less."""

Header = tuple[str, bytes | None]
"""A record header. Bytes of a name that are not UTF-8 come as surrogates, so that they can be written back as they were."""

_LONGEST_VARLONG_BITS: Final = 70


class Record(NamedTuple):
    """One record. ``key`` and ``value`` are ``None`` for null."""

    offset: int
    """Absolute in a stored batch."""
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    codec: Codec = Codec.NONE,
    level: int | None = None,
    leader_epoch: int = NO_LEADER_EPOCH,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    transactional: bool = False,
    control: bool = False,
    timestamp_type: TimestampType = TimestampType.CREATE_TIME,
) -> bytearray:
    """A whole batch of magic 2. Each record's offset is ``base_offset`` plus its place in ``records``.

    A record's own ``offset`` is not looked at; ``level`` is the codec's own (``compression.gzip.level`` …), ``None`` its
    default. Raises ``ValueError`` for no records.
    """
    if not records:
        raise ValueError("a batch needs at least one record")
    base_timestamp = records[0].timestamp_ms
    attributes = (
        codec
        | timestamp_type * LOG_APPEND_TIME_BIT
        | transactional * TRANSACTIONAL_BIT
        | control * CONTROL_BIT
    )
    header = BatchHeader(
        base_offset=base_offset,
        batch_length=0,
        partition_leader_epoch=leader_epoch,
        magic=MAGIC,
        crc=0,
        attributes=attributes,
        last_offset_delta=len(records) - 1,
        base_timestamp=base_timestamp,
        max_timestamp=max(record.timestamp_ms for record in records),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        record_count=len(records),
    )
    payload = bytearray()
    for delta, record in enumerate(records):
        append_record(payload, delta, record.timestamp_ms - base_timestamp, record)
    return assemble_batch(header, payload, level=level)


def rebuild_batch(
    header: BatchHeader,
    records: Sequence[Record],
    *,
    level: int | None = None,
    delete_horizon_ms: int | None = None,
) -> bytearray:
    """The batch of ``header`` with only ``records`` left (perhaps none), each at its own absolute offset: compaction's.

    Base offset, last offset delta, producer fields, leader epoch, codec and timestamp type stay. ``delete_horizon_ms``
    becomes the base timestamp with its bit (KIP-534); without it a horizon that the batch had is kept.
    """
    horizon = header.delete_horizon_ms if delete_horizon_ms is None else delete_horizon_ms
    attributes = header.attributes
    if horizon is not None:
        base_timestamp = horizon
        attributes |= DELETE_HORIZON_BIT
    else:
        base_timestamp = records[0].timestamp_ms if records else NO_TIMESTAMP
    if attributes & LOG_APPEND_TIME_BIT:
        max_timestamp = header.max_timestamp
    else:
        max_timestamp = max((record.timestamp_ms for record in records), default=header.max_timestamp)
    payload = bytearray()
    for record in records:
        append_record(
            payload, record.offset - header.base_offset, record.timestamp_ms - base_timestamp, record
        )
    rebuilt = header._replace(
        attributes=attributes,
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp,
        record_count=len(records),
    )
    return assemble_batch(rebuilt, payload, level=level)


def assemble_batch(header: BatchHeader, payload: Buffer, *, level: int | None = None) -> bytearray:
    """A batch of this header and these encoded records: compressed by its codec, its length and checksum computed.

    No records are never compressed, as in Apache: the codec's bits go.
    """
    attributes = header.attributes
    if payload:
        payload = compress(Codec(attributes & CODEC_MASK), payload, level)
    else:
        attributes &= ~CODEC_MASK
    batch = bytearray(HEADER_BYTES)
    batch += payload
    complete = header._replace(batch_length=len(batch) - LOG_OVERHEAD_BYTES, attributes=attributes, crc=0)
    try:
        HEADER.pack_into(batch, 0, *complete)
    except struct.error as error:
        raise InvalidRecord(
            f"batch at {header.base_offset}: a field is out of its range: {complete}"
        ) from error
    write_crc(batch)
    return batch


def append_record(payload: bytearray, offset_delta: int, timestamp_delta: int, record: Record) -> None:
    """Encode one record at the end of ``payload``."""
    body = bytearray(1)
    _append_varint(body, timestamp_delta)
    _append_varint(body, offset_delta)
    _append_bytes(body, record.key)
    _append_bytes(body, record.value)
    _append_varint(body, len(record.headers))
    for name, value in record.headers:
        _append_bytes(body, name.encode("utf-8", "surrogateescape"))
        _append_bytes(body, value)
    _append_varint(payload, len(body))
    payload += body


def _append_bytes(output: bytearray, content: bytes | None) -> None:
    if content is None:
        output.append(1)
        return
    _append_varint(output, len(content))
    output += content


def _append_varint(output: bytearray, value: int) -> None:
    rest = value << 1 if value >= 0 else ~(value << 1)
    while rest > 0x7F:
        output.append(rest & 0x7F | 0x80)
        rest >>= 7
    output.append(rest)


def iterate_records(
    batch: Buffer, *, max_decompressed_bytes: int = MAX_DECOMPRESSED_BYTES
) -> Iterator[Record]:
    """The records of this one whole batch of magic 2, in order, with absolute offsets. Copies keys and values.

    Under LogAppendTime every record has the batch's max timestamp. Raises ``InvalidRecord`` where counts or lengths lie,
    ``BatchTooLarge`` when it decompresses to more than ``max_decompressed_bytes``, ``CorruptBatch`` for bytes that are no
    batch or that the codec cannot read, ``UnsupportedCompression``; nothing else whatever the bytes.
    """
    header = parse_header(batch)
    if header.size_in_bytes > len(batch):
        raise CorruptBatch(f"a batch of {header.size_in_bytes} bytes, of which {len(batch)} are there")
    compressed = memoryview(batch)[HEADER_BYTES : header.size_in_bytes]
    payload = bytes(decompress(header.codec, compressed, max_decompressed_bytes)) if compressed else b""
    if header.attributes & LOG_APPEND_TIME_BIT:
        return _iterate(header, payload, header.max_timestamp)
    return _iterate(header, payload, None)


def _iterate(header: BatchHeader, payload: bytes, log_append_time_ms: int | None) -> Iterator[Record]:
    position = 0
    left = header.record_count
    try:
        while left > 0:
            record, position = _read_record(payload, position, header, log_append_time_ms)
            yield record
            left -= 1
    except IndexError:
        raise InvalidRecord(
            f"batch at {header.base_offset}: its bytes end {left} records before its {header.record_count}"
        ) from None
    if position != len(payload):
        raise InvalidRecord(
            f"batch at {header.base_offset}: {len(payload) - position} bytes after its {header.record_count} records"
        )


def _read_record(
    payload: bytes, position: int, header: BatchHeader, log_append_time_ms: int | None
) -> tuple[Record, int]:
    """The record at ``position`` and the position after it; ``IndexError`` where the payload ends too early.

    The fields' varints are written out one by one: a call for each costs more than all else together.
    """
    byte = payload[position]
    position += 1
    if byte < 0x80:
        length = (byte >> 1) ^ -(byte & 1)
    else:
        length, position = _read_varint(payload, position - 1)
    end = position + length
    if length < 0 or end > len(payload):
        raise InvalidRecord(f"batch at {header.base_offset}: a record of {length} bytes at byte {position}")
    position += 1

    byte = payload[position]
    position += 1
    if byte < 0x80:
        timestamp_delta = (byte >> 1) ^ -(byte & 1)
    else:
        timestamp_delta, position = _read_varint(payload, position - 1)

    byte = payload[position]
    position += 1
    if byte < 0x80:
        offset_delta = (byte >> 1) ^ -(byte & 1)
    else:
        offset_delta, position = _read_varint(payload, position - 1)

    byte = payload[position]
    position += 1
    if byte < 0x80:
        length = (byte >> 1) ^ -(byte & 1)
    else:
        length, position = _read_varint(payload, position - 1)
    key = None
    if length >= 0:
        key = payload[position : position + length]
        position += length

    byte = payload[position]
    position += 1
    if byte < 0x80:
        length = (byte >> 1) ^ -(byte & 1)
    else:
        length, position = _read_varint(payload, position - 1)
    value = None
    if length >= 0:
        value = payload[position : position + length]
        position += length

    headers: tuple[Header, ...] = ()
    if payload[position] == 0:
        position += 1
    else:
        headers, position = _read_headers(payload, position, end)
    if position != end:
        raise InvalidRecord(
            f"batch at {header.base_offset}: the fields of a record end at byte {position}, its length says {end}"
        )
    timestamp_ms = (
        header.base_timestamp + timestamp_delta if log_append_time_ms is None else log_append_time_ms
    )
    return Record(header.base_offset + offset_delta, timestamp_ms, key, value, headers), end


def _read_headers(payload: bytes, position: int, end: int) -> tuple[tuple[Header, ...], int]:
    count, position = _read_varint(payload, position)
    if not 0 <= count <= end - position:
        raise InvalidRecord(f"a record says {count} headers in {end - position} bytes")
    headers: list[Header] = []
    for _ in range(count):
        length, position = _read_varint(payload, position)
        if not 0 <= length <= end - position:
            raise InvalidRecord(f"a record header's key of {length} bytes at byte {position}")
        name = payload[position : position + length].decode("utf-8", "surrogateescape")
        length, position = _read_varint(payload, position + length)
        value = None
        if length >= 0:
            value = payload[position : position + length]
            position += length
        headers.append((name, value))
    return tuple(headers), position


def _read_varint(payload: bytes, position: int) -> tuple[int, int]:
    value = 0
    shift = 0
    while True:
        byte = payload[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
        if shift >= _LONGEST_VARLONG_BITS:
            raise InvalidRecord(f"a varint longer than 10 bytes at byte {position}")


def largest_timestamp(records: Iterable[Record]) -> tuple[int, int]:
    """The largest timestamp and the offset of the first record that has it; ``(-1, -1)`` for none."""
    best = (NO_TIMESTAMP, -1)
    for record in records:
        if record.timestamp_ms > best[0]:
            best = (record.timestamp_ms, record.offset)
    return best
