"""OffsetCommit (API key 8): store the offsets that a group has consumed."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class OffsetCommitRequestPartition(Struct):
    """`partitions` of `OffsetCommitRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    committed_offset: int = field(INT64, "0+", default=0)
    committed_leader_epoch: int = field(INT32, "6+", default=-1, ignorable=True)
    committed_metadata: str | None = field(STRING, "0+", default="", nullable="0+")


class OffsetCommitRequestTopic(Struct):
    """`topics` of `OffsetCommitRequest`."""

    name: str = field(STRING, "0-9", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    partitions: list[OffsetCommitRequestPartition] = field(
        array(OffsetCommitRequestPartition), "0+", factory=list
    )


class OffsetCommitRequest(
    Request, api_key=ApiKey.OFFSET_COMMIT, versions="2-10", flexible="8+", latest_unstable=True
):
    """Asks to store the offsets that a group has consumed."""

    group_id: str = field(STRING, "0+", default="")
    generation_id_or_member_epoch: int = field(INT32, "1+", default=-1, ignorable=True)
    member_id: str = field(STRING, "1+", default="", ignorable=True)
    group_instance_id: str | None = field(STRING, "7+", default=None, nullable="7+")
    retention_time_ms: int = field(INT64, "2-4", default=-1, ignorable=True)
    topics: list[OffsetCommitRequestTopic] = field(array(OffsetCommitRequestTopic), "0+", factory=list)


class OffsetCommitResponsePartition(Struct):
    """`partitions` of `OffsetCommitResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)


class OffsetCommitResponseTopic(Struct):
    """`topics` of `OffsetCommitResponse`."""

    name: str = field(STRING, "0-9", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    partitions: list[OffsetCommitResponsePartition] = field(
        array(OffsetCommitResponsePartition), "0+", factory=list
    )


class OffsetCommitResponse(Response, api_key=ApiKey.OFFSET_COMMIT, versions="2-10", flexible="8+"):
    """Answers `OffsetCommitRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    topics: list[OffsetCommitResponseTopic] = field(array(OffsetCommitResponseTopic), "0+", factory=list)
