"""Reading a log: which range of which segment's file holds what a fetch asks for.

No batch is read for it: the newest are found in the active segment's ring, all others by the offset index and a few headers.

Source: Apache's `LocalLog.read`, `LogSegment.read`, `UnifiedLog.collectAbortedTransactions`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ottla.storage.file_slice import FileSlice
from ottla.storage.read_result import AbortedTransaction, ReadResult
from ottla.storage.segment import Position, Segment


def read_segments(
    segments: Sequence[Segment],
    fetch_offset: int,
    max_bytes: int,
    *,
    end_offset: int,
    written_offset: int,
    min_one_batch: bool,
    nowait: bool,
) -> ReadResult:
    """The range that begins with the batch holding `fetch_offset`, or the next one, and stays below `end_offset`.

    `written_offset` is where the last segment's readable bytes end: no position has to be found for it. Hot path for
    consumers that keep up. Raises `BlockingIOError` with `nowait`, else what the disk raises.
    """
    place = len(segments) - 1
    if fetch_offset < segments[place].base_offset:
        place = max(segment_of(segments, fetch_offset), 0)
    while place < len(segments):
        segment = segments[place]
        if segment.base_offset >= end_offset:
            break
        # Taken before anything is looked up: a truncation from here on, by the loop, makes the slice void.
        truncation_epoch = segment.truncation_epoch
        found = _locate(segment, fetch_offset, nowait=nowait)
        place += 1
        if found is None or found.position >= segment.readable_bytes:
            continue  # the rest of the segment was compacted away
        segment_end_offset = segments[place].base_offset if place < len(segments) else written_offset
        end_position = segment.readable_bytes
        if end_offset < segment_end_offset:
            beyond = _locate(segment, end_offset, nowait=nowait)
            if beyond is not None:
                end_position = min(end_position, beyond.position)
        return _cut(
            segment,
            found,
            end_position,
            min(end_offset, segment_end_offset),
            max_bytes,
            min_one_batch,
            nowait,
            truncation_epoch,
        )
    return ReadResult(None, fetch_offset)


def segment_of(segments: Sequence[Segment], offset: int) -> int:
    """The place of the segment that may hold `offset`; -1 before the first."""
    return bisect_right(segments, offset, key=_base_offset_of) - 1


def _cut(
    segment: Segment,
    found: Position,
    end_position: int,
    end_offset: int,
    max_bytes: int,
    min_one_batch: bool,
    nowait: bool,
    truncation_epoch: int,
) -> ReadResult:
    available = end_position - found.position
    size = min(max(max_bytes, found.size_in_bytes) if min_one_batch else max_bytes, available)
    # Less than a batch helps nobody: Apache's `firstEntryIncomplete` gives an empty answer too.
    if size <= 0 or size < found.size_in_bytes:
        return ReadResult(None, found.last_offset)
    if size < available:
        after = segment.offset_index.offset_at_or_after(found.position + size, nowait=nowait)
        if after is not None:
            end_offset = min(end_offset, after)
    return ReadResult(FileSlice(segment, found.position, size, truncation_epoch), end_offset)


def _locate(segment: Segment, offset: int, *, nowait: bool) -> Position | None:
    # The ring belongs to the loop's thread, whose way is `nowait`.
    if nowait:
        found = segment.in_ring(offset)
        if found is not None:
            return found
    return segment.find(offset, nowait=nowait)


def aborted_between(
    segments: Sequence[Segment], start_offset: int, end_offset: int
) -> list[AbortedTransaction]:
    """Aborted transactions that overlap `[start_offset, end_offset)`, ordered by first offset."""
    found = []
    for segment in segments[max(segment_of(segments, start_offset), 0) :]:
        if len(segment.txn_index):
            entries, complete = segment.txn_index.overlapping(start_offset, end_offset)
            found += [AbortedTransaction(entry.producer_id, entry.first_offset) for entry in entries]
            if complete:
                break
    return sorted(found, key=_first_offset_of)


def _base_offset_of(segment: Segment) -> int:
    return segment.base_offset


def _first_offset_of(transaction: AbortedTransaction) -> int:
    return transaction.first_offset
