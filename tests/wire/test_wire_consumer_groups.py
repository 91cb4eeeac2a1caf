"""Consumer groups (KIP-848) over the wire: what members are told and refused, word for word as Apache says it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from wire_client import WireClient

from brokers import Broker, ProcessBroker
from conditions import until
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode_from, encode_versioned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
)
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
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
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.types import Uuid


class Member:
    """One member, driven by hand."""

    def __init__(self, wire: WireClient, group: str, instance_id: str | None = None) -> None:
        self.wire, self.group, self.instance_id = wire, group, instance_id
        self.member_id = str(uuid.uuid4())
        self.epoch = 0

    def heartbeat(self, *, version: int = 1, **fields: object) -> ConsumerGroupHeartbeatResponse:
        """As it is, with other fields; takes its new epoch from the answer."""
        request = ConsumerGroupHeartbeatRequest(
            **{
                "group_id": self.group,
                "member_id": self.member_id,
                "member_epoch": self.epoch,
                "instance_id": self.instance_id,
                **fields,
            }
        )
        answer = self.wire.ask(request, ConsumerGroupHeartbeatResponse, version)
        if answer.error_code == ErrorCode.NONE:
            self.epoch = answer.member_epoch
        return answer

    def join(self, *topics: str, **fields: object) -> ConsumerGroupHeartbeatResponse:
        return self.heartbeat(
            **{
                "member_epoch": 0,
                "rebalance_timeout_ms": 60_000,
                "subscribed_topic_names": list(topics),
                "topic_partitions": [],
                **fields,
            }
        )

    def owns(self, partitions: dict[Uuid, list[int]], **fields: object) -> ConsumerGroupHeartbeatResponse:
        owned = [TopicPartitions(topic_id=each, partitions=numbers) for each, numbers in partitions.items()]
        return self.heartbeat(topic_partitions=owned, **fields)

    def leave(self, epoch: int = -1) -> ConsumerGroupHeartbeatResponse:
        answer = self.heartbeat(member_epoch=epoch)
        self.epoch = 0
        return answer

    def describe(self) -> DescribedGroup:
        return describe(self.wire, self.group)


def describe(wire: WireClient, group: str) -> DescribedGroup:
    request = ConsumerGroupDescribeRequest(group_ids=[group], include_authorized_operations=True)
    return wire.ask(request, ConsumerGroupDescribeResponse, 1).groups[0]


def assigned(answer: ConsumerGroupHeartbeatResponse) -> dict[Uuid, list[int]] | None:
    """None: the answer tells no assignment."""
    if answer.assignment is None:
        return None
    return {each.topic_id: sorted(each.partitions) for each in answer.assignment.topic_partitions}


def refusal(answer: ConsumerGroupHeartbeatResponse) -> tuple[ErrorCode, str | None]:
    return ErrorCode(answer.error_code), answer.error_message


@pytest.fixture
def group(wire: WireClient, unique_name: Callable[[str], str]) -> str:
    """A group's name, whose coordinator is there and loaded."""
    name = unique_name("group")
    wire.find_coordinator(name)
    until(lambda: describe(wire, name), lambda seen: seen.error_code == ErrorCode.GROUP_ID_NOT_FOUND)
    return name


@pytest.fixture
def topic(wire: WireClient, unique_name: Callable[[str], str]) -> str:
    """A topic of four partitions that the coordinator knows of."""
    name = unique_name("topic")
    wire.create_topic(name, 4)
    return name


@pytest.fixture
def topic_id(wire: WireClient, topic: str) -> Uuid:
    return wire.topic(topic).topic_id


def joined(member: Member, topic: str) -> Member:
    """Joined, with the whole topic; on Apache the coordinator may learn of a new topic a little later."""
    if not assigned(member.join(topic)):
        until(member.heartbeat, lambda answer: bool(assigned(answer)))
    return member


# What makes no sense.

