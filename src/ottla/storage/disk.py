"""The small interface through which storage touches a disk, with two implementations.

Every file operation of the room goes through `Disk` and `DiskFile`, so that a test can fail, tear, delay or forget any
of them, and can rebuild what a disk would hold had the power gone at a given step.

Durability is POSIX's, nothing is assumed beyond it: written bytes survive a crash only after `DiskFile.fsync`; a created,
renamed or removed name only after `Disk.fsync_directory` of the directory that holds it.

All methods raise `OSError` with the errno of the failed operation. None of them retries: a failed fsync in particular must
never be repeated (the kernel may have dropped the dirty pages and would answer success), see `log_directory`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

_RWF_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)

_IOV_MAX: Final[int] = 1024  # Linux's and macOS's limit on the buffers of one pwritev.

_PROBE_BYTES: Final[int] = 128 * 1024
"""How far apart the bytes are by which `is_cached` judges a range: the kernel's usual read-ahead, half a microsecond each."""

_NOT_SENDABLE: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What sendfile(2) says of a file system that has no such thing."""


class OpenMode(Enum):
    """How a file is opened; each mode can read."""

    READ = "read"
    """The file must exist; writing fails."""
    WRITE = "write"
    """Read and write; made if missing, kept if there."""
    CREATE = "create"
    """Read and write; made if missing, emptied if there."""


class DiskSpace(NamedTuple):
    """The file system beneath a directory, in bytes."""

    total_bytes: int
    usable_bytes: int
    """What an unprivileged process may still write."""


class DiskLock(ABC):
    """A held exclusive lock on a file, until `release`."""

    __slots__ = ()

    @abstractmethod
    def release(self) -> None: ...


class DiskFile(ABC):
    """One open file. Reads and writes name their position, so threads share it without a cursor."""

    __slots__ = ("path",)

    path: str

    @abstractmethod
    def pwrite(self, buffer: Buffer, position: int) -> int:
        """Write once; the number of bytes written, which may be fewer than given."""

    @abstractmethod
    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write several buffers in a row once; the number of bytes written, which may be fewer than given."""

    @abstractmethod
    def pread_into(self, view: memoryview, position: int, *, nowait: bool = False) -> int:
        """Fill `view` from `position`; the number of bytes read, 0 at the end of the file.

        With `nowait`, raises `BlockingIOError` where the bytes are not in the page cache, and also where the platform or
        the file system cannot tell: the caller then reads on a thread.
        """

    def is_cached(self, position: int, size_bytes: int) -> bool:  # noqa: ARG002 - what a disk of no such kind answers
        """Whether `send_to` may be called for this range and will, as far as can be told, not wait for the disk."""
        return False

    def send_to(self, descriptor: int, position: int, size_bytes: int) -> int:
        """Hand bytes to a socket that doesn't block, without copying them; how many it took.

        0 where this file can't be sent so: read it instead. Raises `BlockingIOError` when the socket is full.
        """
        raise NotImplementedError(f"{type(self).__name__} answers False to is_cached")

    @abstractmethod
    def fsync(self) -> None: ...

    @abstractmethod
    def truncate(self, size_bytes: int) -> None:
        """Cut or lengthen with zeros."""

    @abstractmethod
    def size(self) -> int: ...

    @abstractmethod
    def close(self) -> None: ...

    def write_all(self, buffer: Buffer, position: int) -> None:
        """Write the whole buffer, continuing after short writes. What was written before an error stays."""
        view = memoryview(buffer).cast("B")
        written = self.pwrite(view, position)
        while written < len(view):
            if written == 0 or not (count := self.pwrite(view[written:], position + written)):
                raise OSError(errno.ENOSPC, "the disk takes no more bytes", self.path)
            written += count

    def read_all(self, position: int = 0) -> bytes:
        """Everything from `position` to the end of the file."""
        size = max(self.size() - position, 0)
        content = bytearray(size)
        view = memoryview(content)
        filled = 0
        while filled < size:
            count = self.pread_into(view[filled:], position + filled)
            if count == 0:
                break
            filled += count
        return bytes(view[:filled])


