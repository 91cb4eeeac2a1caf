"""Which of a log's oldest segments may go: by their time, by the log's size, or because the log starts after them.

Pure decisions on the facts of segments; the log deletes, and moves its start offset to the first segment that stays.

Source: Apache's UnifiedLog.deleteOldSegments.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ottla.config.topic_config import TopicConfig


class SegmentFacts(NamedTuple):
    """What a decision on a segment needs to know of it."""

    base_offset: int
    size_bytes: int
    largest_timestamp_ms: int
    """Of its records; the file's last modification where they have none."""


class RetentionReason(Enum):
    """Why a segment goes, as the log line tells it."""

    LOG_START = "the log starts after it"
    SIZE = "retention.bytes"
    TIME = "retention.ms"


class Deletion(NamedTuple):
    """So many of the oldest segments go for `reason`."""

    segments: int
    reason: RetentionReason


def deletable_segments(
    segments: Sequence[SegmentFacts],
    config: TopicConfig,
    *,
    log_start_offset: int,
    log_end_offset: int,
    high_watermark: int,
    now_ms: int,
) -> Iterator[Deletion]:
    """What retention removes, in the order in which Apache removes it; each step counts from what the last one left.

    Segments are oldest first, the active one last. Nothing that is not below the high watermark goes, and the last
    segment only if it holds records: then the log rolls first, so that one segment is always there.
    """
    yield from _step(
        segments := list(segments),
        RetentionReason.LOG_START,
        lambda _segment, following: following is not None and following.base_offset <= log_start_offset,
        log_end_offset,
        high_watermark,
    )
    if not config.delete:
        return
    if config.retention_bytes >= 0:
        excess_bytes = sum(segment.size_bytes for segment in segments) - config.retention_bytes

        def exceeds_size(segment: SegmentFacts, _following: SegmentFacts | None) -> bool:
            nonlocal excess_bytes
            excess_bytes -= segment.size_bytes
            return excess_bytes >= 0

        yield from _step(segments, RetentionReason.SIZE, exceeds_size, log_end_offset, high_watermark)
    if config.retention_ms >= 0:
        yield from _step(
            segments,
            RetentionReason.TIME,
            lambda segment, _following: now_ms - segment.largest_timestamp_ms > config.retention_ms,
            log_end_offset,
            high_watermark,
        )


def _step(
    segments: list[SegmentFacts],
    reason: RetentionReason,
    breached: Callable[[SegmentFacts, SegmentFacts | None], bool],
    log_end_offset: int,
    high_watermark: int,
) -> Iterator[Deletion]:
    """Take the leading segments that `breached` names out of `segments`."""
    count = 0
    for index, segment in enumerate(segments):
        following = segments[index + 1] if index + 1 < len(segments) else None
        end_offset = following.base_offset if following is not None else log_end_offset
        last_and_empty = following is None and segment.size_bytes == 0
        if last_and_empty or high_watermark < end_offset or not breached(segment, following):
            break
        count += 1
    if count:
        del segments[:count]
        yield Deletion(count, reason)