INVALID = ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"member_id": ""}, INVALID, "MemberId can't be empty."),
        ({"member_id": " "}, INVALID, "MemberId can't be empty."),
        ({"group_id": ""}, INVALID, "GroupId can't be empty."),
        ({"instance_id": ""}, INVALID, "InstanceId can't be empty."),
        ({"rack_id": " "}, INVALID, "RackId can't be empty."),
        ({"rebalance_timeout_ms": -1}, INVALID, "RebalanceTimeoutMs must be provided in first request."),
        ({"topic_partitions": None}, INVALID, "TopicPartitions must be empty when (re-)joining."),
        (
            {"topic_partitions": [TopicPartitions(partitions=[1])]},
            INVALID,
            "TopicPartitions must be empty when (re-)joining.",
        ),
        (
            {"subscribed_topic_names": None},
            INVALID,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        ({"member_epoch": -2}, INVALID, "InstanceId can't be null."),
        ({"member_epoch": -3}, INVALID, "MemberEpoch is invalid."),
        (
            {"server_assignor": "sticky"},
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            "ServerAssignor sticky is not supported. Supported assignors: uniform, range.",
        ),
    ],
)
def test_a_heartbeat_that_makes_no_sense(
    wire: WireClient, group: str, fields: dict[str, object], code: ErrorCode, message: str
) -> None:
    assert refusal(Member(wire, group).join("any", **fields)) == (code, message)


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("[", "missing closing ]"),
        ("(", "missing closing )"),
        ("a**", "invalid nested repetition operator"),
        ("\\", "trailing backslash at end of expression"),
        ("*", "missing argument to repetition operator"),
        ("x{1001}", "invalid repeat count"),
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("[z-a]", "invalid character class range"),
        ("\\8", "invalid escape sequence"),
        ("(?P<n", "invalid named capture"),
    ],
)
def test_a_regular_expression_that_is_none(wire: WireClient, group: str, regex: str, why: str) -> None:
    """In RE2/J's words."""
    answer = Member(wire, group).join(subscribed_topic_regex=regex)
    message = f"SubscribedTopicRegex `{regex}` is not a valid regular expression: {why}."
    assert refusal(answer) == (ErrorCode.INVALID_REGULAR_EXPRESSION, message)


def test_an_unknown_group_and_an_unknown_member(wire: WireClient, group: str, topic: str) -> None:
    member = Member(wire, group)
    member.epoch = 1
    assert refusal(member.heartbeat()) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Consumer group {group} not found.",
    )
    assert refusal(member.leave()) == (ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group} not found.")
    joined(Member(wire, group), topic)
    member.epoch = 1
    unknown = (ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member.member_id} is not a member of group {group}.")
    assert refusal(member.heartbeat()) == unknown
    assert refusal(member.leave()) == unknown


# One member.


def test_a_member_alone_gets_everything(wire: WireClient, group: str, topic: str, topic_id: Uuid) -> None:
    """At once, and is not told again what it knows."""
    member = joined(Member(wire, group), topic)
    answer = member.heartbeat()
    assert (answer.member_id, answer.heartbeat_interval_ms) == (member.member_id, 5000)
    assert assigned(answer) is None
    everything = member.owns(
        {topic_id: [0, 1, 2, 3]}, rebalance_timeout_ms=60_000, subscribed_topic_names=[topic]
    )
    assert assigned(everything) == {topic_id: [0, 1, 2, 3]}
    left = member.leave()
    assert (left.member_id, left.member_epoch, left.assignment) == (member.member_id, -1, None)


def test_before_version_1_the_coordinator_makes_the_member_id(wire: WireClient, group: str) -> None:
    member = Member(wire, group)
    answer = member.join("any", member_id="", version=0)
    assert answer.error_code == ErrorCode.NONE
    assert answer.member_id
    member.member_id = answer.member_id
    assert member.heartbeat(version=0).error_code == ErrorCode.NONE
    assert refusal(member.heartbeat(version=0, member_id="")) == (INVALID, "MemberId can't be empty.")


def test_epochs_that_are_not_the_members(wire: WireClient, group: str, topic: str) -> None:
    member = joined(Member(wire, group), topic)
    member.owns({}, subscribed_topic_names=[])
    epoch = member.epoch
    ahead = (
        f"The consumer group member has a greater member epoch ({epoch + 1}) than the one known by the group"
        f" coordinator ({epoch}). The member must abandon all its partitions and rejoin."
    )
    assert refusal(member.heartbeat(member_epoch=epoch + 1)) == (ErrorCode.FENCED_MEMBER_EPOCH, ahead)
    behind = ahead.replace("greater", "smaller").replace(f"({epoch + 1})", f"({epoch - 1})")
    assert refusal(member.heartbeat(member_epoch=epoch - 1)) == (ErrorCode.FENCED_MEMBER_EPOCH, behind)


