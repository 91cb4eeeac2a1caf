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
    """The follower's broker id; -1 for a consumer."""
    replica_epoch: int = field(INT64, "15+", default=-1)
    """The epoch of the follower's registration; -1 for none."""


class FetchPartition(Struct):
    """`partitions` of `FetchRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    current_leader_epoch: int = field(INT32, "9+", default=-1, ignorable=True)
    """The leader epoch the client believes in, so that it can be told when it is wrong; -1 not to check."""
    fetch_offset: int = field(INT64, "0+", default=0)
    """The offset to read from."""
    last_fetched_epoch: int = field(INT32, "12+", default=-1)
    """The epoch of the follower's last record; -1 if it does not say."""
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    """The first offset that can be read; -1 if unknown."""
    partition_max_bytes: int = field(INT32, "0+", default=0)
    """At most so many bytes of this partition."""
    replica_directory_id: Uuid = field(UUID, "17+", default=ZERO_UUID, tag=0, tagged="17+", ignorable=True)
    """The id of the replica's log directory."""
    high_watermark: int = field(
        INT64, "18+", default=9223372036854775807, tag=1, tagged="18+", ignorable=True
    )
    """The offset up to which all is committed."""


class FetchTopic(Struct):
    """`topics` of `FetchRequest`."""

    topic: str = field(STRING, "0-12", default="", ignorable=True)
    """The topic's name."""
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[FetchPartition] = field(array(FetchPartition), "0+", factory=list)
    """Partition by partition."""


class ForgottenTopic(Struct):
    """`forgotten_topics_data` of `FetchRequest`."""

    topic: str = field(STRING, "7-12", default="", ignorable=True)
    """The topic's name."""
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "7+", factory=list)
    """Partition by partition."""


class FetchRequest(Request, api_key=ApiKey.FETCH, versions="4-18", flexible="12+"):
    """Asks to read record batches from partitions, as a consumer or as a follower."""

    cluster_id: str | None = field(
        STRING, "12+", default=None, nullable="12+", tag=0, tagged="12+", ignorable=True
    )
    """The cluster's id."""
    replica_id: int = field(INT32, "0-14", default=-1)
    """The follower's broker id; -1 for a consumer."""
    replica_state: ReplicaState = field(ReplicaState, "15+", factory=ReplicaState, tag=1, tagged="15+")
    """Who fetches as a follower."""
    max_wait_ms: int = field(INT32, "0+", default=0)
    """How long to wait for `min_bytes`."""
    min_bytes: int = field(INT32, "0+", default=0)
    """Answer at once when there are so many bytes."""
    max_bytes: int = field(INT32, "3+", default=0x7FFFFFFF, ignorable=True)
    """At most so many bytes; a first batch larger than that comes all the same."""
    isolation_level: int = field(INT8, "4+", default=0, ignorable=True)
    """0 reads all that is committed to the log, 1 only what belongs to no open or aborted transaction."""
    session_id: int = field(INT32, "7+", default=0, ignorable=True)
    """The fetch session; 0 for none."""
    session_epoch: int = field(INT32, "7+", default=-1, ignorable=True)
    """The epoch of the fetch session; 0 opens one, -1 asks outside of any."""
    topics: list[FetchTopic] = field(array(FetchTopic), "0+", factory=list)
    """Topic by topic."""
    forgotten_topics_data: list[ForgottenTopic] = field(array(ForgottenTopic), "7+", factory=list)
    """Partitions to be taken out of the session."""
    rack_id: str = field(STRING, "11+", default="", ignorable=True)
    """The rack the client stands in."""


class EpochEndOffset(Struct):
    """`diverging_epoch` of `FetchResponse`."""

    epoch: int = field(INT32, "12+", default=-1)
    """The epoch."""
    end_offset: int = field(INT64, "12+", default=-1)
    """The offset behind the last one."""


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `FetchResponse`."""

    leader_id: int = field(INT32, "12+", default=-1)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "12+", default=-1)
    """The epoch of the partition's leader; -1 for none."""


class SnapshotId(Struct):
    """`snapshot_id` of `FetchResponse`."""

    end_offset: int = field(INT64, "0+", default=-1)
    """The offset behind the last one."""
    epoch: int = field(INT32, "0+", default=-1)
    """The epoch."""


class AbortedTransaction(Struct):
    """`aborted_transactions` of `FetchResponse`."""

    producer_id: int = field(INT64, "4+", default=0)
    """The producer's id; -1 for none."""
    first_offset: int = field(INT64, "4+", default=0)
    """The first offset, included."""


class PartitionData(Struct):
    """`partitions` of `FetchResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    high_watermark: int = field(INT64, "0+", default=0)
    """The offset up to which all is committed."""
    last_stable_offset: int = field(INT64, "4+", default=-1, ignorable=True)
    """The offset below which every transaction is decided."""
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    """The first offset that can be read; -1 if unknown."""
    diverging_epoch: EpochEndOffset = field(
        EpochEndOffset, "12+", factory=EpochEndOffset, tag=0, tagged="12+"
    )
    """Where the log took another way than the follower's."""
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "12+", factory=LeaderIdAndEpoch, tag=1, tagged="12+"
    )
    """The leader the client should have asked (KIP-951)."""
    snapshot_id: SnapshotId = field(SnapshotId, "12+", factory=SnapshotId, tag=2, tagged="12+")
    """The KRaft snapshot to read instead."""
    aborted_transactions: list[AbortedTransaction] | None = field(
        array(AbortedTransaction), "4+", factory=list, nullable="4+", ignorable=True
    )
    """The transactions in these records that were aborted; null when not asked for."""
    preferred_read_replica: int = field(INT32, "11+", default=-1)
    """A nearer replica to read from; -1 for none."""
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0+")
    """The record batches."""


class FetchableTopicResponse(Struct):
    """`responses` of `FetchResponse`."""

    topic: str = field(STRING, "0-12", default="", ignorable=True)
    """The topic's name."""
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `FetchResponse`."""

    node_id: int = field(INT32, "16+", default=0)
    """The broker's id."""
    host: str = field(STRING, "16+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "16+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "16+", default=None, nullable="16+")
    """The broker's rack; null if it has none."""


class FetchResponse(Response, api_key=ApiKey.FETCH, versions="4-18", flexible="12+"):
    """Answers `FetchRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "7+", default=0, ignorable=True)
    """The error, 0 for none."""
    session_id: int = field(INT32, "7+", default=0)
    """The fetch session; 0 for none."""
    responses: list[FetchableTopicResponse] = field(array(FetchableTopicResponse), "0+", factory=list)
    """What became of each part of the request."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "16+", factory=list, tag=0, tagged="16+")
    """Where to find the leaders named in this answer (KIP-951)."""
