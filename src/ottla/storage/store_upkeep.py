"""What the broker's logs need from time to time: flushes, retention, forgetting producers, removing what is deleted.

Everything here runs on the loop in small portions and never waits for a disk; one log whose disk fails does not keep the
others from their turn. Source: Apache's LogManager (its scheduled tasks).
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.config.values import LONG_MAX
from ottla.protocol.errors import KafkaError
from ottla.storage.log_directory import DirectoryState
from ottla.storage.retention import SegmentFacts, deletable_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ottla.protocol.types import TopicPartition
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)

RETENTION_LOGS_PER_TICK: Final = 200
"""Logs whose retention is looked at in one `tick`, a few milliseconds: the loop is not held by thousands of them."""

RETENTION_DELAY_MS: Final = 30_000
"""The first look at retention after a start comes so early, as Apache's."""


class LogUpkeep:
    """The scheduled work on the logs of one broker."""

    def __init__(
        self,
        logs: Mapping[TopicPartition, PartitionLog],
        is_swapping: Callable[[PartitionLog], bool],
        *,
        retention_check_interval_ms: int,
        producer_id_expiration_ms: int,
        producer_id_expiration_check_interval_ms: int,
    ) -> None:
        """`logs` is the store's own, and changes. `is_swapping` tells of logs that retention must leave alone just now."""
        self._logs = logs
        self._is_swapping = is_swapping
        self._retention_check_interval_ms = retention_check_interval_ms
        self._producer_id_expiration_ms = producer_id_expiration_ms
        self._expiration_check_interval_ms = producer_id_expiration_check_interval_ms
        self.high_watermark_of: Callable[[PartitionLog], int] = _log_end_offset_of
        self._retention_queue: deque[TopicPartition] = deque()
        self._expiration_queue: deque[TopicPartition] = deque()
        self._next_retention_ms = self._next_expiration_ms = 0

    def begin(self, now_ms: int) -> None:
        """Count the intervals from now."""
        self._next_retention_ms = now_ms + min(self._retention_check_interval_ms, RETENTION_DELAY_MS)
        self._next_expiration_ms = now_ms + self._expiration_check_interval_ms

    def tick(self, now_ms: int) -> None:
        self.flush_due(now_ms)
        if now_ms >= self._next_retention_ms:
            self._next_retention_ms = now_ms + self._retention_check_interval_ms
            self._retention_queue = self._retention_queue or deque(self._logs)
        for log in self._portion(self._retention_queue):
            self._retain(log, now_ms)
        if now_ms >= self._next_expiration_ms:
            self._next_expiration_ms = now_ms + self._expiration_check_interval_ms
            self._expiration_queue = self._expiration_queue or deque(self._logs)
        for log in self._portion(self._expiration_queue):
            if len(log.producers):
                log.producers.expire(now_ms, self._producer_id_expiration_ms)
            if log.producers.is_expiring:
                self._expiration_queue.append(log.topic_partition)

    def _portion(self, queue: deque[TopicPartition]) -> Iterator[PartitionLog]:
        for _ in range(min(RETENTION_LOGS_PER_TICK, len(queue))):
            log = self._logs.get(queue.popleft())
            if log is not None and log.directory.state is not DirectoryState.OFFLINE:
                yield log

    def _serving(self) -> Iterator[PartitionLog]:
        return (log for log in list(self._logs.values()) if log.directory.state is not DirectoryState.OFFLINE)

    def flush_due(self, now_ms: int) -> None:
        """Start an fsync of each log whose `flush.ms` has passed."""
        for log in self._serving():
            flush_ms = log.config.flush_ms
            if flush_ms != LONG_MAX and log.unflushed_records and now_ms - log.last_flushed_ms >= flush_ms:
                _guarded(log, partial(log.start_flush, now_ms))

    def retention_due(self, now_ms: int) -> None:
        """Delete the segments that time, size and the log start offset no longer keep, in every log."""
        for log in self._serving():
            self._retain(log, now_ms)

    def _retain(self, log: PartitionLog, now_ms: int) -> None:
        if self._is_swapping(log):
            return
        if log.doomed:
            _guarded(log, partial(log.unlink_doomed, now_ms))
        segments = log.segments
        if len(segments) == 1 and segments[0].size_in_bytes == 0:
            return
        facts = [SegmentFacts(s.base_offset, s.size_in_bytes, s.largest_timestamp) for s in segments]
        for deletion in deletable_segments(
            facts,
            log.config,
            log_start_offset=log.log_start_offset,
            log_end_offset=log.log_end_offset,
            high_watermark=self.high_watermark_of(log),
            now_ms=now_ms,
        ):
            gone, facts = facts[: deletion.segments], facts[deletion.segments :]
            _logger.info(
                "%s: %d segments (%d bytes) that began at offset %d go: %s",
                log.topic_partition,
                len(gone),
                sum(segment.size_bytes for segment in gone),
                gone[0].base_offset,
                deletion.reason.value,
            )
            if not _guarded(log, partial(log.delete_oldest_segments, deletion.segments, now_ms)):
                return


def _guarded(log: PartitionLog, action: Callable[[], object]) -> bool:
    """Do something with one log; whether it went well."""
    try:
        action()
    except KafkaError as error:
        _logger.warning("%s: %s", log.topic_partition, error)
        return False
    except OSError as error:
        log.directory.mark_offline(error)
        return False
    return True


def _log_end_offset_of(log: PartitionLog) -> int:
    return log.log_end_offset


class _Doomed(NamedTuple):
    due_ms: int
    directory: LogDirectory
    path: str
    log: PartitionLog | None


class DoomedLogs:
    """Directories of deleted logs, until `file.delete.delay.ms` is over: fetches may still read them."""

    __slots__ = ("_disk", "_waiting")

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._waiting: list[_Doomed] = []

    def add(self, due_ms: int, directory: LogDirectory, path: str, log: PartitionLog | None = None) -> None:
        self._waiting.append(_Doomed(due_ms, directory, path, log))

    def remove_due(self, now_ms: int) -> None:
        """Start removing those whose time has come, on their directories' threads."""
        due = [doomed for doomed in self._waiting if doomed.due_ms <= now_ms]
        if due:
            self._waiting = [doomed for doomed in self._waiting if doomed.due_ms > now_ms]
        for doomed in due:
            if doomed.log is not None:
                doomed.log.abandon()
            if doomed.directory.state is DirectoryState.OFFLINE:
                continue
            try:
                doomed.directory.submit(partial(self._remove, doomed.directory, doomed.path))
            except KafkaError:
                self._waiting.append(doomed)  # too busy: the next time

    def _remove(self, directory: LogDirectory, path: str) -> None:
        try:
            self._disk.remove_tree(path)
        except OSError as error:
            directory.mark_offline(error)

    def abandon(self, directory: LogDirectory) -> None:
        """Close the files of a directory's deleted logs; the next start removes them."""
        for doomed in self._waiting:
            if doomed.directory is directory and doomed.log is not None:
                doomed.log.abandon()
