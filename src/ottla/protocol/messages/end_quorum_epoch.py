"""EndQuorumEpoch (API key 54): resign as leader of a KRaft epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ReplicaInfo(Struct):
    """`preferred_candidates` of `EndQuorumEpochRequest`."""

    candidate_id: int = field(INT32, "1+", default=0)
    candidate_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID)


class PartitionData(Struct):
    """`partitions` of `EndQuorumEpochRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    preferred_successors: list[int] = field(array(INT32), "0", factory=list, ignorable=True)
    preferred_candidates: list[ReplicaInfo] = field(array(ReplicaInfo), "1+", factory=list, ignorable=True)


class TopicData(Struct):
    """`topics` of `EndQuorumEpochRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class LeaderEndpoint(Struct):
    """`leader_endpoints` of `EndQuorumEpochRequest`."""

    name: str = field(STRING, "1+", default="")
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class EndQuorumEpochRequest(Request, api_key=ApiKey.END_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Asks to resign as leader of a KRaft epoch."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    leader_endpoints: list[LeaderEndpoint] = field(array(LeaderEndpoint), "1+", factory=list, ignorable=True)


class EndQuorumEpochResponsePartitionData(Struct):
    """`partitions` of `EndQuorumEpochResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class EndQuorumEpochResponseTopicData(Struct):
    """`topics` of `EndQuorumEpochResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[EndQuorumEpochResponsePartitionData] = field(
        array(EndQuorumEpochResponsePartitionData), "0+", factory=list
    )


class NodeEndpoint(Struct):
    """`node_endpoints` of `EndQuorumEpochResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class EndQuorumEpochResponse(Response, api_key=ApiKey.END_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Answers `EndQuorumEpochRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    topics: list[EndQuorumEpochResponseTopicData] = field(
        array(EndQuorumEpochResponseTopicData), "0+", factory=list
    )
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
