"""The leader epochs in which a log was written, and where each begins (`leader-epoch-checkpoint`).

::

    0            version
    2            number of entries
    0 0          epoch 0 began with offset 0
    5 1217       epoch 5 began with offset 1217; epochs 1 to 4 wrote nothing

Epochs and start offsets both rise from line to line. A follower or a client that was with an older leader asks where its
epoch ends, and cuts what it has beyond (KIP-101, KIP-279).

The cache is changed in memory on the loop; `write_if_dirty` puts it on disk. Whoever moves a log's recovery point
writes it first: above the recovery point epochs are rebuilt from the batches, below it only this file knows them.

Source: Apache's LeaderEpochFileCache.
"""

from __future__ import annotations

import itertools
import logging
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.storage.checkpoints import CheckpointError, format_lines, parse_lines, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.storage.disk import Disk

_logger = logging.getLogger(__name__)

UNDEFINED_EPOCH: Final = -1
UNDEFINED_EPOCH_OFFSET: Final = -1


class EpochEntry(NamedTuple):
    """An epoch and the offset of the first batch written in it."""

    epoch: int
    start_offset: int


_NEVER: Final = (EpochEntry(UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET),)
"""Stands for what no file holds."""


class LeaderEpochCache:
    """The epochs of one log, oldest first. Holds a handful of entries; no I/O but in `load` and `write_if_dirty`."""

    __slots__ = ("_entries", "_written")

    def __init__(self, entries: Iterable[EpochEntry] = ()) -> None:
        self._entries: tuple[EpochEntry, ...] = ()
        for epoch, start_offset in entries:
            self.assign(epoch, start_offset)
        self._written: tuple[EpochEntry, ...] = ()

    @classmethod
    def load(cls, disk: Disk, path: str) -> LeaderEpochCache:
        """What the file says, nothing where it is missing. Raises `CheckpointError` (rebuild from the batches then)."""
        try:
            content = disk.read_file(path)
        except FileNotFoundError:
            return cls()
        entries = [
            EpochEntry(parse_number(path, epoch), parse_number(path, start_offset))
            for epoch, start_offset in parse_lines(path, content, 2)
        ]
        for earlier, later in itertools.pairwise(entries):
            if later.epoch <= earlier.epoch or later.start_offset < earlier.start_offset:
                raise CheckpointError(f"{path}: {later} does not follow {earlier}")
        if entries and (entries[0].epoch < 0 or entries[0].start_offset < 0):
            raise CheckpointError(f"{path}: {entries[0]} is negative")
        cache = cls(entries)
        cache._written = cache._entries
        return cache

    def write_if_dirty(self, disk: Disk, path: str, *, durable: bool = True) -> None:
        """Replace the file if the epochs have changed since it was last read or written. Waits for the disk."""
        entries = self._entries
        if entries is not self._written:
            lines = format_lines(f"{epoch} {start_offset}" for epoch, start_offset in entries)
            disk.replace_file(path, lines, durable=durable)
            self._written = entries

    def mark_dirty(self) -> None:
        """The file may not outlive a crash: write it the next time in any case."""
        self._written = _NEVER

    @property
    def is_dirty(self) -> bool:
        return self._entries is not self._written

    @property
    def entries(self) -> tuple[EpochEntry, ...]:
        return self._entries

    @property
    def latest_epoch(self) -> int | None:
        return self._entries[-1].epoch if self._entries else None

    def assign(self, epoch: int, start_offset: int) -> bool:
        """Take note that a batch of `epoch` stands at `start_offset`; whether that was news.

        Entries that contradict it (a later epoch, or a later start) are dropped: the log was cut or taken over.
        Hot path when nothing changes: one comparison.
        """
        entries = self._entries
        if entries:
            latest = entries[-1]
            if epoch == latest.epoch and start_offset >= latest.start_offset:
                return False
        if epoch < 0 or start_offset < 0:
            raise ValueError(f"epoch {epoch} at offset {start_offset}: neither may be negative")
        kept = tuple(entry for entry in entries if entry.epoch < epoch and entry.start_offset < start_offset)
        if len(entries) - len(kept) > 1 or (len(entries) > len(kept) and entries[-1].epoch != epoch):
            _logger.warning(
                "leader epoch %d at offset %d replaces %s", epoch, start_offset, entries[len(kept) :]
            )
        self._entries = (*kept, EpochEntry(epoch, start_offset))
        return True

    def end_offset_for(self, requested_epoch: int, log_end_offset: int) -> EpochEntry:
        """The largest epoch not above the requested one, with the offset after its last record.

        Both -1 for epoch -1 and for one above all known. For one below all known: itself, with the first known start.
        """
        entries = self._entries
        if requested_epoch == UNDEFINED_EPOCH or not entries or requested_epoch > entries[-1].epoch:
            return EpochEntry(UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET)
        if requested_epoch == entries[-1].epoch:
            return EpochEntry(requested_epoch, log_end_offset)
        above = bisect_right(entries, requested_epoch, key=_epoch_of)
        end_offset = entries[above].start_offset
        return EpochEntry(entries[above - 1].epoch if above else requested_epoch, end_offset)

    def epoch_for_offset(self, offset: int) -> int | None:
        """The epoch in which the record at `offset` was written; None before the first known."""
        above = bisect_right(self._entries, offset, key=_start_offset_of)
        return self._entries[above - 1].epoch if above else None

    def truncate_from_end(self, end_offset: int) -> bool:
        """Drop epochs that began at or after `end_offset`, the log's new end; whether any did."""
        entries = self._entries
        kept = tuple(entry for entry in entries if entry.start_offset < end_offset)
        if len(kept) < len(entries):
            self._entries = kept
            return True
        return False

    def truncate_from_start(self, start_offset: int) -> bool:
        """Drop epochs that ended before `start_offset`, the log's new start; the one that holds it now begins there."""
        entries = self._entries
        above = bisect_right(entries, start_offset, key=_start_offset_of)
        if above and entries[above - 1].start_offset != start_offset:
            self._entries = (EpochEntry(entries[above - 1].epoch, start_offset), *entries[above:])
        elif above > 1:
            self._entries = entries[above - 1 :]
        return self._entries is not entries

    def clear(self) -> None:
        if self._entries:
            self._entries = ()


def _epoch_of(entry: EpochEntry) -> int:
    return entry.epoch


def _start_offset_of(entry: EpochEntry) -> int:
    return entry.start_offset
