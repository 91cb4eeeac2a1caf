"""Finding records by their time: the segment, the batch by its header, then the record inside it.

Source: Apache's `UnifiedLog.fetchOffsetByTimestamp`, `LogSegment.findOffsetByTimestamp`; KIP-734 for the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ottla.records.batch import MAGIC, parse_header
from ottla.records.errors import RecordsError
from ottla.records.record import Record, iterate_records, largest_timestamp
from ottla.storage.produced_batch import kafka_error
from ottla.storage.read_result import TimestampOffset
from ottla.storage.segment import Scanned, Segment

MAX_DECOMPRESSED_BYTES: Final = 256 * 1024 * 1024
"""Bound on what the one batch that holds the answer may decompress to."""


def find_timestamp(
    segments: Sequence[Segment], timestamp_ms: int, start_offset: int
) -> TimestampOffset | None:
    """The first record at or after `start_offset` of at least this time. Waits for the disk.

    Raises `KafkaError` where the batch that should hold it cannot be read.
    """
    for segment in segments:
        if segment.max_timestamp < timestamp_ms:
            continue
        offset = max(segment.offset_before_time(timestamp_ms), start_offset)
        for scanned in segment.scan(segment.start_before(offset)):
            entry = scanned.entry
            if entry.max_timestamp >= timestamp_ms and entry.last_offset >= start_offset:
                found = _first_at_or_after(segment, scanned, timestamp_ms, start_offset)
                if found is not None:
                    return found
    return None


def find_max_timestamp(segments: Sequence[Segment], start_offset: int) -> TimestampOffset | None:
    """The first record at or after `start_offset` that has the largest timestamp; `None` where none has any."""
    candidates = [segment for segment in segments if segment.max_timestamp >= 0]
    if not candidates:
        return None
    segment = max(candidates, key=_max_timestamp_of)
    for scanned in segment.scan(segment.start_before(segment.max_timestamp_offset)):
        entry = scanned.entry
        if entry.last_offset >= segment.max_timestamp_offset and entry.last_offset >= start_offset:
            return _largest(segment, scanned)
    return None


def _first_at_or_after(
    segment: Segment, scanned: Scanned, timestamp_ms: int, start_offset: int
) -> TimestampOffset | None:
    records, leader_epoch = _records_of(segment, scanned)
    for record in records:
        if record.timestamp_ms >= timestamp_ms and record.offset >= start_offset:
            return TimestampOffset(record.timestamp_ms, record.offset, leader_epoch)
    return None


def _largest(segment: Segment, scanned: Scanned) -> TimestampOffset:
    records, leader_epoch = _records_of(segment, scanned)
    timestamp, offset = largest_timestamp(records)
    if offset < 0:
        return TimestampOffset(scanned.entry.max_timestamp, scanned.entry.last_offset, leader_epoch)
    return TimestampOffset(timestamp, offset, leader_epoch)


def _records_of(segment: Segment, scanned: Scanned) -> tuple[list[Record], int]:
    entry = scanned.entry
    if entry.magic < MAGIC:
        # Old messages are not unpacked: the entry's own last offset is the answer's granularity.
        return [Record(entry.last_offset, entry.max_timestamp, None, None)], -1
    batch = segment.read_entry(scanned.position, entry.size_in_bytes)
    try:
        records = list(iterate_records(batch, max_decompressed_bytes=MAX_DECOMPRESSED_BYTES))
    except RecordsError as error:
        raise kafka_error(error) from error
    return records, parse_header(batch).partition_leader_epoch


def _max_timestamp_of(segment: Segment) -> int:
    return segment.max_timestamp
