"""Groups and committed offsets over the wire: the errors clients steer by, exactly where Apache gives them."""

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.codec import encode_versioned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)

# Apache looks into the subscription, and waits for ever on one that it can't read.
SUBSCRIPTION = encode_versioned(ConsumerProtocolSubscription(topics=["any"]), 0)


class Member:
    """One member of a classic group, driven by hand."""

    def __init__(self, wire: WireClient, group: str, instance_id: str | None = None) -> None:
        self.wire, self.group, self.instance_id = wire, group, instance_id
        self.member_id, self.generation_id = "", -1

    def join_request(self) -> JoinGroupRequest:
        return JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=30_000,
            rebalance_timeout_ms=30_000,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocols=[JoinGroupRequestProtocol(name="range", metadata=SUBSCRIPTION)],
        )

    def take(self, joined: JoinGroupResponse) -> JoinGroupResponse:
        self.member_id, self.generation_id = joined.member_id, joined.generation_id
        return joined

    def join(self) -> JoinGroupResponse:
        joined = self.take(self.wire.ask(self.join_request(), JoinGroupResponse, 9))
        if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            joined = self.take(self.wire.ask(self.join_request(), JoinGroupResponse, 9))
        return joined

    def sync(self, assignments: dict[str, bytes] | None = None) -> SyncGroupResponse:
        request = SyncGroupRequest(
            group_id=self.group,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[
                SyncGroupRequestAssignment(member_id=member, assignment=assignment)
                for member, assignment in (assignments or {}).items()
            ],
        )
        return self.wire.ask(request, SyncGroupResponse, 5)

    def heartbeat(self, *, generation_id: int | None = None, member_id: str | None = None) -> ErrorCode:
        request = HeartbeatRequest(
            group_id=self.group,
            generation_id=self.generation_id if generation_id is None else generation_id,
            member_id=self.member_id if member_id is None else member_id,
            group_instance_id=self.instance_id,
        )
        return ErrorCode(self.wire.ask(request, HeartbeatResponse, 4).error_code)

    def commit(
        self, topic: str, *, generation_id: int | None = None, member_id: str | None = None
    ) -> ErrorCode:
        return commit(
            self.wire,
            self.group,
            topic,
            5,
            generation_id=self.generation_id if generation_id is None else generation_id,
            member_id=self.member_id if member_id is None else member_id,
            instance_id=self.instance_id,
        )


def commit(
    wire: WireClient,
    group: str,
    topic: str,
    offset: int,
    *,
    metadata: str | None = "",
    generation_id: int = -1,
    member_id: str = "",
    instance_id: str | None = None,
) -> ErrorCode:
    request = OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=generation_id,
        member_id=member_id,
        group_instance_id=instance_id,
        topics=[
            OffsetCommitRequestTopic(
                name=topic,
                partitions=[
                    OffsetCommitRequestPartition(
                        partition_index=0, committed_offset=offset, committed_metadata=metadata
                    )
                ],
            )
        ],
    )
    return ErrorCode(wire.ask(request, OffsetCommitResponse, 8).topics[0].partitions[0].error_code)


def committed(wire: WireClient, group: str, topic: str) -> tuple[int, str | None]:
    asked = OffsetFetchRequestGroup(
        group_id=group, topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])]
    )
    answer = wire.ask(OffsetFetchRequest(groups=[asked]), OffsetFetchResponse, 8)
    [partition] = answer.groups[0].topics[0].partitions
    return partition.committed_offset, partition.metadata


def describe(wire: WireClient, group: str) -> DescribedGroup:
    request = DescribeGroupsRequest(groups=[group], include_authorized_operations=True)
    return wire.ask(request, DescribeGroupsResponse, 5).groups[0]


@pytest.fixture
def group(wire: WireClient, topic: str) -> str:
    """A topic, and a group of the same name whose coordinator is there."""
    wire.create_topic(topic)
    wire.find_coordinator(topic)
    until(
        lambda: describe(wire, topic).error_code,
        lambda code: code not in (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR),
    )
    return topic


