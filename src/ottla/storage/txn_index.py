"""The transaction index of a segment (`.txnindex`): the aborted transactions that end in it.

::

    each entry, 34 bytes:  version int16 = 0 │ producer id int64 │ first offset int64 │ last offset int64
                           last stable offset int64

`last offset` is the abort marker's, by which entries rise. `last stable offset` is the log's when the marker was written:
once it has reached a reader's upper bound, no later entry concerns that reader. Source: Apache's `TransactionIndex`,
`AbortedTxn`.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from ottla.storage.file_cache import FileCache, LogFile
from ottla.storage.index_file import CorruptIndexError, IndexFile

ENTRY: Final = Struct(">hqqqq")
VERSION: Final = 0


class AbortedEntry(NamedTuple):
    """One aborted transaction."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class TxnIndex(IndexFile):
    """Aborted transactions in the order in which they ended. Has no file before the first."""

    __slots__ = ()

    def __init__(self, cache: FileCache, log_file: LogFile) -> None:
        super().__init__(cache, log_file, ENTRY)

    def append(self, entry: AbortedEntry) -> None:
        self.append_packed(VERSION, *entry)

    def aborted(self) -> Iterator[AbortedEntry]:
        """All entries. Raises `CorruptIndexError` for one of an unknown version or that ends before it begins."""
        for version, *fields in self.entries():
            entry = AbortedEntry(*fields)
            if version != VERSION or entry.last_offset < entry.first_offset:
                raise CorruptIndexError(f"{self.log_file.path}: version {version}, {entry}")
            yield entry

    def overlapping(self, start_offset: int, end_offset: int) -> tuple[list[AbortedEntry], bool]:
        """Transactions that overlap `[start_offset, end_offset)`, and whether later segments need no more be asked."""
        found = []
        for entry in self.aborted():
            if entry.last_offset >= start_offset and entry.first_offset < end_offset:
                found.append(entry)
            if entry.last_stable_offset >= end_offset:
                return found, True
        return found, False

    def truncate_to(self, offset: int) -> None:
        """Drop transactions that ended at `offset` or later."""
        kept = 0
        for entry in self.aborted():
            if entry.last_offset >= offset:
                break
            kept += 1
        if kept < len(self):
            self.truncate_to_places(kept)
