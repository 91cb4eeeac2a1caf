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

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ottla.config.topic_config import TopicConfig
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog

    Post = Callable[[Callable[[], None]], None]
    """Runs a function on the loop's thread soon: `loop.call_soon_threadsafe`."""

TOPIC_NAME_LENGTH_MAX: Final = 249
"""Apache's Topic.MAX_NAME_LENGTH: 255 bytes of a file name, less `-<partition>`."""

DIRECTORY_NAME_LENGTH_MAX: Final = 255
"""A deleted log's name is cut to this: 32 hex digits and `-delete` follow the topic."""


@dataclass(frozen=True, slots=True)
class LogStoreSettings:
    """The broker's `log.*` settings that are not a topic's; defaults are Apache Kafka 4.1.1's."""

    flush_scheduler_interval_ms: int = 2**63 - 1
    flush_offset_checkpoint_interval_ms: int = 60_000
    flush_start_offset_checkpoint_interval_ms: int = 60_000
    high_watermark_checkpoint_interval_ms: int = 5_000
    retention_check_interval_ms: int = 300_000
    recovery_processes: int = 2
    """Logs recovered at once after a crash, each in a process of its own."""
    producer_id_expiration_ms: int = 86_400_000
    descriptors_max: int = 1_000
    """Files of segments and indexes held open at once."""
    cleaner_enable: bool = True
    cleaner_threads: int = 1
    cleaner_dedupe_buffer_bytes: int = 134_217_728
    cleaner_io_buffer_bytes: int = 524_288
    cleaner_io_max_bytes_per_second: float = 1.7976931348623157e308
    cleaner_backoff_ms: int = 15_000
    max_decompressed_bytes: int = 256 * 1024 * 1024
    """Bound on what one batch may decompress to wherever records are walked."""


class LogState(Enum):
    """Where a log stands between the start of the broker and being served."""

    LOADING = "loading"
    """Found on disk, not read yet or being recovered: requests answer a retriable error."""
    SERVING = "serving"
    OFFLINE = "offline"
    """Its directory failed."""


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far `LogStore.load` is."""

    logs: int
    logs_loaded: int
    recovery_bytes: int
    """Bytes past the recovery points, to be read again after a crash."""
    recovered_bytes: int


@dataclass(frozen=True, slots=True)
class DirectoryDescription:
    """One row of DescribeLogDirs: a directory with its logs' sizes."""

    directory: LogDirectory
    total_bytes: int
    usable_bytes: int
    logs: tuple[LogDescription, ...]


@dataclass(frozen=True, slots=True)
class LogDescription:
    topic_partition: TopicPartition
    size_in_bytes: int
    offset_lag: int
    """For a future copy, how many offsets it is behind; 0 for the current log."""
    is_future: bool


_DIRECTORY_NAME = re.compile(r"(?P<topic>.+)-(?P<partition>\d+)")
_MARKED_DIRECTORY_NAME = re.compile(
    r"(?P<topic>.+)-(?P<partition>\d+)\.(?P<id>[0-9a-f]{32})-(?P<mark>delete|future|stray)"
)


def directory_name(topic_partition: TopicPartition) -> str:
    """The name of a log's directory. Raises `KafkaError` INVALID_TOPIC_EXCEPTION for a name no file can have."""
    if not 0 < len(topic_partition.topic) <= TOPIC_NAME_LENGTH_MAX:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"a topic's name has 1 to {TOPIC_NAME_LENGTH_MAX} characters, not {len(topic_partition.topic)}",
        )
    return f"{topic_partition.topic}-{topic_partition.partition}"


