"""The offset index of a segment (`.index`): where in the file to begin looking for an offset.

::

    each entry, 8 bytes:  relative offset int32 (offset less the segment's base) │ position int32

An entry stands for a batch: its last offset and where the batch begins. There is one each `index.interval.bytes`. Source:
Apache's `OffsetIndex`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from ottla.storage.file_cache import FileCache, LogFile
from ottla.storage.index_file import CorruptIndexError, IndexFile

ENTRY: Final = Struct(">ii")


class OffsetIndex(IndexFile):
    """Offsets to positions."""

    __slots__ = ("base_offset",)

    def __init__(self, cache: FileCache, log_file: LogFile, base_offset: int) -> None:
        super().__init__(cache, log_file, ENTRY)
        self.base_offset = base_offset

    def append(self, offset: int, position: int) -> None:
        """`offset`: the last of a batch that begins at `position`; both above those before."""
        self.append_packed(offset - self.base_offset, position)

    def lookup(self, offset: int, *, nowait: bool = False) -> int:
        """A position at or before the batch that holds `offset`; 0 where no entry says better."""
        entry = self.floor(offset - self.base_offset, nowait=nowait)
        return entry[1] if entry else 0

    def offset_at_or_after(self, position: int, *, nowait: bool = False) -> int | None:
        """The last offset of some batch that begins at or after `position`; `None` if no entry tells."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.entry_at(middle, nowait=nowait)[1] < position:
                low = middle + 1
            else:
                high = middle
        return self.base_offset + self.entry_at(low, nowait=nowait)[0] if low < len(self) else None

    def truncate_to(self, offset: int) -> None:
        """Drop entries for `offset` and above."""
        self.truncate_to_places(self.places_up_to(offset - self.base_offset - 1))

    def check(self) -> None:
        """Raise `CorruptIndexError` if the last entry cannot be: Apache's `sanityCheck`."""
        last = self.last_entry()
        # A file that Apache had not trimmed when it was killed ends with zeros.
        if last is not None and len(self) > 1 and (last[0] <= 0 or last[1] <= 0):
            raise CorruptIndexError(f"{self.log_file.path}: its last entry is {last}")
