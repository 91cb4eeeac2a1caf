"""Which segments retention takes: Apache's rules, as tables."""

import pytest

from ottla.config.topic_config import TopicConfig
from ottla.storage.retention import RetentionReason, SegmentFacts, deletable_segments

SEGMENTS = [SegmentFacts(0, 100, 1000), SegmentFacts(10, 100, 2000), SegmentFacts(20, 100, 3000)]


def deletions(segments=SEGMENTS, *, start=0, end=30, high_watermark=30, now=3000, **config):
    config = {"retention_ms": -1, "retention_bytes": -1, **config}
    return [
        (step.segments, step.reason)
        for step in deletable_segments(
            segments,
            TopicConfig(**config),
            log_start_offset=start,
            log_end_offset=end,
            high_watermark=high_watermark,
            now_ms=now,
        )
    ]


@pytest.mark.parametrize(
    ("now", "count"),
    [(2000, 0), (2001, 1), (3001, 2), (4001, 3)],
)
def test_time(now, count):
    """A segment goes once its largest timestamp is older than retention.ms, the active one too if it holds records."""
    assert deletions(now=now, retention_ms=1000) == ([(count, RetentionReason.TIME)] if count else [])


@pytest.mark.parametrize(("limit", "count"), [(300, 0), (201, 0), (200, 1), (101, 1), (100, 2), (0, 3)])
def test_size(limit, count):
    """The oldest go while what is left is at least retention.bytes."""
    assert deletions(retention_bytes=limit) == ([(count, RetentionReason.SIZE)] if count else [])


@pytest.mark.parametrize(("start", "count"), [(9, 0), (10, 1), (19, 1), (20, 2), (30, 2)])
def test_log_start(start, count):
    """Segments wholly below the log start offset go, whatever the policy; never the last one."""
    expected = [(count, RetentionReason.LOG_START)] if count else []
    assert deletions(start=start) == expected
    assert deletions(start=start, cleanup_policy=frozenset({"compact"})) == expected


def test_nothing_above_the_high_watermark_goes():
    """Not yet replicated records stay."""
    assert deletions(now=10_000, retention_ms=1, high_watermark=19) == [(1, RetentionReason.TIME)]


def test_an_old_segment_behind_a_young_one_stays():
    """Only a run of the oldest segments is taken: offsets have no holes."""
    segments = [SegmentFacts(0, 100, 9000), SegmentFacts(10, 100, 1)]
    assert deletions(segments, end=20, high_watermark=20, now=9500, retention_ms=1000) == []


def test_empty_active_segment_stays():
    """A log always has a segment."""
    segments = [SegmentFacts(0, 100, 1000), SegmentFacts(10, 0, 0)]
    assert deletions(segments, end=10, high_watermark=10, now=10**9, retention_ms=1) == [
        (1, RetentionReason.TIME)
    ]


def test_each_reason_counts_from_what_the_last_one_left():
    """Log start first, then size, then time."""
    assert deletions(start=10, retention_bytes=100, retention_ms=1000, now=4001) == [
        (1, RetentionReason.LOG_START),
        (1, RetentionReason.SIZE),
        (1, RetentionReason.TIME),
    ]


def test_compact_alone_deletes_nothing_by_time_or_size():
    """Compacted logs keep the last record of each key for ever."""
    assert (
        deletions(now=10**9, retention_ms=1, retention_bytes=0, cleanup_policy=frozenset({"compact"})) == []
    )
