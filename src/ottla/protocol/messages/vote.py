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
    replica_epoch: int = field(INT32, "0+", default=0)
    replica_id: int = field(INT32, "0+", default=0)
    replica_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    voter_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, ignorable=True)
    last_offset_epoch: int = field(INT32, "0+", default=0)
    last_offset: int = field(INT64, "0+", default=0)
    pre_vote: bool = field(BOOL, "2+", default=False)


class TopicData(Struct):
    """`topics` of `VoteRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class VoteRequest(Request, api_key=ApiKey.VOTE, versions="0-2", flexible="0+"):
    """Asks to ask for a vote in a KRaft election."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    voter_id: int = field(INT32, "1+", default=-1, ignorable=True)
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)


class VoteResponsePartitionData(Struct):
    """`partitions` of `VoteResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    vote_granted: bool = field(BOOL, "0+", default=False)


class VoteResponseTopicData(Struct):
    """`topics` of `VoteResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[VoteResponsePartitionData] = field(array(VoteResponsePartitionData), "0+", factory=list)


class NodeEndpoint(Struct):
    """`node_endpoints` of `VoteResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class VoteResponse(Response, api_key=ApiKey.VOTE, versions="0-2", flexible="0+"):
    """Answers `VoteRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    topics: list[VoteResponseTopicData] = field(array(VoteResponseTopicData), "0+", factory=list)
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
