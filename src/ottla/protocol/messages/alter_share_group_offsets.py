"""AlterShareGroupOffsets (API key 91): set share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class AlterShareGroupOffsetsRequestPartition(Struct):
    """`partitions` of `AlterShareGroupOffsetsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    start_offset: int = field(INT64, "0+", default=0)


class AlterShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `AlterShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[AlterShareGroupOffsetsRequestPartition] = field(
        array(AlterShareGroupOffsetsRequestPartition), "0+", factory=list
    )


class AlterShareGroupOffsetsRequest(
    Request, api_key=ApiKey.ALTER_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to set share groups' start offsets (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[AlterShareGroupOffsetsRequestTopic] = field(
        array(AlterShareGroupOffsetsRequestTopic), "0+", factory=list
    )


class AlterShareGroupOffsetsResponsePartition(Struct):
    """`partitions` of `AlterShareGroupOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")


class AlterShareGroupOffsetsResponseTopic(Struct):
    """`responses` of `AlterShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[AlterShareGroupOffsetsResponsePartition] = field(
        array(AlterShareGroupOffsetsResponsePartition), "0+", factory=list
    )


class AlterShareGroupOffsetsResponse(
    Response, api_key=ApiKey.ALTER_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `AlterShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    responses: list[AlterShareGroupOffsetsResponseTopic] = field(
        array(AlterShareGroupOffsetsResponseTopic), "0+", factory=list
    )
