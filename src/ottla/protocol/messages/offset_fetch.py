"""OffsetFetch (API key 9): read the offsets that groups have stored."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT16,
    INT32,
    INT64,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class OffsetFetchRequestTopic(Struct):
    """`topics` of `OffsetFetchRequest`."""

    name: str = field(STRING, "0-7", default="")
    """Its name."""
    partition_indexes: list[int] = field(array(INT32), "0-7", factory=list)
    """The partitions' numbers."""


class OffsetFetchRequestTopics(Struct):
    """`topics` of `OffsetFetchRequest`."""

    name: str = field(STRING, "8-9", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partition_indexes: list[int] = field(array(INT32), "8+", factory=list)
    """The partitions' numbers."""


class OffsetFetchRequestGroup(Struct):
    """`groups` of `OffsetFetchRequest`."""

    group_id: str = field(STRING, "8+", default="")
    """The group's id."""
    member_id: str | None = field(STRING, "9+", default=None, nullable="9+", ignorable=True)
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "9+", default=-1, ignorable=True)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    topics: list[OffsetFetchRequestTopics] | None = field(
        array(OffsetFetchRequestTopics), "8+", factory=list, nullable="8+"
    )
    """Topic by topic."""


class OffsetFetchRequest(
    Request, api_key=ApiKey.OFFSET_FETCH, versions="1-10", flexible="6+", latest_unstable=True
):
    """Asks to read the offsets that groups have stored."""

    group_id: str = field(STRING, "0-7", default="")
    """The group's id."""
    topics: list[OffsetFetchRequestTopic] | None = field(
        array(OffsetFetchRequestTopic), "0-7", factory=list, nullable="2-7"
    )
    """Topic by topic."""
    groups: list[OffsetFetchRequestGroup] = field(array(OffsetFetchRequestGroup), "8+", factory=list)
    """Group by group."""
    require_stable: bool = field(BOOL, "7+", default=False)
    """Whether to answer an error for offsets that an open transaction may still change."""


class OffsetFetchResponsePartition(Struct):
    """`partitions` of `OffsetFetchResponse`."""

    partition_index: int = field(INT32, "0-7", default=0)
    """The partition's number."""
    committed_offset: int = field(INT64, "0-7", default=0)
    """The offset to be read next."""
    committed_leader_epoch: int = field(INT32, "5-7", default=-1, ignorable=True)
    """The leader epoch of the last record read; -1 for none."""
    metadata: str | None = field(STRING, "0-7", default="", nullable="0-7")
    """Bytes, or text, that go with it and that only clients read."""
    error_code: int = field(INT16, "0-7", default=0)
    """The error, 0 for none."""


class OffsetFetchResponseTopic(Struct):
    """`topics` of `OffsetFetchResponse`."""

    name: str = field(STRING, "0-7", default="")
    """Its name."""
    partitions: list[OffsetFetchResponsePartition] = field(
        array(OffsetFetchResponsePartition), "0-7", factory=list
    )
    """Partition by partition."""


class OffsetFetchResponsePartitions(Struct):
    """`partitions` of `OffsetFetchResponse`."""

    partition_index: int = field(INT32, "8+", default=0)
    """The partition's number."""
    committed_offset: int = field(INT64, "8+", default=0)
    """The offset to be read next."""
    committed_leader_epoch: int = field(INT32, "8+", default=-1, ignorable=True)
    """The leader epoch of the last record read; -1 for none."""
    metadata: str | None = field(STRING, "8+", default="", nullable="8+")
    """Bytes, or text, that go with it and that only clients read."""
    error_code: int = field(INT16, "8+", default=0)
    """The error, 0 for none."""


class OffsetFetchResponseTopics(Struct):
    """`topics` of `OffsetFetchResponse`."""

    name: str = field(STRING, "8-9", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[OffsetFetchResponsePartitions] = field(
        array(OffsetFetchResponsePartitions), "8+", factory=list
    )
    """Partition by partition."""


class OffsetFetchResponseGroup(Struct):
    """`groups` of `OffsetFetchResponse`."""

    group_id: str = field(STRING, "8+", default="")
    """The group's id."""
    topics: list[OffsetFetchResponseTopics] = field(array(OffsetFetchResponseTopics), "8+", factory=list)
    """Topic by topic."""
    error_code: int = field(INT16, "8+", default=0)
    """The error, 0 for none."""


class OffsetFetchResponse(Response, api_key=ApiKey.OFFSET_FETCH, versions="1-10", flexible="6+"):
    """Answers `OffsetFetchRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[OffsetFetchResponseTopic] = field(array(OffsetFetchResponseTopic), "0-7", factory=list)
    """Topic by topic."""
    error_code: int = field(INT16, "2-7", default=0, ignorable=True)
    """The error, 0 for none."""
    groups: list[OffsetFetchResponseGroup] = field(array(OffsetFetchResponseGroup), "8+", factory=list)
    """Group by group."""
