"""DescribeShareGroupOffsets (API key 90): read share groups' start offsets (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class DescribeShareGroupOffsetsRequestTopic(Struct):
    """`topics` of `DescribeShareGroupOffsetsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class DescribeShareGroupOffsetsRequestGroup(Struct):
    """`groups` of `DescribeShareGroupOffsetsRequest`."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[DescribeShareGroupOffsetsRequestTopic] | None = field(
        array(DescribeShareGroupOffsetsRequestTopic), "0+", factory=list, nullable="0+"
    )
    """Topic by topic."""


class DescribeShareGroupOffsetsRequest(
    Request, api_key=ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Asks to read share groups' start offsets (KIP-932)."""

    groups: list[DescribeShareGroupOffsetsRequestGroup] = field(
        array(DescribeShareGroupOffsetsRequestGroup), "0+", factory=list
    )
    """Group by group."""


class DescribeShareGroupOffsetsResponsePartition(Struct):
    """`partitions` of `DescribeShareGroupOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class DescribeShareGroupOffsetsResponseTopic(Struct):
    """`topics` of `DescribeShareGroupOffsetsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[DescribeShareGroupOffsetsResponsePartition] = field(
        array(DescribeShareGroupOffsetsResponsePartition), "0+", factory=list
    )
    """Partition by partition."""


class DescribeShareGroupOffsetsResponseGroup(Struct):
    """`groups` of `DescribeShareGroupOffsetsResponse`."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[DescribeShareGroupOffsetsResponseTopic] = field(
        array(DescribeShareGroupOffsetsResponseTopic), "0+", factory=list
    )
    """Topic by topic."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class DescribeShareGroupOffsetsResponse(
    Response, api_key=ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, versions="0", flexible="0+"
):
    """Answers `DescribeShareGroupOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    groups: list[DescribeShareGroupOffsetsResponseGroup] = field(
        array(DescribeShareGroupOffsetsResponseGroup), "0+", factory=list
    )
    """Group by group."""
