"""Fetch (API key 1): read record batches from partitions, as a consumer or as a follower."""

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


class ReplicaState(Struct):
    """`replica_state` of `FetchRequest`."""

    replica_id: int = field(INT32, "15+", default=-1)
    replica_epoch: int = field(INT64, "15+", default=-1)


class FetchPartition(Struct):
    """`partitions` of `FetchRequest`."""

    partition: int = field(INT32, "0+", default=0)
    current_leader_epoch: int = field(INT32, "9+", default=-1, ignorable=True)
    fetch_offset: int = field(INT64, "0+", default=0)
    last_fetched_epoch: int = field(INT32, "12+", default=-1)
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    partition_max_bytes: int = field(INT32, "0+", default=0)
    replica_directory_id: Uuid = field(UUID, "17+", default=ZERO_UUID, tag=0, tagged="17+", ignorable=True)
    high_watermark: int = field(
        INT64, "18+", default=9223372036854775807, tag=1, tagged="18+", ignorable=True
    )


class FetchTopic(Struct):
    """`topics` of `FetchRequest`."""

    topic: str = field(STRING, "0-12", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    partitions: list[FetchPartition] = field(array(FetchPartition), "0+", factory=list)


class ForgottenTopic(Struct):
    """`forgotten_topics_data` of `FetchRequest`."""

    topic: str = field(STRING, "7-12", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    partitions: list[int] = field(array(INT32), "7+", factory=list)


class FetchRequest(Request, api_key=ApiKey.FETCH, versions="4-18", flexible="12+"):
    """Asks to read record batches from partitions, as a consumer or as a follower."""

    cluster_id: str | None = field(
        STRING, "12+", default=None, nullable="12+", tag=0, tagged="12+", ignorable=True
    )
    replica_id: int = field(INT32, "0-14", default=-1)
    replica_state: ReplicaState = field(ReplicaState, "15+", factory=ReplicaState, tag=1, tagged="15+")
    max_wait_ms: int = field(INT32, "0+", default=0)
    min_bytes: int = field(INT32, "0+", default=0)
    max_bytes: int = field(INT32, "3+", default=0x7FFFFFFF, ignorable=True)
    isolation_level: int = field(INT8, "4+", default=0, ignorable=True)
    session_id: int = field(INT32, "7+", default=0, ignorable=True)
    session_epoch: int = field(INT32, "7+", default=-1, ignorable=True)
    topics: list[FetchTopic] = field(array(FetchTopic), "0+", factory=list)
    forgotten_topics_data: list[ForgottenTopic] = field(array(ForgottenTopic), "7+", factory=list)
    rack_id: str = field(STRING, "11+", default="", ignorable=True)


class EpochEndOffset(Struct):
    """`diverging_epoch` of `FetchResponse`."""

    epoch: int = field(INT32, "12+", default=-1)
    end_offset: int = field(INT64, "12+", default=-1)


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `FetchResponse`."""

    leader_id: int = field(INT32, "12+", default=-1)
    leader_epoch: int = field(INT32, "12+", default=-1)


class SnapshotId(Struct):
    """`snapshot_id` of `FetchResponse`."""

    end_offset: int = field(INT64, "0+", default=-1)
    epoch: int = field(INT32, "0+", default=-1)


class AbortedTransaction(Struct):
    """`aborted_transactions` of `FetchResponse`."""

    producer_id: int = field(INT64, "4+", default=0)
    first_offset: int = field(INT64, "4+", default=0)


class PartitionData(Struct):
    """`partitions` of `FetchResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    high_watermark: int = field(INT64, "0+", default=0)
    last_stable_offset: int = field(INT64, "4+", default=-1, ignorable=True)
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    diverging_epoch: EpochEndOffset = field(
        EpochEndOffset, "12+", factory=EpochEndOffset, tag=0, tagged="12+"
    )
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "12+", factory=LeaderIdAndEpoch, tag=1, tagged="12+"
    )
    snapshot_id: SnapshotId = field(SnapshotId, "12+", factory=SnapshotId, tag=2, tagged="12+")
    aborted_transactions: list[AbortedTransaction] | None = field(
        array(AbortedTransaction), "4+", factory=list, nullable="4+", ignorable=True
    )
    preferred_read_replica: int = field(INT32, "11+", default=-1)
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0+")


class FetchableTopicResponse(Struct):
    """`responses` of `FetchResponse`."""

    topic: str = field(STRING, "0-12", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class NodeEndpoint(Struct):
    """`node_endpoints` of `FetchResponse`."""

    node_id: int = field(INT32, "16+", default=0)
    host: str = field(STRING, "16+", default="")
    port: int = field(INT32, "16+", default=0)
    rack: str | None = field(STRING, "16+", default=None, nullable="16+")


class FetchResponse(Response, api_key=ApiKey.FETCH, versions="4-18", flexible="12+"):
    """Answers `FetchRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    error_code: int = field(INT16, "7+", default=0, ignorable=True)
    session_id: int = field(INT32, "7+", default=0)
    responses: list[FetchableTopicResponse] = field(array(FetchableTopicResponse), "0+", factory=list)
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "16+", factory=list, tag=0, tagged="16+")
