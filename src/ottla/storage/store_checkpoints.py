"""The offset files in the root of each log directory: recovery points, log start offsets, high watermarks.

Source: Apache's LogManager.checkpointRecoveryOffsetsInDir, checkpointLogStartOffsetsInDir; ReplicaManager.checkpointHighWatermarks.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from ottla.protocol.errors import KafkaError
from ottla.storage.checkpoints import (
    HIGH_WATERMARK_FILE,
    LOG_START_OFFSET_FILE,
    RECOVERY_POINT_FILE,
    OffsetCheckpoint,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.protocol.types import TopicPartition
    from ottla.storage.disk import Disk
    from ottla.storage.log_directories import LogDirectories
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog
    from ottla.storage.store_loading import StoreLoading

_logger = logging.getLogger(__name__)


class StoreCheckpoints:
    """Those of one broker's log directories. `logs` is the store's own, and changes."""

    __slots__ = ("_directories", "_loading", "_logs", "_writer", "high_watermarks")

    def __init__(
        self,
        disk: Disk,
        directories: LogDirectories,
        logs: Mapping[TopicPartition, PartitionLog],
        loading: StoreLoading,
    ) -> None:
        self._directories = directories
        self._logs = logs
        self._loading = loading
        self._writer = CheckpointWriter(disk)
        self.high_watermarks: dict[TopicPartition, int] = {}
        """As checkpointed before the start."""

    def write_offsets(self) -> None:
        """Start writing the recovery points and log start offsets of every directory."""
        for directory in self._directories.usable():
            recovery_points, log_starts = self.offsets_of(directory)
            self._writer.start(directory, RECOVERY_POINT_FILE, recovery_points)
            self._writer.start(directory, LOG_START_OFFSET_FILE, log_starts)

    def offsets_of(
        self, directory: LogDirectory
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """Recovery points and log start offsets of a directory's logs."""
        recovery_points, log_starts = {}, {}
        for topic_partition, log in self._logs.items():
            if log.directory is directory and log.is_materialized:
                recovery_points[topic_partition] = log.recovery_point
                if log.log_start_offset > log.segments[0].base_offset:
                    log_starts[topic_partition] = log.log_start_offset
        # Of logs that are not loaded the old values hold: without them they would be recovered from their start.
        for found in self._loading.unopened_in(directory):
            recovery_points[found.topic_partition] = found.recovery_point
            if found.log_start_offset > 0:
                log_starts[found.topic_partition] = found.log_start_offset
        return recovery_points, log_starts

    def write_high_watermarks(self, high_watermarks: Mapping[TopicPartition, int]) -> None:
        """Start writing `replication-offset-checkpoint` of every directory."""
        for directory in self._directories.usable():
            offsets = {
                topic_partition: high_watermarks[topic_partition]
                for topic_partition, log in self._logs.items()
                if log.directory is directory and topic_partition in high_watermarks and log.is_materialized
            }
            for found in self._loading.unopened_in(directory):
                if found.topic_partition in self.high_watermarks:
                    offsets[found.topic_partition] = self.high_watermarks[found.topic_partition]
            self._writer.start(directory, HIGH_WATERMARK_FILE, offsets)


class CheckpointWriter:
    """Writes the offset files of log directories on their threads, and only when they have changed."""

    __slots__ = ("_disk", "_written")

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._written: dict[str, dict[TopicPartition, int]] = {}

    def start(self, directory: LogDirectory, name: str, offsets: dict[TopicPartition, int]) -> None:
        """Begin to write; `offsets` is not changed by the caller any more."""
        checkpoint = OffsetCheckpoint(self._disk, directory.path, name)
        if not directory.is_online or self._written.get(checkpoint.path) == offsets:
            return
        try:
            directory.submit(partial(self._write, directory, checkpoint, offsets))
        except KafkaError as error:
            _logger.warning("%s is not written: %s", checkpoint.path, error)
        else:
            self._written[checkpoint.path] = offsets

    def _write(
        self, directory: LogDirectory, checkpoint: OffsetCheckpoint, offsets: dict[TopicPartition, int]
    ) -> None:
        try:
            checkpoint.write(offsets)
        except OSError as error:
            self._written.pop(checkpoint.path, None)
            directory.mark_offline(error)
