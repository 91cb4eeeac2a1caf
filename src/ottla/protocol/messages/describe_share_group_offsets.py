"""DescribeShareGroupOffsets (API key 90): read share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class DescribeShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `DescribeShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class DescribeShareGroupOffsetsRequestGroup(Struct):
    """`groups` of `DescribeShareGroupOffsetsRequest`."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[DescribeShareGroupOffsetsRequestTopic] | None = field(
        array(DescribeShareGroupOffsetsRequestTopic), "0+", factory=list, nullable="0+"
    )


class DescribeShareGroupOffsetsRequest(
    Request, api_key=ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to read share groups' start offsets (KIP-932)."""

    groups: list[DescribeShareGroupOffsetsRequestGroup] = field(
        array(DescribeShareGroupOffsetsRequestGroup), "0+", factory=list
    )


class DescribeShareGroupOffsetsResponsePartition(Struct):
    """`partitions` of `DescribeShareGroupOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    start_offset: int = field(INT64, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")


class DescribeShareGroupOffsetsResponseTopic(Struct):
    """`topics` of `DescribeShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[DescribeShareGroupOffsetsResponsePartition] = field(
        array(DescribeShareGroupOffsetsResponsePartition), "0+", factory=list
    )


class DescribeShareGroupOffsetsResponseGroup(Struct):
    """`groups` of `DescribeShareGroupOffsetsResponse`."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[DescribeShareGroupOffsetsResponseTopic] = field(
        array(DescribeShareGroupOffsetsResponseTopic), "0+", factory=list
    )
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")


class DescribeShareGroupOffsetsResponse(
    Response, api_key=ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `DescribeShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    groups: list[DescribeShareGroupOffsetsResponseGroup] = field(
        array(DescribeShareGroupOffsetsResponseGroup), "0+", factory=list
    )
