"""OffsetDelete (API key 47): delete a group's offsets of partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class OffsetDeleteRequestPartition(Struct):
    """`partitions` of `OffsetDeleteRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""


class OffsetDeleteRequestTopic(Struct):
    """`topics` of `OffsetDeleteRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[OffsetDeleteRequestPartition] = field(
        array(OffsetDeleteRequestPartition), "0+", factory=list
    )
    """Partition by partition."""


class OffsetDeleteRequest(Request, api_key=ApiKey.OFFSET_DELETE, versions="0", flexible="none"):
    """Asks to delete a group's offsets of partitions."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[OffsetDeleteRequestTopic] = field(array(OffsetDeleteRequestTopic), "0+", factory=list)
    """Topic by topic."""


class OffsetDeleteResponsePartition(Struct):
    """`partitions` of `OffsetDeleteResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class OffsetDeleteResponseTopic(Struct):
    """`topics` of `OffsetDeleteResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[OffsetDeleteResponsePartition] = field(
        array(OffsetDeleteResponsePartition), "0+", factory=list
    )
    """Partition by partition."""


class OffsetDeleteResponse(Response, api_key=ApiKey.OFFSET_DELETE, versions="0", flexible="none"):
    """Answers `OffsetDeleteRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[OffsetDeleteResponseTopic] = field(array(OffsetDeleteResponseTopic), "0+", factory=list)
    """Topic by topic."""
