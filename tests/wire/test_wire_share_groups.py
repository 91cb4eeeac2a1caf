"""Share groups as clients see them on the wire: membership, assignment, description, offsets.

Every test holds on Apache Kafka 4.1.1 (`--broker=apache`), but for altering offsets, which does nothing there: see
`test_offsets_are_altered`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.coordination.partitioning import partition_for
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
)
from ottla.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
    DeleteShareGroupOffsetsResponse,
)
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
)
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchResponse,
)
from ottla.protocol.messages.share_group_describe import (
    DescribedGroup,
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from ottla.protocol.types import ZERO_UUID
from ottla.records.batch import iterate_batches
from ottla.records.record import iterate_records

_GROUP_RESOURCE = 32
_SET = 0


class ShareMember:
    """A member that does as told. `epoch` is what it heard last."""

    def __init__(self, wire: WireClient, group_id: str, member_id: str, *topics: str) -> None:
        self._wire = wire
        self.group_id, self.member_id, self.topics = group_id, member_id, list(topics)
        self.epoch = 0
        self.partitions: dict[bytes, list[int]] = {}

    def send(self, epoch: int, topics: list[str] | None = None) -> ShareGroupHeartbeatResponse:
        request = ShareGroupHeartbeatRequest(
            group_id=self.group_id,
            member_id=self.member_id,
            member_epoch=epoch,
            subscribed_topic_names=topics,
        )
        return self._wire.ask(request, ShareGroupHeartbeatResponse, 1)

    def heartbeat(self, *, full: bool = False) -> ShareGroupHeartbeatResponse:
        answer = self.send(self.epoch, self.topics if full or self.epoch == 0 else None)
        assert answer.error_code == ErrorCode.NONE, answer
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.partitions = {
                topic.topic_id: topic.partitions for topic in answer.assignment.topic_partitions
            }
        return answer

    def heartbeat_until(self, good: Callable[[dict[bytes, list[int]]], bool]) -> None:
        """Until its partitions are as wanted; the coordinator needs a few to have their state initialized."""

        def partitions() -> dict[bytes, list[int]]:
            self.heartbeat()
            return self.partitions

        until(partitions, good)

    def leave(self) -> ShareGroupHeartbeatResponse:
        return self.send(-1)


@pytest.fixture
def group_id(wire: WireClient, unique_name: Callable[[str], str]) -> str:
    """A group that this test has for itself, whose coordinator is there."""
    name = unique_name("share-group")
    wire.find_coordinator(name)
    until(lambda: describe(wire, name).error_code, lambda code: code == ErrorCode.GROUP_ID_NOT_FOUND)
    return name


def describe(wire: WireClient, group_id: str, *, authorized_operations: bool = False) -> DescribedGroup:
    request = ShareGroupDescribeRequest(
        group_ids=[group_id], include_authorized_operations=authorized_operations
    )
    return wire.ask(request, ShareGroupDescribeResponse, 1).groups[0]


def describe_offsets(
    wire: WireClient, group_id: str, topics: dict[str, list[int]] | None
) -> DescribeShareGroupOffsetsResponseGroup:
    group = DescribeShareGroupOffsetsRequestGroup(group_id=group_id, topics=None)
    if topics is not None:
        group.topics = [
            DescribeShareGroupOffsetsRequestTopic(topic_name=name, partitions=partitions)
            for name, partitions in topics.items()
        ]
    request = DescribeShareGroupOffsetsRequest(groups=[group])
    return wire.ask(request, DescribeShareGroupOffsetsResponse, 0).groups[0]


def start_offsets(
    wire: WireClient, group_id: str, topics: dict[str, list[int]] | None = None
) -> dict[str, dict[int, int]]:
    """By topic and partition; of all that are initialized, or of those asked for."""
    answer = describe_offsets(wire, group_id, topics)
    assert answer.error_code == ErrorCode.NONE, answer
    return {
        topic.topic_name: {row.partition_index: row.start_offset for row in topic.partitions}
        for topic in answer.topics
    }


def alter(wire: WireClient, group_id: str, **topics: dict[int, int]) -> AlterShareGroupOffsetsResponse:
    request = AlterShareGroupOffsetsRequest(
        group_id=group_id,
        topics=[
            AlterShareGroupOffsetsRequestTopic(
                topic_name=name,
                partitions=[
                    AlterShareGroupOffsetsRequestPartition(partition_index=partition, start_offset=offset)
                    for partition, offset in offsets.items()
                ],
            )
            for name, offsets in topics.items()
        ],
    )
    return wire.ask(request, AlterShareGroupOffsetsResponse, 0)


def delete_offsets(wire: WireClient, group_id: str, *topics: str) -> DeleteShareGroupOffsetsResponse:
    request = DeleteShareGroupOffsetsRequest(
        group_id=group_id, topics=[DeleteShareGroupOffsetsRequestTopic(topic_name=name) for name in topics]
    )
    return wire.ask(request, DeleteShareGroupOffsetsResponse, 0)


def delete_groups(wire: WireClient, *group_ids: str) -> dict[str, int]:
    answer = wire.ask(DeleteGroupsRequest(groups_names=list(group_ids)), DeleteGroupsResponse, 2)
    return {each.group_id: each.error_code for each in answer.results}


def test_a_member_joins_at_once_and_is_assigned_what_is_initialized(
    wire: WireClient, group_id: str, topic: str
) -> None:
    """Nothing first, since no partition has share state; everything with a later heartbeat and the next epoch."""
    wire.create_topic(topic, partitions=3)
    topic_id = wire.topic(topic).topic_id
    member = ShareMember(wire, group_id, "m-1", topic)
    joined = member.heartbeat()
    assert (joined.member_id, joined.member_epoch, joined.heartbeat_interval_ms) == ("m-1", 1, 5000)
    assert joined.assignment is not None
    assert joined.assignment.topic_partitions == []
    member.heartbeat_until(lambda partitions: partitions == {topic_id: [0, 1, 2]})
    assert member.epoch >= 2
    assert member.heartbeat().assignment is None
    told_again = member.heartbeat(full=True).assignment
    assert told_again is not None
    assert told_again.topic_partitions[0].partitions == [0, 1, 2]


def test_members_share_partitions(wire: WireClient, group_id: str, topic: str) -> None:
    """With more members than partitions each has one; when they leave, the one left has both."""
    wire.create_topic(topic, partitions=2)
    topic_id = wire.topic(topic).topic_id
    members = [ShareMember(wire, group_id, f"m-{number}", topic) for number in range(5)]
    for member in members:
        member.heartbeat()
    for member in members:
        member.heartbeat_until(lambda partitions: topic_id in partitions)
    described = describe(wire, group_id)
    assert described.group_state == "Stable"
    for member in members:
        member.heartbeat_until(lambda _, member=member: member.epoch == describe(wire, group_id).group_epoch)
    assert sorted({partition for member in members for partition in member.partitions[topic_id]}) == [0, 1]
    for member in members[1:]:
        assert member.leave().member_epoch == -1
    members[0].heartbeat_until(lambda partitions: partitions == {topic_id: [0, 1]})


def test_topics_made_and_deleted_are_noticed(wire: WireClient, group_id: str, topic: str) -> None:
    """A topic made after the subscription is assigned, and taken back when it is deleted."""
    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    wire.create_topic(topic)
    topic_id = wire.topic(topic).topic_id
    member.heartbeat_until(lambda partitions: partitions == {topic_id: [0]})
    request = DeleteTopicsRequest(topic_names=[topic], timeout_ms=10_000)
    assert wire.ask(request, DeleteTopicsResponse, 5).responses[0].error_code == ErrorCode.NONE
    member.heartbeat_until(lambda partitions: partitions == {})
    until(lambda: start_offsets(wire, group_id), lambda offsets: offsets == {})


def test_epochs_fence(wire: WireClient, group_id: str, topic: str) -> None:
    """A greater epoch and one before the last are refused; the last one is accepted, for the answer may be lost."""
    wire.create_topic(topic)
    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    member.heartbeat_until(lambda partitions: len(partitions) == 1)
    known = member.epoch
    assert known >= 2
    ahead = member.send(known + 1)
    assert ahead.error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert ahead.error_message == (
        f"The share group member has a greater member epoch ({known + 1}) than the one known by the group coordinator "
        f"({known}). The member must abandon all its partitions and rejoin."
    )
    behind = member.send(0, [topic])
    assert behind.error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert behind.error_message == (
        f"The share group member has a smaller member epoch (0) than the one known by the group coordinator ({known}), "
        f"and it does not match the previous member epoch ({known - 1}). The member must abandon all its partitions and "
        "rejoin."
    )
    assert member.send(known - 1).member_epoch == known
    stranger = ShareMember(wire, group_id, "stranger", topic).send(1)
    assert stranger.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert stranger.error_message == f"Member stranger is not a member of group {group_id}."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"group_id": ""}, "GroupId can't be empty."),
        ({"member_id": ""}, "MemberId can't be empty."),
        ({"rack_id": " "}, "RackId can't be empty."),
        ({"subscribed_topic_names": None}, "SubscribedTopicNames must be set in first request."),
        ({"subscribed_topic_names": []}, "SubscribedTopicNames must be set in first request."),
        ({"member_epoch": -2}, "MemberEpoch is invalid."),
    ],
)
def test_bad_heartbeats_are_told_why(
    wire: WireClient, group_id: str, fields: dict[str, object], message: str
) -> None:
    """INVALID_REQUEST, in Apache's words."""
    values: dict[str, object] = {
        "group_id": group_id,
        "member_id": "m",
        "subscribed_topic_names": ["t"],
        **fields,
    }
    request = ShareGroupHeartbeatRequest(**values)  # type: ignore[arg-type]
    answer = wire.ask(request, ShareGroupHeartbeatResponse, 1)
    assert (answer.error_code, answer.error_message) == (ErrorCode.INVALID_REQUEST, message)


