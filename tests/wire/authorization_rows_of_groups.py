"""Rows of groups and their offsets."""

from authorization_rows import MEMBER, Names, Row, cluster, group, topic, txn

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request
from ottla.protocol.messages import (
    consumer_group_describe,
    consumer_group_heartbeat,
    delete_groups,
    describe_groups,
    find_coordinator,
    heartbeat,
    join_group,
    leave_group,
    list_groups,
    offset_commit,
    offset_delete,
    offset_fetch,
    sync_group,
)
from ottla.protocol.types import uuid_text
from ottla.security.acl import AclOperation as Op


def _offset_fetch(n: Names, *, every: bool = False) -> Request:
    asked = [offset_fetch.OffsetFetchRequestTopics(name=n.topic, partition_indexes=[0])]
    wanted = offset_fetch.OffsetFetchRequestGroup(group_id=n.group, topics=None if every else asked)
    return offset_fetch.OffsetFetchRequest(groups=[wanted])


def _old_offset_fetch(n: Names) -> Request:
    asked = [offset_fetch.OffsetFetchRequestTopic(name=n.topic, partition_indexes=[0])]
    return offset_fetch.OffsetFetchRequest(group_id=n.group, topics=asked)


def _commit(n: Names) -> Request:
    row = offset_commit.OffsetCommitRequestPartition(partition_index=0, committed_offset=0)
    return offset_commit.OffsetCommitRequest(
        group_id=n.group, topics=[offset_commit.OffsetCommitRequestTopic(name=n.topic, partitions=[row])]
    )


def _consumer_heartbeat(n: Names) -> Request:
    return consumer_group_heartbeat.ConsumerGroupHeartbeatRequest(
        group_id=n.group,
        member_id=MEMBER,
        member_epoch=0,
        rebalance_timeout_ms=5_000,
        subscribed_topic_names=[n.topic],
        topic_partitions=[],
    )


ROWS = (
    Row(
        ApiKey.OFFSET_COMMIT,
        "",
        _commit,
        offset_commit.OffsetCommitResponse,
        8,
        (group(Op.READ), topic(Op.READ)),
    ),
    Row(
        ApiKey.OFFSET_FETCH,
        "",
        _offset_fetch,
        offset_fetch.OffsetFetchResponse,
        8,
        (group(Op.DESCRIBE), topic(Op.DESCRIBE)),
    ),
    Row(
        ApiKey.OFFSET_FETCH,
        "old",
        _old_offset_fetch,
        offset_fetch.OffsetFetchResponse,
        5,
        (group(Op.DESCRIBE), topic(Op.DESCRIBE)),
    ),
    Row(
        ApiKey.OFFSET_FETCH,
        "oldest",
        _old_offset_fetch,
        offset_fetch.OffsetFetchResponse,
        1,
        (group(Op.DESCRIBE), topic(Op.DESCRIBE)),
    ),
    Row(
        ApiKey.OFFSET_FETCH,
        "all-topics",
        lambda n: _offset_fetch(n, every=True),
        offset_fetch.OffsetFetchResponse,
        8,
        (group(Op.DESCRIBE), topic(Op.DESCRIBE, None)),
    ),
    Row(
        ApiKey.FIND_COORDINATOR,
        "group",
        lambda n: find_coordinator.FindCoordinatorRequest(coordinator_keys=[n.group]),
        find_coordinator.FindCoordinatorResponse,
        4,
        (group(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.FIND_COORDINATOR,
        "old",
        lambda n: find_coordinator.FindCoordinatorRequest(key=n.group),
        find_coordinator.FindCoordinatorResponse,
        3,
        (group(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.FIND_COORDINATOR,
        "transactional-id",
        lambda n: find_coordinator.FindCoordinatorRequest(key_type=1, coordinator_keys=[n.transactional_id]),
        find_coordinator.FindCoordinatorResponse,
        4,
        (txn(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.FIND_COORDINATOR,
        "share-partition",
        lambda n: find_coordinator.FindCoordinatorRequest(
            key_type=2, coordinator_keys=[f"{n.group}:{uuid_text(n.topic_id)}:0"]
        ),
        find_coordinator.FindCoordinatorResponse,
        6,
        (cluster(Op.CLUSTER_ACTION),),
        by_id=True,
    ),
    Row(
        ApiKey.JOIN_GROUP,
        "",
        lambda n: join_group.JoinGroupRequest(
            group_id=n.group,
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            protocol_type="consumer",
            protocols=[join_group.JoinGroupRequestProtocol(name="range", metadata=b"")],
        ),
        join_group.JoinGroupResponse,
        5,
        (group(Op.READ),),
        on_absent=True,
    ),
    Row(
        ApiKey.SYNC_GROUP,
        "",
        lambda n: sync_group.SyncGroupRequest(group_id=n.group, generation_id=1, member_id="none-such"),
        sync_group.SyncGroupResponse,
        3,
        (group(Op.READ),),
    ),
    Row(
        ApiKey.HEARTBEAT,
        "",
        lambda n: heartbeat.HeartbeatRequest(group_id=n.group, generation_id=1, member_id="none-such"),
        heartbeat.HeartbeatResponse,
        3,
        (group(Op.READ),),
    ),
    Row(
        ApiKey.LEAVE_GROUP,
        "",
        lambda n: leave_group.LeaveGroupRequest(
            group_id=n.group, members=[leave_group.MemberIdentity(member_id="none-such")]
        ),
        leave_group.LeaveGroupResponse,
        3,
        (group(Op.READ),),
    ),
    Row(
        ApiKey.DESCRIBE_GROUPS,
        "",
        lambda n: describe_groups.DescribeGroupsRequest(groups=[n.group]),
        describe_groups.DescribeGroupsResponse,
        6,
        (group(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.LIST_GROUPS,
        "",
        lambda n: list_groups.ListGroupsRequest(),
        list_groups.ListGroupsResponse,
        4,
        (group(Op.DESCRIBE, None),),
        or_else=((cluster(Op.DESCRIBE, None),),),
    ),
    Row(
        ApiKey.DELETE_GROUPS,
        "",
        lambda n: delete_groups.DeleteGroupsRequest(groups_names=[n.group]),
        delete_groups.DeleteGroupsResponse,
        2,
        (group(Op.DELETE),),
        on_absent=True,
    ),
    Row(
        ApiKey.OFFSET_DELETE,
        "",
        lambda n: offset_delete.OffsetDeleteRequest(
            group_id=n.group,
            topics=[
                offset_delete.OffsetDeleteRequestTopic(
                    name=n.topic,
                    partitions=[offset_delete.OffsetDeleteRequestPartition(partition_index=9)],
                )
            ],
        ),
        offset_delete.OffsetDeleteResponse,
        0,
        (group(Op.DELETE), topic(Op.READ)),
    ),
    Row(
        ApiKey.CONSUMER_GROUP_HEARTBEAT,
        "",
        _consumer_heartbeat,
        consumer_group_heartbeat.ConsumerGroupHeartbeatResponse,
        1,
        (group(Op.READ), topic(Op.DESCRIBE)),
        on_absent=True,
    ),
    Row(
        ApiKey.CONSUMER_GROUP_DESCRIBE,
        "",
        lambda n: consumer_group_describe.ConsumerGroupDescribeRequest(group_ids=[n.group]),
        consumer_group_describe.ConsumerGroupDescribeResponse,
        1,
        (group(Op.DESCRIBE),),
    ),
)
