"""WriteShareGroupState (API key 85): change the state of share partitions (KIP-932)."""

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


class StateBatch(Struct):
    """`state_batches` of `WriteShareGroupStateRequest`."""

    first_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    delivery_state: int = field(INT8, "0+", default=0)
    """The state of the records: 0 available, 2 acknowledged, 4 archived."""
    delivery_count: int = field(INT16, "0+", default=0)
    """How often it was handed out."""


class PartitionData(Struct):
    """`partitions` of `WriteShareGroupStateRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    state_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share partition's state."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    state_batches: list[StateBatch] = field(array(StateBatch), "0+", factory=list)
    """Runs of offsets in one state."""


class WriteStateData(Struct):
    """`topics` of `WriteShareGroupStateRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class WriteShareGroupStateRequest(
    Request, api_key=ApiKey.WRITE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Asks to change the state of share partitions (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[WriteStateData] = field(array(WriteStateData), "0+", factory=list)
    """Topic by topic."""


class PartitionResult(Struct):
    """`partitions` of `WriteShareGroupStateResponse`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class WriteStateResult(Struct):
    """`results` of `WriteShareGroupStateResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """Partition by partition."""


class WriteShareGroupStateResponse(
    Response, api_key=ApiKey.WRITE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Answers `WriteShareGroupStateRequest`."""

    results: list[WriteStateResult] = field(array(WriteStateResult), "0+", factory=list)
    """What became of each part of the request."""
