"""A segment (`<base offset>.log`): its batches one after the other, and their records if asked for.

Batches are read one at a time, so that a segment of a gigabyte takes the memory of its largest batch. A batch whose
checksum does not match is told and passed over; where a header itself is broken, nothing after it can be found.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ottla.cli.logs.entries import BatchEntry, Entry, Fault, RecordEntry
from ottla.cli.logs.meanings import control_meaning
from ottla.records.batch import (
    HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    MAGIC_POSITION,
    BatchHeader,
    Codec,
    TimestampType,
    batch_size_at,
    parse_header,
)
from ottla.records.errors import RecordsError
from ottla.records.legacy import check_stored_crc, stored_entry
from ottla.records.record import Record, iterate_records

Meaning: TypeAlias = Callable[[bytes, bytes | None], str | None]
"""From key and value of an internal topic's record to what it says."""


def read_segment(
    path: Path, *, records: bool, first_offset: int, last_offset: int | None, meaning: Meaning | None
) -> Iterator[Entry]:
    """The batches that hold offsets from `first_offset` to `last_offset`, each followed by its records if `records`."""
    expected_offset = int(path.name.partition(".")[0])
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        position = 0
        while position < size_bytes:
            batch = _read_batch(file, position, size_bytes)
            if isinstance(batch, Fault):
                yield batch
                return
            entry, faults = _batch_entry(batch, position, expected_offset)
            if entry is not None and _overlaps(entry, first_offset, last_offset):
                yield entry
                if records and entry.magic == MAGIC:
                    yield from _records(batch, entry, meaning)
            yield from faults
            position += len(batch)
            if entry is not None:
                expected_offset = entry.last_offset + 1


def _overlaps(entry: BatchEntry, first_offset: int, last_offset: int | None) -> bool:
    return entry.last_offset >= first_offset and (last_offset is None or entry.base_offset <= last_offset)


def _read_batch(file: BinaryIO, position: int, size_bytes: int) -> bytes | Fault:
    file.seek(position)
    head = file.read(HEADER_BYTES)
    left = size_bytes - position
    if left >= HEADER_BYTES and not any(head):
        return Fault(position, f"{left} bytes of zeros: space set aside, or lost in a crash")
    try:
        size = batch_size_at(head)
    except RecordsError as error:
        return Fault(position, f"no batch begins here: {error}")
    if size is None or size > left:
        return Fault(position, f"a torn batch: {left} of {'?' if size is None else size} bytes are there")
    file.seek(position)
    return file.read(size)


def _batch_entry(batch: bytes, position: int, expected_offset: int) -> tuple[BatchEntry | None, list[Fault]]:
    faults: list[Fault] = []
    try:
        check_stored_crc(batch)
    except RecordsError as error:
        faults.append(Fault(position, str(error)))
    try:
        entry = (
            _legacy(batch, position)
            if batch[MAGIC_POSITION] < MAGIC
            else _of_header(parse_header(batch), position)
        )
    except (RecordsError, IndexError, ValueError) as error:
        return None, [*faults, Fault(position, str(error))]
    if entry.base_offset < expected_offset:
        faults.append(
            Fault(position, f"offset {entry.base_offset} where {expected_offset} or more should come")
        )
    return entry, faults


def _of_header(header: BatchHeader, position: int) -> BatchEntry:
    try:
        codec = Codec(header.codec).name.lower()
    except ValueError:
        codec = f"unknown ({header.codec})"
    return BatchEntry(
        position=position,
        size_bytes=header.size_in_bytes,
        base_offset=header.base_offset,
        last_offset=header.last_offset,
        count=header.record_count,
        magic=header.magic,
        codec=codec,
        max_timestamp_ms=header.max_timestamp,
        is_log_append_time=header.timestamp_type is TimestampType.LOG_APPEND_TIME,
        leader_epoch=header.partition_leader_epoch,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        is_transactional=header.is_transactional,
        is_control=header.is_control,
        delete_horizon_ms=header.delete_horizon_ms,
        crc=header.crc,
    )


def _legacy(batch: bytes, position: int) -> BatchEntry:
    stored = stored_entry(batch)
    if stored is None:
        raise ValueError(f"a message of format {batch[MAGIC_POSITION]} that is shorter than its header")
    return BatchEntry(
        position=position,
        size_bytes=stored.size_in_bytes,
        base_offset=stored.last_offset,
        last_offset=stored.last_offset,
        count=None,
        magic=stored.magic,
        codec=Codec(batch[MAGIC_POSITION + 1] & 7).name.lower(),
        max_timestamp_ms=stored.max_timestamp,
        is_log_append_time=bool(batch[MAGIC_POSITION + 1] & 8),
        leader_epoch=-1,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        is_transactional=False,
        is_control=False,
        delete_horizon_ms=None,
        crc=int.from_bytes(batch[LOG_OVERHEAD_BYTES:MAGIC_POSITION], "big"),
    )


def _records(batch: bytes, entry: BatchEntry, meaning: Meaning | None) -> Iterator[Entry]:
    try:
        for record in iterate_records(batch):
            yield RecordEntry(
                record.offset,
                record.timestamp_ms,
                record.key,
                record.value,
                record.headers,
                _meaning(record, entry, meaning),
            )
    except RecordsError as error:
        yield Fault(entry.position, f"the records cannot be read: {error}")


def _meaning(record: Record, entry: BatchEntry, meaning: Meaning | None) -> str | None:
    if entry.is_control:
        return control_meaning(record)
    return meaning(record.key, record.value) if meaning is not None and record.key is not None else None
