"""From a decided transaction to a complete one: a marker in each of its partitions, then the record that says so.

The markers to write leave by `next_markers`, in the order of the decisions; what the partitions answered comes back by
`markers_answered`. What could not be written is tried again a little later, as long as this coordinator is in charge:
a decision is never taken back. A second marker in the same partition ends nothing, so after a restart all are written anew.

Apache: kafka.coordinator.transaction.TransactionMarkerChannelManager, TransactionMarkerRequestCompletionHandler.
"""

import logging
from collections import deque
from collections.abc import Mapping
from typing import Final

from ottla.coordination.coordinator import CoordinatorTimers
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import TopicPartition
from ottla.transactions.markers import TransactionMarkers, judge
from ottla.transactions.outcome import Outcome
from ottla.transactions.states import PREPARED_STATES, TransactionState
from ottla.transactions.transaction import Transaction, Transactions

_log = logging.getLogger(__name__)

RETRY_BACKOFF_MS: Final = 100
"""Until markers that could not be written, or a completion that could not be recorded, are tried again."""
MAX_RESUMED_AT_ONCE: Final = 50
"""Transactions that a loaded coordinator completes before other work is let in."""

_RESUME: Final = "resume"


class Completions:
    """The decided transactions of one coordinator. Each has at most one entry per partition in the queues."""

    def __init__(
        self,
        epoch: int,
        transactions: Transactions,
        timers: CoordinatorTimers,
        results: deque[CoordinatorResult[Outcome]],
    ) -> None:
        """`epoch`: the coordinator's. `results`: where records go that no request waits for."""
        self._epoch = epoch
        self._transactions = transactions
        self._timers = timers
        self._results = results
        self._markers: deque[TransactionMarkers] = deque()
        self._resumed: deque[Transaction] = deque()
        self.markers_to_retry = 0
        """Partitions whose marker could not be written yet."""
        self.completions_to_retry = 0
        """Transactions that could not be recorded as complete yet."""
        transactions.on_prepared = self.begin

    def begin(self, transaction: Transaction, now_ms: int) -> None:
        """A transaction is decided: have its markers written."""
        metadata = transaction.metadata
        transaction.pending = metadata.completed(now_ms).state
        self._write(transaction, metadata.partitions, now_ms)

    def resume(self, prepared: list[Transaction], now_ms: int) -> None:
        """These were decided when the coordinator before this one went."""
        for transaction in prepared:
            transaction.pending = transaction.metadata.completed(now_ms).state
        self._resumed.extend(prepared)
        self._resume(now_ms)

    def _resume(self, now_ms: int) -> list[CoordinatorRecord]:
        for _ in range(min(len(self._resumed), MAX_RESUMED_AT_ONCE)):
            transaction = self._resumed.popleft()
            self._write(transaction, transaction.metadata.partitions, now_ms)
        if self._resumed:
            self._timers.schedule(_RESUME, now_ms + 1, self._resume)
        return []

    def next_markers(self) -> TransactionMarkers | None:
        return self._markers.popleft() if self._markers else None

    def clear(self) -> None:
        self._markers.clear()
        self._resumed.clear()
        self.markers_to_retry = self.completions_to_retry = 0

    # Markers.

    def _write(self, transaction: Transaction, partitions: frozenset[TopicPartition], now_ms: int) -> None:
        metadata = transaction.metadata
        if not metadata.partitions:
            self._complete(transaction, now_ms)
        elif partitions:
            self._markers.append(
                TransactionMarkers(
                    transaction.transactional_id,
                    metadata.producer_id,
                    metadata.producer_epoch,
                    self._epoch,
                    metadata.state is TransactionState.PREPARE_COMMIT,
                    partitions,
                )
            )

    def markers_answered(
        self, markers: TransactionMarkers, answers: Mapping[TopicPartition, ErrorCode], now_ms: int
    ) -> None:
        """What some or all of the partitions have answered. One that exists no more counts as written: NONE."""
        transaction = self._transactions.by_id.get(markers.transactional_id)
        if transaction is None or not self._is_current(transaction, markers):
            return
        outcome = judge(answers)
        had = transaction.metadata.partitions
        transaction.metadata = transaction.metadata.without(outcome.written)
        if outcome.fenced:
            # Whoever fenced it has decided what becomes of the transaction there. Apache waits as well, until another
            # coordinator takes over.
            _log.error(
                "%s: the markers of producer %d, epoch %d, are refused for good: %s",
                markers.transactional_id,
                markers.producer_id,
                markers.producer_epoch,
                ", ".join(f"{each.topic}-{each.partition} {answers[each].name}" for each in outcome.fenced),
            )
        if outcome.retried:
            self._retry(transaction, markers, outcome.retried, now_ms)
        if had and not transaction.metadata.partitions:
            self._complete(transaction, now_ms)

    def _is_current(self, transaction: Transaction, markers: TransactionMarkers) -> bool:
        metadata = transaction.metadata
        return (
            markers.coordinator_epoch == self._epoch
            and metadata.state in PREPARED_STATES
            and metadata.producer_id == markers.producer_id
            and metadata.producer_epoch == markers.producer_epoch
        )

    def _retry(
        self,
        transaction: Transaction,
        markers: TransactionMarkers,
        partitions: frozenset[TopicPartition],
        now_ms: int,
    ) -> None:
        def retry(then_ms: int) -> list[CoordinatorRecord]:
            self.markers_to_retry -= len(partitions)
            if self._is_current(transaction, markers):
                self._write(transaction, partitions & transaction.metadata.partitions, then_ms)
            return []

        key = ("markers", transaction.transactional_id, partitions)
        if key not in self._timers:
            self.markers_to_retry += len(partitions)
        self._timers.schedule(key, now_ms + RETRY_BACKOFF_MS, retry)

    # The record at the end.

    def _complete(self, transaction: Transaction, now_ms: int) -> None:
        completed = transaction.metadata.completed(now_ms)

        def retry(then_ms: int) -> list[CoordinatorRecord]:
            self.completions_to_retry -= 1
            self._complete(transaction, then_ms)
            return []

        def failed(error: ErrorCode, then_ms: int) -> None:
            _log.info("%s is not marked complete yet: %s", transaction.transactional_id, error.name)
            key = ("completion", transaction.transactional_id)
            self.completions_to_retry += 1
            self._timers.schedule(key, then_ms + RETRY_BACKOFF_MS, retry)

        self._results.append(
            self._transactions.result(
                self._transactions.answered(Outcome(ErrorCode.NONE)),
                transaction,
                completed,
                lambda _: self._transactions.hold(transaction, completed),
                failed,
            )
        )
