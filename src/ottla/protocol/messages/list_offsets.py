"""ListOffsets (API key 2): find offsets by timestamp, or the first, last and newest ones."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ListOffsetsPartition(Struct):
    """`partitions` of `ListOffsetsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    current_leader_epoch: int = field(INT32, "4+", default=-1, ignorable=True)
    """The leader epoch the client believes in, so that it can be told when it is wrong; -1 not to check."""
    timestamp: int = field(INT64, "0+", default=0)
    """The time, in ms since 1970; in a request for offsets also -1 latest, -2 earliest and the other special ones."""


class ListOffsetsTopic(Struct):
    """`topics` of `ListOffsetsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[ListOffsetsPartition] = field(array(ListOffsetsPartition), "0+", factory=list)
    """Partition by partition."""


class ListOffsetsRequest(Request, api_key=ApiKey.LIST_OFFSETS, versions="1-10", flexible="6+"):
    """Asks to find offsets by timestamp, or the first, last and newest ones."""

    replica_id: int = field(INT32, "0+", default=0)
    """The follower's broker id; -1 for a consumer."""
    isolation_level: int = field(INT8, "2+", default=0)
    """0 reads all that is committed to the log, 1 only what belongs to no open or aborted transaction."""
    topics: list[ListOffsetsTopic] = field(array(ListOffsetsTopic), "0+", factory=list)
    """Topic by topic."""
    timeout_ms: int = field(INT32, "10+", default=0, ignorable=True)
    """How long the broker may take to answer."""


class ListOffsetsPartitionResponse(Struct):
    """`partitions` of `ListOffsetsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    timestamp: int = field(INT64, "1+", default=-1)
    """The time, in ms since 1970; in a request for offsets also -1 latest, -2 earliest and the other special ones."""
    offset: int = field(INT64, "1+", default=-1)
    """The offset."""
    leader_epoch: int = field(INT32, "4+", default=-1)
    """The epoch of the partition's leader; -1 for none."""


class ListOffsetsTopicResponse(Struct):
    """`topics` of `ListOffsetsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[ListOffsetsPartitionResponse] = field(
        array(ListOffsetsPartitionResponse), "0+", factory=list
    )
    """Partition by partition."""


class ListOffsetsResponse(Response, api_key=ApiKey.LIST_OFFSETS, versions="1-10", flexible="6+"):
    """Answers `ListOffsetsRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[ListOffsetsTopicResponse] = field(array(ListOffsetsTopicResponse), "0+", factory=list)
    """Topic by topic."""
