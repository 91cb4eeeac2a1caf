"""Share groups step by step: what members, administrators and the share coordinator get to see of each other."""

from share_group_world import GROUP, ShareWorld, SimulatedSharer

from ottla.groups.settings import GroupRequestContext, GroupSettings, ShareGroupSettings
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
)
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
)
from ottla.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
)

NONE = ErrorCode.NONE
UNAVAILABLE = ErrorCode.COORDINATOR_NOT_AVAILABLE
SESSION_TIMEOUT_MS = ShareGroupSettings().session_timeout_ms
RETRY_MS = 2 * GroupSettings().offset_commit_timeout_ms


def world_with_member(*, partitions: int = 2) -> tuple[ShareWorld, SimulatedSharer]:
    """One topic, and one member that has all of it."""
    world = ShareWorld()
    world.set_topic("t", partitions)
    member = SimulatedSharer(world, "m", "t")
    member.heartbeat()
    member.heartbeat()
    return world, member


def alter(world: ShareWorld, offsets: dict[int, int]) -> list[tuple[int, int]]:
    """Partition and error of each row."""
    rows = [
        AlterShareGroupOffsetsRequestPartition(partition_index=each, start_offset=offset)
        for each, offset in offsets.items()
    ]
    topic = AlterShareGroupOffsetsRequestTopic(topic_name="t", partitions=rows)
    request = AlterShareGroupOffsetsRequest(group_id=GROUP, topics=[topic])
    [answered] = world.requests.offsets.alter(request, world.now_ms).value.responses
    return [(row.partition_index, row.error_code) for row in answered.partitions]


def delete_group(world: ShareWorld) -> int:
    request = DeleteGroupsRequest(groups_names=[GROUP])
    context = GroupRequestContext("c", "/127.0.0.1", 2)
    return world.requests.delete_groups(request, context, world.now_ms).value.results[0].error_code


def test_a_member_not_heard_in_time_is_out() -> None:
    """After the broker's session timeout, counted from its last heartbeat; a new coordinator counts anew."""
    world, member = world_with_member()
    world.advance(SESSION_TIMEOUT_MS - 1)
    member.heartbeat()
    world.advance(SESSION_TIMEOUT_MS - 1)
    world.restart()
    world.advance(SESSION_TIMEOUT_MS - 1)
    group = world.group()
    assert group is not None
    assert group.members.keys() == {"m"}
    world.advance(1)
    assert group.is_empty
    assert group.target_assignment == {}


def test_a_group_may_have_a_session_timeout_of_its_own() -> None:
    """`share.session.timeout.ms` comes before the broker's."""
    world, member = world_with_member()
    world.group_settings["share.session.timeout.ms"] = "60000"
    world.tell_topics(())
    member.heartbeat()
    world.advance(59_999)
    group = world.group()
    assert group is not None
    assert not group.is_empty
    world.advance(1)
    assert group.is_empty


def test_a_full_group_takes_nobody_else() -> None:
    """Its members go on."""
    world = ShareWorld(GroupSettings(share=ShareGroupSettings(max_size=1)))
    first, second = SimulatedSharer(world, "a", "t"), SimulatedSharer(world, "b", "t")
    first.heartbeat()
    second.heartbeat()
    assert (first.epoch, second.epoch) == (1, 0)
    first.heartbeat()
    assert first.epoch == 1


def test_the_member_is_answered_while_the_share_coordinator_is_not_yet() -> None:
    """It has nothing until the state of the partitions is there."""
    world = ShareWorld()
    world.set_topic("t", 2)
    world.persister.hold = True
    member = SimulatedSharer(world, "m", "t")
    for _ in range(3):
        member.heartbeat()
    assert (member.epoch, member.assigned) == (1, {})
    assert len(world.persister.held) == 1
    world.persister.go_on()
    member.heartbeat()
    topic_id = world.existing["t"].topic_id
    assert (member.epoch, member.assigned) == (2, {topic_id: frozenset({0, 1})})