class Disk(ABC):
    """A file system: directories, names and files."""

    __slots__ = ()

    shareable: bool
    """Whether another process can open the same paths: helper processes are used only then."""

    @abstractmethod
    def open(self, path: str, mode: OpenMode) -> DiskFile: ...

    @abstractmethod
    def listdir(self, path: str) -> list[str]:
        """Names in the directory, sorted."""

    @abstractmethod
    def exists(self, path: str) -> bool: ...

    @abstractmethod
    def is_directory(self, path: str) -> bool: ...

    @abstractmethod
    def mkdir(self, path: str) -> None:
        """Make the directory and its missing parents; no error if it is there."""

    @abstractmethod
    def rename(self, source: str, target: str) -> None:
        """Give the file or directory another name; a file at the target is replaced in one step."""

    @abstractmethod
    def unlink(self, path: str) -> None: ...

    @abstractmethod
    def remove_tree(self, path: str) -> None:
        """Remove a directory with everything in it; no error if it is gone."""

    @abstractmethod
    def fsync_directory(self, path: str) -> None: ...

    @abstractmethod
    def size(self, path: str) -> int: ...

    @abstractmethod
    def modified_ms(self, path: str) -> int: ...

    @abstractmethod
    def set_modified_ms(self, path: str, modified_ms: int) -> None: ...

    @abstractmethod
    def lock(self, path: str) -> DiskLock:
        """Take the exclusive lock on a file, made if missing; `BlockingIOError` if another holds it."""

    @abstractmethod
    def space(self, path: str) -> DiskSpace: ...

    def read_file(self, path: str) -> bytes:
        file = self.open(path, OpenMode.READ)
        try:
            return file.read_all()
        finally:
            file.close()

    def replace_file(self, path: str, content: Buffer, *, durable: bool = True) -> None:
        """Put a small file in place so that a crash leaves the old content or the new, never a part.

        Temporary file, fsync, rename, fsync of the directory: Apache's CheckpointFile does the same under the same
        temporary name, so its left-overs and ours are told alike. Without `durable` nothing is fsynced, and a crash may
        leave an empty or a torn file: for what is found out anew then.
        """
        temporary = path + ".tmp"
        file = self.open(temporary, OpenMode.CREATE)
        try:
            file.write_all(content, 0)
            if durable:
                file.fsync()
        finally:
            file.close()
        self.rename(temporary, path)
        if durable:
            self.fsync_directory(os.path.dirname(path))

    def unlink_if_exists(self, path: str) -> bool:
        """Whether there was something to remove."""
        try:
            self.unlink(path)
        except FileNotFoundError:
            return False
        return True


class _PosixFile(DiskFile):
    __slots__ = ("_descriptor",)

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def pwrite(self, buffer: Buffer, position: int) -> int:
        return os.pwrite(self._descriptor, buffer, position)

    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        return os.pwritev(self._descriptor, buffers[:_IOV_MAX], position)

    def pread_into(self, view: memoryview, position: int, *, nowait: bool = False) -> int:
        if not nowait:
            return os.preadv(self._descriptor, (view,), position)
        if not _RWF_NOWAIT:
            raise BlockingIOError(errno.EAGAIN, "this platform cannot read without waiting", self.path)
        try:
            return os.preadv(self._descriptor, (view,), position, _RWF_NOWAIT)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:  # overlayfs and tmpfs of older kernels
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), self.path) from None
            raise

    def is_cached(self, position: int, size_bytes: int) -> bool:
        # A page that is missing between two probes makes sendfile wait for the disk, once for as much as the kernel then
        # reads ahead. The kernel has no cheaper way to tell more: mincore wants a mapping, cachestat counts pages that
        # are still being read.
        if not _RWF_NOWAIT:
            return False
        descriptor, byte = self._descriptor, (bytearray(1),)
        last = position + size_bytes - 1
        try:
            for place in range(position, last, _PROBE_BYTES):
                os.preadv(descriptor, byte, place, _RWF_NOWAIT)
            return os.preadv(descriptor, byte, last, _RWF_NOWAIT) == 1
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
                return False
            raise

    def send_to(self, descriptor: int, position: int, size_bytes: int) -> int:
        try:
            return os.sendfile(descriptor, self._descriptor, position, size_bytes)
        except OSError as error:
            if error.errno in _NOT_SENDABLE:
                return 0
            raise

    def fsync(self) -> None:
        if sys.platform == "darwin":
            # macOS's fsync stops at the drive's cache; Java's FileChannel.force asks for the full one, too.
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(self._descriptor)

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self._descriptor, size_bytes)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class _PosixLock(DiskLock):
    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)  # closing any descriptor of the file drops a POSIX record lock


