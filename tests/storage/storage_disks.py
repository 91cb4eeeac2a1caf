"""Disks for tests: one that remembers what is durable and can be rebuilt as a crash would leave it, and one that fails.

The model of a crash is POSIX's, without any kindness of real file systems: bytes written survive only after an fsync of the
file, names only after an fsync of their directory, and of what was not synced any subset may have come through, in any order.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ottla.storage.disk import (
    Disk,
    DiskFile,
    DiskLock,
    DiskSpace,
    MemoryDisk,
    MemoryFile,
    MemoryInode,
    OpenMode,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the disk. `subject` is what a sync must name to make it durable."""

    kind: str  # write, truncate, link, unlink, rename, fsync
    subject: int  # the file of a write or truncate, the directory of a name
    arguments: tuple = ()
    label: str = ""

    def __str__(self) -> str:
        return self.label


class _RecordedFile(MemoryFile):
    __slots__ = ()

    def pwritev(self, buffers, position):
        content = b"".join(bytes(memoryview(buffer).cast("B")) for buffer in buffers)
        count = super().pwritev(buffers, position)
        self._disk.note(
            "write",
            self._disk.id_of(self.inode),
            (position, content),
            f"write {self.path} {position}+{count}",
        )
        return count

    def truncate(self, size_bytes):
        super().truncate(size_bytes)
        self._disk.note(
            "truncate", self._disk.id_of(self.inode), (size_bytes,), f"truncate {self.path} {size_bytes}"
        )

    def fsync(self):
        self._disk.note("fsync", self._disk.id_of(self.inode), (), f"fsync {self.path}")


