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
    partition_indexes: list[int] = field(array(INT32), "0-7", factory=list)


class OffsetFetchRequestTopics(Struct):
    """`topics` of `OffsetFetchRequest`."""

    name: str = field(STRING, "8-9", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    partition_indexes: list[int] = field(array(INT32), "8+", factory=list)


class OffsetFetchRequestGroup(Struct):
    """`groups` of `OffsetFetchRequest`."""

    group_id: str = field(STRING, "8+", default="")
    member_id: str | None = field(STRING, "9+", default=None, nullable="9+", ignorable=True)
    member_epoch: int = field(INT32, "9+", default=-1, ignorable=True)
    topics: list[OffsetFetchRequestTopics] | None = field(
        array(OffsetFetchRequestTopics), "8+", factory=list, nullable="8+"
    )


class OffsetFetchRequest(
    Request, api_key=ApiKey.OFFSET_FETCH, versions="1-10", flexible="6+", latest_unstable=True
):
    """Asks to read the offsets that groups have stored."""

    group_id: str = field(STRING, "0-7", default="")
    topics: list[OffsetFetchRequestTopic] | None = field(
        array(OffsetFetchRequestTopic), "0-7", factory=list, nullable="2-7"
    )
    groups: list[OffsetFetchRequestGroup] = field(array(OffsetFetchRequestGroup), "8+", factory=list)
    require_stable: bool = field(BOOL, "7+", default=False)


class OffsetFetchResponsePartition(Struct):
    """`partitions` of `OffsetFetchResponse`."""

    partition_index: int = field(INT32, "0-7", default=0)
    committed_offset: int = field(INT64, "0-7", default=0)
    committed_leader_epoch: int = field(INT32, "5-7", default=-1, ignorable=True)
    metadata: str | None = field(STRING, "0-7", default="", nullable="0-7")
    error_code: int = field(INT16, "0-7", default=0)


class OffsetFetchResponseTopic(Struct):
    """`topics` of `OffsetFetchResponse`."""

    name: str = field(STRING, "0-7", default="")
    partitions: list[OffsetFetchResponsePartition] = field(
        array(OffsetFetchResponsePartition), "0-7", factory=list
    )


class OffsetFetchResponsePartitions(Struct):
    """`partitions` of `OffsetFetchResponse`."""

    partition_index: int = field(INT32, "8+", default=0)
    committed_offset: int = field(INT64, "8+", default=0)
    committed_leader_epoch: int = field(INT32, "8+", default=-1, ignorable=True)
    metadata: str | None = field(STRING, "8+", default="", nullable="8+")
    error_code: int = field(INT16, "8+", default=0)


class OffsetFetchResponseTopics(Struct):
    """`topics` of `OffsetFetchResponse`."""

    name: str = field(STRING, "8-9", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    partitions: list[OffsetFetchResponsePartitions] = field(
        array(OffsetFetchResponsePartitions), "8+", factory=list
    )


class OffsetFetchResponseGroup(Struct):
    """`groups` of `OffsetFetchResponse`."""

    group_id: str = field(STRING, "8+", default="")
    topics: list[OffsetFetchResponseTopics] = field(array(OffsetFetchResponseTopics), "8+", factory=list)
    error_code: int = field(INT16, "8+", default=0)


class OffsetFetchResponse(Response, api_key=ApiKey.OFFSET_FETCH, versions="1-10", flexible="6+"):
    """Answers `OffsetFetchRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    topics: list[OffsetFetchResponseTopic] = field(array(OffsetFetchResponseTopic), "0-7", factory=list)
    error_code: int = field(INT16, "2-7", default=0, ignorable=True)
    groups: list[OffsetFetchResponseGroup] = field(array(OffsetFetchResponseGroup), "8+", factory=list)
