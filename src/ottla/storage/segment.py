"""A segment: one file of batches one after another, and its three indexes.

::

    00000000000000001217.log         batches as they were received; the name is the first offset it may hold
    00000000000000001217.index       offsets to positions
    00000000000000001217.timeindex   times to offsets
    00000000000000001217.txnindex    aborted transactions, if there are any

The loop's thread alone changes a segment. `size_in_bytes` is what has been assigned; `readable_bytes` what is written and
may be read, behind it while appends wait for the directory's thread. Both are kept in memory: no look-up asks the file.

The newest batches of a segment that is appended to are also remembered in a short ring, so that consumers that keep up are
answered without reading any file.

Source: Apache's `LogSegment`, `FileRecords`.
"""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from struct import Struct
from typing import Final, NamedTuple

from ottla.config.topic_config import TopicConfig
from ottla.records.batch import HEADER_BYTES, LOG_OVERHEAD_BYTES, MAGIC, NO_TIMESTAMP
from ottla.records.errors import CorruptBatch, RecordsError
from ottla.records.legacy import StoredEntry, stored_entry
from ottla.storage.disk import DiskFile
from ottla.storage.file_cache import FileCache, LogDirectoryPath, LogFile
from ottla.storage.file_slice import SliceGone
from ottla.storage.index_file import CorruptIndexError, IndexFile
from ottla.storage.offset_index import ENTRY as OFFSET_ENTRY
from ottla.storage.offset_index import OffsetIndex
from ottla.storage.time_index import ENTRY as TIME_ENTRY
from ottla.storage.time_index import TimeIndex
from ottla.storage.txn_index import TxnIndex

_logger = logging.getLogger(__name__)

LOG_SUFFIX: Final = ".log"
INDEX_SUFFIX: Final = ".index"
TIME_INDEX_SUFFIX: Final = ".timeindex"
TXN_INDEX_SUFFIX: Final = ".txnindex"
SUFFIXES: Final = (LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX)
DELETED_SUFFIX: Final = ".deleted"
CLEANED_SUFFIX: Final = ".cleaned"
SWAP_SUFFIX: Final = ".swap"

RELATIVE_OFFSET_MAX: Final = 2**31 - 1
"""Index entries hold offsets relative to the segment's base in a signed 32-bit field."""

RING_BATCHES_MAX: Final = 128
"""Newest batches whose positions are remembered; half of them go when it is full."""

_unpack_place = Struct(">qi4xb4x2xi").unpack_from
"""Of a batch's header what finding it takes: base offset, length, magic, last offset delta."""

FIND_BYTES: Final = 8 * 1024
"""First chunk in which a batch is looked for from its index entry on: it is within `index.interval.bytes` as a rule."""

SCAN_BYTES: Final = 64 * 1024
"""Chunk in which headers are looked for from a position on; long enough for many small batches."""


ALWAYS_ROLL: Final = -(2**63)
"""As `roll_deadline_ms`: whatever the next batch's time, it goes into a new segment."""


READ_ERRORS: Final = (OSError, RecordsError, CorruptIndexError, SliceGone)
"""What reading segments and indexes may raise."""


SPOILT_ENTRIES_MAX: Final = 16
"""Entries of an index that are tried before the segment is read from its start."""


class _SpoiltEntryError(Exception):
    """An index entry points to something that is not its batch."""


class Position(NamedTuple):
    """Where a batch stands in a segment's file."""

    position: int
    size_in_bytes: int
    last_offset: int


class Scanned(NamedTuple):
    """An entry met while going through a segment's file."""

    position: int
    entry: StoredEntry


