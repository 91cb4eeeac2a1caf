"""InitializeShareGroupState (API key 83): begin the state of share partitions (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `InitializeShareGroupStateRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    state_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share partition's state."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""


class InitializeStateData(Struct):
    """`topics` of `InitializeShareGroupStateRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class InitializeShareGroupStateRequest(
    Request, api_key=ApiKey.INITIALIZE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Asks to begin the state of share partitions (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[InitializeStateData] = field(array(InitializeStateData), "0+", factory=list)
    """Topic by topic."""


class PartitionResult(Struct):
    """`partitions` of `InitializeShareGroupStateResponse`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class InitializeStateResult(Struct):
    """`results` of `InitializeShareGroupStateResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """Partition by partition."""


class InitializeShareGroupStateResponse(
    Response, api_key=ApiKey.INITIALIZE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Answers `InitializeShareGroupStateRequest`."""

    results: list[InitializeStateResult] = field(array(InitializeStateResult), "0+", factory=list)
    """What became of each part of the request."""
