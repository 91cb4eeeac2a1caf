"""What the coordinator does by the clock: aborts transactions that last too long, forgets transactional ids long unused.

Both look at all there is from time to time, as Apache does, so many at once that nobody waits for it.

Apache: TransactionCoordinator#abortTimedOutTransactions, TransactionStateManager#removeExpiredTransactionalIds.
"""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from ottla.coordination.coordinator import CoordinatorTimers
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult
from ottla.protocol.errors import ErrorCode
from ottla.transactions.metadata import NO_TIMEOUT_MS
from ottla.transactions.outcome import Outcome
from ottla.transactions.records import transaction_tombstone
from ottla.transactions.settings import TransactionSettings
from ottla.transactions.states import TransactionState
from ottla.transactions.transaction import Transaction, Transactions

_log = logging.getLogger(__name__)

MAX_ABORTED_AT_ONCE: Final = 50
"""Each costs two records and its markers: some milliseconds in all."""
MAX_IDS_LOOKED_AT_AT_ONCE: Final = 5_000
"""Transactional ids looked at for expiration before other work is let in: a few milliseconds."""
STAGGER_MS: Final = 20
"""By how much later each partition's first check is than that of the partition before: all are loaded together at a start."""

_ABORT, _EXPIRE = "abort timed out transactions", "expire transactional ids"


class Upkeep:
    """The periodic work of one coordinator."""

    def __init__(
        self,
        settings: TransactionSettings,
        transactions: Transactions,
        timers: CoordinatorTimers,
        results: deque[CoordinatorResult[Outcome]],
    ) -> None:
        """`results`: where records go that no request waits for."""
        self._settings = settings
        self._transactions = transactions
        self._timers = timers
        self._results = results
        self._unseen: list[str] = []
        """What is left to be looked at in this round of expiration."""

    def begin(self, partition: int, now_ms: int) -> None:
        staggered_ms = now_ms + partition * STAGGER_MS
        self._schedule_abort(staggered_ms)
        self._schedule_expiration(staggered_ms)

    def clear(self) -> None:
        self._unseen.clear()

    # Transactions that last too long.

    def _schedule_abort(self, now_ms: int) -> None:
        interval_ms = self._settings.abort_timed_out_transaction_cleanup_interval_ms
        self._timers.schedule(_ABORT, now_ms + interval_ms, self._abort)

    def _abort(self, now_ms: int) -> Sequence[CoordinatorRecord]:
        overdue = [each for each in self._transactions.open.values() if _is_overdue(each, now_ms)]
        for transaction in overdue[:MAX_ABORTED_AT_ONCE]:
            _log.info(
                "Aborting the transaction of %s: open for %d ms, its timeout is %d ms",
                transaction.transactional_id,
                now_ms - transaction.metadata.start_ms,
                transaction.metadata.timeout_ms,
            )
            self._results.append(self._transactions.fence(transaction, now_ms))
        if len(overdue) > MAX_ABORTED_AT_ONCE:
            self._timers.schedule(_ABORT, now_ms + 1, self._abort)
        else:
            self._schedule_abort(now_ms)
        return ()

    # Transactional ids long unused.

    def _schedule_expiration(self, now_ms: int) -> None:
        interval_ms = self._settings.remove_expired_transaction_cleanup_interval_ms
        self._timers.schedule(_EXPIRE, now_ms + interval_ms, self._expire)

    def _expire(self, now_ms: int) -> Sequence[CoordinatorRecord]:
        if not self._unseen:
            self._unseen = list(self._transactions.by_id)
        at_once = self._unseen[-MAX_IDS_LOOKED_AT_AT_ONCE:]
        del self._unseen[-MAX_IDS_LOOKED_AT_AT_ONCE:]
        expired = [
            transaction
            for transactional_id in at_once
            if (transaction := self._transactions.by_id.get(transactional_id)) is not None
            and self._is_expired(transaction, now_ms)
        ]
        if expired:
            self._results.append(self._burial(expired))
        if self._unseen:
            self._timers.schedule(_EXPIRE, now_ms + 1, self._expire)
        else:
            self._schedule_expiration(now_ms)
        return ()

    def _is_expired(self, transaction: Transaction, now_ms: int) -> bool:
        metadata = transaction.metadata
        return (
            transaction.pending is None
            and metadata.is_idle
            and metadata.last_update_ms <= now_ms - self._settings.transactional_id_expiration_ms
        )

    def _burial(self, expired: list[Transaction]) -> CoordinatorResult[Outcome]:
        for transaction in expired:
            transaction.pending = TransactionState.DEAD

        def committed(now_ms: int) -> None:
            del now_ms
            for transaction in expired:
                self._transactions.by_id.pop(transaction.transactional_id, None)

        def failed(error: ErrorCode, now_ms: int) -> None:
            del now_ms
            _log.warning("%d transactional ids could not be expired: %s", len(expired), error.name)
            for transaction in expired:
                transaction.pending = None

        return CoordinatorResult(
            self._transactions.answered(Outcome(ErrorCode.NONE)),
            [transaction_tombstone(transaction.transactional_id) for transaction in expired],
            on_committed=committed,
            on_failed=failed,
            atomic=False,
        )


def _is_overdue(transaction: Transaction, now_ms: int) -> bool:
    metadata = transaction.metadata
    return (
        transaction.pending is None
        and metadata.timeout_ms != NO_TIMEOUT_MS
        and metadata.start_ms + metadata.timeout_ms < now_ms
    )