def test_groups_that_do_not_exist(wire: WireClient, group_id: str, topic: str) -> None:
    """GROUP_ID_NOT_FOUND where a group is needed, nothing known where there is nothing to know."""
    member = ShareMember(wire, group_id, "m", topic)
    staying = member.send(1)
    assert (staying.error_code, staying.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Share group {group_id} not found.",
    )
    leaving = member.leave()
    assert (leaving.error_code, leaving.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group_id} not found.",
    )
    described = describe(wire, group_id)
    assert (described.error_code, described.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group_id} not found.",
    )
    assert describe(wire, "").error_code == ErrorCode.INVALID_GROUP_ID
    assert describe_offsets(wire, group_id, None).topics == []
    assert describe_offsets(wire, group_id, {}).topics == []
    [unknown] = describe_offsets(wire, group_id, {"no-such-topic": [0]}).topics
    assert unknown.topic_id == ZERO_UUID
    assert (unknown.partitions[0].start_offset, unknown.partitions[0].error_code) == (-1, 0)
    refused = delete_offsets(wire, group_id, topic)
    assert (refused.error_code, refused.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group_id} not found.",
    )
    assert delete_offsets(wire, "", topic).error_code == ErrorCode.INVALID_GROUP_ID
    assert delete_offsets(wire, group_id).error_code == ErrorCode.NONE
    assert delete_groups(wire, group_id) == {group_id: ErrorCode.GROUP_ID_NOT_FOUND}


