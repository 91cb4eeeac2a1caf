"""Taking over the files of a log that was closed, or has been recovered: segments, indexes, producers.

Whoever loads after a crash has the recovery run first: here every segment's file is whole, and an index is only looked at
for contradictions. An index that is missing or contradicts itself is made anew from its segment.

Source: Apache's `LogLoader`, `ProducerStateManager.truncateAndReload`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ottla.records.batch import CONTROL_BIT, MAGIC, parse_header
from ottla.records.control import end_txn_marker_in
from ottla.storage.disk import Disk
from ottla.storage.index_file import CorruptIndexError
from ottla.storage.producer_snapshot import (
    CorruptSnapshotError,
    read_snapshot,
    snapshot_name,
    snapshot_offsets,
)
from ottla.storage.segment import RELATIVE_OFFSET_MAX, Scanned, Segment, base_offset_of

if TYPE_CHECKING:
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)


def load_segments(log: PartitionLog, now_ms: int) -> None:
    """Fill a new log with the segments that lie in its directory, which may be empty. Waits for the disk.

    Sets `log_end_offset` from them and `log_start_offset` to at least the first; the producers are restored from the newest
    snapshot and the batches after it. Raises `OSError`; `RecordsError` for a file that has not been recovered.
    """
    names = set(log.cache.disk.listdir(log.path))
    bases = sorted(base for name in names if (base := base_offset_of(name)) is not None)
    if not bases:
        return
    segments = []
    for base_offset in bases:
        segment = log.new_segment(base_offset, now_ms)
        load_segment(segment, log.cache.disk, names)
        segments.append(segment)
    active = segments[-1]
    end_offset = active.base_offset
    # Only the part of the active segment behind its last index entry has to be read to know where the log ends.
    for scanned in active.scan(active.start_before(active.base_offset + RELATIVE_OFFSET_MAX)):
        entry = scanned.entry
        end_offset = entry.last_offset + 1
        if entry.max_timestamp > active.max_timestamp:
            active.max_timestamp, active.max_timestamp_offset = entry.max_timestamp, entry.last_offset
    log.adopt_segments(segments, end_offset)
    rebuild_producers(log, end_offset, now_ms=now_ms)
    _remove_stray_snapshots(log, names)


def _remove_stray_snapshots(log: PartitionLog, names: set[str]) -> None:
    """Snapshots are kept for the newest offset and at the base of each segment, as Apache keeps them."""
    bases = {segment.base_offset for segment in log.segments}
    for offset in snapshot_offsets(names)[:-1]:
        if offset not in bases:
            log.cache.disk.unlink_if_exists(f"{log.path}/{snapshot_name(offset)}")


def load_segment(segment: Segment, disk: Disk, names: set[str] | None) -> None:
    """Take over a segment's files; `names` of its directory, `None` to ask the disk.

    Raises `OSError`, `RecordsError`.
    """
    path = segment.log_file.path
    segment.size_in_bytes = segment.readable_bytes = disk.size(path)
    segment.created_ms = disk.modified_ms(path)
    segment.log_file.exists = True
    segment.is_new = False
    directory = segment.log_file.directory.path
    missing = False
    for index in (segment.offset_index, segment.time_index, segment.txn_index):
        log_file = index.log_file
        if log_file.name in names if names is not None else disk.exists(log_file.path):
            try:
                index.load(disk.size(log_file.path))
            except CorruptIndexError as error:
                _logger.warning("%s", error)
                missing = True
        elif index is not segment.txn_index:
            missing = True
    try:
        segment.offset_index.check()
        segment.time_index.check()
        segment.max_timestamp, segment.max_timestamp_offset = segment.time_index.largest()
        segment.check_largest_timestamp()
    except CorruptIndexError as error:
        _logger.warning("%s", error)
        missing = True
    if missing and segment.size_in_bytes:
        _logger.info("%s: building the indexes of segment %d anew", directory, segment.base_offset)
        segment.rebuild_indexes()  # leaves it unflushed, so that the next flush writes them


def rebuild_producers(log: PartitionLog, end_offset: int, *, now_ms: int | None = None) -> None:
    """Make the producers' state what it was at `end_offset`: newest snapshot not above it, then the batches after.

    Snapshots above are removed: what they tell of has been cut off. Waits for the disk. Raises `OSError`.
    """
    producers = log.producers
    disk = log.cache.disk
    producers.clear(log.log_start_offset)
    offsets = snapshot_offsets(disk.listdir(log.path)) if disk.is_directory(log.path) else []
    while offsets:
        offset = offsets.pop()
        path = f"{log.path}/{snapshot_name(offset)}"
        if offset > end_offset:
            disk.unlink_if_exists(path)
            continue
        try:
            rows = read_snapshot(disk, path)
        except CorruptSnapshotError as error:
            _logger.warning("%s: taking an older one and the log", error)
            disk.unlink_if_exists(path)
            continue
        expiration_ms = log.producer_id_expiration_ms if now_ms is not None else 2**63
        producers.restore(rows, offset, now_ms=now_ms or 0, expiration_ms=expiration_ms)
        break
    for segment in log.segments:
        if _end_of(log, segment, end_offset) > producers.end_offset:
            _replay(log, segment, producers.end_offset, end_offset)
    producers.end_offset = end_offset


def _end_of(log: PartitionLog, segment: Segment, end_offset: int) -> int:
    following = [other.base_offset for other in log.segments if other.base_offset > segment.base_offset]
    return min([*following, end_offset])


def _replay(log: PartitionLog, segment: Segment, start_offset: int, end_offset: int) -> None:
    """Take the batches of a segment from `start_offset` to `end_offset` into the producers' state."""
    position = segment.start_before(start_offset)
    for scanned in segment.scan(position):
        if scanned.entry.last_offset >= end_offset:
            return
        if scanned.entry.last_offset >= start_offset and scanned.entry.magic == MAGIC:
            _replay_batch(log, segment, scanned)


def _replay_batch(log: PartitionLog, segment: Segment, scanned: Scanned) -> None:
    header = parse_header(segment.read_entry(scanned.position, 61))
    if header.producer_id < 0:
        return
    if not header.attributes & CONTROL_BIT:
        log.producers.update(header, header.base_offset)
        return
    batch = segment.read_entry(scanned.position, scanned.entry.size_in_bytes)
    marker = end_txn_marker_in(batch)
    if marker is not None:
        log.producers.end_transaction(header, marker[0], header.base_offset, marker[1])