def test_a_member_that_missed_an_answer_goes_on(
    wire: WireClient, group: str, topic: str, topic_id: Uuid
) -> None:
    """With the epoch before, as long as it reads nothing that is not its own."""
    member = joined(Member(wire, group), topic)
    epoch = member.epoch
    other = Member(wire, group)
    assert assigned(other.join(topic)) == {}
    told = assigned(member.owns({topic_id: [0, 1, 2, 3]}))
    assert told is not None
    [kept] = told.values()
    moved = member.owns({topic_id: kept})
    assert moved.member_epoch > epoch
    again = member.owns({topic_id: kept}, member_epoch=epoch)
    assert (again.error_code, again.member_epoch) == (ErrorCode.NONE, moved.member_epoch)
    strange = member.owns({topic_id: [0, 1, 2, 3]}, member_epoch=epoch)
    assert strange.error_code == ErrorCode.FENCED_MEMBER_EPOCH


# Several.


def test_partitions_move_when_they_are_given_up(
    wire: WireClient, group: str, topic: str, topic_id: Uuid
) -> None:
    """The newcomer waits for what it shall have until the other says that it let go."""
    first, second = joined(Member(wire, group), topic), Member(wire, group)
    assert assigned(second.join(topic)) == {}
    assert describe(wire, group).group_state == "Reconciling"
    told = first.owns({topic_id: [0, 1, 2, 3]})
    assert assigned(told) is not None
    kept = assigned(told)[topic_id]  # type: ignore[index]
    assert len(kept) == 2
    assert assigned(second.heartbeat()) is None
    assert told.member_epoch < second.epoch
    assert assigned(first.owns({topic_id: kept})) is None
    assert assigned(second.heartbeat()) == {topic_id: sorted({0, 1, 2, 3} - set(kept))}
    assert first.epoch == second.epoch
    assert describe(wire, group).group_state == "Stable"
    second.leave()
    assert assigned(first.heartbeat()) == {topic_id: [0, 1, 2, 3]}


def test_the_assignor_that_most_ask_for(wire: WireClient, group: str, topic: str) -> None:
    first, second = Member(wire, group), Member(wire, group)
    first.join(topic, server_assignor="range")
    assert describe(wire, group).assignor_name == "range"
    first.heartbeat(server_assignor="uniform")
    second.join(topic, server_assignor="uniform")
    assert describe(wire, group).assignor_name == "uniform"


def test_a_subscription_by_regular_expression(
    wire: WireClient, group: str, unique_name: Callable[[str], str]
) -> None:
    """The topics that match are found a moment later."""
    name = unique_name("matched")
    wire.create_topic(name, 2)
    topic_id = wire.topic(name).topic_id
    joined(Member(wire, group), name).leave()
    member = Member(wire, group)
    member.join(subscribed_topic_names=None, subscribed_topic_regex=f"{name}.*")

    def has() -> list[Uuid]:
        member.heartbeat()
        return [each.topic_id for each in describe(wire, group).members[0].assignment.topic_partitions]

    until(has, lambda seen: seen == [topic_id])
    assert describe(wire, group).members[0].subscribed_topic_regex == f"{name}.*"


# Static members.


def test_a_static_member_comes_back(wire: WireClient, group: str, topic: str, topic_id: Uuid) -> None:
    """Its place is held while it is away for a while; before, nobody else gets it."""
    first, second = joined(Member(wire, group, "i-1"), topic), Member(wire, group, "i-1")
    assert refusal(second.join(topic)) == (
        ErrorCode.UNRELEASED_INSTANCE_ID,
        (
            f"Static member {second.member_id} with instance id i-1 cannot join the group because the instance id is"
            f" owned by {first.member_id} member."
        ),
    )
    away = first.leave(-2)
    assert (away.error_code, away.member_epoch) == (ErrorCode.NONE, -2)
    other = Member(wire, group)
    assert assigned(other.join(topic)) == {}
    assert describe(wire, group).members[0].member_epoch in (-2, other.epoch)
    back = second.join(topic)
    assert assigned(back) is not None
    assert len(assigned(back)[topic_id]) == 2  # type: ignore[index]
    first.epoch = 1
    assert refusal(first.heartbeat()) == (
        ErrorCode.FENCED_INSTANCE_ID,
        f"Static member {first.member_id} with instance id i-1 was fenced by member {second.member_id}.",
    )
    unknown = Member(wire, group, "i-2")
    unknown.epoch = 1
    assert refusal(unknown.heartbeat()) == (ErrorCode.UNKNOWN_MEMBER_ID, "Instance id i-2 is unknown.")
    assert second.leave().error_code == ErrorCode.NONE


