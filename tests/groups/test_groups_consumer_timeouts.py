"""Consumer groups and time: who is fenced when, what a group's own settings change, when regular expressions are looked up.

And the log: what a member is told before its records are committed, and when they never are.
"""

from __future__ import annotations

import pytest
from consumer_group_clients import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    ClassicConsumer,
    NextConsumer,
    put_topic,
)
from group_world import GroupWorld

from ottla.cluster.image import ConfigResource, ConfigType, ImageDraft
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_requests import consumer_group_heartbeat
from ottla.groups.settings import ConsumerGroupSettings, GroupRequestContext, GroupSettings
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest


@pytest.fixture
def world() -> GroupWorld:
    settings = GroupSettings(
        group_initial_rebalance_delay_ms=0, consumer=ConsumerGroupSettings(session_timeout_ms=SESSION_MS)
    )
    world = GroupWorld(settings)
    put_topic(world, "t1", 2)
    return world


def members(world: GroupWorld) -> set[str]:
    group = world.service.coordinators()[0].groups.find(GROUP)
    return set(group.members) if isinstance(group, ConsumerGroup) else set()


def consumer(world: GroupWorld, name: str = "c") -> NextConsumer:
    joined = NextConsumer(name, world, None)
    joined.act()
    joined.act()
    return joined


def test_a_member_that_is_not_heard_is_fenced(world: GroupWorld) -> None:
    """After its session timeout, counted from its last heartbeat."""
    member = consumer(world)
    world.advance(SESSION_MS - 1)
    member.act()
    world.advance(SESSION_MS - 1)
    assert members(world) == {member.member_id}
    world.advance(1)
    assert members(world) == set()


