"""ShareSnapshot: the whole state of a share partition, as a coordinator records it."""

from ottla.protocol.declare import (
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UUID,
    RecordKey,
    RecordValue,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class ShareSnapshotKey(RecordKey, record_type=0, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    topic_id: Uuid = field(UUID, "0", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partition: int = field(INT32, "0", default=0)
    """The partition's number."""


class StateBatch(Struct):
    """`state_batches` of `ShareSnapshotValue`."""

    first_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    delivery_state: int = field(INT8, "0+", default=0)
    """The state of the records: 0 available, 2 acknowledged, 4 archived."""
    delivery_count: int = field(INT16, "0+", default=0)
    """How often it was handed out."""


class ShareSnapshotValue(RecordValue, record_type=0, versions="0", flexible="0+"):
    """The whole state of a share partition. No value (a tombstone) means that it is gone."""

    snapshot_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the snapshot."""
    state_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share partition's state."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    create_timestamp: int = field(INT64, "0+", default=0)
    """When the snapshot was made, in ms since 1970."""
    write_timestamp: int = field(INT64, "0+", default=0)
    """When the snapshot was written, in ms since 1970."""
    state_batches: list[StateBatch] = field(array(StateBatch), "0+", factory=list)
    """Runs of offsets in one state."""
