"""Rows of share groups and streams groups."""

from authorization_rows import MEMBER, Names, Row, cluster, group, topic

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request, Response
from ottla.protocol.messages import (
    alter_share_group_offsets,
    delete_share_group_offsets,
    delete_share_group_state,
    describe_share_group_offsets,
    initialize_share_group_state,
    read_share_group_state,
    read_share_group_state_summary,
    share_acknowledge,
    share_fetch,
    share_group_describe,
    share_group_heartbeat,
    streams_group_describe,
    streams_group_heartbeat,
    write_share_group_state,
)
from ottla.security.acl import AclOperation as Op


def _share_heartbeat(n: Names) -> Request:
    return share_group_heartbeat.ShareGroupHeartbeatRequest(
        group_id=n.group, member_id=MEMBER, member_epoch=0, subscribed_topic_names=[n.topic]
    )


def _share_fetch(n: Names) -> Request:
    return share_fetch.ShareFetchRequest(
        group_id=n.group,
        member_id=MEMBER,
        share_session_epoch=0,
        max_wait_ms=0,
        max_bytes=1 << 20,
        max_records=10,
        batch_size=10,
        topics=[
            share_fetch.FetchTopic(
                topic_id=n.topic_id, partitions=[share_fetch.FetchPartition(partition_index=0)]
            )
        ],
    )


def _share_acknowledge(n: Names) -> Request:
    return share_acknowledge.ShareAcknowledgeRequest(
        group_id=n.group, member_id=MEMBER, share_session_epoch=1
    )


def _share_offsets(n: Names) -> Request:
    asked = describe_share_group_offsets.DescribeShareGroupOffsetsRequestTopic(
        topic_name=n.topic, partitions=[0]
    )
    return describe_share_group_offsets.DescribeShareGroupOffsetsRequest(
        groups=[
            describe_share_group_offsets.DescribeShareGroupOffsetsRequestGroup(
                group_id=n.group, topics=[asked]
            )
        ]
    )


def _alter_share_offsets(n: Names) -> Request:
    row = alter_share_group_offsets.AlterShareGroupOffsetsRequestPartition(partition_index=0, start_offset=0)
    return alter_share_group_offsets.AlterShareGroupOffsetsRequest(
        group_id=n.group,
        topics=[
            alter_share_group_offsets.AlterShareGroupOffsetsRequestTopic(topic_name=n.topic, partitions=[row])
        ],
    )


def _delete_share_offsets(n: Names) -> Request:
    return delete_share_group_offsets.DeleteShareGroupOffsetsRequest(
        group_id=n.group,
        topics=[delete_share_group_offsets.DeleteShareGroupOffsetsRequestTopic(topic_name=n.topic)],
    )


def _streams_heartbeat(n: Names) -> Request:
    subtopology = streams_group_heartbeat.Subtopology(subtopology_id="0", source_topics=[n.topic])
    return streams_group_heartbeat.StreamsGroupHeartbeatRequest(
        group_id=n.group,
        member_id=MEMBER,
        member_epoch=0,
        rebalance_timeout_ms=5_000,
        topology=streams_group_heartbeat.Topology(epoch=0, subtopologies=[subtopology]),
        process_id="process",
        client_tags=[],
        active_tasks=[],
        standby_tasks=[],
        warmup_tasks=[],
    )


def _share_state(module: object, request: str, topic_row: str, response: type[Response], api: ApiKey) -> Row:
    def ask(n: Names) -> Request:
        partition = module.PartitionData(partition=0)
        row = getattr(module, topic_row)(topic_id=n.topic_id, partitions=[partition])
        return getattr(module, request)(group_id=n.group, topics=[row])

    return Row(api, "", ask, response, 0, (cluster(Op.CLUSTER_ACTION),), on_absent=True, by_id=True)


ROWS = (
    Row(
        ApiKey.SHARE_GROUP_HEARTBEAT,
        "",
        _share_heartbeat,
        share_group_heartbeat.ShareGroupHeartbeatResponse,
        1,
        (group(Op.READ), topic(Op.DESCRIBE)),
        on_absent=True,
    ),
    Row(
        ApiKey.SHARE_GROUP_DESCRIBE,
        "",
        lambda n: share_group_describe.ShareGroupDescribeRequest(group_ids=[n.group]),
        share_group_describe.ShareGroupDescribeResponse,
        1,
        (group(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.SHARE_FETCH,
        "",
        _share_fetch,
        share_fetch.ShareFetchResponse,
        1,
        (group(Op.READ), topic(Op.READ)),
        by_id=True,
    ),
    Row(
        ApiKey.SHARE_ACKNOWLEDGE,
        "",
        _share_acknowledge,
        share_acknowledge.ShareAcknowledgeResponse,
        1,
        (group(Op.READ),),
    ),
    _share_state(
        initialize_share_group_state,
        "InitializeShareGroupStateRequest",
        "InitializeStateData",
        initialize_share_group_state.InitializeShareGroupStateResponse,
        ApiKey.INITIALIZE_SHARE_GROUP_STATE,
    ),
    _share_state(
        read_share_group_state,
        "ReadShareGroupStateRequest",
        "ReadStateData",
        read_share_group_state.ReadShareGroupStateResponse,
        ApiKey.READ_SHARE_GROUP_STATE,
    ),
    _share_state(
        write_share_group_state,
        "WriteShareGroupStateRequest",
        "WriteStateData",
        write_share_group_state.WriteShareGroupStateResponse,
        ApiKey.WRITE_SHARE_GROUP_STATE,
    ),
    _share_state(
        delete_share_group_state,
        "DeleteShareGroupStateRequest",
        "DeleteStateData",
        delete_share_group_state.DeleteShareGroupStateResponse,
        ApiKey.DELETE_SHARE_GROUP_STATE,
    ),
    _share_state(
        read_share_group_state_summary,
        "ReadShareGroupStateSummaryRequest",
        "ReadStateSummaryData",
        read_share_group_state_summary.ReadShareGroupStateSummaryResponse,
        ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
    ),
    Row(
        ApiKey.STREAMS_GROUP_HEARTBEAT,
        "",
        _streams_heartbeat,
        streams_group_heartbeat.StreamsGroupHeartbeatResponse,
        0,
        (group(Op.READ), topic(Op.DESCRIBE)),
        on_absent=True,
    ),
    Row(
        ApiKey.STREAMS_GROUP_DESCRIBE,
        "",
        lambda n: streams_group_describe.StreamsGroupDescribeRequest(group_ids=[n.group]),
        streams_group_describe.StreamsGroupDescribeResponse,
        0,
        (group(Op.DESCRIBE),),
    ),
    Row(
        ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS,
        "",
        _share_offsets,
        describe_share_group_offsets.DescribeShareGroupOffsetsResponse,
        0,
        (group(Op.DESCRIBE), topic(Op.DESCRIBE)),
    ),
    Row(
        ApiKey.ALTER_SHARE_GROUP_OFFSETS,
        "",
        _alter_share_offsets,
        alter_share_group_offsets.AlterShareGroupOffsetsResponse,
        0,
        (group(Op.READ), topic(Op.READ)),
        on_absent=True,
    ),
    Row(
        ApiKey.DELETE_SHARE_GROUP_OFFSETS,
        "",
        _delete_share_offsets,
        delete_share_group_offsets.DeleteShareGroupOffsetsResponse,
        0,
        (group(Op.DELETE), topic(Op.READ)),
        on_absent=True,
    ),
)
