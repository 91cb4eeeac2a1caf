"""Moving logs from one log directory to another while they are served (AlterReplicaLogDirs, KIP-113).

::

    mover's thread     copy the files into <target>/<topic>-<partition>.<id>-future, and again what has come since,
                       until little is left; fsync them
    loop               hold the log's appends: they queue behind the source directory's thread
    source's thread    copy the rest, fsync it
                       <source>/<log>  → …-delete        fsync of the source directory
                       <target>/…-future → <log>         fsync of the target directory
    loop               the log goes on in the target; held appends are written there

A crash before the first rename leaves a future copy, which is removed at the next start. One between the two renames leaves
only the complete copy, which the next start puts in its place (`adopt_future`). Records are never in danger: the source goes
only when the copy is durable.

Source: Apache's ReplicaAlterLogDirsThread, LogManager.replaceCurrentWithFutureLog, which copy by fetching.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import KafkaError
from ottla.storage.disk import OpenMode
from ottla.storage.log_names import LogMark, directory_name, marked_name
from ottla.storage.segment import DELETED_SUFFIX
from ottla.storage.segment_swap import CLEANED_SUFFIX, SWAP_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.protocol.types import TopicPartition
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog
    from ottla.storage.segment import Segment

_logger = logging.getLogger(__name__)

COPY_BYTES: Final = 1024 * 1024
"""Bytes copied at a time."""

LITTLE_BYTES: Final = 4 * 1024 * 1024
"""So much may be left to copy while appends wait."""

PASSES_MAX: Final = 20
"""A log that is written to faster than it is copied is moved all the same: its appends then wait for longer."""

_LOOP_TIMEOUT_S: Final = 30.0

_LEFT_OUT: Final = (DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX, ".tmp")


class _MoveGivenUpError(Exception):
    """The log was deleted, or the broker stops."""


class LogMoves:
    """The moves under way: one log after the other, on a thread that ends when there is none.

    `on_moved(log, old_directory, old_path)` is called on the loop when a log lies in its new place.
    """

    def __init__(
        self,
        disk: Disk,
        post: Post,
        unique_id: Callable[[], str],
        on_moved: Callable[[PartitionLog, LogDirectory, str], None],
        is_swapping: Callable[[PartitionLog], bool],
    ) -> None:
        self._disk = disk
        self._post = post
        self._unique_id = unique_id
        self._on_moved = on_moved
        self._targets: dict[TopicPartition, LogDirectory] = {}
        self._copied_bytes: dict[TopicPartition, int] = {}
        self._waiting: deque[PartitionLog] = deque()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._is_swapping = is_swapping
        self._switching = threading.Lock()
        self._go_on: Callable[[], None] | None = None

    def start(self, log: PartitionLog, target: LogDirectory) -> None:
        """Begin to move a log, or change where it is going. On the loop, like all that follows."""
        name = log.topic_partition
        if name in self._targets:
            self._targets[name] = target
            return
        self._targets[name] = target
        self._waiting.append(log)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ottla-log-moves", daemon=True)
            self._thread.start()

    def target_of(self, topic_partition: TopicPartition) -> LogDirectory | None:
        """Where a log is going; None if it stays."""
        return self._targets.get(topic_partition)

    def copied_bytes(self, topic_partition: TopicPartition) -> int:
        return self._copied_bytes.get(topic_partition, 0)

    def cancel(self, topic_partition: TopicPartition) -> None:
        """The log stays where it is, or is deleted."""
        self._targets.pop(topic_partition, None)

    def settle(self) -> None:
        """Let the log go on that has just got a new place, if there is one; waits for renames that are under way."""
        with self._switching:
            go_on, self._go_on = self._go_on, None
        if go_on is not None:
            go_on()

    def stop(self) -> None:
        """Give all up and wait for the thread; copies are removed at the next start. For the stop of the broker."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        self.settle()

    # -- on the mover's thread

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                log = self._waiting.popleft()
            except IndexError:
                break
            self._move(log)
        self._post(self._rest)

    def _rest(self) -> None:
        if not self._waiting or self._stopped.is_set():
            self._thread = None
            return
        self._thread = threading.Thread(target=self._work, name="ottla-log-moves", daemon=True)
        self._thread.start()

    def _move(self, log: PartitionLog) -> None:
        name = log.topic_partition
        target = self._targets.get(name)
        if target is None or target is log.directory:
            self._targets.pop(name, None)
            return
        future_path = f"{target.path}/{marked_name(name, LogMark.FUTURE, self._unique_id())}"
        copy = _Copy(self._disk, future_path)
        try:
            target.ensure_writable()
            self._copy(log, copy)
            self._finish(log, copy, target)
            _logger.info("%s: moved to %s", name, target.path)
        except _MoveGivenUpError as reason:
            _logger.info("%s: not moved to %s: %s", name, target.path, reason)
        except (OSError, KafkaError) as error:
            # Either disk may be to blame; whoever uses it next finds out.
            _logger.error("%s: not moved to %s: %s", name, target.path, error)  # noqa: TRY400
        self._remove(future_path)
        self._targets.pop(name, None)
        self._copied_bytes.pop(name, None)

    def _copy(self, log: PartitionLog, copy: _Copy) -> None:
        """Copy while the log is written to, until little is left."""
        while self._is_swapping(log) and not self._stopped.wait(0.05):
            """Compaction begins no other swap while the log is being moved."""
        self._disk.mkdir(copy.path)
        self._disk.fsync_directory(os.path.dirname(copy.path))
        for _ in range(PASSES_MAX):
            if self._stopped.is_set() or log.is_closed or log.topic_partition not in self._targets:
                raise _MoveGivenUpError("the log is deleted, the move is taken back, or the broker stops")
            copied = copy.catch_up(log)
            self._copied_bytes[log.topic_partition] = copy.size_bytes
            if copied <= LITTLE_BYTES:
                return

    def _finish(self, log: PartitionLog, copy: _Copy, target: LogDirectory) -> None:
        """Hold the appends, and let the source directory's thread do the rest."""
        done = threading.Event()
        failures: list[Exception] = []

        def switch() -> None:
            """On the source directory's thread, behind all writes and fsyncs given before."""
            try:
                if log.is_closed:
                    raise _MoveGivenUpError("the log is deleted")  # noqa: TRY301
                self._switch(log, copy, target)
            except (OSError, _MoveGivenUpError) as error:
                failures.append(error)
                self._post(log.release_writes)
            done.set()

        def begin() -> None:
            log.hold_writes()
            try:
                log.directory.submit(switch)
            except KafkaError as error:
                failures.append(error)
                log.release_writes()
                done.set()

        self._post(begin)
        while not done.wait(0.05):
            if self._stopped.is_set():
                raise _MoveGivenUpError("the broker stops")
        if failures:
            raise failures[0]

    def _switch(self, log: PartitionLog, copy: _Copy, target: LogDirectory) -> None:
        source, old_path = log.directory, log.path
        copy.catch_up(log)
        copy.remove_what_is_gone(old_path)
        self._disk.fsync_directory(copy.path)
        doomed_path = f"{source.path}/{marked_name(log.topic_partition, LogMark.DELETE, self._unique_id())}"
        new_path = f"{target.path}/{directory_name(log.topic_partition)}"
        switched = threading.Event()

        def go_on() -> None:
            log.move_to(target, new_path)
            self._on_moved(log, source, doomed_path)
            switched.set()

        with self._switching:
            if log.is_closed:
                raise _MoveGivenUpError("the log is deleted")
            self._disk.rename(old_path, doomed_path)
            self._disk.fsync_directory(source.path)
            self._disk.rename(copy.path, new_path)
            self._disk.fsync_directory(target.path)
            self._go_on = go_on
        self._post(self.settle)
        # What comes next on this thread are the held appends: they must find the log in its new place.
        while not switched.wait(0.05):
            if self._stopped.is_set():
                return

    def _remove(self, future_path: str) -> None:
        try:
            self._disk.remove_tree(future_path)
        except OSError as error:
            _logger.warning("%s stays until the next start: %s", future_path, error)


