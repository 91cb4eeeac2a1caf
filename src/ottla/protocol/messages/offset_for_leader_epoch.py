"""OffsetForLeaderEpoch (API key 23): find where a leader epoch ended."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class OffsetForLeaderPartition(Struct):
    """`partitions` of `OffsetForLeaderEpochRequest`."""

    partition: int = field(INT32, "0+", default=0)
    current_leader_epoch: int = field(INT32, "2+", default=-1, ignorable=True)
    leader_epoch: int = field(INT32, "0+", default=0)


class OffsetForLeaderTopic(Struct):
    """`topics` of `OffsetForLeaderEpochRequest`."""

    topic: str = field(STRING, "0+", default="")
    partitions: list[OffsetForLeaderPartition] = field(array(OffsetForLeaderPartition), "0+", factory=list)


class OffsetForLeaderEpochRequest(
    Request, api_key=ApiKey.OFFSET_FOR_LEADER_EPOCH, versions="2-4", flexible="4+"
):
    """Asks to find where a leader epoch ended."""

    replica_id: int = field(INT32, "3+", default=-2, ignorable=True)
    topics: list[OffsetForLeaderTopic] = field(array(OffsetForLeaderTopic), "0+", factory=list)


class EpochEndOffset(Struct):
    """`partitions` of `OffsetForLeaderEpochResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    partition: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "1+", default=-1, ignorable=True)
    end_offset: int = field(INT64, "0+", default=-1)


class OffsetForLeaderTopicResult(Struct):
    """`topics` of `OffsetForLeaderEpochResponse`."""

    topic: str = field(STRING, "0+", default="")
    partitions: list[EpochEndOffset] = field(array(EpochEndOffset), "0+", factory=list)


class OffsetForLeaderEpochResponse(
    Response, api_key=ApiKey.OFFSET_FOR_LEADER_EPOCH, versions="2-4", flexible="4+"
):
    """Answers `OffsetForLeaderEpochRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    topics: list[OffsetForLeaderTopicResult] = field(array(OffsetForLeaderTopicResult), "0+", factory=list)
