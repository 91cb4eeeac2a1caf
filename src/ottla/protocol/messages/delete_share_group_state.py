"""DeleteShareGroupState (API key 86): delete the state of share partitions (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `DeleteShareGroupStateRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""


class DeleteStateData(Struct):
    """`topics` of `DeleteShareGroupStateRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class DeleteShareGroupStateRequest(
    Request, api_key=ApiKey.DELETE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Asks to delete the state of share partitions (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[DeleteStateData] = field(array(DeleteStateData), "0+", factory=list)
    """Topic by topic."""


class PartitionResult(Struct):
    """`partitions` of `DeleteShareGroupStateResponse`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class DeleteStateResult(Struct):
    """`results` of `DeleteShareGroupStateResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """Partition by partition."""


class DeleteShareGroupStateResponse(
    Response, api_key=ApiKey.DELETE_SHARE_GROUP_STATE, versions="0", flexible="0+"
):
    """Answers `DeleteShareGroupStateRequest`."""

    results: list[DeleteStateResult] = field(array(DeleteStateResult), "0+", factory=list)
    """What became of each part of the request."""
