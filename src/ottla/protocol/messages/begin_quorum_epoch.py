"""BeginQuorumEpoch (API key 53): announce the leader of a KRaft epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `BeginQuorumEpochRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    voter_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    """The id of the voter's metadata directory."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class TopicData(Struct):
    """`topics` of `BeginQuorumEpochRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class LeaderEndpoint(Struct):
    """`leader_endpoints` of `BeginQuorumEpochRequest`."""

    name: str = field(STRING, "1+", default="")
    """Its name."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class BeginQuorumEpochRequest(Request, api_key=ApiKey.BEGIN_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Asks to announce the leader of a KRaft epoch."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The cluster's id."""
    voter_id: int = field(INT32, "1+", default=-1, ignorable=True)
    """The voter's id."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""
    leader_endpoints: list[LeaderEndpoint] = field(array(LeaderEndpoint), "1+", factory=list, ignorable=True)
    """Where the leader listens."""


class BeginQuorumEpochResponsePartitionData(Struct):
    """`partitions` of `BeginQuorumEpochResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class BeginQuorumEpochResponseTopicData(Struct):
    """`topics` of `BeginQuorumEpochResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[BeginQuorumEpochResponsePartitionData] = field(
        array(BeginQuorumEpochResponsePartitionData), "0+", factory=list
    )
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `BeginQuorumEpochResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    """The broker's id."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class BeginQuorumEpochResponse(Response, api_key=ApiKey.BEGIN_QUORUM_EPOCH, versions="0-1", flexible="1+"):
    """Answers `BeginQuorumEpochRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    topics: list[BeginQuorumEpochResponseTopicData] = field(
        array(BeginQuorumEpochResponseTopicData), "0+", factory=list
    )
    """Topic by topic."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
    """Where to find the leaders named in this answer (KIP-951)."""
