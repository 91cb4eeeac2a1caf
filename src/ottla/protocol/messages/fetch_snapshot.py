"""FetchSnapshot (API key 59): read a piece of a KRaft snapshot."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    INT16,
    INT32,
    INT64,
    RECORDS,
    STRING,
    UINT16,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Records, Uuid


class SnapshotId(Struct):
    """`snapshot_id` of `FetchSnapshotRequest`."""

    end_offset: int = field(INT64, "0+", default=0)
    epoch: int = field(INT32, "0+", default=0)


class PartitionSnapshot(Struct):
    """`partitions` of `FetchSnapshotRequest`."""

    partition: int = field(INT32, "0+", default=0)
    current_leader_epoch: int = field(INT32, "0+", default=0)
    snapshot_id: SnapshotId = field(SnapshotId, "0+", factory=SnapshotId)
    position: int = field(INT64, "0+", default=0)
    replica_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, tag=0, tagged="1+", ignorable=True)


class TopicSnapshot(Struct):
    """`topics` of `FetchSnapshotRequest`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[PartitionSnapshot] = field(array(PartitionSnapshot), "0+", factory=list)


class FetchSnapshotRequest(Request, api_key=ApiKey.FETCH_SNAPSHOT, versions="0-1", flexible="0+"):
    """Asks to read a piece of a KRaft snapshot."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+", tag=0, tagged="0+")
    replica_id: int = field(INT32, "0+", default=-1)
    max_bytes: int = field(INT32, "0+", default=0x7FFFFFFF)
    topics: list[TopicSnapshot] = field(array(TopicSnapshot), "0+", factory=list)


class FetchSnapshotResponseSnapshotId(Struct):
    """`snapshot_id` of `FetchSnapshotResponse`."""

    end_offset: int = field(INT64, "0+", default=0)
    epoch: int = field(INT32, "0+", default=0)


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `FetchSnapshotResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class FetchSnapshotResponsePartitionSnapshot(Struct):
    """`partitions` of `FetchSnapshotResponse`."""

    index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    snapshot_id: FetchSnapshotResponseSnapshotId = field(
        FetchSnapshotResponseSnapshotId, "0+", factory=FetchSnapshotResponseSnapshotId
    )
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch, tag=0, tagged="0+"
    )
    size: int = field(INT64, "0+", default=0)
    position: int = field(INT64, "0+", default=0)
    unaligned_records: Records | None = field(RECORDS, "0+", default=None)


class FetchSnapshotResponseTopicSnapshot(Struct):
    """`topics` of `FetchSnapshotResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[FetchSnapshotResponsePartitionSnapshot] = field(
        array(FetchSnapshotResponsePartitionSnapshot), "0+", factory=list
    )


class NodeEndpoint(Struct):
    """`node_endpoints` of `FetchSnapshotResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    host: str = field(STRING, "1+", default="")
    port: int = field(UINT16, "1+", default=0)


class FetchSnapshotResponse(Response, api_key=ApiKey.FETCH_SNAPSHOT, versions="0-1", flexible="0+"):
    """Answers `FetchSnapshotRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    topics: list[FetchSnapshotResponseTopicSnapshot] = field(
        array(FetchSnapshotResponseTopicSnapshot), "0+", factory=list
    )
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
