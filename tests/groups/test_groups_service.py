"""The service around the coordinators: older API versions, many partitions, bounds, and the order of replies."""

from typing import Any

import pytest
from group_world import GroupWorld

from ottla.coordination import appends
from ottla.groups import coordinator
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.states import ClassicGroupState, GroupType
from ottla.protocol.codec import decode, encode
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.list_groups import ListGroupsRequest
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from ottla.protocol.types import ZERO_UUID, Uuid


def join_request(**fields: Any) -> JoinGroupRequest:
    return JoinGroupRequest(
        **{
            "group_id": "g",
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 60_000,
            "protocol_type": "consumer",
            "protocols": [JoinGroupRequestProtocol(name="range", metadata=b"\0\0\0\0\0\0\xff\xff\xff\xff")],
            **fields,
        }
    )


def commit_request(group_id: str, *, topic_id: Uuid = ZERO_UUID, offset: int = 5) -> OffsetCommitRequest:
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
    topic = OffsetCommitRequestTopic(name="t", topic_id=topic_id, partitions=[partition])
    return OffsetCommitRequest(group_id=group_id, topics=[topic])


def test_a_version_0_join_has_one_timeout() -> None:
    """Its session timeout is its rebalance timeout as well."""
    world = GroupWorld(GroupSettings(group_initial_rebalance_delay_ms=0))
    world.call(world.service.join_group, join_request(rebalance_timeout_ms=-1), version=0)
    group = world.service.coordinators()[0].groups.find_classic("g")
    assert group is not None
    assert group.rebalance_timeout_ms == 10_000


@pytest.mark.parametrize("version", range(10))
def test_every_version_of_a_fenced_join_can_be_written(version: int) -> None:
    """Null protocols are for version 7 and later."""
    world = GroupWorld(GroupSettings(group_initial_rebalance_delay_ms=0))
    world.call(world.service.join_group, join_request(group_instance_id="i"), version=5)
    world.advance(0)
    fenced = world.call(
        world.service.join_group,
        join_request(group_instance_id="i" if version >= 5 else None, member_id="other"),
        version=version,
    )
    response = decode(JoinGroupResponse, version, encode(fenced.value, version))
    expected = ErrorCode.FENCED_INSTANCE_ID if version >= 5 else ErrorCode.UNKNOWN_MEMBER_ID
    assert response.error_code == expected
    assert response.protocol_name == (None if version >= 7 else "")


@pytest.mark.parametrize("version", range(6))
def test_every_version_of_leaving_can_be_written(version: int) -> None:
    """Before version 3 one member leaves, and its error is the response's."""
    world = GroupWorld()
    world.call(world.service.join_group, join_request(), version=3)
    if version < 3:
        request = LeaveGroupRequest(group_id="g", member_id="nobody")
    else:
        request = LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id="nobody")])
    left = world.call(world.service.leave_group, request, version=version).value
    response = decode(LeaveGroupResponse, version, encode(left, version))
    if version < 3:
        assert response.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    else:
        assert [member.error_code for member in response.members] == [ErrorCode.UNKNOWN_MEMBER_ID]


@pytest.mark.parametrize("version", range(1, 10))
def test_every_version_of_fetching_offsets(version: int) -> None:
    """One group up to version 7, several from 8; all offsets by a null list from 2."""
    world = GroupWorld(partition_count=50)
    for group_id, offset in (("g", 5), ("h", 6)):
        world.call(world.service.offset_commit, commit_request(group_id, offset=offset), version=8)
    if version < 8:
        topics = [OffsetFetchRequestTopic(name="t", partition_indexes=[0])] if version == 1 else None
        request = OffsetFetchRequest(group_id="g", topics=topics)
    else:
        groups = [OffsetFetchRequestGroup(group_id=group_id, topics=None) for group_id in ("g", "h", "none")]
        request = OffsetFetchRequest(groups=groups)
    fetched = world.call(world.service.offset_fetch, request, version=version).value
    response = decode(OffsetFetchResponse, version, encode(fetched, version))
    if version < 8:
        assert [topic.partitions[0].committed_offset for topic in response.topics] == [5]
    else:
        assert [
            [topic.partitions[0].committed_offset for topic in group.topics] for group in response.groups
        ] == [[5], [6], []]