# Offsets.


def commit(
    wire: WireClient, group: str, topic: str, member_id: str = "", epoch: int = -1, version: int = 9
) -> ErrorCode:
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=7)
    request = OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=epoch,
        member_id=member_id,
        topics=[OffsetCommitRequestTopic(name=topic, partitions=[partition])],
    )
    answer = wire.ask(request, OffsetCommitResponse, version)
    return ErrorCode(answer.topics[0].partitions[0].error_code)


def fetch(
    wire: WireClient, group: str, topic: str, member_id: str | None = None, epoch: int = -1
) -> tuple[ErrorCode, list[int]]:
    wanted = OffsetFetchRequestGroup(
        group_id=group,
        member_id=member_id,
        member_epoch=epoch,
        topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])],
    )
    [answer] = wire.ask(OffsetFetchRequest(groups=[wanted]), OffsetFetchResponse, 9).groups
    offsets = [each.committed_offset for topic in answer.topics for each in topic.partitions]
    return ErrorCode(answer.error_code), offsets


def test_who_may_commit_and_fetch(wire: WireClient, group: str, topic: str) -> None:
    """A member at its epoch; nobody else as long as there are members."""
    member = joined(Member(wire, group), topic)
    assert commit(wire, group, topic, member.member_id, member.epoch) is ErrorCode.NONE
    assert commit(wire, group, topic, member.member_id, member.epoch + 1) is ErrorCode.STALE_MEMBER_EPOCH
    assert commit(wire, group, topic, "nobody", member.epoch) is ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(wire, group, topic) is ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(wire, group, topic, member.member_id, member.epoch, 8) is ErrorCode.UNSUPPORTED_VERSION
    assert fetch(wire, group, topic) == (ErrorCode.NONE, [7])
    assert fetch(wire, group, topic, member.member_id, member.epoch) == (ErrorCode.NONE, [7])
    stale = fetch(wire, group, topic, member.member_id, member.epoch + 1)
    assert stale == (ErrorCode.STALE_MEMBER_EPOCH, [])
    assert fetch(wire, group, topic, "nobody", 1) == (ErrorCode.UNKNOWN_MEMBER_ID, [])
    member.leave()
    assert commit(wire, group, topic) is ErrorCode.NONE


def delete_offset(wire: WireClient, group: str, topic: str) -> tuple[ErrorCode, list[ErrorCode]]:
    partition = OffsetDeleteRequestPartition(partition_index=0)
    request = OffsetDeleteRequest(
        group_id=group, topics=[OffsetDeleteRequestTopic(name=topic, partitions=[partition])]
    )
    answer = wire.ask(request, OffsetDeleteResponse, 0)
    return ErrorCode(answer.error_code), [
        ErrorCode(each.error_code) for topic in answer.topics for each in topic.partitions
    ]


def delete_group(wire: WireClient, group: str) -> ErrorCode:
    answer = wire.ask(DeleteGroupsRequest(groups_names=[group]), DeleteGroupsResponse, 2)
    return ErrorCode(answer.results[0].error_code)


def test_deleting(wire: WireClient, group: str, topic: str) -> None:
    """Offsets of topics in use stay, and so does a group with members."""
    member = joined(Member(wire, group), topic)
    commit(wire, group, topic, member.member_id, member.epoch)
    in_use = (ErrorCode.NONE, [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC])
    assert delete_offset(wire, group, topic) == in_use
    assert delete_group(wire, group) is ErrorCode.NON_EMPTY_GROUP
    member.heartbeat(subscribed_topic_names=[])
    assert delete_offset(wire, group, topic) == (ErrorCode.NONE, [ErrorCode.NONE])
    assert fetch(wire, group, topic) == (ErrorCode.NONE, [-1])
    member.leave()
    assert delete_group(wire, group) is ErrorCode.NONE
    assert describe(wire, group).error_code == ErrorCode.GROUP_ID_NOT_FOUND