def test_a_static_member_whose_successor_was_lost_is_fenced_too(world: GroupWorld) -> None:
    """Its session ran out while another had its place, in records that never reached the log."""
    other, member = consumer(world, "other"), NextConsumer("c", world, "i")
    for _ in range(2):
        member.act()
        other.act()
    world.hold = True
    ClassicConsumer("successor", world, "i").act()
    assert member.member_id not in members(world)
    world.advance(SESSION_MS - 1000)
    other.act()
    world.advance(1000)
    world.fail_held(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert member.member_id in members(world)
    world.hold = False
    for _ in range(SESSION_MS // 1000):
        other.act()
        world.advance(1000)
    assert members(world) == {other.member_id}


def test_a_group_has_a_session_timeout_of_its_own(world: GroupWorld) -> None:
    """`consumer.session.timeout.ms` of the group comes before the broker's, from the next heartbeat on."""
    member = consumer(world)
    draft = ImageDraft(world.topics.image)
    draft.put_config(ConfigResource(ConfigType.GROUP, GROUP), {"consumer.session.timeout.ms": "2000"})
    world.service.metadata_changed(*draft.finish())
    member.act()
    world.advance(1999)
    assert members(world) == {member.member_id}
    world.advance(1)
    assert members(world) == set()


def test_a_member_that_does_not_give_up_in_time_is_fenced(world: GroupWorld) -> None:
    """Heartbeats do not help when it goes on reading what it was told to give up."""
    slow = consumer(world)
    other = consumer(world, "other")
    slow.heartbeat()
    for _ in range(REBALANCE_MS // 1000 - 1):
        world.advance(1000)
        slow.heartbeat()
        other.act()
    assert members(world) == {slow.member_id, other.member_id}
    world.advance(1000)
    assert members(world) == {other.member_id}
    other.act()
    other.act()
    assert other.reading == {("t1", 0), ("t1", 1)}


def test_a_classic_member_that_does_not_rejoin_is_fenced(world: GroupWorld) -> None:
    """It is told to by its heartbeats, and has its rebalance timeout for it."""
    new, classic = consumer(world), ClassicConsumer("classic", world, None)
    for _ in range(4):
        classic.act()
        new.act()
    assert len(members(world)) == 2
    put_topic(world, "t1", 4)
    new.act()
    for _ in range(REBALANCE_MS // 1000):
        classic._heartbeat(True)
        new.act()
        world.advance(1000)
    assert members(world) == {new.member_id}


def test_a_classic_member_whose_join_was_answered_late_has_a_session(world: GroupWorld) -> None:
    """Its record came through after the answer that it had not; nobody heard of it since, so it goes like any other."""
    consumer(world)
    joining = ClassicConsumer("old", world, None)
    world.hold = True
    joining.act()
    joining.act()
    world.time_out_log()
    world.hold = False
    world.commit_log()
    assert len(members(world)) == 2
    world.advance(SESSION_MS)
    assert members(world) == set()


def test_a_loaded_group_gives_each_member_one_session(world: GroupWorld) -> None:
    """After a restart nobody is fenced before it could be heard."""
    member = consumer(world)
    world.advance(SESSION_MS - 1)
    world.restart()
    world.advance(SESSION_MS - 1)
    assert members(world) == {member.member_id}
    world.advance(1)
    assert members(world) == set()


def test_regular_expressions_are_looked_up_together_and_not_too_often(world: GroupWorld) -> None:
    """At once for a new one; then at most every ten seconds, and only when topics were created."""
    member = NextConsumer("c", world, None)
    member.subscribe([], "t.*")
    member.act()
    assert len(world.tasks) == 1
    world.run_tasks()
    member.act()
    put_topic(world, "t2", 1)
    world.advance(9_000)
    member.act()
    assert world.tasks == []
    world.advance(1_001)
    member.act()
    assert len(world.tasks) == 1
    world.run_tasks()
    member.act()
    member.act()
    assert {topic for topic, _ in member.reading} == {"t1", "t2"}
    for _ in range(20):
        world.advance(5_000)
        member.act()
    assert world.tasks == []


def test_a_regular_expression_is_looked_up_again_after_long(world: GroupWorld) -> None:
    """`group.consumer.regex.refresh.interval.ms`."""
    member = NextConsumer("c", world, None)
    member.subscribe([], "t.*")
    member.act()
    world.run_tasks()
    for _ in range(600_000 // 5_000 + 1):
        world.advance(5_000)
        member.act()
    assert len(world.tasks) == 1


def test_nothing_is_told_before_it_is_committed(world: GroupWorld) -> None:
    """Also not by an answer that writes nothing: the same heartbeat once more."""
    world.hold = True
    member = NextConsumer("c", world, None)
    member.heartbeat()
    member.heartbeat()
    assert (member.epoch, member.target) == (0, set())
    world.commit_log()
    assert (member.epoch, member.target) == (1, {("t1", 0), ("t1", 1)})


def test_what_could_not_be_written_has_not_happened(world: GroupWorld) -> None:
    """The member is told to try again, and joins as if for the first time."""
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    member = NextConsumer("c", world, None)
    member.act()
    assert (member.epoch, members(world), world.logs) == (0, set(), [[]])
    world.refuse_with = None
    member.act()
    member.act()
    assert member.reading == {("t1", 0), ("t1", 1)}


def test_a_member_that_could_not_be_fenced_is_fenced_later(world: GroupWorld) -> None:
    """Its session begins anew when the record of its end was not written."""
    consumer(world)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    world.advance(SESSION_MS)
    assert len(members(world)) == 1
    world.refuse_with = None
    world.advance(SESSION_MS)
    assert members(world) == set()


@pytest.mark.parametrize("field", ["member_id", "group_id", "subscribed_topic_regex"])
def test_what_no_record_can_hold_is_refused(world: GroupWorld, field: str) -> None:
    """Before anything is done about it; a text that just fits is taken."""
    fields = {"group_id": GROUP, "member_id": "m", "rebalance_timeout_ms": 1000, "topic_partitions": []}
    fields |= {"subscribed_topic_names": []}

    def ask(length: int) -> ErrorCode:
        request = ConsumerGroupHeartbeatRequest(**{**fields, field: "é" * (length // 2) + "x" * (length % 2)})
        context = GroupRequestContext("c", "/127.0.0.1", 1)
        return ErrorCode(
            consumer_group_heartbeat(world.service, request, context, world.now_ms).value.error_code
        )

    with pytest.raises(KafkaError, match="is longer than 32767 bytes"):
        ask(32_768)
    assert ask(32_767) is ErrorCode.NONE
    world.run_tasks()
    world.restart()
    assert len(world.service.coordinators()[0].groups) == 1


def test_an_empty_group_goes_when_its_offsets_expire(world: GroupWorld) -> None:
    """With all of its records."""
    member = consumer(world)
    assert member.commit(5) == [ErrorCode.NONE]
    member.leave()
    coordinator = world.service.coordinators()[0]
    assert coordinator.groups.find(GROUP) is not None
    world.advance(world.settings.offsets_retention_ms + world.settings.offsets_retention_check_interval_ms)
    assert coordinator.groups.find(GROUP) is None
    world.restart()
    assert world.service.coordinators()[0].groups.find(GROUP) is None
