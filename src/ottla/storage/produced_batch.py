"""A produced batch against the rules of its topic, and records' errors as Kafka's codes."""

from __future__ import annotations

from typing import Final

from ottla.config.topic_config import TopicConfig
from ottla.config.values import LONG_MAX
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import (
    CHECKED_POSITION,
    HEADER,
    HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    BatchHeader,
    Codec,
    validate_produced_batch,
)
from ottla.records.checksum import crc32c
from ottla.records.errors import (
    BatchTooLarge,
    CorruptBatch,
    InvalidRecord,
    InvalidTimestamp,
    RecordsError,
    UnsupportedCompression,
)
from ottla.storage.append_result import AppendOrigin

_CODES: Final[tuple[tuple[type[RecordsError], ErrorCode], ...]] = (
    (BatchTooLarge, ErrorCode.MESSAGE_TOO_LARGE),
    (CorruptBatch, ErrorCode.CORRUPT_MESSAGE),
    (InvalidRecord, ErrorCode.INVALID_RECORD),
    (InvalidTimestamp, ErrorCode.INVALID_TIMESTAMP),
    (UnsupportedCompression, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
)


def kafka_error(error: RecordsError) -> KafkaError:
    """What a client is answered. Old message formats are INVALID_RECORD, as `ProduceRequest.validateRecords` says."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return KafkaError(code, str(error))
    return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error))


_CLIENT = AppendOrigin.CLIENT
"""On the hot path: a member of an enum is looked up anew each time it is named, for 0.1 µs."""


_unpack_header = HEADER.unpack_from
_make_header = tuple.__new__
"""`BatchHeader._make` without its check of the length, which `struct` has made."""

_LAST_CODEC = int(Codec.ZSTD)
"""Attributes up to this are a codec and nothing else: CreateTime, neither transactional nor control."""


class ProduceRules:
    """What a topic's settings ask of a batch, worked out once per change of settings."""

    __slots__ = (
        "_after_max_ms",
        "_before_max_ms",
        "_future_max_ms",
        "_plain_bytes_max",
        "log_append_time",
        "max_message_bytes",
        "segment_bytes",
    )

    def __init__(self, config: TopicConfig) -> None:
        self.log_append_time = config.message_timestamp_type == "LogAppendTime"
        self.max_message_bytes = config.max_message_bytes
        self.segment_bytes = config.segment_bytes
        self._before_max_ms = _bound(config.message_timestamp_before_max_ms)
        self._after_max_ms = _bound(config.message_timestamp_after_max_ms)
        self._future_max_ms = config.message_timestamp_after_max_ms
        takes_as_is = not config.compact and config.compression_type == "producer"
        is_plain = takes_as_is and not self.log_append_time and self._before_max_ms is None
        self._plain_bytes_max = min(config.max_message_bytes, config.segment_bytes) if is_plain else 0
        """Larger batches are not plain; 0 where the topic's settings ask for a closer look at each."""

    def plain_header(self, records: memoryview, now_ms: int) -> BatchHeader | None:
        """The header of a client's batch in which nothing is unusual; None says: `check` it, and `needs_walk`.

        Hot path, 1 µs besides the checksum: nearly every batch passes here, by one unpack and comparisons of locals. What
        it lets through, `check` would; what it doesn't is refused there with its reason, or taken after all.
        """
        size = len(records)
        if not HEADER_BYTES <= size <= self._plain_bytes_max:
            return None
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
        if (
            batch_length + LOG_OVERHEAD_BYTES != size
            or magic != MAGIC
            or not 0 <= attributes <= _LAST_CODEC
            or base_offset
            or last_offset_delta < 0
            or last_offset_delta + 1 != record_count
            or (producer_id >= 0 and base_sequence < 0)
            or max_timestamp - now_ms > self._future_max_ms
            or base_timestamp - now_ms > self._future_max_ms
            or crc32c(records[CHECKED_POSITION:]) != crc
        ):
            return None
        return _make_header(BatchHeader, fields)

    def check(self, records: memoryview, now_ms: int, origin: AppendOrigin) -> BatchHeader:
        """The header of the one batch in `records`, if the topic takes it. Hot path. Raises `KafkaError`."""
        oldest = newest = None
        if not self.log_append_time:
            if self._before_max_ms is not None:
                oldest = now_ms - self._before_max_ms
            if self._after_max_ms is not None:
                newest = now_ms + self._after_max_ms
        try:
            header = validate_produced_batch(
                records,
                max_message_bytes=self.max_message_bytes,
                from_client=origin is _CLIENT,
                oldest_timestamp_ms=oldest,
                newest_timestamp_ms=newest,
            )
        except RecordsError as error:
            raise kafka_error(error) from error
        if header.batch_length + 12 > self.segment_bytes:
            raise KafkaError(
                ErrorCode.RECORD_LIST_TOO_LARGE,
                f"a batch of {header.size_in_bytes} bytes is larger than a segment, segment.bytes={self.segment_bytes}",
            )
        return header


def _bound(setting_ms: int) -> int | None:
    return None if setting_ms == LONG_MAX else setting_ms