def test_types_of_groups_exclude_each_other(wire: WireClient, group_id: str, topic: str) -> None:
    """Who joins a share group by the classic protocol, or commits to it, is refused; and the other way round."""
    ShareMember(wire, group_id, "m", topic).heartbeat()
    join = JoinGroupRequest(
        group_id=group_id,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol(name="range", metadata=b"")],
    )
    joined = wire.ask(join, JoinGroupResponse, 9)
    assert joined.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    wire.create_topic(topic)
    commit = OffsetCommitRequest(
        group_id=group_id,
        topics=[
            OffsetCommitRequestTopic(
                name=topic, partitions=[OffsetCommitRequestPartition(partition_index=0, committed_offset=1)]
            )
        ],
    )
    committed = wire.ask(commit, OffsetCommitResponse, 9)
    assert committed.topics[0].partitions[0].error_code == ErrorCode.GROUP_ID_NOT_FOUND
    classic = f"{group_id}-classic"
    commit.group_id = classic
    wire.find_coordinator(classic)
    until(
        lambda: wire.ask(commit, OffsetCommitResponse, 9).topics[0].partitions[0].error_code,
        lambda code: code == ErrorCode.NONE,
    )
    other = ShareMember(wire, classic, "m", topic).send(0, [topic])
    assert (other.error_code, other.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {classic} is not a share group.",
    )
    assert describe(wire, classic).error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_groups_are_described_and_listed(wire: WireClient, group_id: str, topic: str) -> None:
    """Epochs, the assignor, members with what they told and have; by type and by state."""
    wire.create_topic(topic)
    topic_id = wire.topic(topic).topic_id
    member = ShareMember(wire, group_id, "m-1", topic, "another-topic")
    member.heartbeat()
    member.heartbeat_until(lambda partitions: len(partitions) == 1)
    described = describe(wire, group_id, authorized_operations=True)
    assert (described.group_id, described.group_state, described.assignor_name) == (
        group_id,
        "Stable",
        "simple",
    )
    assert (described.group_epoch, described.assignment_epoch) == (member.epoch, member.epoch)
    assert described.authorized_operations == 3400
    [only] = described.members
    assert (only.member_id, only.member_epoch, only.rack_id) == ("m-1", member.epoch, None)
    assert (only.client_id, only.client_host) == ("wire-test", "/127.0.0.1")
    assert sorted(only.subscribed_topic_names) == sorted([topic, "another-topic"])
    [assigned] = only.assignment.topic_partitions
    assert (assigned.topic_id, assigned.topic_name, assigned.partitions) == (topic_id, topic, [0])

    def listed(**filters: list[str]) -> set[tuple[str, str, str]]:
        answer = wire.ask(ListGroupsRequest(**filters), ListGroupsResponse, 5)
        return {
            (each.group_state, each.protocol_type, each.group_type)
            for each in answer.groups
            if each.group_id == group_id
        }

    assert listed(types_filter=["Share"]) == {("Stable", "share", "share")}
    assert listed(states_filter=["stable"]) == {("Stable", "share", "share")}
    assert listed(types_filter=["classic"]) == set()
    member.leave()
    assert listed(states_filter=["Empty"]) == {("Empty", "share", "share")}
    empty = describe(wire, group_id)
    assert (empty.group_state, empty.group_epoch, empty.assignment_epoch) == (
        "Empty",
        member.epoch + 1,
        member.epoch,
    )


