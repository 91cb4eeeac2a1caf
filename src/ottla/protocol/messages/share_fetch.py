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
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    acknowledge_types: list[int] = field(array(INT8), "0+", factory=list)
    """How each record is acknowledged: 0 gap, 1 accept, 2 release, 3 reject."""


class FetchPartition(Struct):
    """`partitions` of `ShareFetchRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    partition_max_bytes: int = field(INT32, "0", default=0)
    """At most so many bytes of this partition."""
    acknowledgement_batches: list[AcknowledgementBatch] = field(
        array(AcknowledgementBatch), "0+", factory=list
    )
    """Runs of offsets that are acknowledged."""


class FetchTopic(Struct):
    """`topics` of `ShareFetchRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[FetchPartition] = field(array(FetchPartition), "0+", factory=list)
    """Partition by partition."""


class ForgottenTopic(Struct):
    """`forgotten_topics_data` of `ShareFetchRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ShareFetchRequest(Request, api_key=ApiKey.SHARE_FETCH, versions="1", flexible="0+"):
    """Asks to acquire records of a share group (KIP-932)."""

    group_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The group's id."""
    member_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The member's id; empty before it has one."""
    share_session_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share session; 0 opens one, -1 closes it."""
    max_wait_ms: int = field(INT32, "0+", default=0)
    """How long to wait for `min_bytes`."""
    min_bytes: int = field(INT32, "0+", default=0)
    """Answer at once when there are so many bytes."""
    max_bytes: int = field(INT32, "0+", default=0x7FFFFFFF)
    """At most so many bytes; a first batch larger than that comes all the same."""
    max_records: int = field(INT32, "1+", default=0)
    """At most so many records."""
    batch_size: int = field(INT32, "1+", default=0)
    """How many records to put into one batch of acquired records."""
    topics: list[FetchTopic] = field(array(FetchTopic), "0+", factory=list)
    """Topic by topic."""
    forgotten_topics_data: list[ForgottenTopic] = field(array(ForgottenTopic), "0+", factory=list)
    """Partitions to be taken out of the session."""


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ShareFetchResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class AcquiredRecords(Struct):
    """`acquired_records` of `ShareFetchResponse`."""

    first_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    delivery_count: int = field(INT16, "0+", default=0)
    """How often it was handed out."""


class PartitionData(Struct):
    """`partitions` of `ShareFetchResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    acknowledge_error_code: int = field(INT16, "0+", default=0)
    """Why the acknowledgement was refused, 0 if it was not."""
    acknowledge_error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The same in words."""
    current_leader: LeaderIdAndEpoch = field(LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch)
    """The leader the client should have asked (KIP-951)."""
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0")
    """The record batches."""
    acquired_records: list[AcquiredRecords] = field(array(AcquiredRecords), "0+", factory=list)
    """The runs of records that the member has acquired."""


class ShareFetchableTopicResponse(Struct):
    """`responses` of `ShareFetchResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `ShareFetchResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The broker's rack; null if it has none."""


class ShareFetchResponse(Response, api_key=ApiKey.SHARE_FETCH, versions="1", flexible="0+"):
    """Answers `ShareFetchRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    acquisition_lock_timeout_ms: int = field(INT32, "1+", default=0)
    """For how long acquired records are locked."""
    responses: list[ShareFetchableTopicResponse] = field(
        array(ShareFetchableTopicResponse), "0+", factory=list
    )
    """What became of each part of the request."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "0+", factory=list)
    """Where to find the leaders named in this answer (KIP-951)."""
