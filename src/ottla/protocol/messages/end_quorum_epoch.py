"""EndQuorumEpoch (API key 54): resign as leader of a KRaft epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ReplicaInfo(Struct):
    """`preferred_candidates` of `EndQuorumEpochRequest`."""

    candidate_id: int = field(INT32, "1+", default=0)
    """Who asks for the vote."""
    candidate_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID)
    """The id of the candidate's metadata directory."""


class PartitionData(Struct):
    """`partitions` of `EndQuorumEpochRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    preferred_successors: list[int] = field(array(INT32), "0", factory=list, ignorable=True)
    """Who should lead next, the best first."""
    preferred_candidates: list[ReplicaInfo] = field(array(ReplicaInfo), "1+", factory=list, ignorable=True)
    """Who should lead next, the best first, with directory ids."""


class TopicData(Struct):
    """`topics` of `EndQuorumEpochRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class LeaderEndpoint(Struct):
    """`leader_endpoints` of `EndQuorumEpochRequest`."""

    name: str = field(STRING, "1+", default="")
    """Its name."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class EndQuorumEpochRequest(Request, api_key=ApiKey.END_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Asks to resign as leader of a KRaft epoch."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The cluster's id."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""
    leader_endpoints: list[LeaderEndpoint] = field(array(LeaderEndpoint), "1+", factory=list, ignorable=True)
    """Where the leader listens."""


class EndQuorumEpochResponsePartitionData(Struct):
    """`partitions` of `EndQuorumEpochResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class EndQuorumEpochResponseTopicData(Struct):
    """`topics` of `EndQuorumEpochResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[EndQuorumEpochResponsePartitionData] = field(
        array(EndQuorumEpochResponsePartitionData), "0+", factory=list
    )
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `EndQuorumEpochResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    """The broker's id."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class EndQuorumEpochResponse(Response, api_key=ApiKey.END_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Answers `EndQuorumEpochRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    topics: list[EndQuorumEpochResponseTopicData] = field(
        array(EndQuorumEpochResponseTopicData), "0+", factory=list
    )
    """Topic by topic."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
    """Where to find the leaders named in this answer (KIP-951)."""
