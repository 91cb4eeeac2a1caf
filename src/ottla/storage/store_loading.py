"""Loading the logs of a broker at its start: found, opened where the last stop was clean, recovered where it was not.

Each directory is read by a thread of its own. After a clean stop its logs are opened there and then. After a crash each is
first recovered: a few small ones on the spot, otherwise in helper processes while the broker already serves the others.

Source: Apache's LogManager.loadLogs.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.storage.log_directory import DirectoryError, DirectoryState
from ottla.storage.log_finding import DirectoryContents, FoundLog, find_logs
from ottla.storage.log_moves import adopt_future
from ottla.storage.recovery_crew import RecoveryCrew, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.protocol.types import TopicPartition
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.log_directories import LogDirectories
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.log_opening import LogOpener
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)

SMALL_RECOVERY_BYTES: Final = 32 * 1024 * 1024
"""So much is recovered at once by the loading thread: it takes about as long as starting a helper process."""

SMALL_RECOVERY_LOGS: Final = 200
"""Likewise, by the number of logs."""


class LoadProgress(NamedTuple):
    """How far loading is."""

    logs: int
    logs_loaded: int
    recovery_bytes: int
    """Bytes past the recovery points, to be read again after a crash."""
    recovered_bytes: int


class StoreLoading:
    """The logs that are not served yet. `on_opened` takes each that is, on whatever thread while `run` has not returned."""

    def __init__(
        self,
        disk: Disk,
        directories: LogDirectories,
        post: Post,
        on_opened: Callable[[FoundLog, PartitionLog], None],
    ) -> None:
        self._disk = disk
        self._directories = directories
        self._post = post
        self._on_opened = on_opened
        self.waiting: dict[TopicPartition, FoundLog] = {}
        """Found, and neither open nor given up."""
        self.failed: dict[TopicPartition, FoundLog] = {}
        """Could not be recovered, or lie in a directory that failed meanwhile."""
        self.contents: dict[LogDirectory, DirectoryContents] = {}
        self._crew: RecoveryCrew | None = None
        self._on_loaded: Callable[[PartitionLog], None] | None = None
        self._on_progress: Callable[[LoadProgress], None] | None = None
        self._lock = threading.Lock()
        self._opened = self._recovery_bytes = self._recovered_bytes = 0
        self._is_stopped = False

    def run(
        self,
        opener: LogOpener,
        recovery_processes: int,
        on_loaded: Callable[[PartitionLog], None] | None,
        on_progress: Callable[[LoadProgress], None] | None,
    ) -> list[tuple[LogDirectory, str]]:
        """Find all, open what can be opened at once, begin to recover the rest; directories that are to be removed.

        Waits for the disks. Raises `DirectoryError` for a log that lies in two directories.
        """
        self._on_loaded = on_loaded
        self._on_progress = on_progress
        self._directories.on_threads(self._directories.usable(), self._find)
        for contents in self.contents.values():
            for found in contents.logs:
                self._take_found(found)
        doomed = list(self._settle_futures())
        self._directories.on_threads(self.contents, lambda directory: self._open_clean(directory, opener))
        to_recover: list[FoundLog] = []
        for directory, contents in self.contents.items():
            doomed += [(directory, path) for path in contents.deleted]
            if not contents.was_clean:
                to_recover += contents.logs
        self._recover(to_recover, opener, recovery_processes)
        for found in list(self.waiting.values()):
            if found.directory.state is DirectoryState.OFFLINE:
                self._give_up(found, found.directory.error)
        return doomed

    def _find(self, directory: LogDirectory) -> None:
        self.contents[directory] = find_logs(self._disk, directory)

    def _take_found(self, found: FoundLog) -> None:
        other = self.waiting.setdefault(found.topic_partition, found)
        if other is not found:
            raise DirectoryError(
                f"{found.topic_partition} lies twice, in {other.path} and {found.path}: "
                "move one of them out of log.dirs"
            )

    def _settle_futures(self) -> Iterator[tuple[LogDirectory, str]]:
        """Copies that were on their way are complete if their source is gone, and of no use otherwise."""
        for directory, contents in self.contents.items():
            for future in contents.futures:
                if future.topic_partition in self.waiting or self._directories.some_lost:
                    yield directory, future.path
                    continue
                starts = (other.log_starts.get(future.topic_partition, 0) for other in self.contents.values())
                future.log_start_offset = max(starts)
                try:
                    future.path = adopt_future(self._disk, future.path, directory, future.topic_partition)
                except OSError as error:
                    self._directories.lose(directory, error)
                    continue
                contents.logs.append(future)
                self._take_found(future)

    def _open_clean(self, directory: LogDirectory, opener: LogOpener) -> None:
        contents = self.contents[directory]
        if contents.was_clean:
            for found in contents.logs:
                self._take_opened(found, opener.open_clean(found))

    def _take_opened(self, found: FoundLog, log: PartitionLog) -> None:
        self._on_opened(found, log)
        self.waiting.pop(found.topic_partition, None)
        with self._lock:
            self._opened += 1

    # -- recovery

    def _recover(self, to_recover: list[FoundLog], opener: LogOpener, processes: int) -> None:
        to_recover = [found for found in to_recover if found.directory.state is not DirectoryState.OFFLINE]
        if not to_recover:
            return
        self._recovery_bytes = measure(self._disk, to_recover)
        _logger.info(
            "recovering %d logs after a stop that was not clean: %d bytes lie past their recovery points",
            len(to_recover),
            self._recovery_bytes,
        )
        crew = RecoveryCrew(self._disk, opener, self._recovered, self._note_progress)
        if self._recovery_bytes <= SMALL_RECOVERY_BYTES and len(to_recover) <= SMALL_RECOVERY_LOGS:
            for found in to_recover:
                self._settle(found, *crew.recover_here(found))
            return
        self._crew = crew
        crew.start(to_recover, max(processes, 1))

    def _note_progress(self, count: int) -> None:
        with self._lock:
            self._recovered_bytes += count
        if self._on_progress is not None:
            on_progress = self._on_progress
            self._post(lambda: on_progress(self.progress))

    def _recovered(self, found: FoundLog, log: PartitionLog | None, error: Exception | None) -> None:
        """On a thread of the crew."""
        self._post(lambda: self._announce(found, log, error))

    def _announce(self, found: FoundLog, log: PartitionLog | None, error: Exception | None) -> None:
        if self._is_stopped or not self._settle(found, log, error):
            return
        if log is not None and self._on_loaded is not None:
            self._on_loaded(log)

    def _settle(self, found: FoundLog, log: PartitionLog | None, error: Exception | None) -> bool:
        """Take in how a recovery has ended; whether the log serves now."""
        if found.topic_partition not in self.waiting:
            if log is not None:
                log.abandon()  # the topic was deleted meanwhile
            return False
        if log is None:
            self._give_up(found, error)
            return False
        self._take_opened(found, log)
        return True

    def _give_up(self, found: FoundLog, error: Exception | None) -> None:
        del self.waiting[found.topic_partition]
        self.failed[found.topic_partition] = found
        _logger.error("%s cannot be opened, the partition is offline: %s", found.path, error)
        if isinstance(error, OSError):
            found.directory.mark_offline(error)

    def forget(self, topic_partition: TopicPartition) -> tuple[FoundLog, bool] | None:
        """The log is deleted, or a stray, before it served: where it lies, and whether nobody works on its files now."""
        found = self.waiting.pop(topic_partition, None) or self.failed.pop(topic_partition, None)
        if found is None:
            return None
        return found, self._crew is None or self._crew.cancel(found)

    def unopened_in(self, directory: LogDirectory) -> list[FoundLog]:
        """Logs of a directory that are not open, whose checkpointed offsets must be kept."""
        return [
            found for found in (*self.waiting.values(), *self.failed.values()) if found.directory is directory
        ]

    def join(self, timeout_s: float | None) -> bool:
        """Wait until no log is being recovered."""
        return self._crew is None or self._crew.join(timeout_s)

    def stop(self) -> None:
        """End at once."""
        self._is_stopped = True
        if self._crew is not None:
            self._crew.stop()

    @property
    def progress(self) -> LoadProgress:
        return LoadProgress(
            logs=self._opened + len(self.waiting) + len(self.failed),
            logs_loaded=self._opened,
            recovery_bytes=self._recovery_bytes,
            recovered_bytes=self._recovered_bytes,
        )
