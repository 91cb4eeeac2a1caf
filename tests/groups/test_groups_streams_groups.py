"""Streams groups over a log: what is loaded, what is undone, who is put out when, and what expires."""

from __future__ import annotations

import pytest
from group_world import START_MS, GroupWorld
from streams_world import GROUP, REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS, SimulatedMember, StreamsWorld

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.records import OffsetAndMetadata, offset_commit_record
from ottla.groups.settings import GroupRequestContext, GroupSettings, StreamsGroupSettings
from ottla.groups.streams_group import StreamsGroup, StreamsGroupState
from ottla.groups.streams_member import StreamsMember, StreamsMemberState
from ottla.groups.streams_reconciliation import reconcile
from ottla.groups.streams_records import StreamsRecordType, group_epoch_record
from ottla.groups.streams_requests import streams_group_heartbeat
from ottla.groups.streams_tasks import NO_TASKS, TasksTuple
from ottla.groups.streams_validation import (
    MAX_ID_BYTES,
    MAX_SUBTOPOLOGIES,
    MAX_TOPICS_AND_GROUPS,
    check_heartbeat,
)
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.streams_group_heartbeat import (
    CopartitionGroup,
    StreamsGroupHeartbeatRequest,
    Subtopology,
    Topology,
)


@pytest.fixture
def world() -> StreamsWorld:
    """Both source topics with two partitions."""
    world = StreamsWorld()
    world.set_topics(free=2, kept=2)
    return world


def member(world: StreamsWorld, name: str, process_id: str | None = None) -> SimulatedMember:
    return SimulatedMember(world, name, process_id or f"process-of-{name}")


def settle(world: StreamsWorld, *members: SimulatedMember) -> StreamsGroup:
    for _ in range(6):
        for each in members:
            each.heartbeat()
            each.give_up()
        world.make_missing_topics()
    group = world.group()
    assert group is not None
    assert group.state is StreamsGroupState.STABLE
    return group


def test_a_loaded_group_waits_for_its_members(world: StreamsWorld) -> None:
    """Each has one session timeout to be heard from; who is silent is out."""
    first, second = member(world, "a"), member(world, "b")
    epoch = settle(world, first, second).group_epoch
    world.advance(SESSION_TIMEOUT_MS - 1)
    world.restart()
    group = world.group()
    assert group is not None
    assert group.group_epoch == epoch
    assert group.members.keys() == {first.member_id, second.member_id}
    world.advance(SESSION_TIMEOUT_MS - 1)
    first.heartbeat()
    world.advance(1)
    assert group.members.keys() == {first.member_id}
    assert settle(world, first).target_of(first.member_id).active == {"0": {0, 1}, "1": {0, 1}}


