"""Vote (API key 52): ask for a vote in a KRaft election."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
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
    """`partitions` of `VoteRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    replica_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the follower's registration; -1 for none."""
    replica_id: int = field(INT32, "0+", default=0)
    """The follower's broker id; -1 for a consumer."""
    replica_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    """The id of the replica's log directory."""
    voter_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    """The id of the voter's metadata directory."""
    last_offset_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the last record in the candidate's log."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    pre_vote: bool = field(BOOL, "2+", default=False)
    """Whether it only asks if it would be voted for."""


class TopicData(Struct):
    """`topics` of `VoteRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class VoteRequest(Request, api_key=ApiKey.VOTE, versions="0-2", flexible="0+"):
    """Asks to ask for a vote in a KRaft election."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The cluster's id."""
    voter_id: int = field(INT32, "1+", default=-1, ignorable=True)
    """The voter's id."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""


class VoteResponsePartitionData(Struct):
    """`partitions` of `VoteResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    vote_granted: bool = field(BOOL, "0+", default=False)
    """Whether the vote is given."""


class VoteResponseTopicData(Struct):
    """`topics` of `VoteResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[VoteResponsePartitionData] = field(array(VoteResponsePartitionData), "0+", factory=list)
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `VoteResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    """The broker's id."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class VoteResponse(Response, api_key=ApiKey.VOTE, versions="0-2", flexible="0+"):
    """Answers `VoteRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    topics: list[VoteResponseTopicData] = field(array(VoteResponseTopicData), "0+", factory=list)
    """Topic by topic."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
    """Where to find the leaders named in this answer (KIP-951)."""
