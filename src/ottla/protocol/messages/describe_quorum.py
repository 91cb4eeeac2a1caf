"""DescribeQuorum (API key 55): describe the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    INT16,
    INT32,
    INT64,
    STRING,
    UINT16,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `DescribeQuorumRequest`."""

    partition_index: int = field(INT32, "0+", default=0)


class TopicData(Struct):
    """`topics` of `DescribeQuorumRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class DescribeQuorumRequest(Request, api_key=ApiKey.DESCRIBE_QUORUM, versions="0-2", flexible="0+"):
    """Asks to describe the KRaft quorum."""

    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)


class ReplicaState(Struct):
    """Shared by several fields of `DescribeQuorumResponse`."""

    replica_id: int = field(INT32, "0+", default=0)
    replica_directory_id: Uuid = field(UUID, "2+", default=ZERO_UUID)
    log_end_offset: int = field(INT64, "0+", default=0)
    last_fetch_timestamp: int = field(INT64, "1+", default=-1, ignorable=True)
    last_caught_up_timestamp: int = field(INT64, "1+", default=-1, ignorable=True)


class DescribeQuorumResponsePartitionData(Struct):
    """`partitions` of `DescribeQuorumResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "2+", default="", nullable="2+", ignorable=True)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    high_watermark: int = field(INT64, "0+", default=0)
    current_voters: list[ReplicaState] = field(array(ReplicaState), "0+", factory=list)
    observers: list[ReplicaState] = field(array(ReplicaState), "0+", factory=list)


class DescribeQuorumResponseTopicData(Struct):
    """`topics` of `DescribeQuorumResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[DescribeQuorumResponsePartitionData] = field(
        array(DescribeQuorumResponsePartitionData), "0+", factory=list
    )


class Listener(Struct):
    """`listeners` of `DescribeQuorumResponse`."""

    name: str = field(STRING, "2+", default="")
    host: str = field(STRING, "2+", default="")
    port: int = field(UINT16, "2+", default=0)


class Node(Struct):
    """`nodes` of `DescribeQuorumResponse`."""

    node_id: int = field(INT32, "2+", default=0)
    listeners: list[Listener] = field(array(Listener), "2+", factory=list)


class DescribeQuorumResponse(Response, api_key=ApiKey.DESCRIBE_QUORUM, versions="0-2", flexible="0+"):
    """Answers `DescribeQuorumRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "2+", default="", nullable="2+", ignorable=True)
    topics: list[DescribeQuorumResponseTopicData] = field(
        array(DescribeQuorumResponseTopicData), "0+", factory=list
    )
    nodes: list[Node] = field(array(Node), "2+", factory=list)