class PosixDisk(Disk):
    """The machine's file systems."""

    __slots__ = ()

    shareable = True

    _FLAGS: Final = {
        OpenMode.READ: os.O_RDONLY,
        OpenMode.WRITE: os.O_RDWR | os.O_CREAT,
        OpenMode.CREATE: os.O_RDWR | os.O_CREAT | os.O_TRUNC,
    }

    def open(self, path: str, mode: OpenMode) -> DiskFile:
        return _PosixFile(path, os.open(path, self._FLAGS[mode] | os.O_CLOEXEC, 0o644))

    def listdir(self, path: str) -> list[str]:
        return sorted(os.listdir(path))

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_directory(self, path: str) -> bool:
        return os.path.isdir(path)

    def mkdir(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def rename(self, source: str, target: str) -> None:
        os.rename(source, target)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def remove_tree(self, path: str) -> None:
        import shutil  # noqa: PLC0415 - it brings bz2 and lzma along, and most starts remove nothing

        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)

    def fsync_directory(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def modified_ms(self, path: str) -> int:
        return os.stat(path).st_mtime_ns // 1_000_000

    def set_modified_ms(self, path: str, modified_ms: int) -> None:
        os.utime(path, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))

    def lock(self, path: str) -> DiskLock:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise BlockingIOError(errno.EAGAIN, "another process holds the lock", path) from error
        return _PosixLock(descriptor)

    def space(self, path: str) -> DiskSpace:
        stat = os.statvfs(path)
        return DiskSpace(stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize)


class MemoryInode:
    """The content of a file in memory. Files opened earlier keep it when its name goes, as on a real disk."""

    __slots__ = ("content", "modified_ms")

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.modified_ms = int(time.time() * 1000)


class MemoryFile(DiskFile):
    """An open file of a `MemoryDisk`."""

    __slots__ = ("_disk", "inode", "writable")

    def __init__(self, disk: MemoryDisk, path: str, inode: MemoryInode, *, writable: bool) -> None:
        self._disk = disk
        self.path = path
        self.inode = inode
        self.writable = writable

    def pwrite(self, buffer: Buffer, position: int) -> int:
        return self.pwritev((buffer,), position)

    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        if not self.writable:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.path)
        content = self.inode.content
        if position > len(content):
            content.extend(bytes(position - len(content)))
        start = position
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            content[position : position + len(view)] = view
            position += len(view)
        return position - start

    def pread_into(self, view: memoryview, position: int, *, nowait: bool = False) -> int:  # noqa: ARG002
        # The slice copies: a view of the bytearray held here would make an append on another thread fail.
        chunk = self.inode.content[position : position + len(view)]
        view[: len(chunk)] = chunk
        return len(chunk)

    def fsync(self) -> None:
        """Memory has nothing to make durable."""

    def truncate(self, size_bytes: int) -> None:
        content = self.inode.content
        if size_bytes < len(content):
            del content[size_bytes:]
        else:
            content.extend(bytes(size_bytes - len(content)))

    def size(self) -> int:
        return len(self.inode.content)

    def close(self) -> None:
        """Nothing is held."""


class _MemoryLock(DiskLock):
    __slots__ = ("_disk", "_path")

    def __init__(self, disk: MemoryDisk, path: str) -> None:
        self._disk = disk
        self._path = path

    def release(self) -> None:
        self._disk.locked.discard(self._path)


