"""Cutting the end off a log: what a follower has that its leader has not, or what a failed write has left behind.

Everything that tells of the records goes with them: index entries, leader epochs, the producers' state, snapshots.

Source: Apache's `UnifiedLog.truncateTo`, `LocalLog.truncateTo`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.storage.log_loading import rebuild_producers

if TYPE_CHECKING:
    from ottla.storage.partition_log import PartitionLog


def cut(log: PartitionLog, offset: int) -> None:
    """Remove every batch that holds `offset` or a later one; `offset` lies at or above the first segment's base.

    Waits for the disk. Raises what the disk and reading segments raise.
    """
    kept = [segment for segment in log.segments if segment.base_offset < offset] or log.segments[:1]
    _keep(log, len(kept))
    kept[-1].truncate_to(offset)
    _end_at(log, offset)


def cut_unreadable(log: PartitionLog) -> None:
    """Remove what stands beyond the readable end: whole batches that wait for an fsync, and torn ones.

    Waits for the disk. Raises what the disk and reading segments raise.
    """
    offset = log.log_end_offset
    for segment in log.segments:
        segment.size_in_bytes = segment.readable_bytes
    kept = [segment for segment in log.segments if segment.base_offset <= offset] or log.segments[:1]
    _keep(log, len(kept))
    active = kept[-1]
    if active.log_file.exists:
        active.truncate_bytes(active.readable_bytes, offset)
        active.truncate_to(offset)
    log.epochs.truncate_from_end(offset)
    _end_at(log, offset)


def _keep(log: PartitionLog, count: int) -> None:
    gone = log.segments[count:]
    log.segments = log.segments[:count]
    log.removal.unlink(gone)


def _end_at(log: PartitionLog, offset: int) -> None:
    log.active_segment.roll_deadline_ms = None
    log.log_end_offset = log.next_offset = log.written_offset = offset
    log.log_start_offset = min(log.log_start_offset, offset)
    log.recovery_point = min(log.recovery_point, offset)
    rebuild_producers(log, offset)
