"""The transaction coordinator of one partition of `__transaction_state`.

    request ─▶ next metadata ─▶ record ─▶ committed: it holds, the reply is given
                                             └─ decided (PrepareCommit, PrepareAbort) ─▶ markers ─▶ every partition has its own
                                                                         ─▶ record ─▶ committed: CompleteCommit, CompleteAbort

One change of a transactional id at a time: what comes meanwhile is answered CONCURRENT_TRANSACTIONS. Nothing holds before its
record is committed, so an append that failed leaves all as it was, and one that timed out keeps the transactional id busy
until it is known what became of it.

What is to be done besides answering a request leaves by `next_result` (records) and `next_markers`; the service asks for both
at the end of each call.

Apache: kafka.coordinator.transaction.TransactionCoordinator, TransactionStateManager.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ottla.coordination.append_errors import answer_for
from ottla.coordination.coordinator import PartitionCoordinator
from ottla.coordination.results import NO_PRODUCER_ID, CoordinatorResult, Replies
from ottla.coordination.states import CoordinatorState
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError, UnsupportedVersionError
from ottla.protocol.messages.describe_transactions import TransactionState as DescribedTransaction
from ottla.protocol.types import TopicPartition
from ottla.transactions import ending, initializing
from ottla.transactions.completing import Completions
from ottla.transactions.description import described
from ottla.transactions.ending import EndOfTransaction
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.metadata import TransactionMetadata
from ottla.transactions.outcome import Outcome
from ottla.transactions.records import parse_key, parse_value
from ottla.transactions.settings import TransactionSettings
from ottla.transactions.states import PREPARED_STATES, TransactionState
from ottla.transactions.transaction import Transaction, Transactions
from ottla.transactions.upkeep import Upkeep

_log = logging.getLogger(__name__)

_TOPIC: Final = "__transaction_state"


class TransactionCoordinator(PartitionCoordinator):
    """The transactional ids that hash to one partition."""

    def __init__(
        self,
        partition: int,
        epoch: int,
        settings: TransactionSettings,
        new_producer_id: Callable[[], int],
        transaction_version: Callable[[], int],
        replies: Replies,
    ) -> None:
        """`epoch`: the partition's leader epoch. `new_producer_id` raises `KafkaError` when there is none at hand.
        `transaction_version`: the level of the cluster's feature now."""
        super().__init__(partition, _TOPIC, replies)
        self.transactions = Transactions(replies, transaction_version)
        self._new_producer_id = new_producer_id
        self._results: deque[CoordinatorResult[Outcome]] = deque()
        """To be appended. Bounded: one for each transactional id at most."""
        self.completions = Completions(epoch, self.transactions, self._timers, self._results)
        self._upkeep = Upkeep(settings, self.transactions, self._timers, self._results)
        self._keep(_NothingToApply())

    # Becoming and ceasing to be the coordinator.

    def replay(self, offset: int, key: bytes, value: bytes | None, producer_id: int = NO_PRODUCER_ID) -> None:
        del producer_id
        try:
            transactional_id = parse_key(key)
            if transactional_id is None:
                _log.warning("%s-%d: unknown type of record at offset %d", _TOPIC, self.partition, offset)
            elif value is None:
                self.transactions.by_id.pop(transactional_id, None)
            else:
                loaded = Transaction(transactional_id, parse_value(value))
                self.transactions.by_id[transactional_id] = loaded
        except UnsupportedVersionError as error:
            raise ProtocolError(f"the record at offset {offset} is of a later Kafka: {error}") from error

    def _begin(self, now_ms: int) -> Sequence[CoordinatorResult[None]]:
        prepared = []
        for transaction in self.transactions.by_id.values():
            if transaction.metadata.state is TransactionState.ONGOING:
                self.transactions.open[transaction.transactional_id] = transaction
            elif transaction.metadata.state in PREPARED_STATES:
                prepared.append(transaction)
        self.completions.resume(prepared, now_ms)
        self._upkeep.begin(self.partition, now_ms)
        return ()

    def _forget(self) -> None:
        self.transactions.clear()
        self.completions.clear()
        self._upkeep.clear()
        self._results.clear()

    def append_timed_out(self, result: CoordinatorResult[object], now_ms: int) -> None:
        """Only the waiting request is answered: the change is under way until it is known what became of it."""
        del now_ms
        result.reply.complete(Outcome(answer_for(ErrorCode.REQUEST_TIMED_OUT)))

    # Requests. A refused one raises KafkaError.

    def init_producer_id(
        self, transactional_id: str, timeout_ms: int, expected: ProducerIdAndEpoch | None, now_ms: int
    ) -> CoordinatorResult[Outcome]:
        """The producer's id and epoch. An open transaction is aborted, and the client told to ask again."""
        self._check_can_write()
        transaction = self.transactions.by_id.get(transactional_id)
        if transaction is None:
            metadata = TransactionMetadata(
                self._new_producer_id(), timeout_ms=timeout_ms, last_update_ms=now_ms
            )
            transaction = self.transactions.by_id[transactional_id] = Transaction(transactional_id, metadata)
        following = initializing.next_metadata(
            transaction, timeout_ms, expected, self._new_producer_id, now_ms
        )
        if following is None:
            return self._submit(self.transactions.fence(transaction, now_ms))
        return self._change(transaction, following, following)

    def add_partitions(
        self,
        transactional_id: str,
        producer: ProducerIdAndEpoch,
        partitions: frozenset[TopicPartition],
        client_transaction_version: int,
        now_ms: int,
    ) -> CoordinatorResult[Outcome]:
        """Make partitions part of the producer's transaction, which begins by that if none is open."""
        self._check_can_write()
        transaction = self.transactions.find(transactional_id)
        if transaction.pending is not None:
            raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
        metadata = transaction.metadata
        _check_producer(metadata, producer)
        if metadata.state is TransactionState.ONGOING and partitions <= metadata.partitions:
            return self._unchanged(metadata)
        following = metadata.with_partitions(partitions, client_transaction_version, now_ms)
        return self._change(transaction, following, following)

    def verify_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """Whether partitions are part of the producer's transaction: NONE, or TRANSACTION_ABORTABLE."""
        self._check_active()
        metadata = self.transactions.find(transactional_id).metadata
        _check_producer(metadata, producer)
        return {
            each: ErrorCode.NONE if each in metadata.partitions else ErrorCode.TRANSACTION_ABORTABLE
            for each in partitions
        }

    def end_transaction(
        self, transactional_id: str, end: EndOfTransaction, now_ms: int
    ) -> CoordinatorResult[Outcome]:
        """Decide the producer's transaction. The outcome holds the id and epoch for the producer's next one, and comes
        before the markers are written."""
        self._check_can_write()
        transaction = self.transactions.find(transactional_id)
        following = ending.next_metadata(transaction, end, self._new_producer_id, now_ms)
        if following is None:
            return self._unchanged(transaction.metadata)
        return self._change(transaction, following, following.completed(now_ms))

    def describe(self, transactional_id: str) -> DescribedTransaction:
        """What the tools show of it. Raises `KafkaError` TRANSACTIONAL_ID_NOT_FOUND."""
        self._check_active()
        return described(self.transactions, transactional_id)

    def _change(
        self, transaction: Transaction, following: TransactionMetadata, told: TransactionMetadata
    ) -> CoordinatorResult[Outcome]:
        done = Outcome(ErrorCode.NONE, told.producer_id, told.producer_epoch)
        return self._submit(self.transactions.change(transaction, following, done))

    def _unchanged(self, metadata: TransactionMetadata) -> CoordinatorResult[Outcome]:
        outcome = Outcome(ErrorCode.NONE, metadata.producer_id, metadata.producer_epoch)
        return CoordinatorResult(self.transactions.answered(outcome))

    # What is to be done besides.

    def next_result(self) -> CoordinatorResult[Outcome] | None:
        """Records to append that no request waits for: append them before asking for the next."""
        return self._submit(self._results.popleft()) if self._results else None

    def next_markers(self) -> TransactionMarkers | None:
        """Markers to write; `markers_answered` is to be called for each of their partitions."""
        return self.completions.next_markers()

    def markers_answered(
        self, markers: TransactionMarkers, answers: Mapping[TopicPartition, ErrorCode], now_ms: int
    ) -> None:
        """What some or all of the partitions have answered. One that exists no more counts as written: NONE."""
        if self.state is CoordinatorState.ACTIVE:
            self.completions.markers_answered(markers, answers, now_ms)


class _NothingToApply:
    """Nothing holds before it is committed: there is nothing to apply, and nothing to take back."""

    def apply(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""

    def commit(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""

    def revert(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""


def _check_producer(metadata: TransactionMetadata, producer: ProducerIdAndEpoch) -> None:
    """Whether the producer owns the transactional id, and its transaction is not decided yet."""
    if metadata.producer_id != producer.producer_id:
        raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if metadata.producer_epoch != producer.producer_epoch:
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if metadata.state in PREPARED_STATES:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
