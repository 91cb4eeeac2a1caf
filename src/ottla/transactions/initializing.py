"""InitProducerId: what a producer that names its transactional id gets.

A new instance gets the next epoch, and the one before it is fenced by that. An instance that lives on says what it has
(KIP-360) and gets the next epoch only if nobody came in between. An open transaction is aborted first; the client asks again.

Apache: TransactionCoordinator#prepareInitProducerIdTransit.
"""

from collections.abc import Callable
from typing import NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.transactions.metadata import NO_PRODUCER_EPOCH, TransactionMetadata, is_epoch_exhausted
from ottla.transactions.states import TransactionState
from ottla.transactions.transaction import Transaction


class ProducerIdAndEpoch(NamedTuple):
    """What a producer takes itself for."""

    producer_id: int
    producer_epoch: int


def next_metadata(
    transaction: Transaction,
    timeout_ms: int,
    expected: ProducerIdAndEpoch | None,
    new_producer_id: Callable[[], int],
    now_ms: int,
) -> TransactionMetadata | None:
    """What the transactional id is to have; None: its open transaction has to be aborted first.

    Raises `KafkaError` CONCURRENT_TRANSACTIONS, PRODUCER_FENCED, and what `new_producer_id` raises.
    """
    metadata = transaction.metadata
    if transaction.pending is not None:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if expected is not None and not _is_known(expected, metadata):
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if metadata.state is TransactionState.ONGOING:
        return None
    if not metadata.is_idle:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if not is_epoch_exhausted(metadata.producer_epoch):
        expected_epoch = None if expected is None else expected.producer_epoch
        return metadata.with_incremented_epoch(timeout_ms, expected_epoch, now_ms)
    if expected is not None and expected.producer_epoch != metadata.producer_epoch:
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    return metadata.with_new_producer_id(
        new_producer_id(), timeout_ms, now_ms, keep_last_epoch=expected is not None
    )


def _is_known(expected: ProducerIdAndEpoch, metadata: TransactionMetadata) -> bool:
    """Whether the producer may be the one that was here last. Its epoch is looked at later.

    With no epoch yet the transactional id was just made: the producer's own had expired. With the previous id and an epoch at its
    end, the answer that gave the new id may have been lost.
    """
    return (
        metadata.producer_epoch == NO_PRODUCER_EPOCH
        or expected.producer_id == metadata.producer_id
        or (
            expected.producer_id == metadata.previous_producer_id
            and is_epoch_exhausted(expected.producer_epoch)
        )
    )
