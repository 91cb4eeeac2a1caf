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
    leader_epoch: int = field(INT32, "0+", default=0)


class ReadStateData(Struct):
    """`topics` of `ReadShareGroupStateRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class ReadShareGroupStateRequest(Request, api_key=ApiKey.READ_SHARE_GROUP_STATE, versions="0", flexible="0+"):
    """Asks to read the state of share partitions (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[ReadStateData] = field(array(ReadStateData), "0+", factory=list)


class StateBatch(Struct):
    """`state_batches` of `ReadShareGroupStateResponse`."""

    first_offset: int = field(INT64, "0+", default=0)
    last_offset: int = field(INT64, "0+", default=0)
    delivery_state: int = field(INT8, "0+", default=0)
    delivery_count: int = field(INT16, "0+", default=0)


class PartitionResult(Struct):
    """`partitions` of `ReadShareGroupStateResponse`."""

    partition: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    state_epoch: int = field(INT32, "0+", default=0)
    start_offset: int = field(INT64, "0+", default=0)
    state_batches: list[StateBatch] = field(array(StateBatch), "0+", factory=list)


class ReadStateResult(Struct):
    """`results` of `ReadShareGroupStateResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)


class ReadShareGroupStateResponse(
    Response, api_key=ApiKey.READ_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Answers `ReadShareGroupStateRequest`."""

    results: list[ReadStateResult] = field(array(ReadStateResult), "0+", factory=list)
