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
    topic_id: Uuid = field(UUID, "0", default=ZERO_UUID)
    partition: int = field(INT32, "0", default=0)


class StateBatch(Struct):
    """`state_batches` of `ShareSnapshotValue`."""

    first_offset: int = field(INT64, "0+", default=0)
    last_offset: int = field(INT64, "0+", default=0)
    delivery_state: int = field(INT8, "0+", default=0)
    delivery_count: int = field(INT16, "0+", default=0)


class ShareSnapshotValue(RecordValue, record_type=0, versions="0", flexible="0+"):
    """The whole state of a share partition. No value (a tombstone) means that it is gone."""

    snapshot_epoch: int = field(INT32, "0+", default=0)
    state_epoch: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    start_offset: int = field(INT64, "0+", default=0)
    create_timestamp: int = field(INT64, "0+", default=0)
    write_timestamp: int = field(INT64, "0+", default=0)
    state_batches: list[StateBatch] = field(array(StateBatch), "0+", factory=list)
