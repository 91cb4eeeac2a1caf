"""One round of compaction on one log: reads its segments, writes cleaned ones beside them, and touches nothing else.

Runs in a helper process (`ottla.storage.cleaner_process`), or on a thread where the disk is memory. For each group of segments it
leaves, fsynced::

    <base offset>.log.cleaned   .index.cleaned   .timeindex.cleaned   .txnindex.cleaned (only with aborts)

and yields a `CleanedGroup`; the broker puts them in place (`ottla.storage.segment_swap`). A round that ends early leaves
`.cleaned` files, which are removed when they are next seen.

Source: Apache's Cleaner, MemoryRecords.filterTo.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.records.batch import BatchHeader
from ottla.records.control import ControlType, control_type
from ottla.records.errors import RecordsError
from ottla.records.record import Record, iterate_records, rebuild_batch
from ottla.storage.cleaner import (
    BatchFate,
    BatchRetention,
    BatchVerdict,
    CleanableSegment,
    CleanedTransactions,
    MarkerKind,
    ProducerTail,
    group_segments,
    keeps_tombstones,
)
from ottla.storage.disk import OpenMode
from ottla.storage.index_builder import IndexBuilder
from ottla.storage.offset_map import OffsetMap
from ottla.storage.segment_scan import SegmentScan
from ottla.storage.txn_index import ENTRY as TXN_ENTRY
from ottla.storage.txn_index import VERSION as TXN_VERSION
from ottla.storage.txn_index import AbortedEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ottla.storage.disk import Disk, DiskFile

CLEANED_SUFFIX: Final = ".cleaned"

_WRITE_BYTES: Final = 1024 * 1024
"""Kept batches are gathered to about this much before they are written."""


class CleaningError(Exception):
    """A log cannot be compacted as it lies: a damaged batch, a message of an old format. Names log, file and offset."""


class CleaningJob(NamedTuple):
    """All that a round needs to know; plain values, so that it can cross to another process as JSON."""

    directory: str
    segments: tuple[CleanableSegment, ...]
    """Every segment before the first uncleanable offset, oldest first."""
    first_dirty_offset: int
    first_uncleanable_offset: int
    aborted: tuple[AbortedEntry, ...]
    """The aborted transactions that overlap these segments, also those that end after them."""
    producers: tuple[tuple[int, int, int | None], ...]
    """Live producers: id, epoch, last data offset (None where only a marker is left)."""
    now_ms: int
    segment_bytes: int
    segment_index_bytes: int
    index_interval_bytes: int
    delete_retention_ms: int
    dedupe_buffer_bytes: int
    io_max_bytes_per_second: float
    max_decompressed_bytes: int

    def to_json(self) -> dict[str, object]:
        return self._asdict()

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> CleaningJob:
        """The job that `to_json` wrote; trusts its sender, which is this program."""
        values = dict(fields)
        values["segments"] = tuple(CleanableSegment(*row) for row in _rows(values["segments"]))
        values["aborted"] = tuple(AbortedEntry(*row) for row in _rows(values["aborted"]))
        values["producers"] = tuple(tuple(row) for row in _rows(values["producers"]))
        return cls(**values)  # type: ignore[arg-type]


def _rows(value: object) -> list[list[int]]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"rows expected, found {value!r}")
    return list(value)


class CleanedGroup(NamedTuple):
    """One cleaned segment, and the segments that it replaces."""

    base_offset: int
    replaced: tuple[int, ...]
    """Their base offsets, rising; the first is `base_offset`."""
    size_bytes: int
    bytes_read: int
    records_read: int
    records_kept: int


class Throttle:
    """Sleeps so that bytes pass at no more than a given rate; the helper's own time, so that the broker never waits."""

    __slots__ = ("_began", "_bytes", "_bytes_per_second", "_clock", "_sleep")

    def __init__(
        self,
        bytes_per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._bytes = 0

    def passed(self, count: int) -> None:
        """Take note of bytes read or written."""
        self._bytes += count
        ahead_s = self._bytes / self._bytes_per_second - (self._clock() - self._began)
        if ahead_s > 0:
            self._sleep(ahead_s)


class CleaningRound:
    """Build the offset map with `map_keys`, then iterate `clean` to write the groups."""

    __slots__ = ("_disk", "_job", "_throttle", "end_offset", "offset_map")

    def __init__(self, disk: Disk, job: CleaningJob, throttle: Throttle | None = None) -> None:
        self._disk = disk
        self._job = job
        self._throttle = throttle or Throttle(job.io_max_bytes_per_second)
        self.offset_map = OffsetMap(job.dedupe_buffer_bytes)
        self.end_offset = job.first_dirty_offset
        """The first offset that the round leaves dirty; known after `map_keys`."""

    # -- first pass

    def map_keys(self) -> None:
        """Take note of the last offset of each key in the dirty part, as far as the map holds them."""
        job = self._job
        transactions = CleanedTransactions(
            entry for entry in job.aborted if entry.last_offset >= job.first_dirty_offset
        )
        bases = [segment.base_offset for segment in job.segments]
        next_bases = [*bases[1:], job.first_uncleanable_offset]
        for segment, next_base in zip(job.segments, next_bases, strict=True):
            if next_base <= job.first_dirty_offset:
                continue
            if not self._map_segment(segment, transactions):
                break
            # Offsets may be missing at a segment's end: all below the next one are known.
            self.offset_map.latest_offset = max(self.offset_map.latest_offset, next_base - 1)
        self.end_offset = max(self.offset_map.latest_offset + 1, job.first_dirty_offset)

    def _map_segment(self, segment: CleanableSegment, transactions: CleanedTransactions) -> bool:
        """False when the map is full."""
        offset_map = self.offset_map
        first_dirty_offset = self._job.first_dirty_offset
        for header, batch in self._batches(segment):
            if header.is_control:
                transactions.on_control_batch(header, self._marker(header, batch))
            elif not transactions.on_data_batch(header) and header.last_offset >= first_dirty_offset:
                for record in self._records(header, batch):
                    key = record.key
                    if key is None or record.offset < first_dirty_offset:
                        continue
                    if not offset_map.put(key, record.offset):
                        return False
            if header.last_offset >= first_dirty_offset:
                offset_map.latest_offset = header.last_offset
        return True

    # -- second pass

    def clean(self) -> Iterator[CleanedGroup]:
        """Write the cleaned segments, one group after the other."""
        job = self._job
        transactions = CleanedTransactions(job.aborted)
        retention = BatchRetention(
            transactions,
            {producer_id: ProducerTail(epoch, offset) for producer_id, epoch, offset in job.producers},
            end_offset=job.first_uncleanable_offset,
            now_ms=job.now_ms,
        )
        groups = group_segments(
            [segment for segment in job.segments if segment.base_offset < self.end_offset],
            segment_bytes=job.segment_bytes,
            index_bytes=job.segment_index_bytes,
            first_uncleanable_offset=job.first_uncleanable_offset,
        )
        for group in groups:
            writer = _CleanedSegmentWriter(self._disk, job, group[0].base_offset)
            try:
                for segment in group:
                    for header, batch in self._batches(segment):
                        before_bytes = writer.size_bytes
                        self._clean_batch(header, batch, retention, writer)
                        self._throttle.passed(writer.size_bytes - before_bytes)
                aborts, transactions.kept_aborts = transactions.kept_aborts, []
                writer.finish(aborts, group[-1].modified_ms)
            finally:
                writer.close()
            yield CleanedGroup(
                base_offset=group[0].base_offset,
                replaced=tuple(segment.base_offset for segment in group),
                size_bytes=writer.size_bytes,
                bytes_read=sum(segment.size_bytes for segment in group),
                records_read=writer.records_read,
                records_kept=writer.records_kept,
            )

    def _clean_batch(
        self,
        header: BatchHeader,
        batch: memoryview,
        retention: BatchRetention,
        writer: _CleanedSegmentWriter,
    ) -> None:
        marker = self._marker(header, batch) if header.is_control else None
        verdict = retention.judge(header, marker)
        writer.records_read += header.record_count
        if verdict.fate is BatchFate.DELETE:
            return
        kept = self._kept_records(header, batch, verdict)
        if kept:
            self._write_kept(header, batch, kept, verdict, writer)
        elif verdict.fate is BatchFate.RETAIN_IF_EMPTY:
            emptied = batch if header.record_count == 0 else rebuild_batch(header, [])
            writer.append(header, emptied, header.max_timestamp, 0)

    def _kept_records(self, header: BatchHeader, batch: memoryview, verdict: BatchVerdict) -> list[Record]:
        if verdict.discard_records:
            return []
        records = self._records(header, batch)
        if header.is_control:
            return records
        latest_offset = self.offset_map.latest_offset
        last_offset_of = self.offset_map.get
        tombstones_stay = keeps_tombstones(header, self._job.now_ms)
        return [
            record
            for record in records
            if record.offset > latest_offset
            or (
                record.key is not None
                and record.offset >= last_offset_of(record.key)
                and (record.value is not None or tombstones_stay)
            )
        ]

    def _write_kept(
        self,
        header: BatchHeader,
        batch: memoryview,
        kept: list[Record],
        verdict: BatchVerdict,
        writer: _CleanedSegmentWriter,
    ) -> None:
        horizon_ms = None
        if header.delete_horizon_ms is None and (
            verdict.marks_empty_transaction or any(record.value is None for record in kept)
        ):
            horizon_ms = self._job.now_ms + self._job.delete_retention_ms
        if horizon_ms is None and len(kept) == header.record_count:
            writer.append(header, batch, header.max_timestamp, len(kept))
            return
        rebuilt = rebuild_batch(header, kept, delete_horizon_ms=horizon_ms)
        max_timestamp = max(record.timestamp_ms for record in kept)
        writer.append(header, rebuilt, max_timestamp, len(kept))

    # -- reading

    def _batches(self, segment: CleanableSegment) -> Iterator[tuple[BatchHeader, memoryview]]:
        path = f"{self._job.directory}/{segment.base_offset:020d}.log"
        file = self._disk.open(path, OpenMode.READ)
        try:
            scan = SegmentScan(file, segment.size_bytes)
            for _position, fields, batch in scan:
                if fields[3] < 2:
                    raise CleaningError(
                        f"{path} holds messages of format {fields[3]}: the log is not compacted; "
                        "produce its records anew into another topic"
                    )
                self._throttle.passed(len(batch))
                yield BatchHeader._make(fields), batch
        finally:
            file.close()
        if scan.problem is not None:
            raise CleaningError(f"{path}: {scan.problem}; the log is not compacted any further")

    def _records(self, header: BatchHeader, batch: memoryview) -> list[Record]:
        try:
            return list(iterate_records(batch, max_decompressed_bytes=self._job.max_decompressed_bytes))
        except RecordsError as error:
            raise CleaningError(
                f"{self._job.directory}, batch at offset {header.base_offset}: {error}"
            ) from error

    def _marker(self, header: BatchHeader, batch: memoryview) -> MarkerKind:
        if header.record_count == 0:
            return MarkerKind.EMPTY
        try:
            kind = control_type(self._records(header, batch)[0])
        except RecordsError as error:
            raise CleaningError(
                f"{self._job.directory}, marker at offset {header.base_offset}: {error}"
            ) from error
        match kind:
            case ControlType.ABORT:
                return MarkerKind.ABORT
            case ControlType.COMMIT:
                return MarkerKind.COMMIT
            case _:
                return MarkerKind.OTHER


class _CleanedSegmentWriter:
    """A cleaned segment while it is written."""

    __slots__ = (
        "_disk",
        "_file",
        "_index",
        "_path",
        "_pending",
        "_pending_position",
        "records_kept",
        "records_read",
        "size_bytes",
    )

    def __init__(self, disk: Disk, job: CleaningJob, base_offset: int) -> None:
        self._disk = disk
        self._path = f"{job.directory}/{base_offset:020d}"
        self._index = IndexBuilder(base_offset, job.index_interval_bytes)
        self._pending = bytearray()
        self._pending_position = 0
        self.size_bytes = 0
        self.records_read = 0
        self.records_kept = 0
        for suffix in (".index", ".timeindex", ".txnindex"):
            disk.unlink_if_exists(self._path + suffix + CLEANED_SUFFIX)
        self._file: DiskFile | None = disk.open(self._path + ".log" + CLEANED_SUFFIX, OpenMode.CREATE)

    def append(
        self, header: BatchHeader, batch: memoryview | bytearray, max_timestamp: int, records: int
    ) -> None:
        self._index.add(header.last_offset, max_timestamp, self.size_bytes)
        self._pending += batch
        self.size_bytes += len(batch)
        self.records_kept += records
        if len(self._pending) >= _WRITE_BYTES:
            self._write_pending()

    def finish(self, aborts: list[AbortedEntry], modified_ms: int) -> None:
        """Make all of it durable, the time of the last segment on it: retention goes by that where records have none."""
        self._write_pending()
        self._index.finish()
        if self._file is not None:
            self._file.fsync()
        self._write_beside(".index", self._index.offset_index)
        self._write_beside(".timeindex", self._index.time_index)
        if aborts:
            packed = bytearray()
            for entry in aborts:
                packed += TXN_ENTRY.pack(TXN_VERSION, *entry)
            self._write_beside(".txnindex", packed)
        self._disk.set_modified_ms(self._path + ".log" + CLEANED_SUFFIX, modified_ms)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_pending(self) -> None:
        if self._pending and self._file is not None:
            self._file.write_all(self._pending, self._pending_position)
            self._pending_position += len(self._pending)
            self._pending = bytearray()

    def _write_beside(self, suffix: str, content: bytearray) -> None:
        file = self._disk.open(self._path + suffix + CLEANED_SUFFIX, OpenMode.CREATE)
        try:
            file.write_all(content, 0)
            file.fsync()
        finally:
            file.close()