def test_offsets_are_told(wire: WireClient, group_id: str, topic: str) -> None:
    """-1 where nobody has fetched yet, where there is no such partition and where there is no such topic."""
    wire.create_topic(topic, partitions=2)
    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    member.heartbeat_until(lambda partitions: len(partitions) == 1)
    assert start_offsets(wire, group_id) == {topic: {0: -1, 1: -1}}
    assert start_offsets(wire, group_id, {topic: [1, 7], "none-such": [0]}) == {
        topic: {1: -1, 7: -1},
        "none-such": {0: -1},
    }


def test_offsets_are_altered(wire: WireClient, group_id: str, topic: str, broker_kind: str) -> None:
    """Of an empty group, partition by partition, and told afterwards."""
    if broker_kind == "apache":
        pytest.skip(
            "Apache Kafka 4.1.1 loses the topics of the request before it looks at them, and alters nothing"
        )
    wire.create_topic(topic, partitions=2)
    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    member.heartbeat_until(lambda partitions: len(partitions) == 1)
    refused = alter(wire, group_id, **{topic: {0: 5}})
    assert (refused.error_code, refused.responses) == (ErrorCode.NON_EMPTY_GROUP, [])
    member.leave()
    answer = alter(wire, group_id, **{topic: {0: 5, 9: 1}, "none-such": {0: 1}})
    assert answer.error_code == ErrorCode.NONE
    rows = {
        (each.topic_name, row.partition_index): row.error_code
        for each in answer.responses
        for row in each.partitions
    }
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert rows == {(topic, 0): 0, (topic, 9): unknown, ("none-such", 0): unknown}
    assert start_offsets(wire, group_id) == {topic: {0: 5, 1: -1}}
    assert alter(wire, "nobody-s-group", **{topic: {0: 5}}).error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert alter(wire, "", **{topic: {0: 5}}).error_code == ErrorCode.INVALID_GROUP_ID
    assert alter(wire, group_id).error_code == ErrorCode.NONE


