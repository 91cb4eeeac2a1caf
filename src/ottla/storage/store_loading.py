"""Finding the logs of the log directories at the start, and recovering those that a crash left.

Each directory is read by a thread of its own. After a clean stop its logs are opened there and then. After a crash each is
first recovered: a few small ones on the spot, otherwise in helper processes while the broker already serves the others.

Source: Apache's LogManager.loadLogs.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import KafkaError
from ottla.records.errors import RecordsError
from ottla.storage.checkpoints import (
    HIGH_WATERMARK_FILE,
    LEADER_EPOCH_FILE,
    LOG_START_OFFSET_FILE,
    RECOVERY_POINT_FILE,
    CheckpointError,
    OffsetCheckpoint,
)
from ottla.storage.helper_process import HelperError, HelperProcess
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.log_names import LogMark, parse_directory_name, read_partition_metadata
from ottla.storage.partition_log import PartitionLog
from ottla.storage.recovery import RecoveryJob, RecoveryResult, bytes_to_recover, recover_log
from ottla.storage.segment_swap import complete_swaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.config.topic_config import TopicConfig
    from ottla.protocol.types import TopicPartition, Uuid
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.file_cache import FileCache
    from ottla.storage.log_directory import LogDirectory

_logger = logging.getLogger(__name__)

SMALL_RECOVERY_BYTES: Final = 32 * 1024 * 1024
"""So much is recovered at once by the loading thread: it takes about as long as starting a helper process."""

SMALL_RECOVERY_LOGS: Final = 200
"""Likewise, by the number of logs."""


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


class RecoveryCrew:
    """Recovers logs on threads, each with a helper process of its own where the disk can be shared.

    `on_done` is called on those threads with each log, or with None and the error for one that could not be recovered.
    """

    __slots__ = (
        "_disk",
        "_helpers",
        "_lock",
        "_on_done",
        "_on_progress",
        "_opener",
        "_stopped",
        "_threads",
        "_waiting",
    )

    def __init__(
        self,
        disk: Disk,
        opener: LogOpener,
        on_done: Callable[[FoundLog, PartitionLog | None, Exception | None], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self._disk = disk
        self._opener = opener
        self._on_done = on_done
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._waiting: deque[FoundLog] = deque()
        self._threads: list[threading.Thread] = []
        self._helpers: list[HelperProcess] = []
        self._stopped = False

    def start(self, logs: list[FoundLog], jobs: int) -> None:
        """Begin with these logs, at most `jobs` at once; the largest first, so that the last one does not take long."""
        self._waiting.extend(sorted(logs, key=lambda found: found.recovery_bytes, reverse=True))
        for number in range(min(jobs, len(logs))):
            thread = threading.Thread(target=self._work, name=f"ottla-recovery-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, timeout_s: float | None) -> bool:
        """Wait until all is done; False when the time was not enough."""
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """End at once; a log in the middle of its recovery is recovered again at the next start."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            for helper in self._helpers:
                helper.kill()
        self.join(None)

    def _work(self) -> None:
        helper = None
        try:
            while (found := self._next()) is not None:
                if helper is None and self._disk.shareable:
                    helper = self._start_helper()
                log, error = self._recover(found, helper)
                if not self._stopped:
                    self._on_done(found, log, error)
        finally:
            if helper is not None:
                with self._lock:
                    self._helpers.remove(helper)
                helper.close()

    def _next(self) -> FoundLog | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _start_helper(self) -> HelperProcess | None:
        try:
            helper = HelperProcess("ottla.storage.recovery_process")
        except OSError as error:
            _logger.warning("no helper process for recovery (%s): it runs in the broker", error)
            return None
        with self._lock:
            self._helpers.append(helper)
        return helper

    def recover_here(self, found: FoundLog) -> tuple[PartitionLog | None, Exception | None]:
        """Recover a log on the calling thread: the open log, or why there is none."""
        return self._recover(found, None)

    def _recover(
        self, found: FoundLog, helper: HelperProcess | None
    ) -> tuple[PartitionLog | None, Exception | None]:
        try:
            job = self._opener.job(found)
            result = self._run(job, helper)
            _logger.info(
                "%s: recovered up to offset %d, %d bytes read, %d cut off",
                found.path,
                result.log_end_offset,
                result.bytes_read,
                result.truncated_bytes,
            )
            return self._opener.open_recovered(found, result), None
        except (OSError, RecordsError, CheckpointError, HelperError, KafkaError) as error:
            return None, error

    def _run(self, job: RecoveryJob, helper: HelperProcess | None) -> RecoveryResult:
        if helper is not None and helper.is_alive:
            try:
                return self._ask(helper, job)
            except HelperError as error:
                if self._stopped:
                    raise
                _logger.warning("%s: %s; it is recovered in the broker", job.directory, error)
        return recover_log(self._disk, job, self._on_progress)

    def _ask(self, helper: HelperProcess, job: RecoveryJob) -> RecoveryResult:
        for answer in helper.request(job.to_json()):
            progress = answer.get("progress")
            if isinstance(progress, int):
                self._on_progress(progress)
            if answer.get("done"):
                fields = {name: value for name, value in answer.items() if name != "done"}
                return RecoveryResult.from_json(fields)
        raise HelperError(f"no answer for {job.directory}")


def measure(disk: Disk, logs: list[FoundLog]) -> int:
    """Set each log's `recovery_bytes`; their sum."""
    for found in logs:
        found.recovery_bytes = bytes_to_recover(disk, found.path, found.recovery_point)
    return sum(found.recovery_bytes for found in logs)
