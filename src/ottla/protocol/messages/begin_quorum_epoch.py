"""BeginQuorumEpoch (API key 53): announce the leader of a KRaft epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `BeginQuorumEpochRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    voter_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class TopicData(Struct):
    """`topics` of `BeginQuorumEpochRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class LeaderEndpoint(Struct):
    """`leader_endpoints` of `BeginQuorumEpochRequest`."""

    name: str = field(STRING, "1+", default="")
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class BeginQuorumEpochRequest(Request, api_key=ApiKey.BEGIN_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Asks to announce the leader of a KRaft epoch."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    voter_id: int = field(INT32, "1+", default=-1, ignorable=True)
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    leader_endpoints: list[LeaderEndpoint] = field(array(LeaderEndpoint), "1+", factory=list, ignorable=True)


class BeginQuorumEpochResponsePartitionData(Struct):
    """`partitions` of `BeginQuorumEpochResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class BeginQuorumEpochResponseTopicData(Struct):
    """`topics` of `BeginQuorumEpochResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[BeginQuorumEpochResponsePartitionData] = field(
        array(BeginQuorumEpochResponsePartitionData), "0+", factory=list
    )


class NodeEndpoint(Struct):
    """`node_endpoints` of `BeginQuorumEpochResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class BeginQuorumEpochResponse(Response, api_key=ApiKey.BEGIN_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Answers `BeginQuorumEpochRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    topics: list[BeginQuorumEpochResponseTopicData] = field(
        array(BeginQuorumEpochResponseTopicData), "0+", factory=list
    )
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
