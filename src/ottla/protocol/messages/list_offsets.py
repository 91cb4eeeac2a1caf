"""ListOffsets (API key 2): find offsets by timestamp, or the first, last and newest ones."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ListOffsetsPartition(Struct):
    """`partitions` of `ListOffsetsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    current_leader_epoch: int = field(INT32, "4+", default=-1, ignorable=True)
    timestamp: int = field(INT64, "0+", default=0)


class ListOffsetsTopic(Struct):
    """`topics` of `ListOffsetsRequest`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[ListOffsetsPartition] = field(array(ListOffsetsPartition), "0+", factory=list)


class ListOffsetsRequest(Request, api_key=ApiKey.LIST_OFFSETS, versions="1-10", flexible="6+"):
    """Asks to find offsets by timestamp, or the first, last and newest ones."""

    replica_id: int = field(INT32, "0+", default=0)
    isolation_level: int = field(INT8, "2+", default=0)
    topics: list[ListOffsetsTopic] = field(array(ListOffsetsTopic), "0+", factory=list)
    timeout_ms: int = field(INT32, "10+", default=0, ignorable=True)


class ListOffsetsPartitionResponse(Struct):
    """`partitions` of `ListOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    timestamp: int = field(INT64, "1+", default=-1)
    offset: int = field(INT64, "1+", default=-1)
    leader_epoch: int = field(INT32, "4+", default=-1)


class ListOffsetsTopicResponse(Struct):
    """`topics` of `ListOffsetsResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[ListOffsetsPartitionResponse] = field(
        array(ListOffsetsPartitionResponse), "0+", factory=list
    )


class ListOffsetsResponse(Response, api_key=ApiKey.LIST_OFFSETS, versions="1-10", flexible="6+"):
    """Answers `ListOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    topics: list[ListOffsetsTopicResponse] = field(array(ListOffsetsTopicResponse), "0+", factory=list)
