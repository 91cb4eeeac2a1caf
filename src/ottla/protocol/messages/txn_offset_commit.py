"""TxnOffsetCommit (API key 28): store offsets that count once the transaction is committed."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class TxnOffsetCommitRequestPartition(Struct):
    """`partitions` of `TxnOffsetCommitRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    committed_offset: int = field(INT64, "0+", default=0)
    committed_leader_epoch: int = field(INT32, "2+", default=-1, ignorable=True)
    committed_metadata: str | None = field(STRING, "0+", default="", nullable="0+")


class TxnOffsetCommitRequestTopic(Struct):
    """`topics` of `TxnOffsetCommitRequest`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[TxnOffsetCommitRequestPartition] = field(
        array(TxnOffsetCommitRequestPartition), "0+", factory=list
    )


class TxnOffsetCommitRequest(Request, api_key=ApiKey.TXN_OFFSET_COMMIT, versions="0-5", flexible="3+"):
    """Asks to store offsets that count once the transaction is committed."""

    transactional_id: str = field(STRING, "0+", default="")
    group_id: str = field(STRING, "0+", default="")
    producer_id: int = field(INT64, "0+", default=0)
    producer_epoch: int = field(INT16, "0+", default=0)
    generation_id: int = field(INT32, "3+", default=-1)
    member_id: str = field(STRING, "3+", default="")
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    topics: list[TxnOffsetCommitRequestTopic] = field(array(TxnOffsetCommitRequestTopic), "0+", factory=list)


class TxnOffsetCommitResponsePartition(Struct):
    """`partitions` of `TxnOffsetCommitResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)


class TxnOffsetCommitResponseTopic(Struct):
    """`topics` of `TxnOffsetCommitResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[TxnOffsetCommitResponsePartition] = field(
        array(TxnOffsetCommitResponsePartition), "0+", factory=list
    )


class TxnOffsetCommitResponse(Response, api_key=ApiKey.TXN_OFFSET_COMMIT, versions="0-5", flexible="3+"):
    """Answers `TxnOffsetCommitRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    topics: list[TxnOffsetCommitResponseTopic] = field(
        array(TxnOffsetCommitResponseTopic), "0+", factory=list
    )