class RecordingDisk(MemoryDisk):
    """A disk in memory with the journal of all that was done to it since it was made."""

    __slots__ = ("_directory_ids", "_ids", "_next_id", "journal")

    def __init__(self, start: MemoryDisk | None = None) -> None:
        super().__init__()
        self.journal: list[Step] = []
        self._ids: dict[int, tuple[int, MemoryInode]] = {}
        self._next_id = itertools.count(1)
        self._directory_ids: dict[str, int] = {"/": 0}
        if start is not None:
            for path in sorted(start.directories):
                self.mkdir(path)
            for path, inode in start.files.items():
                self.open(path, OpenMode.CREATE).write_all(bytes(inode.content), 0)
            self.sync_everything()

    def sync_everything(self) -> None:
        """As `sync(1)`: all so far is durable."""
        for path, inode in self.files.items():
            self.note("fsync", self.id_of(inode), (), f"fsync {path}")
        for path in self.directories:
            self.fsync_directory(path)

    def id_of(self, inode: MemoryInode) -> int:
        if id(inode) not in self._ids:
            self._ids[id(inode)] = (next(self._next_id), inode)
        return self._ids[id(inode)][0]

    def note(self, kind: str, subject: int, arguments: tuple = (), label: str = "") -> None:
        self.journal.append(Step(kind, subject, arguments, label))

    def _directory(self, path: str) -> int:
        return self._directory_ids[os.path.dirname(path)]

    # -- the operations

    def open(self, path, mode):
        there = path in self.files
        plain = super().open(path, mode)
        file = _RecordedFile(self, path, plain.inode, writable=plain.writable)
        if not there:
            self.note(
                "link",
                self._directory(path),
                (os.path.basename(path), "file", self.id_of(plain.inode)),
                f"create {path}",
            )
        elif mode is OpenMode.CREATE:
            self.note("truncate", self.id_of(plain.inode), (0,), f"empty {path}")
        return file

    def mkdir(self, path):
        if path in self.directories:
            return
        self.mkdir(os.path.dirname(path))
        super().mkdir(path)
        self._directory_ids[path] = next(self._next_id)
        self.note(
            "link",
            self._directory(path),
            (os.path.basename(path), "dir", self._directory_ids[path]),
            f"mkdir {path}",
        )

    def rename(self, source, target):
        is_file = source in self.files
        super().rename(source, target)
        if is_file:
            kind, node = "file", self.id_of(self.files[target])
        else:
            kind = "dir"
            for path in [
                path for path in self._directory_ids if path == source or path.startswith(source + "/")
            ]:
                self._directory_ids[target + path[len(source) :]] = self._directory_ids.pop(path)
            node = self._directory_ids[target]
        self.note(
            "rename",
            self._directory(target),
            (self._directory(source), os.path.basename(source), os.path.basename(target), kind, node),
            f"rename {source} {os.path.basename(target)}",
        )

    def unlink(self, path):
        node = self.id_of(self.files[path]) if path in self.files else 0
        super().unlink(path)
        self.note("unlink", self._directory(path), (os.path.basename(path), "file", node), f"unlink {path}")

    def remove_tree(self, path):
        if path not in self.directories:
            return
        for name in list(self.directories[path]):
            child = f"{path}/{name}"
            self.unlink(child) if child in self.files else self.remove_tree(child)
        super().remove_tree(path)
        node = self._directory_ids.pop(path)
        self.note("unlink", self._directory(path), (os.path.basename(path), "dir", node), f"rmdir {path}")

    def fsync_directory(self, path):
        super().fsync_directory(path)
        self.note("fsync", self._directory_ids[path], (), f"fsync {path}/")

    # -- crashes

    def unsynced(self, steps: int) -> list[int]:
        """Which of the first `steps` steps a crash after them may lose."""
        return unsynced_of(self.journal, steps)

    def crashed(self, steps: int, lost: Sequence[int] = (), torn: int | None = None) -> MemoryDisk:
        """What the disk holds after a crash that came after `steps` steps and lost the steps `lost`; of the write `torn`
        only its first half came through."""
        lost_steps = set(lost)
        contents: dict[int, bytearray] = {}
        entries: dict[int, dict[str, tuple[str, int]]] = {0: {}}
        for place in range(steps):
            step = self.journal[place]
            if place in lost_steps:
                continue
            match step.kind:
                case "write":
                    position, written = step.arguments
                    if place == torn:
                        written = written[: len(written) // 2]
                    content = contents.setdefault(step.subject, bytearray())
                    if position > len(content):
                        content.extend(bytes(position - len(content)))
                    content[position : position + len(written)] = written
                case "truncate":
                    content = contents.setdefault(step.subject, bytearray())
                    size = step.arguments[0]
                    del content[size:]
                    content.extend(bytes(size - len(content)))
                case "link":
                    name, kind, node = step.arguments
                    entries.setdefault(step.subject, {})[name] = (kind, node)
                case "unlink":
                    name, kind, node = step.arguments
                    here = entries.setdefault(step.subject, {})
                    if here.get(name) == (kind, node):
                        del here[name]
                case "rename":
                    old_directory, old_name, name, kind, node = step.arguments
                    old = entries.setdefault(old_directory, {})
                    if old.get(old_name) == (kind, node):
                        del old[old_name]
                    entries.setdefault(step.subject, {})[name] = (kind, node)
        disk = MemoryDisk()
        _build(disk, "", 0, entries, contents)
        return disk

    def crashes(
        self, start: int, end: int, *, subsets: int = 24, seed: int = 0
    ) -> Iterator[tuple[str, MemoryDisk]]:
        """Every crash between the steps `start` and `end`: all subsets of what is unsynced where these are at most
        `subsets`, otherwise all lost, none lost, each one lost, each one kept, and random ones up to as many."""
        for steps in range(start, end + 1):
            unsynced = self.unsynced(steps)
            for lost in _subsets(unsynced, subsets, random.Random(seed * 1_000_003 + steps)):
                names = ", ".join(str(self.journal[place]) for place in lost)
                yield (
                    f"crash after step {steps} ({self.journal[steps - 1]}), lost: {names}",
                    self.crashed(steps, lost),
                )
            torn = next((place for place in reversed(unsynced) if self.journal[place].kind == "write"), None)
            if torn is not None:
                yield f"crash after step {steps}, torn: {self.journal[torn]}", self.crashed(steps, (), torn)


def unsynced_of(journal: Sequence[Step], steps: int) -> list[int]:
    synced: set[int] = set()
    found = []
    for place in range(steps - 1, -1, -1):
        step = journal[place]
        if step.kind == "fsync":
            synced.add(step.subject)
        elif step.subject not in synced:
            found.append(place)
    return found[::-1]


def _subsets(places: list[int], limit: int, source: random.Random) -> Iterator[tuple[int, ...]]:
    if 2 ** len(places) <= limit:
        for size in range(len(places) + 1):
            yield from itertools.combinations(places, size)
        return
    yield ()
    yield tuple(places)
    for _ in range(limit - 2):
        share = source.random()
        yield tuple(place for place in places if source.random() < share)


def _build(disk: MemoryDisk, path: str, directory: int, entries: dict, contents: dict) -> None:
    for name, (kind, node) in entries.get(directory, {}).items():
        child = f"{path}/{name}"
        if kind == "dir":
            disk.mkdir(child)
            _build(disk, child, node, entries, contents)
        else:
            disk.open(child, OpenMode.CREATE).write_all(bytes(contents.get(node, b"")), 0)


class FaultyDisk(Disk):
    """A disk over another one, whose operations fail when `fault` says so.

    `fault(operation, path)` is asked before each: an `OSError` it returns is raised, "forget" makes it do nothing, "tear" makes
    a write put down half and then fail with EIO, None lets it pass. Operations are named as the methods.
    """

    __slots__ = ("below", "fault", "seen", "space_bytes")

    shareable = False

    def __init__(self, below: Disk) -> None:
        self.below = below
        self.fault: Callable[[str, str], OSError | str | None] = lambda _operation, _path: None
        self.seen: list[tuple[str, str]] = []
        self.space_bytes: int | None = None

    def ask(self, operation: str, path: str) -> str | None:
        self.seen.append((operation, path))
        answer = self.fault(operation, path)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def fail_once(self, wanted: str, error: int, *, containing: str = "", after: int = 0) -> None:
        """Let one `wanted` operation on a path with `containing` in it fail with this errno, after so many that pass."""
        passes = itertools.count()
        done = False

        def fault(operation: str, path: str) -> OSError | None:
            nonlocal done
            if done or operation != wanted or containing not in path or next(passes) < after:
                return None
            done = True
            return OSError(error, os.strerror(error), path)

        self.fault = fault

    def fail_all(self, error: int, *wanted: str, containing: str = "") -> None:
        """Let every operation of these names fail with this errno until `heal`."""
        self.fault = lambda operation, path: (
            OSError(error, os.strerror(error), path) if operation in wanted and containing in path else None
        )

    def heal(self) -> None:
        self.fault = lambda _operation, _path: None

    def open(self, path, mode):
        self.ask("create" if mode is not OpenMode.READ and not self.below.exists(path) else "open", path)
        return _FaultyFile(self, self.below.open(path, mode))

    def listdir(self, path):
        self.ask("listdir", path)
        return self.below.listdir(path)

    def exists(self, path):
        return self.below.exists(path)

    def is_directory(self, path):
        return self.below.is_directory(path)

    def mkdir(self, path):
        if self.ask("mkdir", path) != "forget":
            self.below.mkdir(path)

    def rename(self, source, target):
        if self.ask("rename", source) != "forget":
            self.below.rename(source, target)

    def unlink(self, path):
        if self.ask("unlink", path) != "forget":
            self.below.unlink(path)

    def remove_tree(self, path):
        if self.ask("remove_tree", path) != "forget":
            self.below.remove_tree(path)

    def fsync_directory(self, path):
        if self.ask("fsync_directory", path) != "forget":
            self.below.fsync_directory(path)

    def size(self, path):
        return self.below.size(path)

    def modified_ms(self, path):
        return self.below.modified_ms(path)

    def set_modified_ms(self, path, modified_ms):
        self.below.set_modified_ms(path, modified_ms)

    def lock(self, path) -> DiskLock:
        self.ask("lock", path)
        return self.below.lock(path)

    def space(self, path):
        space = self.below.space(path)
        return space if self.space_bytes is None else DiskSpace(space.total_bytes, self.space_bytes)


class _FaultyFile(DiskFile):
    __slots__ = ("_below", "_disk")

    def __init__(self, disk: FaultyDisk, below: DiskFile) -> None:
        self._disk = disk
        self._below = below
        self.path = below.path

    def pwrite(self, buffer, position):
        return self.pwritev((buffer,), position)

    def pwritev(self, buffers, position):
        answer = self._disk.ask("write", self.path)
        content = b"".join(bytes(memoryview(buffer).cast("B")) for buffer in buffers)
        if answer == "forget":
            return len(content)
        if answer == "short":
            return self._below.pwrite(content[: max(len(content) // 2, 1)], position)
        if answer == "tear":
            self._below.pwrite(content[: len(content) // 2], position)
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.path)
        return self._below.pwrite(content, position)

    def pread_into(self, view, position, *, nowait=False):
        self._disk.ask("read", self.path)
        return self._below.pread_into(view, position, nowait=nowait)

    def fsync(self):
        if self._disk.ask("fsync", self.path) != "forget":
            self._below.fsync()

    def truncate(self, size_bytes):
        if self._disk.ask("truncate", self.path) != "forget":
            self._below.truncate(size_bytes)

    def size(self):
        return self._below.size()

    def close(self):
        self._below.close()
