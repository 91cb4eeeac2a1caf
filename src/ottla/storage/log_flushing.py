"""When a log is fsynced, and what of it waits for that.

`flush.messages` makes appends wait: the log's readable end stays below them until the fsync that covers them is done; one
fsync covers all that was appended before it began. `flush.ms`, rolling and the store's own rhythm fsync without anyone
waiting. Either way it runs on the directory's thread and moves the recovery point.

Source: Apache's `UnifiedLog.flush`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ottla.protocol.errors import KafkaError
from ottla.storage.flush_job import FlushJob

if TYPE_CHECKING:
    from ottla.storage.partition_log import PartitionLog


_logger = logging.getLogger(__name__)


class LogFlusher:
    """The fsyncs of one log. On the loop's thread."""

    __slots__ = ("_holding", "_log", "unflushed_records")

    def __init__(self, log: PartitionLog) -> None:
        self._log = log
        self._holding = 0
        """Jobs for which the readable end waits."""
        self.unflushed_records = 0
        """Offsets appended since the last fsync was begun."""

    def job(self, *, snapshot: bool = False, holds_end: bool = False, sealed: bool = False) -> FlushJob:
        """What is to be fsynced now. With `snapshot` the producers' too, if they have changed; `sealed` where the active
        segment is not appended to any more."""
        log = self._log
        snapshot = snapshot and log.producers.snapshot_offset != log.producers.end_offset
        return FlushJob(
            log.cache,
            log.directory_path,
            [segment for segment in log.segments if segment.unflushed],
            epochs=log.epochs,
            end_offset=log.next_offset,
            producer_rows=log.producers.rows() if snapshot else None,
            holds_end=holds_end,
            active=None if sealed else log.active_segment,
        )

    def submit(self, job: FlushJob) -> None:
        """Run the job on the directory's thread. Raises `KafkaError` when too many tasks wait for it."""

        def run() -> None:
            error = job.try_run()
            self._log.post(lambda: self._finish(job, error))

        self._log.directory.submit(run)
        self._begin(job)

    def run(self, job: FlushJob) -> None:
        """Run the job here and wait for the disk. Raises `KafkaError` KAFKA_STORAGE_ERROR."""
        self._begin(job)
        self._finish(job, job.try_run())
        self._log.directory.ensure_writable()

    def _begin(self, job: FlushJob) -> None:
        job.begin()
        self.unflushed_records = 0
        self._holding += job.holds_end

    def after_append(self) -> None:
        """`flush.messages`: begin an fsync if one is due, and move the readable end if nothing holds it."""
        if self.unflushed_records >= self._log.config.flush_messages:
            try:
                self.submit(self.job(holds_end=True))
            except KafkaError as error:
                # The batch is in the file and must not be refused any more: the next append asks for the fsync again.
                _logger.warning("%s: fsync put off: %s", self._log.topic_partition, error)
        elif not self._holding:
            self._log.advance(self._log.written_offset)

    def _finish(self, job: FlushJob, error: OSError | None) -> None:
        log = self._log
        self._holding -= job.holds_end
        if error is not None:
            job.cancel()
            if not log.is_closed:
                log.flush_failed(error, fsync_failed=job.fsync_failed, appends_lost=job.holds_end)
            return
        if log.is_damaged:
            return
        job.mark_written()
        if job.has_snapshot:
            log.producers.snapshot_offset = job.end_offset
        # A truncation may have come between.
        durable_offset = min(job.end_offset, log.written_offset)
        log.recovery_point = max(log.recovery_point, durable_offset)
        if job.holds_end:
            log.advance(durable_offset if self._holding else log.written_offset)
