"""What the indexes have in common: a file of fixed-size entries in rising order, its newest part in memory.

Entries are appended in memory, packed as they will stand in the file; they are written when a segment is flushed, rolled
or closed, or when there are many of them. After a crash the log past the recovery point is read anyway and its entries
are made again, so nothing is lost by waiting, and an append costs no write of its own.

Changed on the loop's thread only. Look-ups may run on any: `_state` is replaced as a whole, never changed in parts.

An index has no checksum: what contradicts itself is rebuilt from the log (Apache's `AbstractIndex.sanityCheck`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from struct import Struct
from typing import Any, Final

from ottla.storage.disk import DiskFile
from ottla.storage.file_cache import FileCache, LogFile
from ottla.storage.file_slice import SliceGone

TAIL_ENTRIES_MAX: Final = 4_096
"""Entries in memory at which they are written out: with an entry each 4 KiB of log, each 16 MiB."""

_SEARCH_BLOCK_ENTRIES: Final = 256
"""A search in the file halves the range by single reads until it is this short, then reads it at once."""


class CorruptIndexError(Exception):
    """An index contradicts itself or its segment: delete it and build it anew from the log."""


class IndexFile:
    """Entries of one format; the first field is what they are searched by."""

    __slots__ = ("_cache", "_entry", "_log_file", "_state")

    def __init__(self, cache: FileCache, log_file: LogFile, entry: Struct) -> None:
        self._cache = cache
        self._log_file = log_file
        self._entry = entry
        self._state: tuple[int, bytearray] = (0, bytearray())

    @property
    def log_file(self) -> LogFile:
        return self._log_file

    def __len__(self) -> int:
        """Number of entries."""
        on_disk, tail = self._state
        return on_disk + len(tail) // self._entry.size

    def load(self, size_in_bytes: int) -> None:
        """Take over an existing file of this size. Raises `CorruptIndexError` when it is no whole number of entries."""
        if size_in_bytes % self._entry.size:
            raise CorruptIndexError(
                f"{self._log_file.path}: {size_in_bytes} bytes are no whole number of {self._entry.size}-byte entries"
            )
        self._log_file.exists = True
        self._state = (size_in_bytes // self._entry.size, bytearray())

    # -- reading

    def entry_at(self, place: int, *, nowait: bool = False) -> tuple[int, ...]:
        """The entry at this place, from 0."""
        on_disk, tail = self._state
        if place >= on_disk:
            at = (place - on_disk) * self._entry.size
            if at + self._entry.size > len(tail):
                # A truncation on the loop, between a search on another thread and this.
                raise SliceGone(f"{self._log_file.path} has no entry {place} any more")
            return self._entry.unpack_from(tail, at)
        return self._entry.unpack(self._read(place, 1, nowait=nowait))

    def last_entry(self, *, nowait: bool = False) -> tuple[int, ...] | None:
        count = len(self)
        return self.entry_at(count - 1, nowait=nowait) if count else None

    def floor(self, key: int, *, nowait: bool = False) -> tuple[int, ...] | None:
        """The last entry whose first field is not above `key`; `None` if there is none."""
        place = self.places_up_to(key, nowait=nowait)
        return self.entry_at(place - 1, nowait=nowait) if place else None

    def places_up_to(self, key: int, *, nowait: bool = False) -> int:
        """How many entries have a first field not above `key`."""
        on_disk, tail = self._state
        size = self._entry.size
        unpack_from = self._entry.unpack_from
        if tail and unpack_from(tail)[0] <= key:
            return on_disk + _count_up_to(unpack_from, size, tail, len(tail) // size, key)
        low, high = 0, on_disk
        while high - low > _SEARCH_BLOCK_ENTRIES:
            middle = (low + high) // 2
            if self._entry.unpack(self._read(middle, 1, nowait=nowait))[0] <= key:
                low = middle + 1
            else:
                high = middle
        if low == high:
            return low
        block = self._read(low, high - low, nowait=nowait)
        return low + _count_up_to(unpack_from, size, block, high - low, key)

    def entries(self, start: int = 0) -> Iterator[tuple[int, ...]]:
        """All entries from this place on, in order."""
        on_disk, tail = self._state
        while start < on_disk:
            count = min(_SEARCH_BLOCK_ENTRIES, on_disk - start)
            yield from self._entry.iter_unpack(self._read(start, count, nowait=False))
            start += count
        yield from self._entry.iter_unpack(bytes(tail[(start - on_disk) * self._entry.size :]))

    def _read(self, place: int, count: int, *, nowait: bool) -> bytearray:
        size = self._entry.size
        content = bytearray(count * size)
        view = memoryview(content)
        filled = 0
        try:
            with self.pinned() as file:
                while filled < len(content):
                    read = file.pread_into(view[filled:], place * size + filled, nowait=nowait)
                    if read == 0:
                        raise CorruptIndexError(
                            f"{self._log_file.path} ends before its entry {place + count}"
                        )
                    filled += read
        except FileNotFoundError as error:
            # Retention or a truncation on the loop, while another thread was about to read.
            raise SliceGone(f"{self._log_file.path} is deleted") from error
        return content

    # -- changing

    def append_packed(self, *fields: int) -> None:
        """Append an entry; the caller has seen to the order."""
        self._state[1].extend(self._entry.pack(*fields))

    def truncate_to_places(self, count: int) -> None:
        """Keep the first `count` entries; cuts the file if it had more."""
        on_disk, tail = self._state
        if count >= on_disk:
            self._state = (on_disk, tail[: (count - on_disk) * self._entry.size])
            return
        with self._cache.pinned(self._log_file) as file:
            file.truncate(count * self._entry.size)
        self._state = (count, bytearray())

    def pending(self) -> tuple[int, bytes]:
        """The place and the bytes of the entries not yet written; hand them to `write`, then call `mark_written`."""
        on_disk, tail = self._state
        return on_disk, bytes(tail)

    @property
    def has_pending(self) -> bool:
        """Whether entries are in memory only."""
        return bool(self._state[1])

    @property
    def is_tail_long(self) -> bool:
        """Whether so many entries are in memory only that they should be written."""
        return len(self._state[1]) >= TAIL_ENTRIES_MAX * self._entry.size

    def write(self, place: int, content: bytes) -> None:
        """Write entries (on any thread); makes the file where it is missing."""
        with self.pinned() as file:
            if content:
                file.write_all(content, place * self._entry.size)

    def pinned(self) -> AbstractContextManager[DiskFile]:
        """The open file, for any thread, within a `with` block."""
        return self._cache.pinned(self._log_file)

    def mark_written(self, place: int, content: bytes) -> None:
        """Entries that `write` has written need not be kept in memory, unless the index was cut meanwhile."""
        on_disk, tail = self._state
        if place == on_disk and tail.startswith(content):
            self._state = (on_disk + len(content) // self._entry.size, tail[len(content) :])

    def write_out(self) -> None:
        """Write what is in memory, here and now."""
        place, content = self.pending()
        self.write(place, content)
        self.mark_written(place, content)

    def close(self) -> None:
        self._cache.close(self._log_file)

    def renew_file(self) -> None:
        """Open the file anew the next time."""
        self._log_file = self._log_file.renewed()


def _count_up_to(unpack_from: Any, size: int, block: bytearray, count: int, key: int) -> int:
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if unpack_from(block, middle * size)[0] <= key:
            low = middle + 1
        else:
            high = middle
    return low
