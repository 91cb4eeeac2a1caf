"""Making a served `PartitionLog` of a log that lies in a log directory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ottla.records.errors import RecordsError
from ottla.storage.checkpoints import LEADER_EPOCH_FILE, CheckpointError
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.partition_log import PartitionLog
from ottla.storage.recovery import RecoveryJob, RecoveryResult, recover_log
from ottla.storage.segment_swap import complete_swaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.config.topic_config import TopicConfig
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.file_cache import FileCache
    from ottla.storage.log_finding import FoundLog

_logger = logging.getLogger(__name__)


class LogOpener:
    """Makes `PartitionLog`s of found logs. For any thread."""

    __slots__ = ("_cache", "_config", "_disk", "_now_ms", "_post", "_producer_id_expiration_ms")

    def __init__(
        self,
        disk: Disk,
        cache: FileCache,
        post: Post,
        config: Callable[[str], TopicConfig],
        *,
        producer_id_expiration_ms: int,
        now_ms: int,
    ) -> None:
        self._disk = disk
        self._cache = cache
        self._post = post
        self._config = config
        self._producer_id_expiration_ms = producer_id_expiration_ms
        self._now_ms = now_ms

    def open_clean(self, found: FoundLog) -> PartitionLog:
        """Open a log that was closed by a clean stop; recovers it after all where it turns out damaged."""
        try:
            complete_swaps(self._disk, found.path)
            log = self._open(found)
        except (CheckpointError, RecordsError) as error:
            _logger.warning("%s: %s; the log is recovered", found.path, error)
            recover_log(self._disk, self.job(found))
            log = self._open(found)
        log.recovery_point = log.log_end_offset
        return log

    def open_recovered(self, found: FoundLog, result: RecoveryResult) -> PartitionLog:
        """Open a log that recovery has been through.

        What recovery has read and rebuilt was never fsynced: the next flush must do all of it before the recovery point
        moves.
        """
        log = self._open(found)
        log.recovery_point = min(found.recovery_point, log.log_end_offset)
        log.epochs.mark_dirty()
        if result.recent_batches:
            entries = dict(log.producers.rows())
            entries.update(
                (producer_id, bytes.fromhex(entry)) for producer_id, entry in result.recent_batches
            )
            log.producers.restore(
                entries.items(),
                log.producers.end_offset,
                now_ms=self._now_ms,
                expiration_ms=self._producer_id_expiration_ms,
            )
        end_offsets = [*(segment.base_offset for segment in log.segments[1:]), log.log_end_offset]
        for segment, end_offset in zip(log.segments, end_offsets, strict=True):
            if end_offset > log.recovery_point:
                segment.unflushed = segment.is_new = True
        return log

    def job(self, found: FoundLog) -> RecoveryJob:
        return RecoveryJob(
            directory=found.path,
            recovery_point=found.recovery_point,
            log_start_offset=found.log_start_offset,
            index_interval_bytes=self._config(found.topic_partition.topic).index_interval_bytes,
            producer_id_expiration_ms=self._producer_id_expiration_ms,
            now_ms=self._now_ms,
        )

    def _open(self, found: FoundLog) -> PartitionLog:
        epochs = LeaderEpochCache.load(self._disk, f"{found.path}/{LEADER_EPOCH_FILE}")
        log = PartitionLog(
            found.topic_partition,
            found.directory,
            self._config(found.topic_partition.topic),
            cache=self._cache,
            post=self._post,
            epochs=epochs,
            producer_id_expiration_ms=self._producer_id_expiration_ms,
            start_offset=found.log_start_offset,
            now_ms=self._now_ms,
        )
        log.load(self._now_ms)
        epochs.truncate_from_end(log.log_end_offset)
        epochs.truncate_from_start(log.log_start_offset)
        return log
