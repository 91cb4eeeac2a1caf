"""Walking the records of a produced batch: only where a topic's settings make it necessary.

- A compacted topic refuses records without a key.
- A topic with a `compression.type` of its own gets its batches compressed anew.

`needs_walk` tells from the header alone; `walk` does the work and may run on a thread, on a copy of the batch. Then
`PartitionLog.append_as_leader(..., walked=True)`. Whoever has to see the records as well (`broker/record_schemas.py`) is shown
them on the way: a batch is decompressed and read once.

Source: Apache's `LogValidator`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import CODEC_MASK, Buffer, Codec, parse_header
from ottla.records.errors import InvalidRecord, RecordsError
from ottla.records.record import (
    MAX_DECOMPRESSED_BYTES,
    Record,
    append_record,
    assemble_batch,
    iterate_records,
)
from ottla.storage.produced_batch import kafka_error

TARGET_CODECS: Final = {
    "uncompressed": Codec.NONE,
    "gzip": Codec.GZIP,
    "snappy": Codec.SNAPPY,
    "lz4": Codec.LZ4,
    "zstd": Codec.ZSTD,
}
"""Values of `compression.type` that are not `producer`."""

INLINE_BYTES_MAX: Final = 4_096
"""An uncompressed batch up to this size is walked where it stands: some dozen records, less than handing it over costs."""


Look: TypeAlias = Callable[[int, Record], None]
"""Is shown each record and its place in the batch. May raise `RecordsError`."""


class InvalidRecordsError(KafkaError):
    """Single records of a batch are refused; the whole batch is."""

    def __init__(self, code: ErrorCode, message: str, record_errors: list[tuple[int, str]]) -> None:
        super().__init__(code, message)
        self.record_errors = record_errors
        """Each refused record's place in the batch, and why (ProduceResponse's RecordErrors)."""


def needs_walk(records: Buffer, config: TopicConfig) -> bool:
    """Whether this batch must go through `walk` before it is appended. Hot path: nothing is read for most topics."""
    if config.compression_type == "producer":
        return config.compact
    return config.compact or _codec_of(records) != TARGET_CODECS.get(config.compression_type)


def is_short_walk(records: Buffer) -> bool:
    """Whether a walk takes so little time that the loop can do it."""
    return len(records) <= INLINE_BYTES_MAX and _codec_of(records) == Codec.NONE


def walk(
    records: Buffer,
    config: TopicConfig,
    *,
    max_decompressed_bytes: int = MAX_DECOMPRESSED_BYTES,
    look: Look | None = None,
) -> bytearray | None:
    """Check the records; the batch compressed anew if the topic wants it so, `None` if it stays as it is.

    Raises `KafkaError`: INVALID_RECORD (as `InvalidRecordsError` for missing keys), CORRUPT_MESSAGE, MESSAGE_TOO_LARGE,
    UNSUPPORTED_COMPRESSION_TYPE.
    """
    try:
        each = enumerate(iterate_records(records, max_decompressed_bytes=max_decompressed_bytes))
        return _walk(records, config, each if look is None else _shown(each, look))
    except RecordsError as error:
        raise kafka_error(error) from error


def _shown(records: Iterator[tuple[int, Record]], look: Look) -> Iterator[tuple[int, Record]]:
    for place, record in records:
        look(place, record)
        yield place, record


def _walk(records: Buffer, config: TopicConfig, each: Iterator[tuple[int, Record]]) -> bytearray | None:
    header = parse_header(records)
    target = TARGET_CODECS.get(config.compression_type, header.codec)
    rebuild = target != header.codec
    payload = bytearray()
    keyless = []
    for place, record in each:
        if record.offset - header.base_offset != place:
            raise InvalidRecord(
                f"record {place} of the batch has offset delta {record.offset - header.base_offset}"
            )
        if record.key is None and config.compact and not header.is_control:
            keyless.append((place, "Compacted topic cannot accept message without key."))
        if rebuild:
            append_record(payload, place, record.timestamp_ms - header.base_timestamp, record)
    if keyless:
        raise InvalidRecordsError(
            ErrorCode.INVALID_RECORD,
            "One or more records have been rejected: a compacted topic takes only records with a key.",
            keyless,
        )
    if not rebuild:
        return None
    attributes = header.attributes & ~CODEC_MASK | target
    return assemble_batch(
        header._replace(attributes=attributes), payload, level=_level(Codec(target), config)
    )


def _level(codec: Codec, config: TopicConfig) -> int | None:
    match codec:
        case Codec.GZIP:
            return config.compression_gzip_level
        case Codec.LZ4:
            return config.compression_lz4_level
        case Codec.ZSTD:
            return config.compression_zstd_level
        case _:
            return None


def _codec_of(records: Buffer) -> int:
    """The codec's number by the header; -1 where there is none, which `walk` then says."""
    return records[22] & CODEC_MASK if len(records) > 22 else -1
