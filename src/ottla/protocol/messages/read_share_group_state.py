"""ReadShareGroupState (API key 84): read the state of share partitions (KIP-932)."""

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


class PartitionData(Struct):
    """`partitions` of `ReadShareGroupStateRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class ReadStateData(Struct):
    """`topics` of `ReadShareGroupStateRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class ReadShareGroupStateRequest(Request, api_key=ApiKey.READ_SHARE_GROUP_STATE, versions="0", flexible="0+"):
    """Asks to read the state of share partitions (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[ReadStateData] = field(array(ReadStateData), "0+", factory=list)
    """Topic by topic."""


class StateBatch(Struct):
    """`state_batches` of `ReadShareGroupStateResponse`."""

    first_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    last_offset: int = field(INT64, "0+", default=0)
    """The last offset, included."""
    delivery_state: int = field(INT8, "0+", default=0)
    """The state of the records: 0 available, 2 acknowledged, 4 archived."""
    delivery_count: int = field(INT16, "0+", default=0)
    """How often it was handed out."""


class PartitionResult(Struct):
    """`partitions` of `ReadShareGroupStateResponse`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    state_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share partition's state."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    state_batches: list[StateBatch] = field(array(StateBatch), "0+", factory=list)
    """Runs of offsets in one state."""


class ReadStateResult(Struct):
    """`results` of `ReadShareGroupStateResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """Partition by partition."""


class ReadShareGroupStateResponse(
    Response, api_key=ApiKey.READ_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Answers `ReadShareGroupStateRequest`."""

    results: list[ReadStateResult] = field(array(ReadStateResult), "0+", factory=list)
    """What became of each part of the request."""