def test_a_loaded_member_goes_on_giving_up(world: StreamsWorld) -> None:
    """With its rebalance timeout anew; then it is out, however often it is heard."""
    first, second = member(world, "a"), member(world, "b")
    settle(world, first)
    second.heartbeat()
    first.heartbeat()
    group = world.group()
    assert group is not None
    assert group.members[first.member_id].state is StreamsMemberState.UNREVOKED_TASKS
    world.restart()
    for _ in range(REBALANCE_TIMEOUT_MS // 1_000):
        assert first.error is ErrorCode.NONE
        first.heartbeat()
        second.heartbeat()
        world.advance(1_000)
    first.heartbeat()
    assert first.error is ErrorCode.UNKNOWN_MEMBER_ID


def test_an_offset_before_its_group(world: StreamsWorld) -> None:
    """Compaction may leave an old commit in front of the group's records: it is the streams group's."""
    settle(world, member(world, "a"))
    offset = OffsetAndMetadata(7, -1, "", START_MS)
    world.logs[0].insert(0, offset_commit_record(GROUP, "free", 0, offset))
    world.restart()
    assert world.group() is not None
    kept = world.service.coordinators()[0].offsets.get_committed(GROUP, "free", 0)
    assert kept is not None
    assert kept.committed_offset == 7


def test_tombstones_alone_make_no_group(world: StreamsWorld) -> None:
    """Of a deleted group nothing comes back, whatever compaction left of it."""
    first = member(world, "a")
    settle(world, first)
    first.leave()
    deletion = DeleteGroupsRequest(groups_names=[GROUP])
    reply = world.call(world.service.delete_groups, deletion, version=2)
    assert reply.value.results[0].error_code == ErrorCode.NONE
    assert world.group() is None
    world.logs[0] = [record for record in world.logs[0] if record.value is None]
    world.restart()
    assert world.group() is None


def test_a_record_that_can_not_be_is_told(world: StreamsWorld) -> None:
    """Loading fails with a ProtocolError, not with anything else."""
    key = group_epoch_record(GROUP, 1, 0).key
    topology_key = StreamsRecordType.TOPOLOGY.to_bytes(2, "big") + key[2:]
    for broken in (
        CoordinatorRecord(key[:-1], b""),
        CoordinatorRecord(key, b"\0\0"),
        CoordinatorRecord(topology_key, b"\0\0\xff\xff\xff\xff\1\0"),
    ):
        other = GroupWorld()
        other.logs[0].append(broken)
        with pytest.raises(ProtocolError):
            other.restart()


def test_a_join_that_was_not_written_never_was(world: StreamsWorld) -> None:
    """The group is gone again, and the member is told to try again."""
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    first = member(world, "a")
    first.heartbeat()
    assert first.error is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.group() is None
    world.refuse_with = None
    settle(world, first)


def test_what_was_not_written_of_a_rebalance_is_taken_back(world: StreamsWorld) -> None:
    """Members, epochs, targets and the owners of tasks are those of before."""
    first, second = member(world, "a"), member(world, "b")
    group = settle(world, first)
    before = (group.group_epoch, dict(group.members), dict(group.target_assignment))
    world.hold = True
    second.heartbeat()
    first.heartbeat()
    assert group.group_epoch == before[0] + 1
    world.fail_held(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert (group.group_epoch, group.members, group.target_assignment) == before
    assert group.active_process("0", 0) == first.process_id
    world.hold = False
    settle(world, first, second)


def test_a_member_that_could_not_be_put_out_is_put_out_later(world: StreamsWorld) -> None:
    """Its session's end is not forgotten with the records that were lost."""
    first = member(world, "a")
    group = settle(world, first)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    world.advance(SESSION_TIMEOUT_MS)
    assert group.members
    world.refuse_with = None
    world.advance(1_000)
    assert not group.members


def test_an_assignment_that_was_not_heard_of_is_told_again(world: StreamsWorld) -> None:
    """Also when the epoch is no older: what the member says it owns is not what it was assigned."""
    first, second = member(world, "a"), member(world, "b")
    settle(world, first)
    second.heartbeat()
    first.heartbeat()
    first.give_up()
    first.heartbeat()
    world.hold = True
    second.heartbeat()
    world.time_out_log()
    assert second.error is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert not second.runs
    world.commit_log()
    world.hold = False
    second.heartbeat()
    assert second.runs


def test_a_full_group() -> None:
    """One more than `group.streams.max.size` is refused."""
    world = StreamsWorld(GroupSettings(streams=StreamsGroupSettings(max_size=1)))
    world.set_topics(free=1, kept=1)
    first, second = member(world, "a"), member(world, "b")
    settle(world, first)
    second.heartbeat()
    assert second.error is ErrorCode.GROUP_MAX_SIZE_REACHED


def test_offsets_of_topics_that_are_read_do_not_expire(world: StreamsWorld) -> None:
    """Others do, and an empty group goes with its last offset."""
    settings = GroupSettings(offsets_retention_ms=60_000, offsets_retention_check_interval_ms=10_000)
    world = StreamsWorld(settings)
    world.set_topics(free=1, kept=1)
    first = member(world, "a")
    settle(world, first)
    for topic in ("free", "other"):
        offset = OffsetAndMetadata(7, -1, "", world.now_ms)
        world.logs[0].append(offset_commit_record(GROUP, topic, 0, offset))
    world.restart()
    offsets = world.service.coordinators()[0].offsets
    for _ in range(100):
        first.heartbeat()
        world.advance(1_000)
    assert offsets.get_committed(GROUP, "free", 0) is not None
    assert offsets.get_committed(GROUP, "other", 0) is None
    first.leave()
    world.advance(100_000)
    assert offsets.get_committed(GROUP, "free", 0) is None
    assert world.group() is None


def test_a_member_in_a_state_of_a_later_kafka_has_to_begin_anew() -> None:
    """Unless it owns nothing: then it is reconciled from there."""
    lost = StreamsMember("a", member_epoch=3, state=StreamsMemberState.of(9), process_id="p")
    target = TasksTuple({"0": frozenset({1})})
    with pytest.raises(KafkaError) as refused:
        reconcile(lost, 5, target, StreamsGroup(GROUP), None)
    assert refused.value.code is ErrorCode.FENCED_MEMBER_EPOCH
    found = reconcile(lost, 5, target, StreamsGroup(GROUP), NO_TASKS)
    assert (found.state, found.member_epoch, found.assigned_tasks) == (StreamsMemberState.STABLE, 5, target)


def joining(**fields: object) -> StreamsGroupHeartbeatRequest:
    request = StreamsGroupHeartbeatRequest(
        group_id=GROUP,
        member_id="a",
        rebalance_timeout_ms=1,
        topology=Topology(),
        active_tasks=[],
        standby_tasks=[],
        warmup_tasks=[],
    )
    for name, value in fields.items():
        setattr(request, name, value)
    return request


LONG_SUBTOPOLOGY = Subtopology(source_topics=["t"] * (MAX_TOPICS_AND_GROUPS + 1))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"member_id": "é" * (MAX_ID_BYTES // 2 + 1)}, ErrorCode.INVALID_REQUEST),
        ({"group_id": "g" * (MAX_ID_BYTES + 1)}, ErrorCode.INVALID_REQUEST),
        (
            {"topology": Topology(subtopologies=[Subtopology()] * (MAX_SUBTOPOLOGIES + 1))},
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
        ),
        ({"topology": Topology(subtopologies=[LONG_SUBTOPOLOGY])}, ErrorCode.STREAMS_INVALID_TOPOLOGY),
    ],
    ids=["member id", "group id", "subtopologies", "topics"],
)
def test_what_is_too_long_is_refused(fields: dict[str, object], code: ErrorCode) -> None:
    """Before it reaches a record that can't hold it, or a loop that would not end."""
    check_heartbeat(joining(member_id="é" * (MAX_ID_BYTES // 2)))
    with pytest.raises(KafkaError) as refused:
        check_heartbeat(joining(**fields))
    assert refused.value.code is code


def test_a_topology_that_names_what_it_has_not(world: StreamsWorld) -> None:
    """A copartition group of a topic that is not listed, an id twice: as Apache, UNKNOWN_SERVER_ERROR."""
    nowhere = Subtopology(source_topics=["free"], copartition_groups=[CopartitionGroup(source_topics=[1])])
    twice = Subtopology(source_topics=["free"])
    for topology in (
        Topology(subtopologies=[nowhere]),
        Topology(subtopologies=[twice, twice]),
        Topology(epoch=-1),
    ):
        request = joining(topology=topology)
        reply = streams_group_heartbeat(
            world.service, request, GroupRequestContext("c", "/h", 0), world.now_ms
        )
        assert reply.value.response.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert world.group() is None
