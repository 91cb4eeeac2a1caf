"""When a log closes its active segment and begins a new one.

Source: Apache's `LogSegment.shouldRoll`.
"""

from __future__ import annotations

from collections.abc import Callable

from ottla.config.topic_config import TopicConfig
from ottla.storage.segment import RELATIVE_OFFSET_MAX, Segment


def set_deadline(segment: Segment, first_timestamp: int, lifetime_ms: int) -> None:
    """From the first batch's time on count `segment.ms`; without one the clock decides at each append (`must_roll`)."""
    if first_timestamp >= 0 and not segment.is_index_full():
        segment.roll_deadline_ms = first_timestamp + lifetime_ms


def lifetime_ms(config: TopicConfig, random_fraction: Callable[[], float]) -> int:
    """`segment.ms` less a random part of `segment.jitter.ms`, so that logs made together do not roll together.

    In a compacted log at most `max.compaction.lag.ms`: only closed segments are compacted (LogConfig.maxSegmentMs).
    """
    segment_ms = config.segment_ms
    if config.compact and 0 < config.max_compaction_lag_ms < segment_ms:
        segment_ms = config.max_compaction_lag_ms
    jitter_ms = min(config.segment_jitter_ms, segment_ms)
    return segment_ms - int(random_fraction() * jitter_ms) if jitter_ms else segment_ms


def must_roll(
    segment: Segment,
    config: TopicConfig,
    size_in_bytes: int,
    last_offset: int,
    max_timestamp: int,
    now_ms: int,
) -> bool:
    """Whether a batch of this size, last offset and largest time may not go into the segment."""
    if last_offset - segment.base_offset > RELATIVE_OFFSET_MAX:
        return True
    if segment.size_in_bytes == 0:
        return False
    if size_in_bytes > config.segment_bytes - segment.size_in_bytes or segment.is_index_full():
        return True
    if segment.roll_deadline_ms is None:
        return now_ms - segment.created_ms > config.segment_ms
    return max_timestamp > segment.roll_deadline_ms
