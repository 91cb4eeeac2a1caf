"""ListTransactions and DescribeTransactions: what the tools see.

Apache: TransactionStateManager#listTransactionStates, TransactionCoordinator#handleDescribeTransactions.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import describe_transactions, list_transactions
from ottla.transactions.records import by_topic
from ottla.transactions.states import STATES_BY_NAME, TransactionState
from ottla.transactions.transaction import Transactions

NO_DURATION = -1


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
) -> Iterator[list_transactions.TransactionState]:
    states = {STATES_BY_NAME[name] for name in wanted.states if name in STATES_BY_NAME}
    for transactional_id, transaction in transactions.by_id.items():
        metadata = transaction.metadata
        if wanted.producer_ids and metadata.producer_id not in wanted.producer_ids:
            continue
        if wanted.states and metadata.state not in states:
            continue
        if wanted.longer_than_ms >= 0 and now_ms - metadata.start_ms <= wanted.longer_than_ms:
            continue
        if wanted.matches is not None and not wanted.matches(transactional_id):
            continue
        yield list_transactions.TransactionState(
            transactional_id=transactional_id,
            producer_id=metadata.producer_id,
            transaction_state=metadata.state.state_name,
        )


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
