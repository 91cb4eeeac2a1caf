"""The records of `__transaction_state`.

    key    int16 type = 0 │ transactional id
    value  int16 version │ fields of TransactionLogValue; no value (a tombstone): the transactional id has expired

Version 0 where the cluster's transaction version is 0, else version 1 with tagged fields. The producer id before and the one
after go into these, although Apache 4.1.1 reads and never writes them: a coordinator that dies between the decision of
a transaction and its completion could otherwise not know what it has answered.

Apache: kafka.coordinator.transaction.TransactionLog.
"""

from functools import lru_cache
from typing import Final

from ottla.coordination.results import CoordinatorRecord
from ottla.protocol.codec import decode, decode_versioned, encode_versioned
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.transaction_log_record import (
    PartitionsSchema,
    TransactionLogKey,
    TransactionLogValue,
)
from ottla.protocol.types import TopicPartition
from ottla.transactions.metadata import TransactionMetadata
from ottla.transactions.settings import TRANSACTION_VERSION_1
from ottla.transactions.states import TransactionState

_TRANSACTION_LOG: Final = 0
"""The one type of record there is."""

_KEYS_REMEMBERED: Final = 10_000
"""Each transaction writes three records under the same key."""

_NO_PARTITIONS: Final[frozenset[TopicPartition]] = frozenset()


def transaction_record(
    transactional_id: str, metadata: TransactionMetadata, transaction_version: int
) -> CoordinatorRecord:
    """The record that says what a transactional id has. `transaction_version`: the cluster's."""
    partitions = None
    if metadata.state is not TransactionState.EMPTY:
        partitions = [
            PartitionsSchema(topic=topic, partition_ids=numbers)
            for topic, numbers in by_topic(metadata.partitions).items()
        ]
    value = TransactionLogValue(
        producer_id=metadata.producer_id,
        producer_epoch=metadata.producer_epoch,
        transaction_timeout_ms=metadata.timeout_ms,
        transaction_status=metadata.state,
        transaction_partitions=partitions,
        transaction_last_update_timestamp_ms=metadata.last_update_ms,
        transaction_start_timestamp_ms=metadata.start_ms,
    )
    version = 0
    if transaction_version >= TRANSACTION_VERSION_1:
        version = 1
        value.previous_producer_id = metadata.previous_producer_id
        value.next_producer_id = metadata.next_producer_id
        value.client_transaction_version = metadata.client_transaction_version
    return CoordinatorRecord(_key(transactional_id), encode_versioned(value, version))


def transaction_tombstone(transactional_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_key(transactional_id), None)


def parse_key(key: bytes) -> str | None:
    """The transactional id a record is of; None for a record of another type, which is passed over. Raises ProtocolError."""
    if len(key) < 2:
        raise ProtocolError(f"a coordinator's key begins with two bytes of type, found {len(key)}")
    if int.from_bytes(key[:2], "big", signed=True) != _TRANSACTION_LOG:
        return None
    return decode(TransactionLogKey, 0, memoryview(key)[2:]).transactional_id


def parse_value(value: bytes) -> TransactionMetadata:
    """What the transactional id has. Raises ProtocolError, and UnsupportedVersionError for the record of a later Kafka."""
    parsed = decode_versioned(TransactionLogValue, value)
    try:
        state = TransactionState(parsed.transaction_status)
    except ValueError:
        raise ProtocolError(f"there is no transaction state {parsed.transaction_status}") from None
    partitions = _NO_PARTITIONS
    if state is not TransactionState.EMPTY:
        partitions = frozenset(
            TopicPartition(each.topic, number)
            for each in parsed.transaction_partitions or ()
            for number in each.partition_ids
        )
    return TransactionMetadata(
        producer_id=parsed.producer_id,
        previous_producer_id=parsed.previous_producer_id,
        next_producer_id=parsed.next_producer_id,
        producer_epoch=parsed.producer_epoch,
        timeout_ms=parsed.transaction_timeout_ms,
        state=state,
        partitions=partitions,
        start_ms=parsed.transaction_start_timestamp_ms,
        last_update_ms=parsed.transaction_last_update_timestamp_ms,
        client_transaction_version=parsed.client_transaction_version,
    )


def by_topic(partitions: frozenset[TopicPartition]) -> dict[str, list[int]]:
    """Partition numbers by topic, in order."""
    topics: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        topics.setdefault(topic, []).append(partition)
    return topics


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _key(transactional_id: str) -> bytes:
    return encode_versioned(TransactionLogKey(transactional_id=transactional_id))
