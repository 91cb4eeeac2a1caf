"""The transactional ids in a coordinator's memory: what each has, and whether a change of that is under way.

One change at a time. While its record is on the way to the log, or markers are on their way to partitions, `pending` names the
state it leads to, and whoever asks is told CONCURRENT_TRANSACTIONS. Nothing holds before its record is committed.
"""

from collections.abc import Callable
from typing import Final

from ottla.coordination.append_errors import answer_for
from ottla.coordination.results import CoordinatorResult, Replies, Reply
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.transactions.metadata import NO_PRODUCER_EPOCH, TransactionMetadata
from ottla.transactions.outcome import Outcome
from ottla.transactions.records import transaction_record
from ottla.transactions.states import PREPARED_STATES, TransactionState


class Transaction:
    """One transactional id."""

    __slots__ = ("metadata", "pending", "transactional_id")

    def __init__(self, transactional_id: str, metadata: TransactionMetadata) -> None:
        self.transactional_id = transactional_id
        self.metadata = metadata
        """What holds: as in the log, but for partitions that have their marker already."""
        self.pending: TransactionState | None = None

    def __repr__(self) -> str:
        return f"<Transaction {self.transactional_id} {self.metadata}, pending {self.pending}>"


class Transactions:
    """All transactional ids of one coordinator, and how what they have changes."""

    def __init__(self, replies: Replies, transaction_version: Callable[[], int]) -> None:
        """`transaction_version`: the level of the cluster's feature now."""
        self.by_id: dict[str, Transaction] = {}
        self.open: dict[str, Transaction] = {}
        """Those in state Ongoing, which may time out."""
        self.transaction_version = transaction_version
        self.on_prepared: Callable[[Transaction, int], None] = _nobody
        """Called with a transaction that is decided, and now_ms."""
        self._replies = replies

    def find(self, transactional_id: str) -> Transaction:
        """Raises `KafkaError` INVALID_PRODUCER_ID_MAPPING."""
        transaction = self.by_id.get(transactional_id)
        if transaction is None:
            raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        return transaction

    def change(
        self, transaction: Transaction, following: TransactionMetadata, done: Outcome
    ) -> CoordinatorResult[Outcome]:
        """The record of what is to hold next; `done` is answered once it does."""
        reply: Reply[Outcome] = Reply(self._replies)
        transaction.pending = following.state

        def committed(now_ms: int) -> None:
            self.hold(transaction, following)
            reply.complete(done)
            if following.state in PREPARED_STATES:
                self.on_prepared(transaction, now_ms)

        def failed(error: ErrorCode, now_ms: int) -> None:
            del now_ms
            transaction.pending = None
            if transaction.metadata.producer_epoch == NO_PRODUCER_EPOCH:
                self.by_id.pop(transaction.transactional_id, None)
            reply.complete(Outcome(answer_for(error)))

        return self.result(reply, transaction, following, committed, failed)

    def fence(self, transaction: Transaction, now_ms: int) -> CoordinatorResult[Outcome]:
        """Abort the open transaction under an epoch that its producer has not got."""
        following = transaction.metadata.fenced(self.transaction_version(), now_ms)
        return self.change(transaction, following, Outcome(ErrorCode.CONCURRENT_TRANSACTIONS))

    def result(
        self,
        reply: Reply[Outcome],
        transaction: Transaction,
        following: TransactionMetadata,
        on_committed: Callable[[int], None],
        on_failed: Callable[[ErrorCode, int], None],
    ) -> CoordinatorResult[Outcome]:
        record = transaction_record(transaction.transactional_id, following, self.transaction_version())
        return CoordinatorResult(reply, [record], on_committed=on_committed, on_failed=on_failed)

    def answered(self, outcome: Outcome) -> Reply[Outcome]:
        reply: Reply[Outcome] = Reply(self._replies)
        reply.complete(outcome)
        return reply

    def hold(self, transaction: Transaction, metadata: TransactionMetadata) -> None:
        """The metadata's record is committed: it holds."""
        transaction.metadata = metadata
        transaction.pending = None
        if metadata.state is _ONGOING:
            self.open[transaction.transactional_id] = transaction
        else:
            self.open.pop(transaction.transactional_id, None)

    def clear(self) -> None:
        self.by_id.clear()
        self.open.clear()


_ONGOING: Final = TransactionState.ONGOING


def _nobody(_transaction: Transaction, _now_ms: int) -> None:
    """Until someone wants to hear of decided transactions."""
