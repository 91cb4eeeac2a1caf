"""What lies in the log directories, as DescribeLogDirs shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ottla.storage.log_directory import DirectoryState, LogDirectory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.protocol.types import TopicPartition
    from ottla.storage.disk import Disk
    from ottla.storage.log_moves import LogMoves
    from ottla.storage.partition_log import PartitionLog


class DirectoryDescription(NamedTuple):
    """One row of DescribeLogDirs: a directory with its logs' sizes."""

    directory: LogDirectory
    total_bytes: int
    usable_bytes: int
    logs: tuple[LogDescription, ...]


class LogDescription(NamedTuple):
    topic_partition: TopicPartition
    size_in_bytes: int
    offset_lag: int
    """For a future copy, a bound on how many offsets it is behind; 0 for the current log."""
    is_future: bool


def describe_directories(
    disk: Disk,
    directories: Iterable[LogDirectory],
    logs: Mapping[TopicPartition, PartitionLog],
    moves: LogMoves,
) -> list[DirectoryDescription]:
    """Every directory with its logs. A disk that can't be asked for its free space takes its directory offline."""
    descriptions = []
    for directory in directories:
        total_bytes = usable_bytes = -1
        if directory.state is not DirectoryState.OFFLINE:
            try:
                space = disk.space(directory.path)
                total_bytes, usable_bytes = space.total_bytes, space.usable_bytes
            except OSError as error:
                directory.mark_offline(error)
        described = [
            LogDescription(log.topic_partition, log.size_in_bytes, 0, is_future=False)
            for log in logs.values()
            if log.directory is directory
        ]
        for topic_partition, log in logs.items():
            if moves.target_of(topic_partition) is directory:
                copied_bytes = moves.copied_bytes(topic_partition)
                lag = log.log_end_offset - log.log_start_offset
                described.append(LogDescription(topic_partition, copied_bytes, lag, is_future=True))
        descriptions.append(DirectoryDescription(directory, total_bytes, usable_bytes, tuple(described)))
    return descriptions
