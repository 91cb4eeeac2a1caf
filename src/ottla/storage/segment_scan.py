"""Reading a segment's file from one end to the other, batch by batch, for recovery and compaction.

Hot path of a start after a crash: 1 GB in batches of 1 KB is a million turns of the loop in `__iter__`. It reads big chunks,
unpacks a header with one call and checks the CRC in C over a view; no object is made for a batch but its tuple.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.records.batch import (
    CHECKED_POSITION,
    HEADER,
    HEADER_BYTES,
    LOG_OVERHEAD_BYTES,
    MAGIC,
    MAGIC_POSITION,
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    batch_size_at,
)
from ottla.records.checksum import crc32c
from ottla.records.errors import CorruptBatch
from ottla.records.legacy import check_stored_crc, stored_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.storage.disk import DiskFile

    HeaderFields = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
    """The fields of a `BatchHeader`, in its order."""

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Large enough that the calls to read vanish, small enough for the processor's cache to help the checksum."""


class SegmentScan:
    """The batches of a file up to its end or to the first that is not whole and sound.

    Iterating gives (position in the file, header fields, view of the whole batch); the view is valid until the next turn.
    An entry of message format 0 or 1 comes with its last offset as base offset and the fields it lacks as -1.
    """

    __slots__ = ("_file", "_size", "problem", "valid_bytes")

    def __init__(self, file: DiskFile, size_bytes: int, *, position: int = 0) -> None:
        self._file = file
        self._size = size_bytes
        self.valid_bytes = position
        """Bytes of the file up to the end of the last sound batch that was iterated over."""
        self.problem: str | None = None
        """Why the scan ended before the end of the file."""

    def __iter__(self) -> Iterator[tuple[int, HeaderFields, memoryview]]:
        unpack = HEADER.unpack_from
        checksum = crc32c
        chunk = memoryview(bytearray(min(CHUNK_BYTES, max(self._size - self.valid_bytes, 0))))
        start = self.valid_bytes  # where in the file the chunk begins
        filled = at = 0
        needed = HEADER_BYTES
        while True:
            left = filled - at
            if left < needed and start + filled < self._size:
                chunk = self._refill(chunk, at, filled, needed)
                start += at
                at = 0
                filled = left + self._read(chunk[left:], start + left)
                if filled < needed and start + filled < self._size:
                    self.problem = f"the file ends at byte {start + filled}, {self._size} expected"
                    return
                continue
            # At the end of the file a message of an old format can be shorter than a header of today.
            if left < LOG_OVERHEAD_BYTES or left < needed != HEADER_BYTES:
                break
            if left < HEADER_BYTES or chunk[at + MAGIC_POSITION] != MAGIC:
                entry = self._legacy(chunk[at:filled], start + at)
                if entry is None:
                    return
                header, size = entry
            else:
                header = unpack(chunk, at)
                size = header[1] + LOG_OVERHEAD_BYTES
                if size < HEADER_BYTES:
                    self.problem = f"a batch of {size} bytes at byte {start + at}"
                    return
            if filled - at < size:
                if start + at + size > self._size:
                    break
                needed = size
                continue
            needed = HEADER_BYTES
            batch = chunk[at : at + size]
            if header[3] == MAGIC:
                if checksum(batch[CHECKED_POSITION:]) != header[4]:
                    self.problem = f"wrong checksum of the batch at byte {start + at}, offset {header[0]}"
                    return
            elif not self._legacy_is_sound(batch, start + at):
                return
            self.valid_bytes = start + at + size
            yield start + at, header, batch
            at += size
        if self.valid_bytes < self._size:
            self.problem = f"the last batch, at byte {self.valid_bytes}, is cut short"

    @staticmethod
    def _refill(chunk: memoryview, at: int, filled: int, needed: int) -> memoryview:
        """A chunk that begins with the unread bytes and has room for `needed`, never more than the file holds."""
        rest = bytes(chunk[at:filled])
        if needed > len(chunk):
            chunk = memoryview(bytearray(needed))
        chunk[: len(rest)] = rest
        return chunk

    def _read(self, view: memoryview, position: int) -> int:
        view = view[: max(self._size - position, 0)]
        filled = 0
        while filled < len(view):
            count = self._file.pread_into(view[filled:], position + filled)
            if count == 0:
                break
            filled += count
        return filled

    def _legacy(self, view: memoryview, position: int) -> tuple[HeaderFields, int] | None:
        """The entry of an old format at the view's start; None, with `problem` set, if it is none."""
        try:
            entry = stored_entry(view)
            size = batch_size_at(view)
        except CorruptBatch as error:
            self.problem = f"{error} (byte {position})"
            return None
        if entry is None or size is None:
            self.problem = f"the last batch, at byte {position}, is cut short"
            return None
        header = (
            entry.last_offset,
            size - LOG_OVERHEAD_BYTES,
            NO_LEADER_EPOCH,
            entry.magic,
            0,
            0,
            0,
            entry.max_timestamp,
            entry.max_timestamp,
            NO_PRODUCER_ID,
            NO_PRODUCER_EPOCH,
            NO_SEQUENCE,
            1,
        )
        return header, entry.size_in_bytes

    def _legacy_is_sound(self, batch: memoryview, position: int) -> bool:
        try:
            check_stored_crc(batch)
        except CorruptBatch as error:
            self.problem = f"{error} (byte {position})"
            return False
        return True
