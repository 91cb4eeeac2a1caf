"""EndTxn: how a transaction is decided, by the rules of the client's transaction version.

Version 1: the epoch stays; a repeated request is known by the state it has led to.
Version 2 (KIP-890): each transaction has its own epoch. A repeated request comes with the epoch before, or with the last
epoch of the id before; an abort may come where nothing was written, since the client can't know what reached a broker.

Apache: TransactionCoordinator#endTransaction, #endTransactionWithTV1.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.transactions.metadata import (
    MAX_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    TransactionMetadata,
    is_epoch_exhausted,
)
from ottla.transactions.settings import TRANSACTION_VERSION_2
from ottla.transactions.states import PREPARED_STATES, TransactionState
from ottla.transactions.transaction import Transaction

_COMPLETE: Final = {
    TransactionState.COMPLETE_COMMIT: True,
    TransactionState.COMPLETE_ABORT: False,
}
_PREPARED: Final = {
    TransactionState.PREPARE_COMMIT: True,
    TransactionState.PREPARE_ABORT: False,
}


class EndOfTransaction(NamedTuple):
    """What a client asks for."""

    producer_id: int
    producer_epoch: int
    committed: bool
    transaction_version: int

    @property
    def prepared_state(self) -> TransactionState:
        return TransactionState.PREPARE_COMMIT if self.committed else TransactionState.PREPARE_ABORT


def next_metadata(
    transaction: Transaction, end: EndOfTransaction, new_producer_id: Callable[[], int], now_ms: int
) -> TransactionMetadata | None:
    """The decision to write; None: it was decided so and done before, answer with what the transactional id has now.

    Raises `KafkaError` INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE, and what
    `new_producer_id` raises.
    """
    if end.transaction_version >= TRANSACTION_VERSION_2:
        return _next_in_version_2(transaction, end, new_producer_id, now_ms)
    return _next_in_version_1(transaction, end, now_ms)


def _next_in_version_1(
    transaction: Transaction, end: EndOfTransaction, now_ms: int
) -> TransactionMetadata | None:
    metadata = transaction.metadata
    if metadata.producer_id != end.producer_id:
        raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if metadata.producer_epoch != end.producer_epoch:
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if transaction.pending is not None:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if metadata.state is TransactionState.ONGOING:
        return metadata.prepared(end.prepared_state, 0, now_ms)
    if _COMPLETE.get(metadata.state) is end.committed:
        return None
    raise _not_possible(metadata, end)


def _next_in_version_2(
    transaction: Transaction, end: EndOfTransaction, new_producer_id: Callable[[], int], now_ms: int
) -> TransactionMetadata | None:
    metadata = transaction.metadata
    if transaction.pending is not None:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    is_of_previous_id = (
        metadata.previous_producer_id == end.producer_id
        and end.producer_epoch == MAX_PRODUCER_EPOCH - 1
        and metadata.producer_epoch == 0
    )
    is_repeated = is_of_previous_id or metadata.producer_epoch == end.producer_epoch + 1
    if metadata.producer_id != end.producer_id and not is_of_previous_id:
        raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if not _is_valid_epoch(metadata, end, is_repeated=is_repeated):
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if metadata.state in _COMPLETE and is_repeated:
        if _COMPLETE[metadata.state] is end.committed:
            return None
        raise _not_possible(metadata, end)
    may_end = metadata.state is TransactionState.ONGOING or (metadata.is_idle and not end.committed)
    if not may_end:
        raise _not_possible(metadata, end)
    next_producer_id = NO_PRODUCER_ID
    if is_epoch_exhausted(metadata.producer_epoch):
        next_producer_id = new_producer_id()
    return metadata.prepared(
        end.prepared_state, end.transaction_version, now_ms, next_producer_id=next_producer_id
    )


def _is_valid_epoch(metadata: TransactionMetadata, end: EndOfTransaction, *, is_repeated: bool) -> bool:
    if metadata.state in PREPARED_STATES:
        return metadata.producer_epoch == end.producer_epoch + 1
    if metadata.state in _COMPLETE and is_repeated:
        return True
    return metadata.producer_epoch == end.producer_epoch


def _not_possible(metadata: TransactionMetadata, end: EndOfTransaction) -> KafkaError:
    if _PREPARED.get(metadata.state) is end.committed:
        return KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    wish = "commit" if end.committed else "abort"
    return KafkaError(
        ErrorCode.INVALID_TXN_STATE, f"A transaction in state {metadata.state.state_name} can't {wish}."
    )
