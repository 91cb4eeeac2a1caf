"""Every log of every log directory: found at the start, made, deleted, moved, flushed and kept within its retention.

A log lies in `<log dir>/<topic>-<partition>/`. Beside the live ones stand, as in Apache Kafka:

    <topic>-<partition>.<32 hex digits>-delete     deleted, its files go after file.delete.delay.ms
    <topic>-<partition>.<32 hex digits>-future     a copy on its way into this directory (AlterReplicaLogDirs)
    <topic>-<partition>.<32 hex digits>-stray      of a topic that the cluster no longer knows

All methods are called on the loop's thread and do not wait for a disk, unless they say so; `post` brings results of other
threads back to it.

Source: Apache's LogManager.
"""

from __future__ import annotations

import logging
import os
from enum import Enum
from typing import TYPE_CHECKING

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID
from ottla.storage.checkpoints import PARTITION_METADATA_FILE
from ottla.storage.disk import OpenMode
from ottla.storage.file_cache import FileCache
from ottla.storage.log_cleaner import LogCleaner
from ottla.storage.log_directories import LogDirectories
from ottla.storage.log_directory import DirectoryState, LogDirectory
from ottla.storage.log_moves import LogMoves
from ottla.storage.log_names import LogMark, directory_name, format_partition_metadata, marked_name
from ottla.storage.log_opening import LogOpener
from ottla.storage.partition_log import PartitionLog
from ottla.storage.store_checkpoints import StoreCheckpoints
from ottla.storage.store_closing import close_cleanly
from ottla.storage.store_description import DirectoryDescription, describe_directories
from ottla.storage.store_loading import LoadProgress, StoreLoading
from ottla.storage.store_settings import LogStoreSettings
from ottla.storage.store_upkeep import DoomedLogs, LogUpkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ottla.config.topic_config import TopicConfig
    from ottla.protocol.types import TopicPartition, Uuid
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.log_finding import FoundLog

_logger = logging.getLogger(__name__)


class LogState(Enum):
    """Where a log stands between the start of the broker and being served."""

    LOADING = "loading"
    """Found on disk, not read yet or being recovered: requests answer a retriable error."""
    SERVING = "serving"
    OFFLINE = "offline"
    """Its directory failed."""