class LogStore:
    """The logs of one broker.

    `topic_config` answers the settings of a topic by name when its logs are loaded; later changes come by
    `update_config`.
    """

    def __init__(
        self,
        directories: Sequence[str],
        disk: Disk,
        settings: LogStoreSettings,
        post: Post,
    ) -> None:
        raise NotImplementedError

    directories: tuple[LogDirectory, ...]

    # -- start

    def acquire(self) -> None:
        """Lock every directory and read who it belongs to. Waits for the disks.

        A directory that cannot be used is OFFLINE from then on; raises `DirectoryError` when none is left, when another
        process holds one, or when two belong to different brokers.
        """
        raise NotImplementedError

    @property
    def broker_id(self) -> int | None:
        """What `meta.properties` says; None before the first `claim`."""
        raise NotImplementedError

    @property
    def cluster_id(self) -> str | None:
        raise NotImplementedError

    def claim(self, broker_id: int, cluster_id: str) -> None:
        """Write `meta.properties` where it is missing; `DirectoryError` where it names another broker or cluster."""
        raise NotImplementedError

    def load(
        self,
        topic_config: Callable[[str], TopicConfig],
        *,
        now_ms: int,
        on_loaded: Callable[[PartitionLog], None] | None = None,
        on_progress: Callable[[LoadProgress], None] | None = None,
    ) -> None:
        """Find the logs. Waits for the disks, but not for recovery: after a clean stop everything serves on return.

        Logs that must be recovered are LOADING on return; helper processes read what lies past their recovery points,
        and each is announced by `on_loaded` (posted to the loop) when it serves. Logs served on return are announced
        before it.
        """
        raise NotImplementedError

    def await_loaded(self, timeout_s: float | None = None) -> bool:
        """Wait (not on the loop) until no log is LOADING."""
        raise NotImplementedError

    @property
    def progress(self) -> LoadProgress:
        raise NotImplementedError

    # -- logs

    def get(self, topic_partition: TopicPartition) -> PartitionLog | None:
        """The log if it is there and serves."""
        raise NotImplementedError

    def state(self, topic_partition: TopicPartition) -> LogState | None:
        """None for a log that does not exist."""
        raise NotImplementedError

    def logs(self) -> Iterator[PartitionLog]:
        """Every log that serves."""
        raise NotImplementedError

    def create(self, topic_partition: TopicPartition, topic_id: Uuid, config: TopicConfig) -> PartitionLog:
        """The partition's log, made if it does not exist, in the online directory with the fewest partitions.

        A new log is in memory only: directory, `partition.metadata` and segment are made by its first write.
        Raises `KafkaError`: KAFKA_STORAGE_ERROR when no directory is online or the log's own is not,
        INCONSISTENT_TOPIC_ID when files of another topic of that name are there.
        """
        raise NotImplementedError

    def delete(self, topic_partition: TopicPartition, now_ms: int) -> None:
        """Take the log out of service at once; its files go after `file.delete.delay.ms`. No error if it is gone."""
        raise NotImplementedError

    def update_config(self, topic: str, config: TopicConfig) -> None:
        """Give the topic's logs other settings from now on."""
        raise NotImplementedError

    def strays(self, known: Callable[[TopicPartition, Uuid | None], bool]) -> list[TopicPartition]:
        """Logs found at the start of which `known` (the cluster) says that they are not this broker's."""
        raise NotImplementedError

    def mark_stray(self, topic_partition: TopicPartition) -> None:
        """Set the log aside under the suffix `-stray`, kept on disk and out of service."""
        raise NotImplementedError

    # -- upkeep: `tick` is called about once a second

    def tick(self, now_ms: int) -> None:
        """Do what is due: flushes, retention, checkpoints, deletes, expiring producers, full disks, cleaning.

        Returns at once; what waits for a disk runs on the directories' threads or in helper processes.
        """
        raise NotImplementedError

    def flush_due(self, now_ms: int) -> None:
        """Start an fsync of each log whose `flush.ms` has passed."""
        raise NotImplementedError

    def retention_due(self, now_ms: int) -> None:
        """Delete the segments that time, size and the log start offset no longer keep."""
        raise NotImplementedError

    def checkpoint(self) -> None:
        """Start writing the recovery points and log start offsets of every directory."""
        raise NotImplementedError

    def checkpoint_high_watermarks(self, high_watermarks: dict[TopicPartition, int]) -> None:
        """Start writing `replication-offset-checkpoint` of every directory."""
        raise NotImplementedError

    def high_watermark_checkpoint(self, topic_partition: TopicPartition) -> int:
        """The high watermark last checkpointed before the start; 0 if there was none."""
        raise NotImplementedError

    # -- directories

    def describe(self) -> list[DirectoryDescription]:
        """What DescribeLogDirs answers. Waits for the disks' free space only."""
        raise NotImplementedError

    def directory_of(self, topic_partition: TopicPartition) -> LogDirectory | None:
        raise NotImplementedError

    def move(self, topic_partition: TopicPartition, path: str) -> None:
        """AlterReplicaLogDirs: copy the log into the directory at `path` while it serves, then put the copy in its place.

        For a log that does not exist yet, only remembers where `create` shall put it. Raises `KafkaError`:
        LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR; REPLICA_NOT_AVAILABLE is raised for a log that does not exist, once
        remembered, as Apache does.
        """
        raise NotImplementedError

    def close(self, *, clean: bool, broker_epoch: int = -1) -> None:
        """End service. Waits for the disks.

        With `clean`: flush all, write snapshots and checkpoints, leave the clean-shutdown mark in each directory that
        is ONLINE. Without: let go of the files as they are (a test's kill).
        """
        raise NotImplementedError
