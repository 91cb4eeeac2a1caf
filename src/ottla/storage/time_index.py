"""The time index of a segment (`.timeindex`): up to where no record is as young as a given time.

::

    each entry, 12 bytes:  timestamp int64 │ relative offset int32 (offset less the segment's base)

An entry says: no record up to and including this offset has a larger timestamp. Both fields rise from entry to entry.
When a segment is closed its largest timestamp becomes the last entry. Source: Apache's `TimeIndex`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from ottla.storage.file_cache import FileCache, LogFile
from ottla.storage.index_file import CorruptIndexError, IndexFile

ENTRY: Final = Struct(">qi")


class TimeIndex(IndexFile):
    """Timestamps to offsets."""

    __slots__ = ("_last_timestamp", "base_offset")

    def __init__(self, cache: FileCache, log_file: LogFile, base_offset: int) -> None:
        super().__init__(cache, log_file, ENTRY)
        self.base_offset = base_offset
        self._last_timestamp: int | None = -1

    def load(self, size_in_bytes: int) -> None:
        super().load(size_in_bytes)
        self._last_timestamp = None

    def append_if_later(self, timestamp: int, offset: int) -> None:
        """Append unless `timestamp` is not above the last entry's."""
        if self._last_timestamp is None:
            last = self.last_entry()
            self._last_timestamp = last[0] if last else -1
        if timestamp > self._last_timestamp:
            self.append_packed(timestamp, offset - self.base_offset)
            self._last_timestamp = timestamp

    def lookup(self, timestamp: int, *, nowait: bool = False) -> int:
        """An offset before which no record has at least `timestamp`."""
        entry = self.floor(timestamp, nowait=nowait)
        return self.base_offset + (entry[1] if entry else 0)

    def largest(self) -> tuple[int, int]:
        """The last entry: the largest timestamp and its batch's last offset; `(-1, base offset)` where there is none."""
        last = self.last_entry()
        return (last[0], self.base_offset + last[1]) if last else (-1, self.base_offset)

    def truncate_to(self, offset: int) -> None:
        """Drop entries for `offset` and above."""
        relative = offset - self.base_offset
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.entry_at(middle)[1] < relative:
                low = middle + 1
            else:
                high = middle
        self.truncate_to_places(low)
        self._last_timestamp = None

    def check(self) -> None:
        """Raise `CorruptIndexError` if the entries cannot be: Apache's `sanityCheck`."""
        count = len(self)
        if count < 2:
            return
        first, last = self.entry_at(0), self.entry_at(count - 1)
        if last[0] < first[0] or last[1] < 0 or last[1] < first[1]:
            raise CorruptIndexError(f"{self.log_file.path}: its last entry is {last}, its first {first}")
