"""ListTransactions and DescribeTransactions: what the tools see.

Apache: TransactionStateManager#listTransactionStates, TransactionCoordinator#handleDescribeTransactions.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import describe_transactions, list_transactions
from ottla.transactions.records import by_topic
from ottla.transactions.states import STATES_BY_NAME, TransactionState
from ottla.transactions.transaction import Transaction, Transactions

NO_DURATION = -1

LOOKED_AT_AT_ONCE: Final = 64
"""Transactional ids from one piece of a list to the next: a regular expression may take microseconds for each."""


class Wanted(NamedTuple):
    """Which transactional ids are to be listed; an empty filter lets all through."""

    producer_ids: frozenset[int] = frozenset()
    states: frozenset[str] = frozenset()
    longer_than_ms: int = NO_DURATION
    """Only transactions that began longer ago; -1: all."""
    matches: Callable[[str], bool] | None = None
    """Whether a transactional id is wanted."""

    @property
    def unknown_states(self) -> list[str]:
        return sorted(self.states - STATES_BY_NAME.keys())


def listed(
    transactions: Transactions, wanted: Wanted, now_ms: int
) -> Iterator[Sequence[list_transactions.TransactionState]]:
    """Piece by piece, of those that were there at the first: what is found among a few ids, which may be nothing."""
    states = {STATES_BY_NAME[name] for name in wanted.states if name in STATES_BY_NAME}
    everyone = list(transactions.by_id.values())
    for start in range(0, len(everyone), LOOKED_AT_AT_ONCE):
        yield [
            list_transactions.TransactionState(
                transactional_id=each.transactional_id,
                producer_id=each.metadata.producer_id,
                transaction_state=each.metadata.state.state_name,
            )
            for each in everyone[start : start + LOOKED_AT_AT_ONCE]
            if _is_wanted(each, wanted, states, now_ms)
        ]


def _is_wanted(
    transaction: Transaction, wanted: Wanted, states: Container[TransactionState], now_ms: int
) -> bool:
    metadata = transaction.metadata
    if wanted.producer_ids and metadata.producer_id not in wanted.producer_ids:
        return False
    if wanted.states and metadata.state not in states:
        return False
    if wanted.longer_than_ms >= 0 and now_ms - metadata.start_ms <= wanted.longer_than_ms:
        return False
    return wanted.matches is None or wanted.matches(transaction.transactional_id)


def described(transactions: Transactions, transactional_id: str) -> describe_transactions.TransactionState:
    """Raises `KafkaError` TRANSACTIONAL_ID_NOT_FOUND."""
    transaction = transactions.by_id.get(transactional_id)
    if transaction is None or transaction.metadata.state is TransactionState.DEAD:
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
    metadata = transaction.metadata
    return describe_transactions.TransactionState(
        transactional_id=transactional_id,
        transaction_state=metadata.state.state_name,
        transaction_timeout_ms=metadata.timeout_ms,
        transaction_start_time_ms=metadata.start_ms,
        producer_id=metadata.producer_id,
        producer_epoch=metadata.producer_epoch,
        topics=[
            describe_transactions.TopicData(topic=topic, partitions=partitions)
            for topic, partitions in by_topic(metadata.partitions).items()
        ],
    )
