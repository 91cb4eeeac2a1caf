"""ShareFetch (API key 78): acquire records of a share group (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    INT8,
    INT16,
    INT32,
    INT64,
    RECORDS,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Records, Uuid


class AcknowledgementBatch(Struct):
    """`acknowledgement_batches` of `ShareFetchRequest`."""

    first_offset: int = field(INT64, "0+", default=0)
    last_offset: int = field(INT64, "0+", default=0)
    acknowledge_types: list[int] = field(array(INT8), "0+", factory=list)


class FetchPartition(Struct):
    """`partitions` of `ShareFetchRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    partition_max_bytes: int = field(INT32, "0", default=0)
    acknowledgement_batches: list[AcknowledgementBatch] = field(
        array(AcknowledgementBatch), "0+", factory=list
    )


class FetchTopic(Struct):
    """`topics` of `ShareFetchRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[FetchPartition] = field(array(FetchPartition), "0+", factory=list)


class ForgottenTopic(Struct):
    """`forgotten_topics_data` of `ShareFetchRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class ShareFetchRequest(Request, api_key=ApiKey.SHARE_FETCH, versions="1", flexible="0+"):
    """Asks to acquire records of a share group (KIP-932)."""

    group_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    member_id: str | None = field(STRING, "0+", default="", nullable="0+")
    share_session_epoch: int = field(INT32, "0+", default=0)
    max_wait_ms: int = field(INT32, "0+", default=0)
    min_bytes: int = field(INT32, "0+", default=0)
    max_bytes: int = field(INT32, "0+", default=0x7FFFFFFF)
    max_records: int = field(INT32, "1+", default=0)
    batch_size: int = field(INT32, "1+", default=0)
    topics: list[FetchTopic] = field(array(FetchTopic), "0+", factory=list)
    forgotten_topics_data: list[ForgottenTopic] = field(array(ForgottenTopic), "0+", factory=list)


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ShareFetchResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class AcquiredRecords(Struct):
    """`acquired_records` of `ShareFetchResponse`."""

    first_offset: int = field(INT64, "0+", default=0)
    last_offset: int = field(INT64, "0+", default=0)
    delivery_count: int = field(INT16, "0+", default=0)


class PartitionData(Struct):
    """`partitions` of `ShareFetchResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    acknowledge_error_code: int = field(INT16, "0+", default=0)
    acknowledge_error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    current_leader: LeaderIdAndEpoch = field(LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch)
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0")
    acquired_records: list[AcquiredRecords] = field(array(AcquiredRecords), "0+", factory=list)


class ShareFetchableTopicResponse(Struct):
    """`responses` of `ShareFetchResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class NodeEndpoint(Struct):
    """`node_endpoints` of `ShareFetchResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    host: str = field(STRING, "0+", default="")
    port: int = field(INT32, "0+", default=0)
    rack: str | None = field(STRING, "0+", default=None, nullable="0+")


class ShareFetchResponse(Response, api_key=ApiKey.SHARE_FETCH, versions="1", flexible="0+"):
    """Answers `ShareFetchRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    acquisition_lock_timeout_ms: int = field(INT32, "1+", default=0)
    responses: list[ShareFetchableTopicResponse] = field(
        array(ShareFetchableTopicResponse), "0+", factory=list
    )
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "0+", factory=list)
