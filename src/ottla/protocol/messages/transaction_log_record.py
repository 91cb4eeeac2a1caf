"""TransactionLog: a transactional id with its producer and the state of its transaction, as a coordinator records it."""

from ottla.protocol.declare import (
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    RecordKey,
    RecordValue,
    Struct,
    array,
    field,
)


class TransactionLogKey(RecordKey, record_type=0, versions="0", flexible="none"):
    """Says whose record it is."""

    transactional_id: str = field(STRING, "0", default="")


class PartitionsSchema(Struct):
    """`transaction_partitions` of `TransactionLogValue`."""

    topic: str = field(STRING, "0+", default="")
    partition_ids: list[int] = field(array(INT32), "0+", factory=list)


class TransactionLogValue(RecordValue, record_type=0, versions="0-1", flexible="1+"):
    """A transactional id with its producer and the state of its transaction. No value (a tombstone) means that it is gone."""

    producer_id: int = field(INT64, "0+", default=0)
    previous_producer_id: int = field(INT64, "1+", default=-1, tag=0, tagged="1+")
    next_producer_id: int = field(INT64, "1+", default=-1, tag=1, tagged="1+")
    producer_epoch: int = field(INT16, "0+", default=0)
    next_producer_epoch: int = field(INT16, "1+", default=-1, tag=3, tagged="1+")
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    transaction_status: int = field(INT8, "0+", default=0)
    transaction_partitions: list[PartitionsSchema] | None = field(
        array(PartitionsSchema), "0+", factory=list, nullable="0+"
    )
    transaction_last_update_timestamp_ms: int = field(INT64, "0+", default=0)
    transaction_start_timestamp_ms: int = field(INT64, "0+", default=0)
    client_transaction_version: int = field(INT16, "1+", default=0, tag=2, tagged="1+")