@pytest.mark.parametrize("version", range(1, 10))
def test_every_version_tells_that_offsets_are_not_to_be_had(version: int) -> None:
    """By group from version 2, by partition before."""
    world = GroupWorld()
    world.start_loading(0)
    if version < 8:
        request = OffsetFetchRequest(
            group_id="g", topics=[OffsetFetchRequestTopic(name="t", partition_indexes=[0])]
        )
    else:
        request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id="g", topics=[])])
    fetched = world.call(world.service.offset_fetch, request, version=version).value
    response = decode(OffsetFetchResponse, version, encode(fetched, version))
    if version == 1:
        code = response.topics[0].partitions[0].error_code
    elif version < 8:
        code = response.error_code
    else:
        code = response.groups[0].error_code
    assert code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def test_an_offset_of_a_topic_made_anew_is_none() -> None:
    """With ids (version 10) the offset of a deleted topic is not taken for that of its namesake."""
    world = GroupWorld()
    old, new = Uuid(b"o" * 16), Uuid(b"n" * 16)
    world.call(world.service.offset_commit, commit_request("g", topic_id=old), version=10)
    for topic_id, expected in ((old, 5), (new, -1), (ZERO_UUID, 5)):
        topics = [OffsetFetchRequestTopics(name="t", topic_id=topic_id, partition_indexes=[0])]
        request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id="g", topics=topics)])
        response = world.call(world.service.offset_fetch, request, version=10).value
        assert response.groups[0].topics[0].partitions[0].committed_offset == expected


def test_answers_of_several_partitions_are_put_together() -> None:
    """List, describe and delete look at every partition's coordinator."""
    world = GroupWorld(partition_count=50)
    names = [f"group-{number}" for number in range(20)]
    for name in names:
        world.call(world.service.offset_commit, commit_request(name), version=8)
    listed = world.call(world.service.list_groups, ListGroupsRequest(), version=5).value
    assert sorted(group.group_id for group in listed.groups) == sorted(names)
    described = world.call(
        world.service.describe_groups, DescribeGroupsRequest(groups=[*names, "none"]), version=6
    ).value
    by_id = {group.group_id: group for group in described.groups}
    assert by_id["none"].error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert by_id["none"].error_message == "Group none not found."
    assert by_id["group-3"].group_state == "Empty"
    world.hold = True
    deleted = world.call(world.service.delete_groups, DeleteGroupsRequest(groups_names=names), version=2)
    assert not deleted.done
    world.commit_log()
    assert sorted(result.group_id for result in deleted.value.results) == sorted(names)
    assert world.service.group_counts(GroupType.CLASSIC) == {}


def test_sync_of_version_5_must_name_its_protocol() -> None:
    """A client that leaves it out could be of another protocol (KIP-559)."""
    world = GroupWorld()
    request = SyncGroupRequest(group_id="g", protocol_type="consumer", protocol_name=None)
    response = world.call(world.service.sync_group, request, version=5).value
    assert response.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_what_no_record_can_hold_is_refused_before_it_changes_anything() -> None:
    """Strings of a group's record have an int16 length; flexible requests can carry longer ones."""
    world = GroupWorld()
    long_name = "x" * 40_000
    for request in (
        join_request(group_id=long_name),
        join_request(group_instance_id=long_name),
        join_request(protocols=[JoinGroupRequestProtocol(name=long_name, metadata=b"")]),
    ):
        response = world.call(world.service.join_group, request, version=9).value
        assert response.error_code == ErrorCode.INVALID_REQUEST
    assert world.service.group_counts(GroupType.CLASSIC) == {}


def test_a_loaded_group_over_the_limit_rebalances() -> None:
    """Its members are told to rejoin, so that as many as may stay do."""
    world = GroupWorld(GroupSettings(group_initial_rebalance_delay_ms=0))
    replies = [world.call(world.service.join_group, join_request(), version=3) for _ in range(3)]
    world.advance(0)
    leader = replies[0].value
    world.call(
        world.service.sync_group,
        SyncGroupRequest(
            group_id="g",
            member_id=leader.member_id,
            generation_id=1,
            protocol_type="consumer",
            protocol_name="range",
        ),
        version=5,
    )
    world.settings = GroupSettings(group_max_size=2)
    world.restart()
    group = world.service.coordinators()[0].groups.find_classic("g")
    assert group is not None
    assert group.state is ClassicGroupState.PREPARING_REBALANCE