def test_the_share_coordinator_is_asked_again() -> None:
    """With the next heartbeat when it refused; when it never answers, after twice the commit timeout."""
    world = ShareWorld()
    world.set_topic("t", 1)
    member = SimulatedSharer(world, "m", "t")
    world.persister.refuse_with = UNAVAILABLE
    member.heartbeat()
    group = world.group()
    assert group is not None
    assert group.state_partitions is not None
    assert group.state_partitions.initializing == {}
    world.persister.refuse_with = NONE
    world.persister.hold = True
    member.heartbeat()
    assert len(world.persister.held) == 1
    world.advance(RETRY_MS - 1)
    member.heartbeat()
    assert len(world.persister.held) == 1
    world.advance(1)
    member.heartbeat()
    assert len(world.persister.held) == 2


def test_partitions_that_a_topic_gained_are_initialized_alone() -> None:
    """Those it had keep where they stand."""
    world, member = world_with_member(partitions=1)
    topic_id = world.existing["t"].topic_id
    world.persister.start_offsets[GROUP, topic_id, 0] = 17
    world.set_topic("t", 3)
    member.heartbeat()
    member.heartbeat()
    assert member.assigned == {topic_id: frozenset({0, 1, 2})}
    assert world.persister.start_offsets == {
        (GROUP, topic_id, 0): 17,
        (GROUP, topic_id, 1): -1,
        (GROUP, topic_id, 2): -1,
    }


def test_what_could_not_be_altered_is_told() -> None:
    """Row by row; what could be is where it was set."""
    world, member = world_with_member()
    member.leave()
    topic_id = world.existing["t"].topic_id
    assert alter(world, {0: 5, 7: 1}) == [(0, NONE), (7, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)]
    assert world.persister.start_offsets[GROUP, topic_id, 0] == 5
    world.persister.refuse_with = UNAVAILABLE
    assert alter(world, {0: 6}) == [(0, UNAVAILABLE)]
    assert world.persister.start_offsets[GROUP, topic_id, 0] == 5


def test_a_group_whose_state_could_not_be_deleted_stays() -> None:
    """And can be deleted when the share coordinator is there again; so can offsets."""
    world, member = world_with_member()
    member.leave()
    world.persister.refuse_with = UNAVAILABLE
    assert delete_group(world) == UNAVAILABLE
    topic = DeleteShareGroupOffsetsRequestTopic(topic_name="t")
    request = DeleteShareGroupOffsetsRequest(group_id=GROUP, topics=[topic])
    [refused] = world.requests.offsets.delete(request).value.responses
    assert refused.error_code == UNAVAILABLE
    assert world.group() is not None
    world.persister.refuse_with = NONE
    [deleted] = world.requests.offsets.delete(request).value.responses
    assert deleted.error_code == NONE
    assert world.persister.start_offsets == {}
    assert delete_group(world) == NONE
    assert world.group() is None


def test_offsets_that_cannot_be_read_are_unknown() -> None:
    """-1, and no error: so Apache tells it."""
    world, _ = world_with_member(partitions=1)
    topic_id = world.existing["t"].topic_id
    world.persister.start_offsets[GROUP, topic_id, 0] = 17
    group = DescribeShareGroupOffsetsRequestGroup(group_id=GROUP, topics=None)
    request = DescribeShareGroupOffsetsRequest(groups=[group, group])

    def offsets() -> list[int]:
        return [
            each.topics[0].partitions[0].start_offset
            for each in world.requests.offsets.describe(request).value.groups
        ]

    assert offsets() == [17, 17]
    world.persister.refuse_with = UNAVAILABLE
    assert offsets() == [-1, -1]


def test_a_heartbeat_that_could_not_be_written_changes_nothing() -> None:
    """The answer is the log's error, the group is as before, and the next heartbeat is heard."""
    world, member = world_with_member(partitions=1)
    world.set_topic("t", 2)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    member.heartbeat()
    group = world.group()
    assert group is not None
    assert (group.group_epoch, group.members["m"].member_epoch) == (2, 2)
    world.refuse_with = None
    member.heartbeat()
    member.heartbeat()
    assert member.epoch == group.group_epoch > 2
    assert sum(map(len, member.assigned.values())) == 2
