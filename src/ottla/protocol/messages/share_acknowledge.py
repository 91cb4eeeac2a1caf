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
    last_offset: int = field(INT64, "0+", default=0)
    acknowledge_types: list[int] = field(array(INT8), "0+", factory=list)


class AcknowledgePartition(Struct):
    """`partitions` of `ShareAcknowledgeRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    acknowledgement_batches: list[AcknowledgementBatch] = field(
        array(AcknowledgementBatch), "0+", factory=list
    )


class AcknowledgeTopic(Struct):
    """`topics` of `ShareAcknowledgeRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[AcknowledgePartition] = field(array(AcknowledgePartition), "0+", factory=list)


class ShareAcknowledgeRequest(Request, api_key=ApiKey.SHARE_ACKNOWLEDGE, versions="1", flexible="0+"):
    """Asks to acknowledge records of a share group (KIP-932)."""

    group_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    member_id: str | None = field(STRING, "0+", default="", nullable="0+")
    share_session_epoch: int = field(INT32, "0+", default=0)
    topics: list[AcknowledgeTopic] = field(array(AcknowledgeTopic), "0+", factory=list)


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ShareAcknowledgeResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class PartitionData(Struct):
    """`partitions` of `ShareAcknowledgeResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    current_leader: LeaderIdAndEpoch = field(LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch)


class ShareAcknowledgeTopicResponse(Struct):
    """`responses` of `ShareAcknowledgeResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class NodeEndpoint(Struct):
    """`node_endpoints` of `ShareAcknowledgeResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    host: str = field(STRING, "0+", default="")
    port: int = field(INT32, "0+", default=0)
    rack: str | None = field(STRING, "0+", default=None, nullable="0+")


class ShareAcknowledgeResponse(Response, api_key=ApiKey.SHARE_ACKNOWLEDGE, versions="1", flexible="0+"):
    """Answers `ShareAcknowledgeRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    responses: list[ShareAcknowledgeTopicResponse] = field(
        array(ShareAcknowledgeTopicResponse), "0+", factory=list
    )
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "0+", factory=list)