# Listing and describing.


def test_describing(wire: WireClient, group: str, topic: str, topic_id: Uuid) -> None:
    member = joined(Member(wire, group), topic)
    member.heartbeat(rack_id="r-1")
    described = describe(wire, group)
    assert (described.error_code, described.group_state, described.assignor_name) == (0, "Stable", "uniform")
    assert (described.group_epoch, described.assignment_epoch) == (member.epoch, member.epoch)
    assert described.authorized_operations == 3400
    [shown] = described.members
    assert (shown.member_id, shown.member_epoch, shown.member_type) == (member.member_id, member.epoch, 1)
    assert (shown.rack_id, shown.instance_id, shown.subscribed_topic_names) == ("r-1", None, [topic])
    assert shown.subscribed_topic_regex == ""
    assert shown.client_host.startswith("/")
    for part in (shown.assignment, shown.target_assignment):
        [partitions] = part.topic_partitions
        assert (partitions.topic_id, partitions.topic_name) == (topic_id, topic)
        assert sorted(partitions.partitions) == [0, 1, 2, 3]


def test_describing_what_is_no_consumer_group(
    wire: WireClient, group: str, topic: str, unique_name: Callable[[str], str]
) -> None:
    assert commit(wire, group, topic) is ErrorCode.NONE
    shown = describe(wire, group)
    assert (shown.error_code, shown.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group} is not a consumer group.",
    )
    unknown = unique_name("unknown")
    wire.find_coordinator(unknown)
    shown = describe(wire, unknown)
    assert (shown.error_code, shown.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {unknown} not found.",
    )
    assert describe(wire, "").error_code == ErrorCode.INVALID_GROUP_ID


def test_the_older_describe_does_not_know_it(wire: WireClient, group: str, topic: str) -> None:
    joined(Member(wire, group), topic)
    [shown] = wire.ask(DescribeGroupsRequest(groups=[group]), DescribeGroupsResponse, 6).groups
    assert (shown.error_code, shown.error_message, shown.group_state) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group} is not a classic group.",
        "Dead",
    )


def listed(wire: WireClient, group: str, **filters: list[str]) -> list[tuple[str, str, str]]:
    answer = wire.ask(ListGroupsRequest(**filters), ListGroupsResponse, 5)
    return [
        (each.protocol_type, each.group_state, each.group_type)
        for each in answer.groups
        if each.group_id == group
    ]


def test_listing(wire: WireClient, group: str, topic: str) -> None:
    """By state and type."""
    member = joined(Member(wire, group), topic)
    shown = [("consumer", "Stable", "consumer")]
    assert listed(wire, group) == shown
    assert listed(wire, group, types_filter=["Consumer"], states_filter=["stable"]) == shown
    assert listed(wire, group, types_filter=["classic"]) == []
    assert listed(wire, group, states_filter=["Empty", "Assigning", "Reconciling"]) == []
    member.leave()
    assert listed(wire, group) == [("consumer", "Empty", "consumer")]


# Classic members, and the change of a group's type.


class ClassicMember:
    """One member of the classic protocol."""

    def __init__(self, wire: WireClient, group: str, topic: str) -> None:
        self.wire, self.group, self.topic = wire, group, topic
        self.member_id, self.generation_id = "", -1

    def join(self, protocol: str = "range") -> JoinGroupResponse:
        metadata = encode_versioned(ConsumerProtocolSubscription(topics=[self.topic]), 1)
        request = JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=30_000,
            rebalance_timeout_ms=30_000,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=[JoinGroupRequestProtocol(name=protocol, metadata=metadata)],
        )
        answer = self.wire.ask(request, JoinGroupResponse, 9)
        self.member_id, self.generation_id = answer.member_id, answer.generation_id
        return self.join(protocol) if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED else answer

    def sync(self) -> SyncGroupResponse:
        request = SyncGroupRequest(
            group_id=self.group,
            generation_id=self.generation_id,
            member_id=self.member_id,
            protocol_type="consumer",
            protocol_name="range",
        )
        return self.wire.ask(request, SyncGroupResponse, 5)

    def heartbeat(self) -> ErrorCode:
        request = HeartbeatRequest(
            group_id=self.group, generation_id=self.generation_id, member_id=self.member_id
        )
        return ErrorCode(self.wire.ask(request, HeartbeatResponse, 4).error_code)

    def leave(self) -> LeaveGroupResponse:
        members = [MemberIdentity(member_id=self.member_id)]
        return self.wire.ask(LeaveGroupRequest(group_id=self.group, members=members), LeaveGroupResponse, 5)


