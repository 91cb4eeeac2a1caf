"""The end of a broker's logs: flushed and marked clean, or let go of as they are."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import KafkaError
from ottla.storage.checkpoints import LOG_START_OFFSET_FILE, RECOVERY_POINT_FILE, OffsetCheckpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.protocol.types import TopicPartition
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog

    Offsets = dict[TopicPartition, int]

_logger = logging.getLogger(__name__)

CLOSE_THREADS: Final = 16
"""Logs of one directory flushed at once: the file system commits waiting fsyncs together."""

CLOSE_TIMEOUT_S: Final = 60.0
"""How long a directory may take for the writes that wait for it, before it is left unclean."""


def close_cleanly(
    disk: Disk,
    directory: LogDirectory,
    logs: list[PartitionLog],
    offsets: Callable[[], tuple[Offsets, Offsets]],
    *,
    broker_epoch: int,
    complete: bool,
) -> None:
    """Flush all logs of a directory, write its checkpoints, and mark it clean if `complete` says that all were served.

    `offsets` gives recovery points and log start offsets once the logs are closed. What fails leaves it without the mark.
    Waits for the disk.
    """
    try:
        if not directory.drain(CLOSE_TIMEOUT_S):
            _logger.error("log directory %s does not take its writes: it is not marked clean", directory.path)
            return
        _close_logs(logs)
        _remove_spoilt_indexes(disk, logs)
        recovery_points, log_starts = offsets()
        OffsetCheckpoint(disk, directory.path, RECOVERY_POINT_FILE).write(recovery_points)
        OffsetCheckpoint(disk, directory.path, LOG_START_OFFSET_FILE).write(log_starts)
        if complete and directory.is_online:
            directory.write_clean_shutdown_mark(broker_epoch)
    except KafkaError as error:
        _logger.error("log directory %s is not marked clean: %s", directory.path, error)  # noqa: TRY400
    except OSError as error:
        directory.mark_offline(error)


def _close_logs(logs: list[PartitionLog]) -> None:
    """Flush and close, many at once. Raises the first `KafkaError`."""
    waiting = deque(logs)
    errors: list[KafkaError] = []

    def work() -> None:
        while not errors:
            try:
                log = waiting.popleft()
            except IndexError:
                return
            try:
                log.close()
            except KafkaError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(CLOSE_THREADS, len(logs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _remove_spoilt_indexes(disk: Disk, logs: list[PartitionLog]) -> None:
    """What has been found to disagree with its segment is made anew by the next start. Raises `OSError`."""
    for log in logs:
        for segment in log.segments:
            if segment.has_spoilt_index:
                disk.unlink_if_exists(segment.offset_index.log_file.path)
                disk.unlink_if_exists(segment.time_index.log_file.path)
