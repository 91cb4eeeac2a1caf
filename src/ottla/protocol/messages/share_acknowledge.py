"""ShareAcknowledge (API key 79): acknowledge records of a share group (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class AcknowledgementBatch(Struct):
    """`acknowledgement_batches` of `ShareAcknowledgeRequest`."""

    first_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    acknowledge_types: list[int] = field(array(INT8), "0+", factory=list)
    """How each record is acknowledged: 0 gap, 1 accept, 2 release, 3 reject."""


class AcknowledgePartition(Struct):
    """`partitions` of `ShareAcknowledgeRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    acknowledgement_batches: list[AcknowledgementBatch] = field(
        array(AcknowledgementBatch), "0+", factory=list
    )
    """Runs of offsets that are acknowledged."""


class AcknowledgeTopic(Struct):
    """`topics` of `ShareAcknowledgeRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[AcknowledgePartition] = field(array(AcknowledgePartition), "0+", factory=list)
    """Partition by partition."""


class ShareAcknowledgeRequest(Request, api_key=ApiKey.SHARE_ACKNOWLEDGE, versions="1", flexible="0+"):
    """Asks to acknowledge records of a share group (KIP-932)."""

    group_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The group's id."""
    member_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The member's id; empty before it has one."""
    share_session_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share session; 0 opens one, -1 closes it."""
    topics: list[AcknowledgeTopic] = field(array(AcknowledgeTopic), "0+", factory=list)
    """Topic by topic."""


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ShareAcknowledgeResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class PartitionData(Struct):
    """`partitions` of `ShareAcknowledgeResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    current_leader: LeaderIdAndEpoch = field(LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch)
    """The leader the client should have asked (KIP-951)."""


class ShareAcknowledgeTopicResponse(Struct):
    """`responses` of `ShareAcknowledgeResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `ShareAcknowledgeResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The broker's rack; null if it has none."""


class ShareAcknowledgeResponse(Response, api_key=ApiKey.SHARE_ACKNOWLEDGE, versions="1", flexible="0+"):
    """Answers `ShareAcknowledgeRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    responses: list[ShareAcknowledgeTopicResponse] = field(
        array(ShareAcknowledgeTopicResponse), "0+", factory=list
    )
    """What became of each part of the request."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "0+", factory=list)
    """Where to find the leaders named in this answer (KIP-951)."""
