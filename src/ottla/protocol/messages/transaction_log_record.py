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
    """The transactional id."""


class PartitionsSchema(Struct):
    """`transaction_partitions` of `TransactionLogValue`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partition_ids: list[int] = field(array(INT32), "0+", factory=list)
    """The partitions' numbers."""


class TransactionLogValue(RecordValue, record_type=0, versions="0-1", flexible="1+"):
    """A transactional id with its producer and the state of its transaction. No value (a tombstone) means that it is gone."""

    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    previous_producer_id: int = field(INT64, "1+", default=-1, tag=0, tagged="1+")
    """The producer's id before this one; -1 for none."""
    next_producer_id: int = field(INT64, "1+", default=-1, tag=1, tagged="1+")
    """The producer's id after this transaction; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    next_producer_epoch: int = field(INT16, "1+", default=-1, tag=3, tagged="1+")
    """The producer's epoch after this transaction; -1 for none."""
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    """How long a transaction may stay open."""
    transaction_status: int = field(INT8, "0+", default=0)
    """The state of the transaction, by its number."""
    transaction_partitions: list[PartitionsSchema] | None = field(
        array(PartitionsSchema), "0+", factory=list, nullable="0+"
    )
    """The partitions in the transaction; null when none is open."""
    transaction_last_update_timestamp_ms: int = field(INT64, "0+", default=0)
    """When it last changed, in ms since 1970."""
    transaction_start_timestamp_ms: int = field(INT64, "0+", default=0)
    """When the transaction began, in ms since 1970; -1 for none."""
    client_transaction_version: int = field(INT16, "1+", default=0, tag=2, tagged="1+")
    """The transaction version of the client."""