class Segment:
    """One segment. No file is made before the first write."""

    __slots__ = (
        "_cache",
        "_index_bytes",
        "_interval_bytes",
        "_pinned",
        "_ring_offsets",
        "_ring_positions",
        "_uncovered_bytes",
        "base_offset",
        "created_ms",
        "first_timestamp",
        "has_spoilt_index",
        "is_new",
        "is_preallocated",
        "log_file",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "readable_bytes",
        "roll_deadline_ms",
        "size_in_bytes",
        "time_index",
        "truncation_epoch",
        "txn_index",
        "unflushed",
    )

    def __init__(
        self,
        cache: FileCache,
        directory: LogDirectoryPath,
        base_offset: int,
        *,
        created_ms: int,
        config: TopicConfig,
    ) -> None:
        name = segment_name(base_offset)
        self._cache = cache
        self.base_offset = base_offset
        self.log_file = LogFile(directory, name + LOG_SUFFIX)
        self.offset_index = OffsetIndex(cache, LogFile(directory, name + INDEX_SUFFIX), base_offset)
        self.time_index = TimeIndex(cache, LogFile(directory, name + TIME_INDEX_SUFFIX), base_offset)
        self.txn_index = TxnIndex(cache, LogFile(directory, name + TXN_INDEX_SUFFIX))
        self.size_in_bytes = 0
        self.readable_bytes = 0
        self.truncation_epoch = 0
        self.created_ms = created_ms
        """When it was made, or last modified when it was loaded: stands in for time where records have none."""
        self.first_timestamp = NO_TIMESTAMP
        """Of the first batch; -1 while unknown."""
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset
        """The last offset of the batch that has the largest timestamp."""
        self.roll_deadline_ms: int | None = None
        """A batch with a later time goes into a new segment; `None` until the log has worked it out."""
        self.unflushed = False
        """Written to since it was last fsynced."""
        self.has_spoilt_index = False
        """An entry of an index was found that disagrees with the batches; a start builds the indexes anew."""
        self.is_new = True
        """Its name has not been fsynced in the directory."""
        self.is_preallocated = False
        """Its file is longer than what was written; cut when the segment is closed."""
        self._interval_bytes = config.index_interval_bytes
        self._index_bytes = config.segment_index_bytes
        self._uncovered_bytes = 0
        self._pinned: tuple[LogFile, ...] = ()
        self._ring_offsets = array("q")
        self._ring_positions = array("q")

    def __repr__(self) -> str:
        return f"Segment({self.log_file.path}, {self.size_in_bytes} bytes)"

    # -- appending

    def note_appended(self, last_offset: int, position: int, size_in_bytes: int, max_timestamp: int) -> None:
        """Take in a batch that is, or will be, at `position`: index entries, ring, largest timestamp. Hot path."""
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self._uncovered_bytes > self._interval_bytes:
            self.offset_index.append(last_offset, position)
            self.time_index.append_if_later(self.max_timestamp, self.max_timestamp_offset)
            self._uncovered_bytes = 0
            if self.is_index_full():
                self.roll_deadline_ms = ALWAYS_ROLL
            elif self.offset_index.is_tail_long:
                self.roll_deadline_ms = (
                    None  # the log looks at the segment before the next append, and writes them
                )
        self._uncovered_bytes += size_in_bytes
        self.size_in_bytes = position + size_in_bytes
        self.unflushed = True
        offsets = self._ring_offsets
        offsets.append(last_offset)
        self._ring_positions.append(position)
        if len(offsets) > RING_BATCHES_MAX:
            del offsets[: RING_BATCHES_MAX // 2]
            del self._ring_positions[: RING_BATCHES_MAX // 2]

    def is_index_full(self) -> bool:
        """Whether `segment.index.bytes` leaves no room for another entry (and the time index's last)."""
        return (
            len(self.offset_index) >= self._index_bytes // OFFSET_ENTRY.size
            or len(self.time_index) >= self._index_bytes // TIME_ENTRY.size - 1
        )

    def write(self, records: memoryview, position: int) -> None:
        """Put bytes into the file; for the loop's thread. Raises `OSError`, after which anything may stand there."""
        log_file = self.log_file
        log_file.in_use = True  # before looking at `file`, as in `FileCache.acquire`
        try:
            file = log_file.file or self._cache.acquire(log_file)
            if file.pwrite(records, position) != len(records):
                # A short write is what a disk that runs full answers first; writing on gives the error itself.
                file.write_all(records, position)
        finally:
            log_file.in_use = False
            log_file.touched = True

    def pinned(self) -> AbstractContextManager[DiskFile]:
        """The open file, for any thread, within a `with` block."""
        return self._cache.pinned(self.log_file)

    def preallocate(self, size_bytes: int) -> None:
        """Make the file at this size, of which nothing counts yet (`preallocate=true`)."""
        with self._cache.pinned(self.log_file) as file:
            file.truncate(size_bytes)
        self.is_preallocated = True

    def seal(self) -> None:
        """No more appends: the largest timestamp becomes the time index's last entry, the ring goes."""
        if self.size_in_bytes:
            self.time_index.append_if_later(self.max_timestamp, self.max_timestamp_offset)
        # What closing adds to a segment that is fsynced already has to be written, too.
        self.unflushed |= self.is_preallocated or self.time_index.has_pending
        self._ring_offsets = array("q")
        self._ring_positions = array("q")

    # -- reading

    def read_at(self, view: memoryview, position: int, *, nowait: bool) -> int:
        """Fill `view` from `position` of the file. Raises `BlockingIOError`, `SliceGone`.

        With `nowait` for the loop's thread, without for any.
        """
        try:
            if nowait:
                log_file = self.log_file
                try:
                    return self._cache.acquire(log_file).pread_into(view, position, nowait=True)
                finally:
                    log_file.in_use = False
            with self._cache.pinned(self.log_file) as file:
                return file.pread_into(view, position)
        except FileNotFoundError as error:
            raise SliceGone(f"{self.log_file.path} is deleted") from error

    def send_at(self, descriptor: int, position: int, size_in_bytes: int) -> int:
        """Hand bytes of the file to a socket, as `FileSlice.send_to`. For the loop's thread."""
        try:
            file = self._cache.acquire(self.log_file)
            if not file.is_cached(position, size_in_bytes):
                return 0
            return file.send_to(descriptor, position, size_in_bytes)
        except FileNotFoundError as error:
            raise SliceGone(f"{self.log_file.path} is deleted") from error
        finally:
            self.log_file.release()

    def in_ring(self, offset: int) -> Position | None:
        """The batch that holds `offset` or the next one, if it is among the newest. For the loop's thread."""
        offsets = self._ring_offsets
        place = bisect_left(offsets, offset)
        # The first of the ring may hold the offset, or an older batch may: only its predecessor would tell.
        if place == len(offsets) or (place == 0 and self._ring_positions[0] != 0):
            return None
        positions = self._ring_positions
        position = positions[place]
        end = positions[place + 1] if place + 1 < len(positions) else self.size_in_bytes
        return Position(position, end - position, offsets[place])

    def find(self, offset: int, *, nowait: bool = False) -> Position | None:
        """The batch that holds `offset`, or the next one, by index and headers; `None` if none is written. Any thread.

        An index has no checksum: where the batch that an entry points to is not the entry's, the one before it is taken.
        """
        epoch = self.truncation_epoch
        place = self.offset_index.places_up_to(offset - self.base_offset, nowait=nowait)
        for spoilt in range(min(place, SPOILT_ENTRIES_MAX)):
            relative_offset, position = self.offset_index.entry_at(place - 1 - spoilt, nowait=nowait)
            if self.base_offset + relative_offset > offset:
                continue  # a spoilt entry has misled the search
            try:
                return self._find_from(offset, position, self.base_offset + relative_offset, nowait=nowait)
            except _SpoiltEntryError:
                self._note_spoilt(self.offset_index, epoch)
        return self._find_from(offset, 0, None, nowait=nowait)

    def _find_from(
        self, offset: int, position: int, indexed_offset: int | None, *, nowait: bool
    ) -> Position | None:
        """Go on from `position`, where by the index a batch begins that ends with `indexed_offset` or before."""
        end = self.readable_bytes
        chunk = FIND_BYTES
        if indexed_offset is not None and not 0 <= position < end:
            raise _SpoiltEntryError
        while position < end:
            buffer = memoryview(bytearray(min(chunk, end - position)))
            filled = self._fill(buffer, position, nowait=nowait)
            at = 0
            while at + HEADER_BYTES <= filled:
                base_offset, length, magic, last_delta = _unpack_place(buffer, at)
                size = length + LOG_OVERHEAD_BYTES
                if magic != MAGIC or size < HEADER_BYTES:
                    if indexed_offset is not None and not self._begins_entry(position, indexed_offset):
                        raise _SpoiltEntryError
                    return self._scan_for(offset, position + at, nowait=nowait)
                if indexed_offset is not None:
                    if (
                        base_offset < self.base_offset
                        or not base_offset <= base_offset + last_delta <= indexed_offset
                    ):
                        raise _SpoiltEntryError
                    indexed_offset = None
                if base_offset + last_delta >= offset:
                    return Position(position + at, size, base_offset + last_delta)
                at += size
            if at == 0:
                return self._scan_for(offset, position, nowait=nowait)
            position += at
            chunk = SCAN_BYTES
        return None

    def start_before(self, offset: int) -> int:
        """Where some batch begins at or before the one that holds `offset`. Waits for the disk."""
        epoch = self.truncation_epoch
        place = self.offset_index.places_up_to(offset - self.base_offset)
        for spoilt in range(min(place, SPOILT_ENTRIES_MAX)):
            relative_offset, position = self.offset_index.entry_at(place - 1 - spoilt)
            indexed_offset = self.base_offset + relative_offset
            if indexed_offset <= offset and self._begins_entry(position, indexed_offset):
                return position
            self._note_spoilt(self.offset_index, epoch)
        return 0

    def offset_before_time(self, timestamp: int) -> int:
        """An offset before which no record has at least `timestamp`. Waits for the disk."""
        epoch = self.truncation_epoch
        place = self.time_index.places_up_to(timestamp)
        for spoilt in range(min(place, SPOILT_ENTRIES_MAX)):
            indexed_timestamp, relative_offset = self.time_index.entry_at(place - 1 - spoilt)
            indexed_offset = self.base_offset + relative_offset
            if indexed_timestamp <= timestamp and self._has_timestamp(indexed_offset, indexed_timestamp):
                return indexed_offset
            self._note_spoilt(self.time_index, epoch)
        return self.base_offset

    def check_largest_timestamp(self) -> None:
        """Raise `CorruptIndexError` if the time index names a largest timestamp that its batch has not."""
        if self.max_timestamp >= 0 and not self._has_timestamp(self.max_timestamp_offset, self.max_timestamp):
            raise CorruptIndexError(
                f"{self.time_index.log_file.path}: no batch at offset {self.max_timestamp_offset} "
                f"has the timestamp {self.max_timestamp}"
            )

    def _has_timestamp(self, offset: int, timestamp: int) -> bool:
        """Whether the batch that holds `offset` has this largest timestamp."""
        try:
            found = self.find(offset)
            scanned = None if found is None else next(self.scan(found.position), None)
        except RecordsError:
            return False
        return scanned is not None and scanned.entry.max_timestamp == timestamp

    def _begins_entry(self, position: int, indexed_offset: int) -> bool:
        """Whether a batch stands at `position` that ends with `indexed_offset` or before it."""
        try:
            scanned = next(self.scan(position), None) if 0 <= position < self.readable_bytes else None
        except RecordsError:
            return False
        return scanned is not None and self.base_offset <= scanned.entry.last_offset <= indexed_offset

    def _note_spoilt(self, index: IndexFile, truncation_epoch: int) -> None:
        """Unless the segment was truncated since `truncation_epoch`, while another thread looked something up."""
        if not self.has_spoilt_index and truncation_epoch == self.truncation_epoch:
            self.has_spoilt_index = True
            _logger.warning("%s disagrees with its segment: entries are passed over", index.log_file.path)

    def _scan_for(self, offset: int, position: int, *, nowait: bool) -> Position | None:
        """The slow way, which knows old formats and says what is wrong with bytes that are no batch."""
        for scanned in self.scan(position, nowait=nowait):
            entry = scanned.entry
            if entry.last_offset >= offset:
                return Position(scanned.position, entry.size_in_bytes, entry.last_offset)
        return None

    def scan(self, position: int = 0, end: int | None = None, *, nowait: bool = False) -> Iterator[Scanned]:
        """Every entry from `position` to `end` (default: what is readable), by headers alone. Any thread.

        Small entries are read many at a time, of large ones only the headers. Raises `CorruptBatch`.
        """
        end = self.readable_bytes if end is None else end
        buffer = memoryview(bytearray(min(SCAN_BYTES, max(end - position, 0))))
        start = filled = 0
        while position < end:
            at = position - start
            entry = stored_entry(buffer[:filled], at) if 0 <= at < filled else None
            if entry is None:
                if at == 0 and filled >= min(HEADER_BYTES, end - position):
                    raise CorruptBatch(
                        f"{self.log_file.path}: {end - position} bytes at {position} are no batch"
                    )
                start = position
                filled = self._fill(buffer[: end - position], position, nowait=nowait)
                continue
            if position + entry.size_in_bytes > end:
                raise CorruptBatch(
                    f"{self.log_file.path}: the batch at {position} has {entry.size_in_bytes} bytes, "
                    f"of which {end - position} are there"
                )
            yield Scanned(position, entry)
            position += entry.size_in_bytes

    def _fill(self, view: memoryview, position: int, *, nowait: bool) -> int:
        wanted = min(len(view), HEADER_BYTES)
        filled = 0
        while filled < wanted:
            count = self.read_at(view[filled:], position + filled, nowait=nowait)
            if count == 0:
                raise SliceGone(f"{self.log_file.path} ends before byte {position + wanted}")
            filled += count
        return filled

    def read_entry(self, position: int, size_in_bytes: int) -> memoryview:
        """The bytes of one entry. Waits for the disk."""
        view = memoryview(bytearray(size_in_bytes))
        filled = 0
        while filled < size_in_bytes:
            count = self.read_at(view[filled:], position + filled, nowait=False)
            if count == 0:
                raise SliceGone(f"{self.log_file.path} ends inside the batch at {position}")
            filled += count
        return view

    @property
    def largest_timestamp(self) -> int:
        """Of its records in ms; when the file was made or last modified where they have none (retention goes by it)."""
        return self.max_timestamp if self.max_timestamp >= 0 else self.created_ms

    def load_first_timestamp(self) -> int:
        """The first batch's timestamp; -1 where it has none. Reads the file the first time."""
        if self.first_timestamp < 0 and self.readable_bytes:
            first = next(self.scan(0), None)
            if first is not None:
                self.first_timestamp = first.entry.max_timestamp
        return self.first_timestamp

    # -- cutting and closing

    def truncate_to(self, offset: int) -> int:
        """Remove the batch that holds `offset` and all after it; the number of bytes removed."""
        found = self.find(offset)
        if found is None:
            return 0
        removed = self.readable_bytes - found.position
        self.truncate_bytes(found.position, offset)
        return removed

    def truncate_bytes(self, size_in_bytes: int, offset: int) -> None:
        """Cut the file to `size_in_bytes`, where `offset` or a later one would begin, and the indexes with it."""
        self.truncation_epoch += 1
        self.offset_index.truncate_to(offset)
        self.time_index.truncate_to(offset)
        self.txn_index.truncate_to(offset)
        if self.size_in_bytes or self.readable_bytes:
            with self._cache.pinned(self.log_file) as file:
                file.truncate(size_in_bytes)
        self.size_in_bytes = self.readable_bytes = size_in_bytes
        # Once more: a thread that took the number while the file was being cut has looked up what is no longer there.
        self.truncation_epoch += 1
        self.unflushed = True
        self._ring_offsets = array("q")
        self._ring_positions = array("q")
        self._uncovered_bytes = 0
        if size_in_bytes == 0:
            self.first_timestamp = NO_TIMESTAMP
            self.roll_deadline_ms = None
        self.load_largest_timestamp()

    def load_largest_timestamp(self) -> None:
        """Work the largest timestamp out from the time index and the batches after its last entry."""
        self.max_timestamp, self.max_timestamp_offset = self.time_index.largest()
        position = self.start_before(self.max_timestamp_offset)
        for scanned in self.scan(position):
            if scanned.entry.max_timestamp > self.max_timestamp:
                self.max_timestamp = scanned.entry.max_timestamp
                self.max_timestamp_offset = scanned.entry.last_offset

    def rebuild_indexes(self, on_entry: Callable[[Scanned], None] | None = None) -> None:
        """Make offset and time index anew from the headers of what is readable. The transaction index is the caller's."""
        for index in (self.offset_index, self.time_index):
            index.truncate_to_places(0)
        self.time_index.truncate_to(self.base_offset)
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = self.base_offset
        self._uncovered_bytes = 0
        size = self.size_in_bytes
        for scanned in self.scan(0):
            entry = scanned.entry
            if self.first_timestamp < 0:
                self.first_timestamp = entry.max_timestamp
            self.note_appended(entry.last_offset, scanned.position, entry.size_in_bytes, entry.max_timestamp)
            if on_entry is not None:
                on_entry(scanned)
        self.size_in_bytes = size

    def close(self) -> None:
        """Close the files; what was not written out of the indexes is lost."""
        for log_file in self.files():
            self._cache.close(log_file)

    def pin_files(self) -> None:
        """Open the files that exist and keep them open until `unpin_files`. Raises `OSError`."""
        self._pinned = ()
        for log_file in self.files():
            if log_file.exists:
                try:
                    self._cache.pin(log_file)
                except OSError:
                    self.unpin_files()
                    raise
                self._pinned = (*self._pinned, log_file)

    def unpin_files(self) -> None:
        pinned, self._pinned = self._pinned, ()
        for log_file in pinned:
            self._cache.unpin(log_file)

    def renew_files(self) -> None:
        """Forget the open files: the next use opens what lies under the names by then. Who is reading reads on."""
        for log_file in self.files():
            self._cache.close(log_file)
        self.log_file = self.log_file.renewed()
        for index in (self.offset_index, self.time_index, self.txn_index):
            index.renew_file()

    def files(self) -> tuple[LogFile, LogFile, LogFile, LogFile]:
        return (
            self.log_file,
            self.offset_index.log_file,
            self.time_index.log_file,
            self.txn_index.log_file,
        )


def segment_name(base_offset: int) -> str:
    """The name of a segment's files without their suffixes."""
    return f"{base_offset:020d}"


def base_offset_of(name: str) -> int | None:
    """The base offset that a `.log` file's name says; `None` for any other name."""
    stem = name.removesuffix(LOG_SUFFIX)
    return int(stem) if len(stem) == 20 and stem != name and stem.isascii() and stem.isdigit() else None
