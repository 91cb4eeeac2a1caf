"""OffsetCommit (API key 8): store the offsets that a group has consumed."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class OffsetCommitRequestPartition(Struct):
    """`partitions` of `OffsetCommitRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    committed_offset: int = field(INT64, "0+", default=0)
    """The offset to be read next."""
    committed_leader_epoch: int = field(INT32, "6+", default=-1, ignorable=True)
    """The leader epoch of the last record read; -1 for none."""
    committed_metadata: str | None = field(STRING, "0+", default="", nullable="0+")
    """Text that the client stores with the offset."""


class OffsetCommitRequestTopic(Struct):
    """`topics` of `OffsetCommitRequest`."""

    name: str = field(STRING, "0-9", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[OffsetCommitRequestPartition] = field(
        array(OffsetCommitRequestPartition), "0+", factory=list
    )
    """Partition by partition."""


class OffsetCommitRequest(
    Request, api_key=ApiKey.OFFSET_COMMIT, versions="2-10", flexible="8+", latest_unstable=True
):
    """Asks to store the offsets that a group has consumed."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    generation_id_or_member_epoch: int = field(INT32, "1+", default=-1, ignorable=True)
    """The group's generation, or the member's epoch in the new protocol; -1 for a client that is no member."""
    member_id: str = field(STRING, "1+", default="", ignorable=True)
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "7+", default=None, nullable="7+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    retention_time_ms: int = field(INT64, "2-4", default=-1, ignorable=True)
    """How long to keep the offsets; -1 for the broker's setting."""
    topics: list[OffsetCommitRequestTopic] = field(array(OffsetCommitRequestTopic), "0+", factory=list)
    """Topic by topic."""


class OffsetCommitResponsePartition(Struct):
    """`partitions` of `OffsetCommitResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class OffsetCommitResponseTopic(Struct):
    """`topics` of `OffsetCommitResponse`."""

    name: str = field(STRING, "0-9", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[OffsetCommitResponsePartition] = field(
        array(OffsetCommitResponsePartition), "0+", factory=list
    )
    """Partition by partition."""


class OffsetCommitResponse(Response, api_key=ApiKey.OFFSET_COMMIT, versions="2-10", flexible="8+"):
    """Answers `OffsetCommitRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[OffsetCommitResponseTopic] = field(array(OffsetCommitResponseTopic), "0+", factory=list)
    """Topic by topic."""
