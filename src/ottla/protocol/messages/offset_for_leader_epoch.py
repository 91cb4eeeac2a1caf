"""OffsetForLeaderEpoch (API key 23): find where a leader epoch ended."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class OffsetForLeaderPartition(Struct):
    """`partitions` of `OffsetForLeaderEpochRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    current_leader_epoch: int = field(INT32, "2+", default=-1, ignorable=True)
    """The leader epoch the client believes in, so that it can be told when it is wrong; -1 not to check."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class OffsetForLeaderTopic(Struct):
    """`topics` of `OffsetForLeaderEpochRequest`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[OffsetForLeaderPartition] = field(array(OffsetForLeaderPartition), "0+", factory=list)
    """Partition by partition."""


class OffsetForLeaderEpochRequest(
    Request, api_key=ApiKey.OFFSET_FOR_LEADER_EPOCH, versions="2-4", flexible="4+"
):
    """Asks to find where a leader epoch ended."""

    replica_id: int = field(INT32, "3+", default=-2, ignorable=True)
    """The follower's broker id; -1 for a consumer."""
    topics: list[OffsetForLeaderTopic] = field(array(OffsetForLeaderTopic), "0+", factory=list)
    """Topic by topic."""


class EpochEndOffset(Struct):
    """`partitions` of `OffsetForLeaderEpochResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_epoch: int = field(INT32, "1+", default=-1, ignorable=True)
    """The epoch of the partition's leader; -1 for none."""
    end_offset: int = field(INT64, "0+", default=-1)
    """The offset behind the last one."""


class OffsetForLeaderTopicResult(Struct):
    """`topics` of `OffsetForLeaderEpochResponse`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[EpochEndOffset] = field(array(EpochEndOffset), "0+", factory=list)
    """Partition by partition."""


class OffsetForLeaderEpochResponse(
    Response, api_key=ApiKey.OFFSET_FOR_LEADER_EPOCH, versions="2-4", flexible="4+"
):
    """Answers `OffsetForLeaderEpochRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[OffsetForLeaderTopicResult] = field(array(OffsetForLeaderTopicResult), "0+", factory=list)
    """Topic by topic."""
