"""TxnOffsetCommit (API key 28): store offsets that count once the transaction is committed."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class TxnOffsetCommitRequestPartition(Struct):
    """`partitions` of `TxnOffsetCommitRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    committed_offset: int = field(INT64, "0+", default=0)
    """The offset to be read next."""
    committed_leader_epoch: int = field(INT32, "2+", default=-1, ignorable=True)
    """The leader epoch of the last record read; -1 for none."""
    committed_metadata: str | None = field(STRING, "0+", default="", nullable="0+")
    """Text that the client stores with the offset."""


class TxnOffsetCommitRequestTopic(Struct):
    """`topics` of `TxnOffsetCommitRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[TxnOffsetCommitRequestPartition] = field(
        array(TxnOffsetCommitRequestPartition), "0+", factory=list
    )
    """Partition by partition."""


class TxnOffsetCommitRequest(Request, api_key=ApiKey.TXN_OFFSET_COMMIT, versions="0-5", flexible="3+"):
    """Asks to store offsets that count once the transaction is committed."""

    transactional_id: str = field(STRING, "0+", default="")
    """The transactional id."""
    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    generation_id: int = field(INT32, "3+", default=-1)
    """The group's generation; -1 for none."""
    member_id: str = field(STRING, "3+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    topics: list[TxnOffsetCommitRequestTopic] = field(array(TxnOffsetCommitRequestTopic), "0+", factory=list)
    """Topic by topic."""


class TxnOffsetCommitResponsePartition(Struct):
    """`partitions` of `TxnOffsetCommitResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class TxnOffsetCommitResponseTopic(Struct):
    """`topics` of `TxnOffsetCommitResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[TxnOffsetCommitResponsePartition] = field(
        array(TxnOffsetCommitResponsePartition), "0+", factory=list
    )
    """Partition by partition."""


class TxnOffsetCommitResponse(Response, api_key=ApiKey.TXN_OFFSET_COMMIT, versions="0-5", flexible="3+"):
    """Answers `TxnOffsetCommitRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[TxnOffsetCommitResponseTopic] = field(
        array(TxnOffsetCommitResponseTopic), "0+", factory=list
    )
    """Topic by topic."""
