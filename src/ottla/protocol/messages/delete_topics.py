"""DeleteTopics (API key 20): delete topics."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class DeleteTopicState(Struct):
    """`topics` of `DeleteTopicsRequest`."""

    name: str | None = field(STRING, "6+", default=None, nullable="6+")
    """Its name."""
    topic_id: Uuid = field(UUID, "6+", default=ZERO_UUID)
    """The topic's id; all zero for none."""


class DeleteTopicsRequest(Request, api_key=ApiKey.DELETE_TOPICS, versions="1-6", flexible="4+"):
    """Asks to delete topics."""

    topics: list[DeleteTopicState] = field(array(DeleteTopicState), "6+", factory=list)
    """Topic by topic."""
    topic_names: list[str] = field(array(STRING), "0-5", factory=list, ignorable=True)
    """The topics' names."""
    timeout_ms: int = field(INT32, "0+", default=0)
    """How long the broker may take to answer."""


class DeletableTopicResult(Struct):
    """`responses` of `DeleteTopicsResponse`."""

    name: str | None = field(STRING, "0+", default="", nullable="6+")
    """Its name."""
    topic_id: Uuid = field(UUID, "6+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The error in words; null where the code says enough."""


class DeleteTopicsResponse(Response, api_key=ApiKey.DELETE_TOPICS, versions="1-6", flexible="4+"):
    """Answers `DeleteTopicsRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    responses: list[DeletableTopicResult] = field(array(DeletableTopicResult), "0+", factory=list)
    """What became of each part of the request."""