def partitions_of(answer: SyncGroupResponse) -> dict[str, list[int]]:
    assert answer.error_code == ErrorCode.NONE, answer
    assignment, _ = decode_from(ConsumerProtocolAssignment, 1, memoryview(answer.assignment), 2)
    return {each.topic: sorted(each.partitions) for each in assignment.assigned_partitions}


def test_a_classic_member_in_a_consumer_group(
    wire: WireClient, group: str, topic: str, topic_id: Uuid
) -> None:
    """It joins, syncs and beats as ever, and is told by its heartbeat when there is another step to take."""
    new = joined(Member(wire, group), topic)
    classic = ClassicMember(wire, group, topic)
    answer = classic.join()
    assert (answer.error_code, answer.protocol_type, answer.protocol_name) == (0, "consumer", "range")
    assert (answer.leader, answer.members) == ("", [])
    assert partitions_of(classic.sync()) == {}
    assert classic.heartbeat() is ErrorCode.NONE
    kept = assigned(new.owns({topic_id: [0, 1, 2, 3]}))[topic_id]  # type: ignore[index]
    new.owns({topic_id: kept})
    assert classic.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    assert classic.join().error_code == ErrorCode.NONE
    assert partitions_of(classic.sync()) == {topic: sorted({0, 1, 2, 3} - set(kept))}
    shown = {each.member_id: each.member_type for each in describe(wire, group).members}
    assert shown == {new.member_id: 1, classic.member_id: 0}
    classic.generation_id += 1
    assert classic.heartbeat() is ErrorCode.ILLEGAL_GENERATION
    assert classic.sync().error_code == ErrorCode.ILLEGAL_GENERATION
    assert classic.leave().members[0].error_code == ErrorCode.NONE
    assert classic.leave().members[0].error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_member_of_the_new_protocol_is_no_classic_one(wire: WireClient, group: str, topic: str) -> None:
    new = joined(Member(wire, group), topic)
    classic = ClassicMember(wire, group, topic)
    classic.member_id, classic.generation_id = new.member_id, new.epoch
    assert classic.heartbeat() is ErrorCode.UNKNOWN_MEMBER_ID
    assert classic.sync().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_classic_group_is_upgraded_and_downgraded(
    wire: WireClient, broker: Broker, group: str, topic: str, topic_id: Uuid
) -> None:
    """By the first member of the new protocol, and when the last of them leaves."""
    classic = ClassicMember(wire, group, topic)
    joined_alone = classic.join()
    assert joined_alone.leader == classic.member_id
    request = SyncGroupRequest(
        group_id=group,
        generation_id=classic.generation_id,
        member_id=classic.member_id,
        protocol_type="consumer",
        protocol_name="range",
    )
    assert wire.ask(request, SyncGroupResponse, 5).error_code == ErrorCode.NONE
    assert listed(wire, group) == [("consumer", "Stable", "classic")]
    new = Member(wire, group)
    assert new.join(topic).error_code == ErrorCode.NONE
    until(lambda: listed(wire, group)[0][2], lambda kind: kind == "consumer")
    assert classic.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    assert classic.join().error_code == ErrorCode.NONE
    assert len(partitions_of(classic.sync())[topic]) == 2
    new.leave()
    until(lambda: listed(wire, group)[0][1:], lambda seen: seen == ("PreparingRebalance", "classic"))
    assert classic.heartbeat() is ErrorCode.REBALANCE_IN_PROGRESS
    assert classic.join().leader == classic.member_id


