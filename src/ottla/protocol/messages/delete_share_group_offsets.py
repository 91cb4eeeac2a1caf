"""DeleteShareGroupOffsets (API key 92): delete share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class DeleteShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `DeleteShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""


class DeleteShareGroupOffsetsRequest(
    Request, api_key=ApiKey.DELETE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to delete share groups' start offsets (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[DeleteShareGroupOffsetsRequestTopic] = field(
        array(DeleteShareGroupOffsetsRequestTopic), "0+", factory=list
    )
    """Topic by topic."""


class DeleteShareGroupOffsetsResponseTopic(Struct):
    """`responses` of `DeleteShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class DeleteShareGroupOffsetsResponse(
    Response, api_key=ApiKey.DELETE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `DeleteShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    responses: list[DeleteShareGroupOffsetsResponseTopic] = field(
        array(DeleteShareGroupOffsetsResponseTopic), "0+", factory=list
    )
    """What became of each part of the request."""
