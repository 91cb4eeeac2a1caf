"""Open descriptors of segments and indexes: at most so many, the longest unused closed first.

A `LogFile` knows its name and is opened when it is needed. The loop's thread uses it through `FileCache.acquire` and
`LogFile.release`; all other threads (and the loop, where speed does not matter) hold it with `FileCache.pinned`.

A descriptor must never be closed while another thread is inside a system call with it: its number could be given to
another file meanwhile, and bytes land there. The loop's way takes no lock, therefore closing is done in this order:

1. The loop sets `in_use`, then looks at `file`.
2. Whoever closes takes `file` away first, then looks at `in_use`, and puts `file` back if it is set.

Whichever comes first, either the loop finds no file (and waits for the lock to open it) or the closer sees it in use.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ottla.storage.disk import Disk, DiskFile, OpenMode

DESCRIPTORS_MAX: Final = 1_000
"""How many files a cache holds open unless it is told otherwise; more only while more are used at once."""

_IN_USE_S: Final = 0.0001
"""About as long as the loop is in one system call."""


class LogDirectoryPath:
    """Where a log's files lie; shared by all of them, so that renaming the directory is one assignment."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class LogFile:
    """A file of a log, open or not."""

    __slots__ = ("directory", "exists", "file", "in_use", "name", "pins", "touched")

    def __init__(self, directory: LogDirectoryPath, name: str) -> None:
        self.directory = directory
        self.name = name
        self.exists = False
        """Made or found before: if it is gone then, opening it must not make an empty one in its place."""
        self.file: DiskFile | None = None
        self.pins = 0
        self.in_use = False
        """The loop's thread is using it."""
        self.touched = False
        """Used since the cache last looked for files to close."""

    @property
    def path(self) -> str:
        return f"{self.directory.path}/{self.name}"

    def release(self) -> None:
        """The loop's thread is done with the file for now."""
        self.in_use = False

    def renewed(self) -> LogFile:
        """The same name, to be opened anew."""
        renewed = LogFile(self.directory, self.name)
        renewed.exists = self.exists
        return renewed


class FileCache:
    """Holds at most `capacity` files open, of all logs together. For use from any thread."""

    __slots__ = ("_lock", "_open", "capacity", "disk")

    def __init__(self, disk: Disk, capacity: int = DESCRIPTORS_MAX) -> None:
        self.disk = disk
        self.capacity = capacity
        self._lock = threading.RLock()
        self._open: deque[LogFile] = deque()

    def __len__(self) -> int:
        """Files open now."""
        return len(self._open)

    def acquire(self, log_file: LogFile) -> DiskFile:
        """The open file, for the loop's thread alone, until `LogFile.release`. Hot path: no lock where it is open."""
        log_file.in_use = True
        log_file.touched = True
        return log_file.file or self._open_file(log_file)

    @contextmanager
    def pinned(self, log_file: LogFile) -> Iterator[DiskFile]:
        """The open file, kept open within the block. Raises `OSError` if it cannot be opened."""
        with self._lock:
            log_file.pins += 1
        try:
            yield log_file.file or self._open_file(log_file)
        finally:
            with self._lock:
                log_file.pins -= 1
                if len(self._open) > self.capacity:
                    self._close_unused()

    def pin(self, log_file: LogFile) -> None:
        """Open the file and keep it open until `unpin`. Raises `OSError`."""
        with self._lock:
            log_file.pins += 1
            if log_file.file is None:
                try:
                    self._open_file(log_file)
                except OSError:
                    log_file.pins -= 1
                    raise

    def unpin(self, log_file: LogFile) -> None:
        with self._lock:
            log_file.pins -= 1

    def close(self, log_file: LogFile) -> None:
        """Close the file if it is open; it may be opened again. Does nothing while another thread has it pinned, and waits
        while the loop's has it."""
        while not self._close(log_file):
            time.sleep(_IN_USE_S)

    def _close(self, log_file: LogFile) -> bool:
        """False while the loop is using the file; it may have to wait for the lock to get at it."""
        with self._lock:
            if log_file.file is None or log_file.pins:
                return True
            if not self._take(log_file):
                return False
            self._open.remove(log_file)
            return True

    def _open_file(self, log_file: LogFile) -> DiskFile:
        with self._lock:
            if log_file.file is None:
                path = log_file.path
                if log_file.exists and not self.disk.exists(path):
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                file = self.disk.open(path, OpenMode.WRITE)
                log_file.exists = True
                if len(self._open) >= self.capacity:
                    self._close_unused()
                log_file.file = file
                log_file.touched = True
                self._open.append(log_file)
            return log_file.file

    def _close_unused(self) -> None:
        """Bring the number below the capacity, if so many are idle; second chance for those used since the last time."""
        for _ in range(2 * len(self._open)):
            if len(self._open) < self.capacity:
                return
            candidate = self._open.popleft()
            if candidate.touched or candidate.pins or not self._take(candidate):
                candidate.touched = False
                self._open.append(candidate)

    def _take(self, candidate: LogFile) -> bool:
        """Close the candidate's file unless the loop is using it, in the order that the module's docstring gives."""
        file, candidate.file = candidate.file, None
        if candidate.in_use:
            candidate.file = file
            return False
        if file is not None:
            file.close()
        return True