def test_operations_that_wait_for_the_log_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit a commit is answered with an error that clients retry; reading goes on."""
    monkeypatch.setattr(appends, "MAX_UNCOMMITTED_OPERATIONS", 2)
    world = GroupWorld()
    world.hold = True
    replies = [
        world.call(world.service.offset_commit, commit_request("g", offset=offset), version=8)
        for offset in range(3)
    ]
    assert [reply.done for reply in replies] == [False, False, True]
    code = replies[2].value.topics[0].partitions[0].error_code
    assert code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    world.commit_log()
    assert all(reply.done for reply in replies)


def test_offsets_of_very_many_groups_expire_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step looks at more than its share, and in the end all are gone."""
    monkeypatch.setattr(coordinator, "MAX_OFFSETS_EXPIRED_AT_ONCE", 10)
    world = GroupWorld(GroupSettings(offsets_retention_ms=1000, offsets_retention_check_interval_ms=5000))
    for number in range(100):
        world.call(world.service.offset_commit, commit_request(f"group-{number}"), version=8)
    written = len(world.logs[0])
    world.advance(5000)
    assert 0 < len(world.logs[0]) - written <= 20
    world.advance(1000)
    assert len(world.logs[0]) - written == 200
    assert world.service.group_counts(GroupType.CLASSIC) == {}
    assert world.service.coordinators()[0].offset_expiration_count == 100


def test_a_listener_may_call_the_service_again() -> None:
    """A connection that is answered handles its next request at once: the state must be whole by then."""
    world = GroupWorld(GroupSettings(group_initial_rebalance_delay_ms=0))
    synced: list[Any] = []

    def sync_at_once(response: JoinGroupResponse) -> None:
        request = SyncGroupRequest(
            group_id="g",
            member_id=response.member_id,
            generation_id=response.generation_id,
            protocol_type="consumer",
            protocol_name="range",
        )
        reply = world.service.sync_group(request, GroupRequestContext("c", "/127.0.0.1", 5), world.now_ms)
        reply.on_complete(synced.append)

    for _ in range(3):
        world.call(world.service.join_group, join_request(), version=3).on_complete(sync_at_once)
    world.advance(0)
    assert [response.error_code for response in synced] == [0, 0, 0]
    group = world.service.coordinators()[0].groups.find_classic("g")
    assert group is not None
    assert group.state is ClassicGroupState.STABLE


def test_offsets_committed_in_a_transaction_wait_for_its_end() -> None:
    """They are the producer's until the marker; who asks for stable offsets is told to wait (KIP-447)."""
    world = GroupWorld()
    partition = TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=9)
    request = TxnOffsetCommitRequest(
        transactional_id="x",
        group_id="g",
        producer_id=77,
        producer_epoch=1,
        topics=[TxnOffsetCommitRequestTopic(name="t", partitions=[partition])],
    )
    response = world.call(world.service.txn_offset_commit, request, version=3).value
    assert response.topics[0].partitions[0].error_code == ErrorCode.NONE

    def fetched(*, require_stable: bool) -> tuple[int, int]:
        topics = [OffsetFetchRequestTopics(name="t", partition_indexes=[0])]
        asked = OffsetFetchRequest(
            groups=[OffsetFetchRequestGroup(group_id="g", topics=topics)], require_stable=require_stable
        )
        answered = world.call(world.service.offset_fetch, asked, version=9).value
        one = answered.groups[0].topics[0].partitions[0]
        return one.committed_offset, one.error_code

    assert fetched(require_stable=False) == (-1, ErrorCode.NONE)
    assert fetched(require_stable=True) == (-1, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    world.service.replay_end_transaction_marker(0, 77, committed=True)
    assert fetched(require_stable=True) == (9, ErrorCode.NONE)


def test_a_log_that_cannot_be_read_makes_no_coordinator() -> None:
    """Rather none than one that has forgotten something: clients are sent to look elsewhere."""
    world = GroupWorld()
    world.service.elected(0, 99)
    with pytest.raises(ProtocolError):
        world.service.replay(0, 0, b"\0\1\0\1g\0\1t\0\0\0\0", b"\0\x09")
    world.service.load_failed(0)
    response = world.call(world.service.offset_commit, commit_request("g"), version=8).value
    assert response.topics[0].partitions[0].error_code == ErrorCode.NOT_COORDINATOR


def test_an_election_that_is_known_is_not_repeated() -> None:
    """Word of a leadership may come twice, or late."""
    world = GroupWorld()
    world.call(world.service.offset_commit, commit_request("g"), version=8)
    assert not world.service.elected(0, 0)
    assert world.service.group_counts(GroupType.CLASSIC) == {"Empty": 1}
    world.service.resigned(0, world.now_ms)
    assert world.service.elected(0, 0)
