"""DeleteShareGroupOffsets (API key 92): delete share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class DeleteShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `DeleteShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")


class DeleteShareGroupOffsetsRequest(
    Request, api_key=ApiKey.DELETE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to delete share groups' start offsets (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[DeleteShareGroupOffsetsRequestTopic] = field(
        array(DeleteShareGroupOffsetsRequestTopic), "0+", factory=list
    )


class DeleteShareGroupOffsetsResponseTopic(Struct):
    """`responses` of `DeleteShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")


class DeleteShareGroupOffsetsResponse(
    Response, api_key=ApiKey.DELETE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `DeleteShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    responses: list[DeleteShareGroupOffsetsResponseTopic] = field(
        array(DeleteShareGroupOffsetsResponseTopic), "0+", factory=list
    )
