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
    """The offset behind the last one."""
    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""


class PartitionSnapshot(Struct):
    """`partitions` of `FetchSnapshotRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    current_leader_epoch: int = field(INT32, "0+", default=0)
    """The leader epoch the client believes in, so that it can be told when it is wrong; -1 not to check."""
    snapshot_id: SnapshotId = field(SnapshotId, "0+", factory=SnapshotId)
    """The KRaft snapshot to read instead."""
    position: int = field(INT64, "0+", default=0)
    """Where in the snapshot to read, in bytes."""
    replica_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID, tag=0, tagged="1+", ignorable=True)
    """The id of the replica's log directory."""


class TopicSnapshot(Struct):
    """`topics` of `FetchSnapshotRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[PartitionSnapshot] = field(array(PartitionSnapshot), "0+", factory=list)
    """Partition by partition."""


class FetchSnapshotRequest(Request, api_key=ApiKey.FETCH_SNAPSHOT, versions="0-1", flexible="0+"):
    """Asks to read a piece of a KRaft snapshot."""

    cluster_id: str | None = field(STRING, "0+", default=None, nullable="0+", tag=0, tagged="0+")
    """The cluster's id."""
    replica_id: int = field(INT32, "0+", default=-1)
    """The follower's broker id; -1 for a consumer."""
    max_bytes: int = field(INT32, "0+", default=0x7FFFFFFF)
    """At most so many bytes; a first batch larger than that comes all the same."""
    topics: list[TopicSnapshot] = field(array(TopicSnapshot), "0+", factory=list)
    """Topic by topic."""


class FetchSnapshotResponseSnapshotId(Struct):
    """`snapshot_id` of `FetchSnapshotResponse`."""

    end_offset: int = field(INT64, "0+", default=0)
    """The offset behind the last one."""
    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `FetchSnapshotResponse`."""

    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class FetchSnapshotResponsePartitionSnapshot(Struct):
    """`partitions` of `FetchSnapshotResponse`."""

    index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    snapshot_id: FetchSnapshotResponseSnapshotId = field(
        FetchSnapshotResponseSnapshotId, "0+", factory=FetchSnapshotResponseSnapshotId
    )
    """The KRaft snapshot to read instead."""
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "0+", factory=LeaderIdAndEpoch, tag=0, tagged="0+"
    )
    """The leader the client should have asked (KIP-951)."""
    size: int = field(INT64, "0+", default=0)
    """The snapshot's whole size, in bytes."""
    position: int = field(INT64, "0+", default=0)
    """Where in the snapshot to read, in bytes."""
    unaligned_records: Records | None = field(RECORDS, "0+", default=None)
    """A piece of the snapshot, cut anywhere."""


class FetchSnapshotResponseTopicSnapshot(Struct):
    """`topics` of `FetchSnapshotResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[FetchSnapshotResponsePartitionSnapshot] = field(
        array(FetchSnapshotResponsePartitionSnapshot), "0+", factory=list
    )
    """Partition by partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `FetchSnapshotResponse`."""

    node_id: int = field(INT32, "1+", default=0)
    """The broker's id."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "1+", default=0)
    """Where to connect to: the port."""


class FetchSnapshotResponse(Response, api_key=ApiKey.FETCH_SNAPSHOT, versions="0-1", flexible="0+"):
    """Answers `FetchSnapshotRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    topics: list[FetchSnapshotResponseTopicSnapshot] = field(
        array(FetchSnapshotResponseTopicSnapshot), "0+", factory=list
    )
    """Topic by topic."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "1+", factory=list, tag=0, tagged="1+")
    """Where to find the leaders named in this answer (KIP-951)."""
