"""Making a log sound again after a crash: its directory goes in as it was left and comes out as a clean stop would leave it.

What lies past the recovery point was never fsynced. Those segments are read from end to end; at the first batch that is not
whole and sound the file is cut, and segments after it are removed. Offset, time and transaction index, leader epochs and the
producers' state are made anew from the batches. Segments before the recovery point are not read, so that the time grows
with the unflushed tail and not with the log; only a missing or impossible index of theirs is rebuilt.

Damage to files beside the segments costs nothing but time: an index is rebuilt, a producer snapshot is replaced by an older
one and the batches after it, the leader epochs are read again from the batches.

Nothing serves the log meanwhile, so all is done in place. Runs in helper processes (`ottla.storage.recovery_process`), or on a
thread where the disk is memory. Source: Apache's LogLoader, LogSegment.recover, UnifiedLog.rebuildProducerState.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.records.batch import CONTROL_BIT, TRANSACTIONAL_BIT, BatchHeader
from ottla.records.control import end_txn_marker_in
from ottla.records.errors import RecordsError
from ottla.storage import producer_snapshot
from ottla.storage.checkpoints import LEADER_EPOCH_FILE, CheckpointError
from ottla.storage.disk import OpenMode
from ottla.storage.index_builder import OFFSET_ENTRY, TIME_ENTRY, IndexBuilder
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.producer_snapshot import CorruptSnapshotError, snapshot_name, snapshot_offsets
from ottla.storage.producer_state import BATCHES_RETAINED, ROW, ProducerState
from ottla.storage.segment import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    RELATIVE_OFFSET_MAX,
    SUFFIXES,
    TIME_INDEX_SUFFIX,
    TXN_INDEX_SUFFIX,
    base_offset_of,
    segment_name,
)
from ottla.storage.segment_scan import SegmentScan
from ottla.storage.segment_swap import complete_swaps
from ottla.storage.txn_index import ENTRY as TXN_ENTRY
from ottla.storage.txn_index import VERSION as TXN_VERSION
from ottla.storage.txn_index import AbortedEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.storage.disk import Disk
    from ottla.storage.segment_scan import HeaderFields

_logger = logging.getLogger(__name__)

_TRANSACTION_BITS: Final = TRANSACTIONAL_BIT | CONTROL_BIT

_NEWEST_LIMIT: Final = 64
"""Batches of a producer put by before all but the last few are dropped."""

_PROGRESS_BYTES: Final = 64 * 1024 * 1024


class RecoveryJob(NamedTuple):
    """One log to recover; plain values, so that it can cross to another process as JSON."""

    directory: str
    recovery_point: int
    log_start_offset: int
    """From the checkpoint; 0 where it has none."""
    index_interval_bytes: int
    producer_id_expiration_ms: int
    now_ms: int

    def to_json(self) -> dict[str, object]:
        return self._asdict()

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> RecoveryJob:
        """The job that `to_json` wrote; trusts its sender, which is this program."""
        return cls(**fields)  # type: ignore[arg-type]


class RecoveryResult(NamedTuple):
    """What recovery found and did."""

    log_start_offset: int
    log_end_offset: int
    bytes_read: int
    truncated_bytes: int
    segments_removed: int
    recent_batches: tuple[tuple[int, str], ...] = ()
    """Producer ids and, in hexadecimal, what `ProducerState` keeps of them, where that is more than a snapshot holds: the
    batches before the last one. Producers send those again that were in flight when the broker was killed."""

    def to_json(self) -> dict[str, object]:
        return self._asdict()

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> RecoveryResult:
        values = dict(fields)
        recent = values.get("recent_batches")
        if isinstance(recent, list):
            values["recent_batches"] = tuple((producer_id, entry) for producer_id, entry in recent)
        return cls(**values)  # type: ignore[arg-type]


def bytes_to_recover(disk: Disk, directory: str, recovery_point: int) -> int:
    """How much `recover_log` will read, for progress."""
    bases = _segment_bases(disk, directory)
    unflushed = bases[_first_unflushed(bases, recovery_point) :]
    return sum(disk.size(f"{directory}/{segment_name(base)}{LOG_SUFFIX}") for base in unflushed)


def recover_log(
    disk: Disk, job: RecoveryJob, on_progress: Callable[[int], None] | None = None
) -> RecoveryResult:
    """Recover one log. `on_progress` hears how many bytes were read since it was last called. Raises `OSError`."""
    return _Recovery(disk, job, on_progress).run()


class _Recovery:
    """The recovery of one log, step by step."""

    __slots__ = (
        "_bytes_read",
        "_directory",
        "_disk",
        "_epochs",
        "_job",
        "_last_offset",
        "_newest",
        "_on_progress",
        "_producers",
        "_removed",
        "_reported",
        "_truncated_bytes",
    )

    def __init__(self, disk: Disk, job: RecoveryJob, on_progress: Callable[[int], None] | None) -> None:
        self._disk = disk
        self._job = job
        self._directory = job.directory
        self._on_progress = on_progress
        self._newest: dict[int, list[HeaderFields]] = {}
        self._epochs = LeaderEpochCache()
        self._producers = ProducerState()
        self._bytes_read = self._reported = 0
        self._truncated_bytes = 0
        self._removed = 0
        self._last_offset = -1

    def run(self) -> RecoveryResult:
        complete_swaps(self._disk, self._directory)
        bases = _segment_bases(self._disk, self._directory)
        self._remove_orphans(bases)
        unflushed_from = _first_unflushed(bases, self._job.recovery_point)
        flushed = bases[:unflushed_from]
        for base in flushed:
            self._rebuild_impossible_indexes(base)
        self._load_epochs(flushed)
        kept = [*flushed, *self._read_unflushed(flushed, bases[unflushed_from:])]
        log_end_offset = self._log_end_offset(kept)
        log_start_offset = max(self._job.log_start_offset, kept[0] if kept else 0)
        if kept and log_end_offset < log_start_offset:
            _logger.warning(
                "%s: its records end at offset %d, before the log start offset %d: it begins anew there",
                self._directory,
                log_end_offset,
                log_start_offset,
            )
            self._remove_segments(kept)
            self._epochs.clear()
            self._producers.clear(log_start_offset)
            log_end_offset = log_start_offset
        self._epochs.truncate_from_end(log_end_offset)
        self._epochs.truncate_from_start(log_start_offset)
        # The recovery point has not moved: what a second crash takes of this file is found out once more.
        self._epochs.write_if_dirty(self._disk, f"{self._directory}/{LEADER_EPOCH_FILE}", durable=False)
        self._finish_snapshots(log_end_offset)
        return RecoveryResult(
            log_start_offset=log_start_offset,
            log_end_offset=log_end_offset,
            bytes_read=self._bytes_read,
            truncated_bytes=self._truncated_bytes,
            segments_removed=self._removed,
            recent_batches=tuple(
                (producer_id, entry.hex())
                for producer_id, entry in self._producers.rows()
                if len(entry) > ROW.size
            ),
        )

    # -- what lies before the recovery point

    def _remove_orphans(self, bases: list[int]) -> None:
        """Indexes of segments that are no more."""
        known = {segment_name(base) for base in bases}
        for name in self._disk.listdir(self._directory):
            stem, _, suffix = name.partition(".")
            if f".{suffix}" in SUFFIXES and stem not in known:
                _logger.warning("%s/%s has no segment: removed", self._directory, name)
                self._disk.unlink(f"{self._directory}/{name}")

    def _rebuild_impossible_indexes(self, base: int) -> None:
        path = f"{self._directory}/{segment_name(base)}"
        problem = index_problem(self._disk, path)
        if problem is None:
            return
        _logger.warning("%s: %s; its indexes are rebuilt", path, problem)
        index = IndexBuilder(base, self._job.index_interval_bytes)
        file = self._disk.open(path + LOG_SUFFIX, OpenMode.READ)
        try:
            for position, header, _batch in SegmentScan(file, file.size()):
                index.add(header[0] + header[6], header[8], position)
        finally:
            file.close()
        self._write_indexes(path, index)

    def _load_epochs(self, flushed: list[int]) -> None:
        path = f"{self._directory}/{LEADER_EPOCH_FILE}"
        try:
            self._epochs = LeaderEpochCache.load(self._disk, path)
        except CheckpointError as error:
            _logger.warning("%s; the leader epochs are read from the batches", error)
            self._disk.unlink_if_exists(path)
            for base in flushed:
                self._scan_flushed(base, self._take_epoch)

    def _take_epoch(self, header: HeaderFields, _batch: memoryview) -> None:
        if header[2] >= 0 and header[2] > (self._epochs.latest_epoch or -1):
            self._epochs.assign(header[2], header[0])

    def _scan_flushed(self, base: int, visit: Callable[[HeaderFields, memoryview], None]) -> None:
        path = f"{self._directory}/{segment_name(base)}{LOG_SUFFIX}"
        file = self._disk.open(path, OpenMode.READ)
        try:
            scan = SegmentScan(file, file.size())
            for _position, header, batch in scan:
                visit(header, batch)
        finally:
            file.close()
        if scan.problem is not None:
            _logger.error(
                "%s: %s, below the recovery point: the disk has lost what it had fsynced", path, scan.problem
            )

    # -- what lies past it

    def _read_unflushed(self, flushed: list[int], unflushed: list[int]) -> list[int]:
        """Recover these segments; those that are kept."""
        if not unflushed:
            return []
        self._load_producers(flushed, unflushed[0])
        for place, base in enumerate(unflushed):
            if base <= self._last_offset:
                problem: str | None = f"its records reach offset {self._last_offset}, into the next segment"
                kept = unflushed[:place]
            else:
                if place:
                    self._write_snapshot(base)
                problem = self._recover_segment(base)
                kept = unflushed[: place + 1]
            if problem is not None:
                following = unflushed[len(kept) :]
                _logger.warning(
                    "%s/%s%s: %s; cut there, and %d segments after it removed",
                    self._directory,
                    segment_name(kept[-1]),
                    LOG_SUFFIX,
                    problem,
                    len(following),
                )
                self._remove_segments(following)
                return kept
        return unflushed

    def _recover_segment(self, base: int) -> str | None:
        """Read one segment, rebuild what goes with it and cut it where it is not sound; why it was cut."""
        path = f"{self._directory}/{segment_name(base)}"
        index = IndexBuilder(base, self._job.index_interval_bytes)
        aborts: list[AbortedEntry] = []
        file = self._disk.open(path + LOG_SUFFIX, OpenMode.WRITE)
        try:
            size = file.size()
            scan = SegmentScan(file, size)
            valid_bytes, problem = self._take_batches(scan, base, index, aborts)
            if valid_bytes < size:
                file.truncate(valid_bytes)
                self._truncated_bytes += size - valid_bytes
        finally:
            file.close()
        self._take_newest()
        self._bytes_read += valid_bytes
        self._report()
        self._write_indexes(path, index)
        self._write_aborts(path, aborts)
        return problem

    def _take_batches(
        self, scan: SegmentScan, base: int, index: IndexBuilder, aborts: list[AbortedEntry]
    ) -> tuple[int, str | None]:
        """Go through a segment; its sound bytes, and why they are not all. Hot path: 1 to 1.3 µs a batch."""
        last_offset = max(self._last_offset, base - 1)
        highest_offset = base + RELATIVE_OFFSET_MAX
        latest_epoch = self._epochs.latest_epoch
        latest_epoch = -1 if latest_epoch is None else latest_epoch
        add = index.add
        newest = self._newest
        next_report = _PROGRESS_BYTES
        for position, header, batch in scan:
            base_offset = header[0]
            batch_last_offset = base_offset + header[6]
            # An old message set begins, by its header, with its last offset: it cannot be told whether it overlaps.
            if base_offset <= last_offset or batch_last_offset > highest_offset or header[6] < 0:
                self._last_offset = last_offset
                return position, (
                    f"the batch at byte {position} has offsets {base_offset} to {batch_last_offset}, "
                    f"{last_offset + 1} is expected"
                )
            last_offset = batch_last_offset
            add(last_offset, header[8], position)
            if header[2] > latest_epoch:
                latest_epoch = header[2]
                self._epochs.assign(latest_epoch, base_offset)
            producer_id = header[9]
            if producer_id >= 0:
                if header[5] & _TRANSACTION_BITS:
                    self._take_newest()
                    self._take_producer(header, batch, aborts)
                elif (batches := newest.get(producer_id)) is None:
                    newest[producer_id] = [header]
                else:
                    batches.append(header)
                    if len(batches) > _NEWEST_LIMIT:
                        del batches[:-BATCHES_RETAINED]
            if position >= next_report:
                self._report(position)
                next_report = position + _PROGRESS_BYTES
        self._last_offset = last_offset
        return scan.valid_bytes, scan.problem

    def _take_newest(self) -> None:
        """Take in the batches that `_take_batches` has put by: of each producer's only the last few count."""
        for batches in self._newest.values():
            for header in batches[-BATCHES_RETAINED:]:
                self._producers.update(BatchHeader._make(header), header[0])
        self._newest.clear()

    def _take_producer(self, header: HeaderFields, batch: memoryview, aborts: list[AbortedEntry]) -> None:
        fields = BatchHeader._make(header)
        if not header[5] & CONTROL_BIT:
            self._producers.update(fields, header[0])
            return
        try:
            found = end_txn_marker_in(batch)
        except RecordsError as error:
            _logger.warning("%s: marker at offset %d: %s", self._directory, header[0], error)
            return
        if found is not None:
            marker, timestamp = found
            entry = self._producers.end_transaction(fields, marker, header[0], timestamp)
            if entry is not None:
                aborts.append(entry)

    # -- producers

    def _load_producers(self, flushed: list[int], offset: int) -> None:
        """The producers' state as of `offset`, the base of the first unflushed segment."""
        snapshot_offset = self._load_snapshot(offset)
        if snapshot_offset == offset:
            return
        # Without a snapshot at the very place, the batches between say what it would hold.
        aborts: list[AbortedEntry] = []

        def visit(header: HeaderFields, batch: memoryview) -> None:
            if header[9] >= 0 and header[0] >= snapshot_offset:
                self._take_producer(header, batch, aborts)

        following = [*flushed[1:], offset]
        for base, next_base in zip(flushed, following, strict=False):
            if next_base > snapshot_offset:
                self._scan_flushed(base, visit)
        self._producers.end_offset = offset

    def _load_snapshot(self, offset: int) -> int:
        """Take the newest sound snapshot not after `offset`; its offset, 0 when there is none."""
        names = self._disk.listdir(self._directory)
        for candidate in reversed([at for at in snapshot_offsets(names) if at <= offset]):
            path = f"{self._directory}/{snapshot_name(candidate)}"
            try:
                rows = producer_snapshot.read_snapshot(self._disk, path)
            except CorruptSnapshotError as error:
                _logger.warning("%s; an older one is taken, and the batches after it", error)
                self._disk.unlink(path)
                continue
            self._producers.restore(
                rows,
                candidate,
                now_ms=self._job.now_ms,
                expiration_ms=self._job.producer_id_expiration_ms,
            )
            return candidate
        return 0

    def _write_snapshot(self, offset: int) -> None:
        content = producer_snapshot.encode(self._producers.rows())
        self._write_file(f"{self._directory}/{snapshot_name(offset)}", content)

    def _finish_snapshots(self, log_end_offset: int) -> None:
        """Leave a snapshot of the log's end, and none after it, so that loading has no batches to read."""
        for offset in snapshot_offsets(self._disk.listdir(self._directory)):
            if offset > log_end_offset:
                self._disk.unlink(f"{self._directory}/{snapshot_name(offset)}")
        self._write_snapshot(log_end_offset)

    # -- files

    def _log_end_offset(self, kept: list[int]) -> int:
        if not kept:
            return self._job.log_start_offset
        if self._last_offset >= kept[-1]:
            return self._last_offset + 1
        return kept[-1]

    def _remove_segments(self, bases: list[int]) -> None:
        for base in bases:
            path = f"{self._directory}/{segment_name(base)}"
            for suffix in reversed(SUFFIXES):
                self._disk.unlink_if_exists(path + suffix)
            self._removed += 1

    def _write_indexes(self, path: str, index: IndexBuilder) -> None:
        index.finish()
        self._write_file(path + INDEX_SUFFIX, index.offset_index)
        self._write_file(path + TIME_INDEX_SUFFIX, index.time_index)

    def _write_aborts(self, path: str, aborts: list[AbortedEntry]) -> None:
        packed = bytearray()
        for entry in aborts:
            packed += TXN_ENTRY.pack(TXN_VERSION, *entry)
        if packed:
            self._write_file(path + TXN_INDEX_SUFFIX, packed)
        else:
            self._disk.unlink_if_exists(path + TXN_INDEX_SUFFIX)

    def _write_file(self, path: str, content: bytes | bytearray) -> None:
        file = self._disk.open(path, OpenMode.CREATE)
        try:
            file.write_all(content, 0)
        finally:
            file.close()

    def _report(self, in_segment: int = 0) -> None:
        read = self._bytes_read + in_segment
        if self._on_progress is not None and read > self._reported:
            self._on_progress(read - self._reported)
            self._reported = read


def index_problem(disk: Disk, path: str) -> str | None:
    """What is wrong with the indexes of a closed segment, as far as their sizes tell; `path` without suffix."""
    try:
        index_bytes = disk.size(path + INDEX_SUFFIX)
        time_index_bytes = disk.size(path + TIME_INDEX_SUFFIX)
    except FileNotFoundError as error:
        if disk.size(path + LOG_SUFFIX) == 0:
            return None
        return f"{error.filename} is missing"
    if index_bytes % OFFSET_ENTRY.size:
        return f"an offset index of {index_bytes} bytes"
    if time_index_bytes % TIME_ENTRY.size:
        return f"a time index of {time_index_bytes} bytes"
    return None


def _segment_bases(disk: Disk, directory: str) -> list[int]:
    bases = (base_offset_of(name) for name in disk.listdir(directory))
    return sorted(base for base in bases if base is not None)


def _first_unflushed(bases: list[int], recovery_point: int) -> int:
    """The place of the segment that holds the recovery point."""
    return max(sum(base <= recovery_point for base in bases) - 1, 0)
