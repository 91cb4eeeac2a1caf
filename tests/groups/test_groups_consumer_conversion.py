"""A group with members changes its type, or is refused to: with Apache's reasons, and all or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from consumer_group_clients import GROUP, REBALANCE_MS, ClassicConsumer, NextConsumer, put_topic
from group_world import GroupWorld

from ottla.groups.classic_group import ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_requests import consumer_group_heartbeat
from ottla.groups.registry import Group
from ottla.groups.settings import ConsumerGroupSettings, GroupRequestContext, GroupSettings
from ottla.groups.states import ClassicGroupState
from ottla.protocol.codec import encode_versioned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from ottla.protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment

CONTEXT = GroupRequestContext("c", "/127.0.0.1", 1)
SUBSCRIPTION = encode_versioned(ConsumerProtocolSubscription(topics=["t1"]), 1)


def new_world(**consumer: Any) -> GroupWorld:
    settings = GroupSettings(
        group_initial_rebalance_delay_ms=0, consumer=ConsumerGroupSettings(**consumer), group_max_size=2
    )
    world = GroupWorld(settings)
    put_topic(world, "t1", 4)
    return world


def group_of(world: GroupWorld) -> Group | None:
    return world.service.coordinators()[0].groups.find(GROUP)


def classic_group(
    world: GroupWorld, *, metadata: bytes = SUBSCRIPTION, assignment: bytes = b"", kind: str = "consumer"
) -> str:
    """A stable classic group of one; its member's id."""
    context = CONTEXT._replace(api_version=3)
    join = JoinGroupRequest(
        group_id=GROUP,
        session_timeout_ms=30_000,
        rebalance_timeout_ms=REBALANCE_MS,
        protocol_type=kind,
        protocols=[JoinGroupRequestProtocol(name="range", metadata=metadata)],
    )
    reply = world.service.join_group(join, context, world.now_ms)
    world.advance(0)
    member_id = reply.value.member_id
    sync = SyncGroupRequest(
        group_id=GROUP,
        generation_id=1,
        member_id=member_id,
        assignments=[SyncGroupRequestAssignment(member_id=member_id, assignment=assignment)],
    )
    assert world.service.sync_group(sync, context, world.now_ms).value.error_code == ErrorCode.NONE
    return member_id


def join(world: GroupWorld) -> tuple[ErrorCode, str | None]:
    """A member of the new protocol tries."""
    request = ConsumerGroupHeartbeatRequest(
        group_id=GROUP,
        member_id="new",
        rebalance_timeout_ms=1000,
        subscribed_topic_names=["t1"],
        topic_partitions=[],
    )
    answer = consumer_group_heartbeat(world.service, request, CONTEXT, world.now_ms).value
    return ErrorCode(answer.error_code), answer.error_message


UNREADABLE = b"\0\1\0\0\0\7"
WITH_USER_DATA = encode_versioned(ConsumerProtocolAssignment(user_data=b"mine"), 1)


@pytest.mark.parametrize(
    ("settings", "group", "why"),
    [
        ({"upgrade_enabled": False}, {}, "online upgrade is disabled."),
        ({"max_size": 0}, {}, "the group size exceeds the consumer group maximum size."),
        ({}, {"kind": "connect"}, "the group does not use the consumer embedded protocol."),
        ({}, {"metadata": UNREADABLE}, "the embedded consumer protocol is malformed."),
        ({}, {"assignment": UNREADABLE}, "the embedded consumer protocol is malformed."),
        (
            {},
            {"assignment": WITH_USER_DATA},
            (
                "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default"
                " assignor before re-attempting the upgrade."
            ),
        ),
    ],
)
def test_a_classic_group_that_stays_one(settings: dict[str, Any], group: dict[str, Any], why: str) -> None:
    """The newcomer is told why; the group is as it was."""
    world = new_world(**settings)
    member_id = classic_group(world, **group)
    records = len(world.logs[0])
    message = f"Cannot upgrade classic group {GROUP} to consumer group because {why}"
    assert join(world) == (ErrorCode.GROUP_ID_NOT_FOUND, message)
    stays = group_of(world)
    assert isinstance(stays, ClassicGroup)
    assert stays.state is ClassicGroupState.STABLE
    assert set(stays.members) == {member_id}
    assert len(world.logs[0]) == records


def test_an_upgrade_that_could_not_be_written() -> None:
    """The group is the classic one again, its member alive."""
    world = new_world()
    member_id = classic_group(world)
    before = group_of(world)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert join(world)[0] is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert group_of(world) is before
    world.refuse_with = None
    world.advance(29_000)
    assert set(before.members) == {member_id}  # type: ignore[union-attr]
    world.advance(2_000)
    assert not before.members  # type: ignore[union-attr]


def mixed(world: GroupWorld, instance_id: str | None = None) -> tuple[NextConsumer, ClassicConsumer]:
    """A consumer group with a member of either protocol, settled."""
    new, classic = NextConsumer("new", world, instance_id), ClassicConsumer("old", world, None)
    for _ in range(6):
        new.act()
        classic.act()
    assert len(new.reading) == len(classic.reading) == 2
    return new, classic


def test_a_downgrade_that_could_not_be_written() -> None:
    """The group stays a consumer group with both members, whether one left or was fenced."""
    world = new_world()
    new, classic = mixed(world)
    before = group_of(world)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    new.leave()
    assert group_of(world) is before
    assert isinstance(before, ConsumerGroup)
    assert len(before.members) == 2
    for _ in range(5):
        world.advance(9_000)
        classic.act()
    assert group_of(world) is before
    assert len(before.members) == 2
    world.refuse_with = None
    for _ in range(6):
        world.advance(9_000)
        classic.act()
    assert isinstance(group_of(world), ClassicGroup)
    for _ in range(4):
        classic.act()
        world.advance(1)
    assert len(classic.reading) == 4


@pytest.mark.parametrize("settings", [{"downgrade_enabled": False}, {}])
def test_the_last_of_the_new_protocol_leaves(settings: dict[str, Any]) -> None:
    """Who is left reads on: as a classic group, or where that is forbidden as members of the consumer group."""
    world = new_world(**settings)
    new, classic = mixed(world)
    new.leave()
    assert isinstance(group_of(world), ConsumerGroup if settings else ClassicGroup)
    for _ in range(4):
        classic.act()
    assert len(classic.reading) == 4
    world.restart()
    assert isinstance(group_of(world), ConsumerGroup if settings else ClassicGroup)


def test_a_group_too_large_for_a_classic_one() -> None:
    """`group.max.size` is that of classic groups."""
    world = new_world()
    new, classic = mixed(world)
    others = [ClassicConsumer(f"old-{number}", world, None) for number in range(2)]
    for _ in range(6):
        for consumer in (new, classic, *others):
            consumer.act()
    new.leave()
    group = group_of(world)
    assert isinstance(group, ConsumerGroup)
    assert len(group.members) == 3


def test_a_static_member_comes_back_with_the_classic_protocol() -> None:
    """It takes its own place: the group is a classic one, and nobody has to rejoin."""
    world = new_world()
    new, classic = mixed(world, "i")
    had = {partition for _, partition in new.reading}
    new.leave()
    back = ClassicConsumer("back", world, "i")
    back.act()
    group = group_of(world)
    assert isinstance(group, ClassicGroup)
    assert group.state is ClassicGroupState.STABLE
    assert set(group.static_members) == {"i"}
    back.epoch = group.generation_id
    back.act()
    assert {partition for _, partition in back.owned} == had
    classic.act()
    assert classic.step == "heartbeat"
    world.restart()
    assert isinstance(group_of(world), ClassicGroup)