def test_offsets_and_groups_are_deleted(wire: WireClient, group_id: str, topic: str) -> None:
    """Only of empty groups; a topic's offsets once."""
    wire.create_topic(topic, partitions=2)
    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    member.heartbeat_until(lambda partitions: len(partitions) == 1)
    assert delete_offsets(wire, group_id, topic).error_code == ErrorCode.NON_EMPTY_GROUP
    assert delete_groups(wire, group_id) == {group_id: ErrorCode.NON_EMPTY_GROUP}
    member.leave()
    answer = delete_offsets(wire, group_id, topic, "none-such")
    assert answer.error_code == ErrorCode.NONE
    rows = {each.topic_name: each.error_code for each in answer.responses}
    assert rows == {topic: ErrorCode.NONE, "none-such": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert start_offsets(wire, group_id) == {}
    [again] = delete_offsets(wire, group_id, topic).responses
    assert (again.error_code, again.error_message) == (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "There is no offset information to delete.",
    )
    assert delete_groups(wire, group_id) == {group_id: ErrorCode.NONE}
    assert describe(wire, group_id).error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_group_with_state_is_deleted_whole(wire: WireClient, group_id: str, topic: str) -> None:
    """Its partitions' state goes with it: a group of that name begins anew."""
    wire.create_topic(topic)
    for _ in range(2):
        member = ShareMember(wire, group_id, "m", topic)
        assert member.heartbeat().member_epoch == 1
        member.heartbeat_until(lambda partitions: len(partitions) == 1)
        member.leave()
        assert delete_groups(wire, group_id) == {group_id: ErrorCode.NONE}
        assert start_offsets(wire, group_id) == {}


def test_a_group_has_settings_of_its_own(wire: WireClient, group_id: str, topic: str) -> None:
    """`share.heartbeat.interval.ms` of the resource GROUP is what its members are told."""
    request = IncrementalAlterConfigsRequest(
        resources=[
            AlterConfigsResource(
                resource_type=_GROUP_RESOURCE,
                resource_name=group_id,
                configs=[
                    AlterableConfig(name="share.heartbeat.interval.ms", config_operation=_SET, value="7000")
                ],
            )
        ]
    )
    [altered] = wire.ask(request, IncrementalAlterConfigsResponse, 1).responses
    assert altered.error_code == ErrorCode.NONE, altered
    member = ShareMember(wire, group_id, "m", topic)
    until(lambda: member.heartbeat().heartbeat_interval_ms, lambda told: told == 7000)


def test_share_groups_are_off_until_their_feature_is_on(
    start_broker: Callable[..., ProcessBroker], topic: str
) -> None:
    """Announced, and answered UNSUPPORTED_VERSION; `share.version` switches them on and off without a restart."""
    broker = start_broker({"group.share.enable": "false"})
    off = ErrorCode.UNSUPPORTED_VERSION
    with WireClient(broker.host, broker.port) as wire:
        assert {key: wire.versions().get(key) for key in (76, 77, 90, 91, 92)} == {
            76: (1, 1),
            77: (1, 1),
            90: (0, 0),
            91: (0, 0),
            92: (0, 0),
        }
        wire.find_coordinator("g")
        member = ShareMember(wire, "g", "m", topic)
        refused = member.send(0, [topic])
        assert (refused.error_code, refused.error_message) == (off, None)
        described = describe(wire, "g")
        assert (described.group_id, described.error_code, described.error_message) == ("g", off, None)
        offsets = describe_offsets(wire, "g", None)
        assert (offsets.error_code, offsets.error_message) == (off, None)
        assert alter(wire, "g", **{topic: {0: 1}}).error_code == off
        assert delete_offsets(wire, "g", topic).error_code == off
        update = FeatureUpdateKey(feature="share.version", max_version_level=1, upgrade_type=1)
        request = UpdateFeaturesRequest(timeout_ms=10_000, feature_updates=[update])
        assert wire.ask(request, UpdateFeaturesResponse, 1).error_code == ErrorCode.NONE
        until(lambda: member.send(0, [topic]).error_code, lambda code: code == ErrorCode.NONE)
        update.max_version_level, update.upgrade_type = 0, 2
        assert wire.ask(request, UpdateFeaturesResponse, 1).error_code == ErrorCode.NONE
        until(lambda: member.send(1).error_code, lambda code: code == off)


def test_the_log_has_apaches_records_in_apaches_order(
    wire: WireClient, unique_name: Callable[[str], str], topic: str
) -> None:
    """What a member's life leaves in `__consumer_offsets`: types of records, and which of them are tombstones."""
    group_id = unique_name("written-group")
    wire.find_coordinator(group_id)
    until(lambda: describe(wire, group_id).error_code, lambda code: code == ErrorCode.GROUP_ID_NOT_FOUND)
    # The coordinator must know of the topic before the first heartbeat, or it needs one more epoch.
    wire.create_topic(topic)
    other = ShareMember(wire, f"{group_id}-before", "m", topic)
    wire.find_coordinator(other.group_id)
    until(
        lambda: describe(wire, other.group_id).error_code, lambda code: code == ErrorCode.GROUP_ID_NOT_FOUND
    )
    other.heartbeat()
    other.heartbeat_until(lambda partitions: len(partitions) == 1)

    member = ShareMember(wire, group_id, "m", topic)
    member.heartbeat()
    until(lambda: start_offsets(wire, group_id), lambda offsets: offsets == {topic: {0: -1}})
    assert member.heartbeat().member_epoch == 2
    member.leave()
    assert delete_offsets(wire, group_id, topic).error_code == ErrorCode.NONE
    assert delete_groups(wire, group_id) == {group_id: ErrorCode.NONE}

    expected = [
        *("member", "group", "target", "target epoch", "current", "state"),  # joins, initialization begins
        "state",  # initialized
        *("group", "target", "target epoch", "current"),  # assigned
        *("no current", "no target", "no member", "group"),  # leaves
        *("state", "state"),  # offsets are being deleted, are deleted
        *("no target epoch", "no state", "no group"),
    ]
    assert written(wire, group_id) == expected


def written(wire: WireClient, group_id: str) -> list[str]:
    """The records of a share group in its coordinator's log, by what they are about."""
    names = {10: "member", 11: "group", 12: "target epoch", 13: "target", 14: "current", 15: "state"}
    partition = partition_for(group_id, len(wire.topic("__consumer_offsets").partitions))
    found: list[str] = []
    offset = 0
    while True:
        fetched = wire.fetch("__consumer_offsets", offset, partition=partition)
        assert fetched.error_code == ErrorCode.NONE
        batches = list(iterate_batches(memoryview(fetched.records or b"")))
        if not batches:
            return found
        for header, batch in batches:
            offset = header.last_offset + 1
            for record in iterate_records(batch):
                key = bytes(record.key or b"")
                if int.from_bytes(key[2:4], "big") == len(group_id) and key[4:].startswith(group_id.encode()):
                    name = names[int.from_bytes(key[:2], "big")]
                    found.append(name if record.value is not None else f"no {name}")


def test_other_protocols_find_no_group_of_theirs(wire: WireClient, group_id: str, topic: str) -> None:
    """Each API of classic and consumer groups, asked about a share group."""
    assert ShareMember(wire, group_id, "m", topic).heartbeat().error_code == ErrorCode.NONE
    described = wire.ask(DescribeGroupsRequest(groups=[group_id]), DescribeGroupsResponse, 6).groups[0]
    assert (described.error_code, described.group_state) == (ErrorCode.GROUP_ID_NOT_FOUND, "Dead")
    assert described.error_message == f"Group {group_id} is not a classic group."
    consumers = wire.ask(ConsumerGroupDescribeRequest(group_ids=[group_id]), ConsumerGroupDescribeResponse, 1)
    assert (consumers.groups[0].error_code, consumers.groups[0].error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group_id} is not a consumer group.",
    )
    joining = ConsumerGroupHeartbeatRequest(
        group_id=group_id,
        member_id="consumer",
        rebalance_timeout_ms=1000,
        subscribed_topic_names=[topic],
        topic_partitions=[],
    )
    joined = wire.ask(joining, ConsumerGroupHeartbeatResponse, 1)
    assert (joined.error_code, joined.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group_id} is not a consumer group.",
    )
    heartbeat = HeartbeatRequest(group_id=group_id, member_id="m", generation_id=1)
    assert wire.ask(heartbeat, HeartbeatResponse, 4).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    sync = SyncGroupRequest(
        group_id=group_id, member_id="m", generation_id=1, protocol_type="consumer", protocol_name="range"
    )
    assert wire.ask(sync, SyncGroupResponse, 5).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    everything = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id=group_id, topics=None)])
    [fetched] = wire.ask(everything, OffsetFetchResponse, 9).groups
    assert (fetched.error_code, fetched.topics) == (ErrorCode.NONE, [])
