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
    """The partition's number."""


class TopicData(Struct):
    """`topics` of `DescribeQuorumRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class DescribeQuorumRequest(Request, api_key=ApiKey.DESCRIBE_QUORUM, versions="0-2", flexible="0+"):
    """Asks to describe the KRaft quorum."""

    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""


class ReplicaState(Struct):
    """Shared by several fields of `DescribeQuorumResponse`."""

    replica_id: int = field(INT32, "0+", default=0)
    """The follower's broker id; -1 for a consumer."""
    replica_directory_id: Uuid = field(UUID, "2+", default=ZERO_UUID)
    """The id of the replica's log directory."""
    log_end_offset: int = field(INT64, "0+", default=0)
    """The offset behind the replica's last record; -1 if unknown."""
    last_fetch_timestamp: int = field(INT64, "1+", default=-1, ignorable=True)
    """When the replica last fetched, in ms since 1970; -1 if unknown."""
    last_caught_up_timestamp: int = field(INT64, "1+", default=-1, ignorable=True)
    """When the replica last had everything, in ms since 1970; -1 if unknown."""


class DescribeQuorumResponsePartitionData(Struct):
    """`partitions` of `DescribeQuorumResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "2+", default="", nullable="2+", ignorable=True)
    """The error in words; null where the code says enough."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    high_watermark: int = field(INT64, "0+", default=0)
    """The offset up to which all is committed."""
    current_voters: list[ReplicaState] = field(array(ReplicaState), "0+", factory=list)
    """The voters as they are now."""
    observers: list[ReplicaState] = field(array(ReplicaState), "0+", factory=list)
    """The replicas that do not vote."""


class DescribeQuorumResponseTopicData(Struct):
    """`topics` of `DescribeQuorumResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[DescribeQuorumResponsePartitionData] = field(
        array(DescribeQuorumResponsePartitionData), "0+", factory=list
    )
    """Partition by partition."""


class Listener(Struct):
    """`listeners` of `DescribeQuorumResponse`."""

    name: str = field(STRING, "2+", default="")
    """Its name."""
    host: str = field(STRING, "2+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "2+", default=0)
    """Where to connect to: the port."""


class Node(Struct):
    """`nodes` of `DescribeQuorumResponse`."""

    node_id: int = field(INT32, "2+", default=0)
    """The broker's id."""
    listeners: list[Listener] = field(array(Listener), "2+", factory=list)
    """Where it listens."""


class DescribeQuorumResponse(Response, api_key=ApiKey.DESCRIBE_QUORUM, versions="0-2", flexible="0+"):
    """Answers `DescribeQuorumRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "2+", default="", nullable="2+", ignorable=True)
    """The error in words; null where the code says enough."""
    topics: list[DescribeQuorumResponseTopicData] = field(
        array(DescribeQuorumResponseTopicData), "0+", factory=list
    )
    """Topic by topic."""
    nodes: list[Node] = field(array(Node), "2+", factory=list)
    """Node by node."""
