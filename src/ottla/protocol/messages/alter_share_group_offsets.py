"""AlterShareGroupOffsets (API key 91): set share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class AlterShareGroupOffsetsRequestPartition(Struct):
    """`partitions` of `AlterShareGroupOffsetsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""


class AlterShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `AlterShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[AlterShareGroupOffsetsRequestPartition] = field(
        array(AlterShareGroupOffsetsRequestPartition), "0+", factory=list
    )
    """Partition by partition."""


class AlterShareGroupOffsetsRequest(
    Request, api_key=ApiKey.ALTER_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to set share groups' start offsets (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[AlterShareGroupOffsetsRequestTopic] = field(
        array(AlterShareGroupOffsetsRequestTopic), "0+", factory=list
    )
    """Topic by topic."""


class AlterShareGroupOffsetsResponsePartition(Struct):
    """`partitions` of `AlterShareGroupOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class AlterShareGroupOffsetsResponseTopic(Struct):
    """`responses` of `AlterShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[AlterShareGroupOffsetsResponsePartition] = field(
        array(AlterShareGroupOffsetsResponsePartition), "0+", factory=list
    )
    """Partition by partition."""


class AlterShareGroupOffsetsResponse(
    Response, api_key=ApiKey.ALTER_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `AlterShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    responses: list[AlterShareGroupOffsetsResponseTopic] = field(
        array(AlterShareGroupOffsetsResponseTopic), "0+", factory=list
    )
    """What became of each part of the request."""