def test_an_empty_group_changes_its_type(wire: WireClient, group: str, topic: str) -> None:
    """Its offsets stay."""
    assert commit(wire, group, topic) is ErrorCode.NONE
    assert listed(wire, group) == [("", "Empty", "classic")]
    member = joined(Member(wire, group), topic)
    assert fetch(wire, group, topic) == (ErrorCode.NONE, [7])
    member.leave()
    until(lambda: listed(wire, group), lambda seen: seen == [("consumer", "Empty", "consumer")])
    classic = ClassicMember(wire, group, topic)
    assert classic.join().error_code == ErrorCode.NONE
    until(lambda: listed(wire, group)[0][2], lambda kind: kind == "classic")
    assert fetch(wire, group, topic) == (ErrorCode.NONE, [7])


def test_protocols_that_do_not_go_together(wire: WireClient, group: str, topic: str) -> None:
    joined(Member(wire, group), topic)
    assert ClassicMember(wire, group, topic).join().error_code == ErrorCode.NONE
    other = ClassicMember(wire, group, topic)
    assert other.join("sticky").error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_a_group_that_is_no_consumers_is_not_upgraded(wire: WireClient, group: str) -> None:
    request = JoinGroupRequest(
        group_id=group,
        session_timeout_ms=30_000,
        rebalance_timeout_ms=30_000,
        protocol_type="connect",
        protocols=[JoinGroupRequestProtocol(name="p", metadata=b"")],
    )
    request.member_id = wire.ask(request, JoinGroupResponse, 9).member_id
    assert wire.ask(request, JoinGroupResponse, 9).error_code == ErrorCode.NONE
    assert refusal(Member(wire, group).join("any")) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        (
            f"Cannot upgrade classic group {group} to consumer group because the group does not use the consumer"
            " embedded protocol."
        ),
    )


# Topics by their ids: version 10 of OffsetCommit and OffsetFetch, unstable in Apache Kafka 4.1.

GONE_ID = Uuid(b"\7" * 16)


def test_offsets_by_topic_id(
    start_broker: Callable[..., ProcessBroker], unique_name: Callable[[str], str]
) -> None:
    """Announced only where unstable versions are; an unknown id is answered so, beside what is known."""
    group, topic = unique_name("group"), unique_name("topic")
    running = start_broker(
        {"unstable.api.versions.enable": "true", "unstable.feature.versions.enable": "true"}
    )
    with WireClient(running.host, running.port) as wire:
        versions = wire.versions()
        assert versions[ApiKey.OFFSET_COMMIT] == (2, 10)
        assert versions[ApiKey.OFFSET_FETCH] == (1, 10)
        wire.create_topic(topic)
        topic_id = wire.topic(topic).topic_id
        wire.find_coordinator(group)
        partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=7)
        commits = OffsetCommitRequest(
            group_id=group,
            topics=[
                OffsetCommitRequestTopic(topic_id=each, partitions=[partition])
                for each in (topic_id, GONE_ID)
            ],
        )
        committed = until(
            lambda: {
                each.topic_id: each.partitions[0].error_code
                for each in wire.ask(commits, OffsetCommitResponse, 10).topics
            },
            lambda seen: seen[topic_id] == ErrorCode.NONE,
        )
        assert committed[GONE_ID] == ErrorCode.UNKNOWN_TOPIC_ID
        wanted = OffsetFetchRequestGroup(
            group_id=group,
            topics=[
                OffsetFetchRequestTopics(topic_id=each, partition_indexes=[0]) for each in (topic_id, GONE_ID)
            ],
        )
        for topics in (wanted.topics, None):
            wanted.topics = topics
            [answer] = wire.ask(OffsetFetchRequest(groups=[wanted]), OffsetFetchResponse, 10).groups
            fetched = {each.topic_id: each.partitions[0] for each in answer.topics}
            assert fetched[topic_id].committed_offset == 7
            if topics is not None:
                gone = fetched[GONE_ID]
                assert (gone.error_code, gone.committed_offset) == (ErrorCode.UNKNOWN_TOPIC_ID, -1)


def test_offsets_go_by_name_without_unstable_versions(wire: WireClient) -> None:
    versions = wire.versions()
    assert versions[ApiKey.OFFSET_COMMIT] == (2, 9)
    assert versions[ApiKey.OFFSET_FETCH] == (1, 9)