class LogStore:
    """The logs of one broker."""

    def __init__(
        self,
        directories: Sequence[str],
        disk: Disk,
        settings: LogStoreSettings,
        post: Post,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._disk = disk
        self._settings = settings
        self._post = post
        self._random_bytes = random_bytes
        self.directories = LogDirectories(directories, disk, self._directory_changed)
        self.on_directory_change: Callable[[LogDirectory], None] | None = None
        """Called on the loop when a directory has changed its state; `logs_in` tells whose logs that concerns."""
        self._cache = FileCache(disk, settings.descriptors_max)
        self._logs: dict[TopicPartition, PartitionLog] = {}
        self._topic_ids: dict[TopicPartition, Uuid] = {}
        self._loading = StoreLoading(disk, self.directories, post, self._take_opened)
        self._checkpoints = StoreCheckpoints(disk, self.directories, self._logs, self._loading)
        self._chosen: dict[TopicPartition, LogDirectory] = {}
        self._blocked: set[TopicPartition] = set()
        """Deleted while a thread recovers them: a new log would meet the old one's files."""
        self._doomed = DoomedLogs(disk)
        self._next_checkpoint_ms = self._now_ms = 0
        self._cleaner = LogCleaner(disk, settings.cleaner, post, self.directories)
        self._moves = LogMoves(disk, post, self._unique_id, self._moved, self._cleaner.is_swapping)
        self._cleaner.is_moving = lambda log: self._moves.target_of(log) is not None
        self._upkeep = LogUpkeep(
            self._logs,
            self._is_rearranged,
            retention_check_interval_ms=settings.retention_check_interval_ms,
            producer_id_expiration_ms=settings.producer_id_expiration_ms,
            producer_id_expiration_check_interval_ms=settings.producer_id_expiration_check_interval_ms,
        )
        self._materialize = self._make_log_directory
        self._is_closed = False

    # -- start

    def acquire(self) -> None:
        """Lock every directory and read who it belongs to. Waits for the disks.

        A directory that cannot be made or opened is OFFLINE from then on; raises `DirectoryError` when none is left, when
        another process holds one, or when two belong to different brokers. What was locked is let go then.
        """
        self.directories.acquire()

    @property
    def broker_id(self) -> int | None:
        """What `meta.properties` says; None before the first `claim`."""
        return self.directories.broker_id

    @property
    def cluster_id(self) -> str | None:
        """What `meta.properties` says; None before the first `claim`."""
        return self.directories.cluster_id

    def claim(self, broker_id: int, cluster_id: str) -> None:
        """Write `meta.properties` where it is missing.

        Raises `DirectoryError` where it names another broker or cluster, and when no directory can be used any more.
        """
        self.directories.claim(broker_id, cluster_id, self._random_bytes)

    def load(
        self,
        topic_config: Callable[[str], TopicConfig],
        *,
        now_ms: int,
        on_loaded: Callable[[PartitionLog], None] | None = None,
        on_progress: Callable[[LoadProgress], None] | None = None,
    ) -> None:
        """Find the logs. Waits for the disks, but not for long recoveries: after a clean stop everything serves on return.

        `topic_config` answers the settings of a topic by name, on several threads. Logs whose recovery takes longer are
        LOADING on return; helper processes read what lies past their recovery points, and each is announced by
        `on_loaded` (posted to the loop) when it serves. Those that serve on return are not announced: `logs` has them.
        Raises `DirectoryError` for a log that lies in two directories, and when no directory can be used any more.
        """
        opener = LogOpener(
            self._disk,
            self._cache,
            self._post,
            topic_config,
            producer_id_expiration_ms=self._settings.producer_id_expiration_ms,
            now_ms=now_ms,
        )
        self._upkeep.begin(now_ms)
        self._next_checkpoint_ms = now_ms + self._settings.checkpoint_interval_ms
        self._cleaner.load()
        for directory, path in self._loading.run(
            opener, self._settings.recovery_processes, on_loaded, on_progress
        ):
            self._doomed.add(now_ms, directory, path)
        for contents in self._loading.contents.values():
            self._checkpoints.high_watermarks.update(contents.high_watermarks)
        self.directories.ensure_any_usable()

    def _take_opened(self, found: FoundLog, log: PartitionLog) -> None:
        if found.topic_id is not None:
            self._topic_ids[found.topic_partition] = found.topic_id
        self._logs[found.topic_partition] = log

    def await_loaded(self, timeout_s: float | None = None) -> bool:
        """Wait (not on the loop) until no log is being recovered; what is found is still to be posted then."""
        return self._loading.join(timeout_s)

    @property
    def progress(self) -> LoadProgress:
        """How far loading is."""
        return self._loading.progress

    # -- logs

    def get(self, topic_partition: TopicPartition) -> PartitionLog | None:
        """The log if it is there and serves."""
        return self._logs.get(topic_partition)

    def state(self, topic_partition: TopicPartition) -> LogState | None:
        """None for a log that does not exist."""
        log = self._logs.get(topic_partition)
        if log is not None:
            offline = log.directory.state is DirectoryState.OFFLINE
            return LogState.OFFLINE if offline else LogState.SERVING
        if topic_partition in self._loading.waiting:
            return LogState.LOADING
        return LogState.OFFLINE if topic_partition in self._loading.failed else None

    def logs(self) -> Iterator[PartitionLog]:
        """Every log that serves."""
        return (log for log in list(self._logs.values()) if log.directory.state is not DirectoryState.OFFLINE)

    def logs_in(self, directory: LogDirectory) -> list[TopicPartition]:
        """The partitions whose logs lie in this directory."""
        return [topic_partition for topic_partition, log in self._logs.items() if log.directory is directory]

    def topic_id(self, topic_partition: TopicPartition) -> Uuid | None:
        """Whose log it is; None where its files do not say."""
        return self._topic_ids.get(topic_partition)

    def create(
        self,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: TopicConfig,
        *,
        now_ms: int = 0,
        is_new: bool = False,
    ) -> PartitionLog:
        """The partition's log, made if it does not exist, in the online directory with the fewest partitions.

        A new log is in memory only: directory, `partition.metadata` and segment are made by its first write. `is_new` says
        that the partition was never here: without it nothing is made while a directory is lost that could hold its log.
        Raises `KafkaError`: KAFKA_STORAGE_ERROR when no directory is online or the log's own is not,
        INCONSISTENT_TOPIC_ID when files of another topic of that name are there.
        """
        name = directory_name(topic_partition)
        log = self._logs.get(topic_partition)
        if log is not None:
            log.directory.ensure_readable()
            self._check_topic_id(log, topic_id)
            if log.config != config:
                log.update_config(config)
            return log
        state = self.state(topic_partition)
        if state is not None or topic_partition in self._blocked:
            reason = "deleted while it is recovered" if state is None else state.value
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} is {reason}")
        if self.directories.some_lost and not is_new:
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"{topic_partition} may lie in a log directory that was offline at the start",
            )
        directory = self._place(topic_partition)
        log = PartitionLog(
            topic_partition,
            directory,
            config,
            cache=self._cache,
            post=self._post,
            name=name,
            materialize=self._materialize,
            producer_id_expiration_ms=self._settings.producer_id_expiration_ms,
            now_ms=now_ms,
        )
        self._logs[topic_partition] = log
        self._topic_ids[topic_partition] = topic_id
        return log

    def _check_topic_id(self, log: PartitionLog, topic_id: Uuid) -> None:
        known = self._topic_ids.get(log.topic_partition)
        if known is None:
            self._topic_ids[log.topic_partition] = topic_id
            if log.is_materialized and log.directory.is_online:
                self._write_partition_metadata(log)
        elif topic_id not in (known, ZERO_UUID):
            raise KafkaError(
                ErrorCode.INCONSISTENT_TOPIC_ID,
                f"the files of {log.topic_partition} in {log.path} are of another topic of that name",
            )

    def _place(self, topic_partition: TopicPartition) -> LogDirectory:
        chosen = self._chosen.pop(topic_partition, None)
        if chosen is not None and chosen.is_online:
            return chosen
        counts = dict.fromkeys((directory for directory in self.directories if directory.is_online), 0)
        if not counts:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no log directory is online")
        if len(counts) > 1:
            for log in self._logs.values():
                if log.directory in counts:
                    counts[log.directory] += 1
        return min(counts, key=lambda directory: counts[directory])

    def _make_log_directory(self, log: PartitionLog) -> None:
        """A log's first write is due. On the loop: nothing is fsynced here, the log's first flush does that."""
        self._disk.mkdir(log.path)
        self._write_partition_metadata(log)

    def _write_partition_metadata(self, log: PartitionLog) -> None:
        # A crash may leave it torn or missing: then the id comes from the cluster again.
        file = self._disk.open(f"{log.path}/{PARTITION_METADATA_FILE}", OpenMode.CREATE)
        try:
            file.write_all(format_partition_metadata(self._topic_ids[log.topic_partition]), 0)
        finally:
            file.close()

    def delete(self, topic_partition: TopicPartition, now_ms: int) -> None:
        """Take the log out of service at once; its files go after `file.delete.delay.ms`. No error if it is gone."""
        self._forget(topic_partition, LogMark.DELETE, now_ms)

    def mark_stray(self, topic_partition: TopicPartition) -> None:
        """Set the log aside under the suffix `-stray`, kept on disk and out of service."""
        _logger.warning("%s: the cluster does not know this log: it is set aside as stray", topic_partition)
        self._forget(topic_partition, LogMark.STRAY, 0)

    def _forget(self, topic_partition: TopicPartition, mark: LogMark, now_ms: int) -> None:
        self._topic_ids.pop(topic_partition, None)
        self._checkpoints.high_watermarks.pop(topic_partition, None)
        self._chosen.pop(topic_partition, None)
        self._cleaner.forget(topic_partition)
        self._moves.cancel(topic_partition)
        log = self._logs.pop(topic_partition, None)
        if log is not None:
            self._retire(log, mark, now_ms)
            return
        forgotten = self._loading.forget(topic_partition)
        if forgotten is None:
            return
        found, is_free = forgotten
        if not is_free:
            self._blocked.add(topic_partition)
            return
        new_path = self._set_aside(topic_partition, found.directory, found.path, mark)
        if mark is LogMark.DELETE and new_path is not None:
            self._doomed.add(now_ms, found.directory, new_path)

    def _retire(self, log: PartitionLog, mark: LogMark, now_ms: int) -> None:
        """Take a log that was served out of service; who reads a deleted one reads on."""
        log.is_closed = True
        self._moves.settle()
        new_path = None
        if log.is_materialized:
            new_path = self._set_aside(log.topic_partition, log.directory, log.path, mark)
        if new_path is not None:
            log.directory_path.path = new_path
        if mark is LogMark.DELETE and new_path is not None:
            self._doomed.add(now_ms + log.config.file_delete_delay_ms, log.directory, new_path, log)
        else:
            log.abandon()

    def _set_aside(
        self, topic_partition: TopicPartition, directory: LogDirectory, path: str, mark: LogMark
    ) -> str | None:
        """Give a log's directory a name that says what it is; the new path, None when the disk fails."""
        new_path = f"{directory.path}/{marked_name(topic_partition, mark, self._unique_id())}"
        try:
            self._disk.rename(path, new_path)
        except OSError as error:
            directory.mark_offline(error)
            return None
        return new_path

    def strays(self, known: Callable[[TopicPartition, Uuid | None], bool]) -> list[TopicPartition]:
        """Logs of which `known` (the cluster) says, by name and topic id, that they are not this broker's."""
        ids = {name: self._topic_ids.get(name) for name in self._logs}
        ids.update((name, found.topic_id) for name, found in self._loading.waiting.items())
        return [
            topic_partition
            for topic_partition, topic_id in ids.items()
            if not known(topic_partition, topic_id)
        ]

    def update_config(self, topic: str, config: TopicConfig) -> None:
        """Give the topic's logs other settings from now on."""
        for log in self._logs.values():
            if log.topic_partition.topic == topic:
                log.update_config(config)

    # -- upkeep

    def tick(self, now_ms: int) -> None:
        """Do what is due: flushes, retention, checkpoints, deletes, expiring producers, full disks, cleaning.

        Called about once a second. Returns at once; what waits for a disk runs on the directories' threads or in helper
        processes.
        """
        self._now_ms = now_ms
        for directory in self.directories:
            directory.probe_space(now_ms)
        self._upkeep.tick(now_ms)
        self._doomed.remove_due(now_ms)
        if now_ms >= self._next_checkpoint_ms:
            self._next_checkpoint_ms = now_ms + self._settings.checkpoint_interval_ms
            self.checkpoint()
        self._cleaner.tick(self.logs(), now_ms)

    def flush_due(self, now_ms: int) -> None:
        """Start an fsync of each log whose `flush.ms` has passed."""
        self._upkeep.flush_due(now_ms)

    def retention_due(self, now_ms: int) -> None:
        """Delete the segments that time, size and the log start offset no longer keep, in every log."""
        self._upkeep.retention_due(now_ms)

    def bound_retention(self, high_watermark_of: Callable[[PartitionLog], int]) -> None:
        """Let retention remove nothing above a log's high watermark; without it the log's end is the bound."""
        self._upkeep.high_watermark_of = high_watermark_of

    @property
    def cleaner(self) -> LogCleaner:
        """The compaction of the logs."""
        return self._cleaner

    def checkpoint(self) -> None:
        """Start writing the recovery points and log start offsets of every directory."""
        self._checkpoints.write_offsets()

    def checkpoint_high_watermarks(self, high_watermarks: Mapping[TopicPartition, int]) -> None:
        """Start writing `replication-offset-checkpoint` of every directory."""
        self._checkpoints.write_high_watermarks(high_watermarks)

    def high_watermark_checkpoint(self, topic_partition: TopicPartition) -> int:
        """The high watermark last checkpointed before the start; 0 if there was none."""
        return self._checkpoints.high_watermarks.get(topic_partition, 0)

    # -- directories

    def _directory_changed(self, directory: LogDirectory) -> None:
        """On whatever thread has found out."""
        self._post(lambda: self._tell_directory_changed(directory))

    def _tell_directory_changed(self, directory: LogDirectory) -> None:
        if self.on_directory_change is not None and not self._is_closed:
            self.on_directory_change(directory)

    def describe(self) -> list[DirectoryDescription]:
        """What DescribeLogDirs answers. Asks the file systems for their free space, which does not wait."""
        return describe_directories(self._disk, self.directories, self._logs, self._moves)

    def directory_of(self, topic_partition: TopicPartition) -> LogDirectory | None:
        """Where the log lies, or would lie."""
        log = self._logs.get(topic_partition)
        return log.directory if log is not None else None

    def move(self, topic_partition: TopicPartition, path: str) -> None:
        """AlterReplicaLogDirs: copy the log into the directory at `path` while it serves, then put the copy in its place.

        For a log that does not exist yet, only remembers where `create` shall put it. Raises `KafkaError`:
        LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR; REPLICA_NOT_AVAILABLE is raised for a log that does not exist, once
        remembered, as Apache does.
        """
        wanted = os.path.abspath(path)
        target = next((directory for directory in self.directories if directory.path == wanted), None)
        if target is None:
            raise KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, f"{path} is none of this broker's log.dirs")
        target.ensure_writable()
        log = self._logs.get(topic_partition)
        if log is None:
            self._chosen[topic_partition] = target
            raise KafkaError(ErrorCode.REPLICA_NOT_AVAILABLE, f"{topic_partition} is not on this broker yet")
        if log.directory is target:
            self._moves.cancel(topic_partition)
        elif not log.is_materialized:
            log.move_to(target, f"{target.path}/{directory_name(topic_partition)}")
        else:
            self._moves.start(log, target)

    def _unique_id(self) -> str:
        return self._random_bytes(16).hex()

    def _moved(self, log: PartitionLog, source: LogDirectory, old_path: str) -> None:
        """A log lies in its new directory; what it left behind goes as a deleted log's files do."""
        self._doomed.add(self._now_ms + log.config.file_delete_delay_ms, source, old_path)
        self.checkpoint()

    def _is_rearranged(self, log: PartitionLog) -> bool:
        """Whether files of the log are being put elsewhere, so that retention has to wait."""
        return self._cleaner.is_swapping(log) or self._moves.target_of(log.topic_partition) is not None

    # -- end

    def close(self, *, clean: bool, broker_epoch: int = -1) -> None:
        """End service. Waits for the disks.

        With `clean`: flush all, write snapshots and checkpoints, leave the clean-shutdown mark in each directory that
        is ONLINE. Without: let go of the files as they are (a test's kill).
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._loading.stop()
        self._moves.stop()
        self._cleaner.stop()
        self.directories.on_threads(
            self.directories,
            lambda directory: self._close_directory(directory, clean=clean, broker_epoch=broker_epoch),
        )

    def _close_directory(self, directory: LogDirectory, *, clean: bool, broker_epoch: int) -> None:
        logs = [log for log in self._logs.values() if log.directory is directory]
        if clean and directory.is_online:
            close_cleanly(
                self._disk,
                directory,
                logs,
                lambda: self._checkpoints.offsets_of(directory),
                broker_epoch=broker_epoch,
                complete=not self._loading.unopened_in(directory),
            )
        for log in logs:
            if not log.is_closed:
                log.abandon()
        self._doomed.abandon(directory)
        directory.close()
