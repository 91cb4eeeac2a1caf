"""Share sessions and where a share group begins."""

from __future__ import annotations

import pytest

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid
from ottla.shares.offset_reset import OffsetReset, parse_offset_reset
from ottla.shares.sessions import FINAL_EPOCH, ShareSessionKey, ShareSessions, TopicIdPartition

A, B = Uuid(b"a" * 16), Uuid(b"b" * 16)
NAMES = {A: "topic-a"}
ONE, TWO = ShareSessionKey("g", "one"), ShareSessionKey("g", "two")


@pytest.fixture
def sessions() -> ShareSessions:
    return ShareSessions(2, lambda topic_id: NAMES.get(topic_id, ""))


def test_a_session_knows_its_topics_by_name_when_they_are_added(sessions: ShareSessions) -> None:
    """A topic that was unknown then stays so, until it is fetched anew."""
    session = sessions.open(ONE, [TopicIdPartition(A, 0), TopicIdPartition(B, 0)], "c")
    assert [each.topic for each in session.partitions.values()] == ["topic-a", ""]


def test_epochs_count_up_and_begin_again_at_one(sessions: ShareSessions) -> None:
    session = sessions.open(ONE, [], "c")
    assert sessions.take(ONE, 1).epoch == 2
    session.epoch = 2**31 - 1
    assert sessions.take(ONE, 2**31 - 1).epoch == 1
    assert sessions.take(ONE, FINAL_EPOCH).epoch == 1
    with pytest.raises(KafkaError) as wrong:
        sessions.take(ONE, 2)
    assert wrong.value.code is ErrorCode.INVALID_SHARE_SESSION_EPOCH


def test_there_is_a_limit(sessions: ShareSessions) -> None:
    """Whoever opens a session anew takes the place of the older one."""
    sessions.open(ONE, [TopicIdPartition(A, 0)], "c")
    sessions.open(TWO, [TopicIdPartition(A, 0), TopicIdPartition(A, 1)], "c")
    with pytest.raises(KafkaError) as refused:
        sessions.open(ShareSessionKey("g", "three"), [], "c")
    assert refused.value.code is ErrorCode.SHARE_SESSION_LIMIT_REACHED
    sessions.open(TWO, [TopicIdPartition(A, 0)], "d")
    assert (len(sessions), sessions.partition_count) == (2, 2)


def test_partitions_are_counted_as_they_come_and_go(sessions: ShareSessions) -> None:
    session = sessions.open(ONE, [TopicIdPartition(A, 0)], "c")
    sessions.update(session, [TopicIdPartition(A, 1), TopicIdPartition(A, 0)], [])
    assert sessions.partition_count == 2
    assert [each.must_be_told for each in session.partitions.values()] == [False, True]
    sessions.update(session, [], [TopicIdPartition(A, 0), TopicIdPartition(B, 9)])
    assert sessions.partition_count == 1
    sessions.remove(ONE)
    assert sessions.partition_count == 0


def test_a_connection_takes_its_own_sessions_along(sessions: ShareSessions) -> None:
    """Not one that its member has opened anew on another connection."""
    sessions.open(ONE, [], "c")
    sessions.open(TWO, [], "c")
    sessions.open(TWO, [], "d")
    assert sessions.connection_closed("c") == [ONE]
    assert sessions.connection_closed("c") == []
    sessions.remove(ONE)
    assert sessions.has_members("g")
    sessions.remove(TWO)
    assert not sessions.has_members("g")
    assert sessions.connection_closed("d") == []


def test_partitions_take_turns_in_being_first(sessions: ShareSessions) -> None:
    session = sessions.open(ONE, [TopicIdPartition(A, number) for number in range(3)], "c")
    assert [[each.partition for each in session.rotated(epoch)] for epoch in range(4)] == [
        [0, 1, 2],
        [1, 2, 0],
        [2, 0, 1],
        [0, 1, 2],
    ]


@pytest.mark.parametrize(
    ("text", "kind", "duration_ms"),
    [
        ("latest", OffsetReset.LATEST, 0),
        ("EARLIEST", OffsetReset.EARLIEST, 0),
        ("by_duration:PT1H", OffsetReset.BY_DURATION, 3_600_000),
        ("by_duration:P1DT2H3M4.5S", OffsetReset.BY_DURATION, 93_784_500),
        ("by_duration:pt0.001s", OffsetReset.BY_DURATION, 1),
        ("by_duration:P+2D", OffsetReset.BY_DURATION, 172_800_000),
    ],
)
def test_where_a_group_begins(text: str, kind: OffsetReset, duration_ms: int) -> None:
    assert parse_offset_reset(text) == (kind, duration_ms)


@pytest.mark.parametrize("text", ["", "none", "by_duration:1h", "by_duration:"])
def test_what_is_no_beginning_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_offset_reset(text)