def test_commit_metadata_comes_back(wire: WireClient, group: str) -> None:
    """With the offset, to a client that is no member; null is an empty text; too long is refused."""
    assert commit(wire, group, group, 17, metadata="where I was") is ErrorCode.NONE
    assert committed(wire, group, group) == (17, "where I was")
    assert commit(wire, group, group, 18, metadata=None) is ErrorCode.NONE
    assert committed(wire, group, group) == (18, "")
    assert commit(wire, group, group, 19, metadata="x" * 5_000) is ErrorCode.OFFSET_METADATA_TOO_LARGE
    assert committed(wire, group, group) == (18, "")
    assert committed(wire, f"{group}-other", group) == (-1, "")


def test_offsets_of_topics_that_do_not_exist(wire: WireClient, group: str) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION for them alone."""
    assert commit(wire, group, "no-such-topic", 1) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    request = OffsetCommitRequest(
        group_id=group,
        topics=[
            OffsetCommitRequestTopic(
                name=group,
                partitions=[
                    OffsetCommitRequestPartition(partition_index=0, committed_offset=3),
                    OffsetCommitRequestPartition(partition_index=9, committed_offset=3),
                ],
            )
        ],
    )
    [answered] = wire.ask(request, OffsetCommitResponse, 8).topics
    assert {each.partition_index: each.error_code for each in answered.partitions} == {
        0: ErrorCode.NONE,
        9: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert committed(wire, group, group)[0] == 3


def test_who_may_commit_and_when(wire: WireClient, broker: object, group: str) -> None:
    """Unknown members, old generations and rebalances each have their own error, in every phase of a generation."""
    member = Member(wire, group)
    joined = member.join()
    assert (joined.error_code, joined.leader, joined.generation_id) == (ErrorCode.NONE, joined.member_id, 1)

    # Joined, not synced yet: the generation stands, the assignment does not.
    assert member.heartbeat() is ErrorCode.NONE
    assert member.commit(group) is ErrorCode.REBALANCE_IN_PROGRESS

    assert member.sync({member.member_id: b"assignment"}).assignment == b"assignment"
    assert member.commit(group) is ErrorCode.NONE
    assert member.heartbeat() is ErrorCode.NONE
    assert member.commit(group, generation_id=0) is ErrorCode.ILLEGAL_GENERATION
    assert member.commit(group, generation_id=2) is ErrorCode.ILLEGAL_GENERATION
    assert member.commit(group, member_id="nobody") is ErrorCode.UNKNOWN_MEMBER_ID
    assert member.heartbeat(generation_id=0) is ErrorCode.ILLEGAL_GENERATION
    assert member.heartbeat(member_id="nobody") is ErrorCode.UNKNOWN_MEMBER_ID
    assert (
        commit(wire, group, group, 1) is ErrorCode.UNKNOWN_MEMBER_ID
    )  # no member commits into a living group

    # A second member joins: the first may still commit for its generation, and learns by its heartbeat.
    assert isinstance(broker, object)
    with WireClient(broker.host, broker.port) as second_wire:  # type: ignore[attr-defined]
        second = Member(second_wire, group)
        second.take(second_wire.ask(second.join_request(), JoinGroupResponse, 9))
        second_wire.send(second.join_request(), JoinGroupResponse, 9)
        until(member.heartbeat, lambda error: error is ErrorCode.REBALANCE_IN_PROGRESS)
        assert member.commit(group) is ErrorCode.NONE
        rejoined = member.join()
        second.take(second_wire.receive(JoinGroupResponse))
        assert rejoined.generation_id == second.generation_id == 2
        assert member.commit(group, generation_id=1) is ErrorCode.ILLEGAL_GENERATION
        assert member.sync({member.member_id: b"1", second.member_id: b"2"}).assignment == b"1"
        assert second.sync().assignment == b"2"
        assert second.commit(group) is ErrorCode.NONE


def test_joining_wrongly(wire: WireClient, group: str) -> None:
    """Each with its own error."""
    first = Member(wire, group)
    first.join()
    first.sync({first.member_id: b""})
    stranger = Member(wire, group)
    stranger.member_id = "never-given-out"
    assert stranger.join().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    other = JoinGroupRequest(
        group_id=group,
        session_timeout_ms=30_000,
        rebalance_timeout_ms=30_000,
        protocol_type="connect",
        protocols=[JoinGroupRequestProtocol(name="range", metadata=b"")],
    )
    assert wire.ask(other, JoinGroupResponse, 3).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    short = Member(wire, group).join_request()
    short.session_timeout_ms = 1
    assert wire.ask(short, JoinGroupResponse, 9).error_code == ErrorCode.INVALID_SESSION_TIMEOUT
    nameless = Member(wire, "").join_request()
    assert wire.ask(nameless, JoinGroupResponse, 9).error_code == ErrorCode.INVALID_GROUP_ID


def test_a_static_member_comes_back(wire: WireClient, group: str) -> None:
    """Under the same instance id it gets a new member id and its old assignment without a rebalance; the old is fenced."""
    first = Member(wire, group, "instance-1")
    first.join()
    assert first.sync({first.member_id: b"mine"}).assignment == b"mine"
    again = Member(wire, group, "instance-1")
    joined = again.join()
    assert (joined.error_code, joined.generation_id) == (ErrorCode.NONE, first.generation_id)
    assert again.member_id != first.member_id
    assert again.sync().assignment == b"mine"
    assert first.heartbeat() is ErrorCode.FENCED_INSTANCE_ID
    assert first.commit(group) is ErrorCode.FENCED_INSTANCE_ID
    left = wire.ask(
        LeaveGroupRequest(group_id=group, members=[MemberIdentity(group_instance_id="instance-1")]),
        LeaveGroupResponse,
        5,
    )
    assert left.members[0].error_code == ErrorCode.NONE
    assert describe(wire, group).group_state == "Empty"


def test_groups_are_described_listed_and_deleted(wire: WireClient, group: str) -> None:
    """With members it can't be deleted; empty it can, offsets and all."""
    member = Member(wire, group)
    member.join()
    member.sync({member.member_id: b"assignment"})
    assert member.commit(group) is ErrorCode.NONE
    seen = describe(wire, group)
    assert (seen.group_state, seen.protocol_type, seen.protocol_data) == ("Stable", "consumer", "range")
    assert [(each.member_id, each.client_id, each.member_assignment) for each in seen.members] == [
        (member.member_id, "wire-test", b"assignment")
    ]
    assert seen.members[0].client_host == "/127.0.0.1"
    listed = wire.ask(ListGroupsRequest(states_filter=["Stable"]), ListGroupsResponse, 5).groups
    assert (group, "Stable", "classic") in [(g.group_id, g.group_state, g.group_type) for g in listed]
    not_yet = wire.ask(DeleteGroupsRequest(groups_names=[group]), DeleteGroupsResponse, 2).results[0]
    assert not_yet.error_code == ErrorCode.NON_EMPTY_GROUP
    wire.ask(
        LeaveGroupRequest(group_id=group, members=[MemberIdentity(member_id=member.member_id)]),
        LeaveGroupResponse,
        5,
    )
    assert describe(wire, group).group_state == "Empty"
    done = wire.ask(DeleteGroupsRequest(groups_names=[group]), DeleteGroupsResponse, 2).results[0]
    assert done.error_code == ErrorCode.NONE
    assert committed(wire, group, group)[0] == -1
    gone = wire.ask(DeleteGroupsRequest(groups_names=[group]), DeleteGroupsResponse, 2).results[0]
    assert gone.error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_offsets_are_deleted_one_by_one(wire: WireClient, group: str) -> None:
    """Of a group that nobody is in; a partition that doesn't exist is told so."""
    assert commit(wire, group, group, 4) is ErrorCode.NONE
    request = OffsetDeleteRequest(
        group_id=group,
        topics=[
            OffsetDeleteRequestTopic(
                name=group,
                partitions=[OffsetDeleteRequestPartition(partition_index=number) for number in (0, 9)],
            )
        ],
    )
    answer = wire.ask(request, OffsetDeleteResponse, 0)
    assert answer.error_code == ErrorCode.NONE
    assert {p.partition_index: p.error_code for p in answer.topics[0].partitions} == {
        0: ErrorCode.NONE,
        9: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert committed(wire, group, group)[0] == -1
    request.group_id = f"{group}-nobody"
    assert wire.ask(request, OffsetDeleteResponse, 0).error_code == ErrorCode.GROUP_ID_NOT_FOUND