class _Copy:
    """A copy of a log's directory that is brought up to date again and again."""

    __slots__ = ("_disk", "_seen", "_segments", "path", "size_bytes")

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self.path = path
        self.size_bytes = 0
        self._seen: dict[str, tuple[int, int]] = {}
        """Of each copied file its size and time of modification as the source had them."""
        self._segments: dict[str, tuple[Segment, int]] = {}
        """Of each copied `.log` whose it was, and how often that had been truncated."""

    def catch_up(self, log: PartitionLog) -> int:
        """Copy what has changed, and fsync it; the number of bytes."""
        copied = 0
        segments = {s.log_file.name: (s, s.truncation_epoch) for s in log.segments}
        for name in self._names(log.path):
            path = f"{log.path}/{name}"
            try:
                state = (self._disk.size(path), self._disk.modified_ms(path))
                segment = segments.get(name)
                if self._seen.get(name) != state or self._segments.get(name) != segment:
                    goes_on = segment is not None and self._segments.get(name) == segment
                    copied += self._copy_file(path, name, goes_on=goes_on)
                    self._seen[name] = state
                    if segment is not None:
                        self._segments[name] = segment
            except FileNotFoundError:
                continue  # retention or compaction took it
        self.size_bytes = sum(size for size, _ in self._seen.values())
        return copied

    def remove_what_is_gone(self, source: str) -> None:
        there = set(self._names(source))
        for name in self._disk.listdir(self.path):
            if name not in there:
                self._disk.unlink(f"{self.path}/{name}")

    def _names(self, source: str) -> list[str]:
        return [name for name in self._disk.listdir(source) if not name.endswith(_LEFT_OUT)]

    def _copy_file(self, source_path: str, name: str, *, goes_on: bool) -> int:
        """Copy one file as it is now. With `goes_on` it has only grown: what is copied already stands."""
        source = self._disk.open(source_path, OpenMode.READ)
        try:
            target = self._disk.open(f"{self.path}/{name}", OpenMode.WRITE if goes_on else OpenMode.CREATE)
            try:
                begin = position = target.size()
                size = source.size()
                buffer = memoryview(bytearray(COPY_BYTES))
                while position < size:
                    count = source.pread_into(buffer[: size - position], position)
                    if count == 0:
                        break
                    target.write_all(buffer[:count], position)
                    position += count
                target.fsync()
                return position - begin
            finally:
                target.close()
        finally:
            source.close()


def adopt_future(
    disk: Disk, future_path: str, directory: LogDirectory, topic_partition: TopicPartition
) -> str:
    """Put a complete copy, whose source is gone, in its place at the start; its new path. Raises `OSError`."""
    path = f"{directory.path}/{directory_name(topic_partition)}"
    disk.rename(future_path, path)
    disk.fsync_directory(directory.path)
    return path
