"""What lies in a log directory at the start: logs, what is left of deleted ones, copies on their way, offset checkpoints.

Source: Apache's LogManager.loadLogs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.storage.checkpoints import (
    HIGH_WATERMARK_FILE,
    LOG_START_OFFSET_FILE,
    RECOVERY_POINT_FILE,
    CheckpointError,
    OffsetCheckpoint,
)
from ottla.storage.log_names import LogMark, parse_directory_name, read_partition_metadata

if TYPE_CHECKING:
    from ottla.protocol.types import TopicPartition, Uuid
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class FoundLog:
    """A log that lies in a directory and is not open yet."""

    topic_partition: TopicPartition
    directory: LogDirectory
    path: str
    topic_id: Uuid | None
    recovery_point: int
    log_start_offset: int
    recovery_bytes: int = 0


@dataclass(slots=True)
class DirectoryContents:
    """What a log directory holds."""

    was_clean: bool
    logs: list[FoundLog] = field(default_factory=list)
    futures: list[FoundLog] = field(default_factory=list)
    """Copies that were on their way here, whole or not."""
    deleted: list[str] = field(default_factory=list)
    log_starts: dict[TopicPartition, int] = field(default_factory=dict)
    high_watermarks: dict[TopicPartition, int] = field(default_factory=dict)


def find_logs(disk: Disk, directory: LogDirectory) -> DirectoryContents:
    """Read a directory's checkpoints and names. Takes the clean-shutdown mark away. Raises `OSError`."""
    contents = DirectoryContents(was_clean=directory.take_clean_shutdown_mark())
    recovery_points = _read_offsets(
        disk, directory, RECOVERY_POINT_FILE, "all logs are recovered from their start"
    )
    contents.log_starts = _read_offsets(
        disk,
        directory,
        LOG_START_OFFSET_FILE,
        "logs start with their first segment: deleted records may reappear",
    )
    contents.high_watermarks = _read_offsets(
        disk, directory, HIGH_WATERMARK_FILE, "high watermarks start at 0"
    )
    for name in disk.listdir(directory.path):
        path = f"{directory.path}/{name}"
        found = parse_directory_name(name)
        if found is None or not disk.is_directory(path):
            if disk.is_directory(path):
                _logger.warning("%s is no log of ours: left alone", path)
            continue
        log = found.topic_partition
        match found.mark:
            case LogMark.DELETE:
                contents.deleted.append(path)
            case LogMark.STRAY:
                _logger.info("%s was set aside as a log of no known topic: left alone", path)
            case LogMark.FUTURE:
                contents.futures.append(FoundLog(log, directory, path, _read_topic_id(disk, path), 0, 0))
            case None:
                found_log = FoundLog(log, directory, path, _read_topic_id(disk, path), 0, 0)
                found_log.recovery_point = recovery_points.get(log, 0)
                found_log.log_start_offset = contents.log_starts.get(log, 0)
                contents.logs.append(found_log)
    return contents


def _read_offsets(
    disk: Disk, directory: LogDirectory, name: str, consequence: str
) -> dict[TopicPartition, int]:
    try:
        return OffsetCheckpoint(disk, directory.path, name).read()
    except CheckpointError as error:
        _logger.warning("%s; %s", error, consequence)
        return {}


def _read_topic_id(disk: Disk, path: str) -> Uuid | None:
    try:
        return read_partition_metadata(disk, path)
    except CheckpointError as error:
        _logger.warning("%s; the id is taken from the cluster", error)
        return None