class MemoryDisk(Disk):
    """A file system in this process's memory: for the embedded broker and for tests.

    Paths are absolute and normal; any directory above a made one exists.
    """

    __slots__ = ("_guard", "directories", "files", "locked", "total_bytes")

    shareable = False

    def __init__(self, total_bytes: int = 1 << 40) -> None:
        self.files: dict[str, MemoryInode] = {}
        self.directories: dict[str, set[str]] = {"/": set()}
        self.locked: set[str] = set()
        self.total_bytes = total_bytes
        self._guard = threading.RLock()

    def _entries(self, path: str) -> set[str]:
        try:
            return self.directories[path]
        except KeyError:
            code = errno.ENOTDIR if path in self.files else errno.ENOENT
            raise OSError(code, os.strerror(code), path) from None

    def _inode(self, path: str) -> MemoryInode:
        try:
            return self.files[path]
        except KeyError:
            code = errno.EISDIR if path in self.directories else errno.ENOENT
            raise OSError(code, os.strerror(code), path) from None

    def open(self, path: str, mode: OpenMode) -> DiskFile:
        with self._guard:
            if mode is OpenMode.READ or path in self.directories:
                inode = self._inode(path)
            else:
                self._entries(os.path.dirname(path)).add(os.path.basename(path))
                inode = self.files.setdefault(path, MemoryInode())
                if mode is OpenMode.CREATE:
                    inode.content.clear()
            return MemoryFile(self, path, inode, writable=mode is not OpenMode.READ)

    def listdir(self, path: str) -> list[str]:
        with self._guard:
            return sorted(self._entries(path))

    def exists(self, path: str) -> bool:
        return path in self.files or path in self.directories

    def is_directory(self, path: str) -> bool:
        return path in self.directories

    def mkdir(self, path: str) -> None:
        with self._guard:
            if path in self.files:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            if path not in self.directories:
                self.mkdir(os.path.dirname(path))
                self.directories[os.path.dirname(path)].add(os.path.basename(path))
                self.directories[path] = set()

    def rename(self, source: str, target: str) -> None:
        with self._guard:
            parent = self._entries(os.path.dirname(target))
            if source in self.files:
                if target in self.directories:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
                self.files[target] = self.files.pop(source)
            elif source in self.directories:
                if self.directories.get(target) or target in self.files:
                    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), target)
                self._move_tree(source, target)
            else:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)
            self.directories[os.path.dirname(source)].discard(os.path.basename(source))
            parent.add(os.path.basename(target))

    def _move_tree(self, source: str, target: str) -> None:
        for name in self.directories[source]:
            if (child := f"{source}/{name}") in self.files:
                self.files[f"{target}/{name}"] = self.files.pop(child)
            else:
                self._move_tree(child, f"{target}/{name}")
        self.directories[target] = self.directories.pop(source)

    def unlink(self, path: str) -> None:
        with self._guard:
            self._inode(path)
            del self.files[path]
            self.directories[os.path.dirname(path)].discard(os.path.basename(path))

    def remove_tree(self, path: str) -> None:
        with self._guard:
            if path not in self.directories:
                return
            for name in list(self.directories[path]):
                if (child := f"{path}/{name}") in self.files:
                    self.unlink(child)
                else:
                    self.remove_tree(child)
            del self.directories[path]
            self.directories[os.path.dirname(path)].discard(os.path.basename(path))

    def fsync_directory(self, path: str) -> None:
        self._entries(path)

    def size(self, path: str) -> int:
        return len(self._inode(path).content)

    def modified_ms(self, path: str) -> int:
        return self._inode(path).modified_ms

    def set_modified_ms(self, path: str, modified_ms: int) -> None:
        self._inode(path).modified_ms = modified_ms

    def lock(self, path: str) -> DiskLock:
        with self._guard:
            if path in self.locked:
                raise BlockingIOError(errno.EAGAIN, "another process holds the lock", path)
            self.open(path, OpenMode.WRITE)
            self.locked.add(path)
            return _MemoryLock(self, path)

    def space(self, path: str) -> DiskSpace:
        with self._guard:
            self._entries(path)
            used = sum(len(inode.content) for inode in self.files.values())
            return DiskSpace(self.total_bytes, max(self.total_bytes - used, 0))
