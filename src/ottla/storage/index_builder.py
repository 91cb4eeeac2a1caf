"""The offset and time index of a segment made anew from its batches, as recovery and compaction do.

    .index        relative offset int32, position int32    one entry each index.interval.bytes
    .timeindex    timestamp int64, relative offset int32   with each of those, and one for the segment's end

An entry says: the batch that ends with this offset begins at this position; up to this offset no timestamp is larger.

Sources: Apache's LogSegment.recover, OffsetIndex, TimeIndex.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

OFFSET_ENTRY: Final = Struct(">ii")
TIME_ENTRY: Final = Struct(">qi")


class IndexBuilder:
    """Collects the entries; `add` each batch in order, then `finish`."""

    __slots__ = (
        "_base_offset",
        "_indexed_timestamp",
        "_interval_bytes",
        "_last_indexed_position",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "time_index",
    )

    def __init__(self, base_offset: int, interval_bytes: int) -> None:
        self._base_offset = base_offset
        self._interval_bytes = interval_bytes
        self._last_indexed_position = 0
        self._indexed_timestamp = -1
        self.max_timestamp = -1
        self.max_timestamp_offset = -1
        """Last offset of the batch with the largest timestamp."""
        self.offset_index = bytearray()
        self.time_index = bytearray()

    def add(self, last_offset: int, max_timestamp: int, position: int) -> None:
        """A batch at `position` of the file. Hot path: two comparisons but for one batch in `index.interval.bytes`."""
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if position - self._last_indexed_position > self._interval_bytes:
            self.offset_index += OFFSET_ENTRY.pack(last_offset - self._base_offset, position)
            self._add_time()
            self._last_indexed_position = position

    def finish(self) -> None:
        """Add the largest timestamp of the segment, so that look-ups by time know its end."""
        self._add_time()

    def _add_time(self) -> None:
        if self.max_timestamp > self._indexed_timestamp:
            self._indexed_timestamp = self.max_timestamp
            self.time_index += TIME_ENTRY.pack(
                self.max_timestamp, self.max_timestamp_offset - self._base_offset
            )
