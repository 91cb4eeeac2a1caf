"""What a transactional id has: its producer's id and epoch, and its transaction. And every next value it may take.

A value never changes. Each rule below answers with the next one, which is written to the log first and holds from when it is
committed. `producer_epoch` only rises as long as `producer_id` stays; when it is used up the next id begins with epoch 0.

Apache: kafka.coordinator.transaction.TransactionMetadata; KIP-98, KIP-360 (epoch bumps), KIP-890 (an epoch a transaction).
"""

from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.transactions.settings import TRANSACTION_VERSION_2
from ottla.transactions.states import IDLE_STATES, VALID_PREVIOUS_STATES, TransactionState

NO_PRODUCER_ID: Final = -1
NO_PRODUCER_EPOCH: Final = -1
NO_TIMESTAMP: Final = -1
MAX_PRODUCER_EPOCH: Final = 32_767
NO_TIMEOUT_MS: Final = 2**31 - 1
"""The transaction timeout of a producer that takes part in two-phase commit: never (KIP-939)."""

_NO_PARTITIONS: Final[frozenset[TopicPartition]] = frozenset()


def is_epoch_exhausted(producer_epoch: int) -> bool:
    """Whether a producer of this epoch gets another id next: the very last epoch is left for aborting its transaction."""
    return producer_epoch >= MAX_PRODUCER_EPOCH - 1


class TransactionMetadata(NamedTuple):
    """As it stands, or would stand, in the log."""

    producer_id: int
    previous_producer_id: int = NO_PRODUCER_ID
    """The one before the last change: by it a repeated EndTxn is known whose answer gave another id."""
    next_producer_id: int = NO_PRODUCER_ID
    """The one to take when the transaction is complete, because the epoch is used up."""
    producer_epoch: int = NO_PRODUCER_EPOCH
    last_producer_epoch: int = NO_PRODUCER_EPOCH
    """The one before `producer_epoch`, if the producer itself asked for the bump: by it a repeated request is known.
    Not in the log."""
    timeout_ms: int = 0
    state: TransactionState = TransactionState.EMPTY
    partitions: frozenset[TopicPartition] = _NO_PARTITIONS
    """Of the open transaction; while markers are written, those whose marker is not there yet."""
    start_ms: int = NO_TIMESTAMP
    """When the transaction began; -1 before the first one."""
    last_update_ms: int = NO_TIMESTAMP
    client_transaction_version: int = 0
    """The transaction version that the client of this transaction goes by."""

    @property
    def is_idle(self) -> bool:
        return self.state in IDLE_STATES

    def with_incremented_epoch(
        self, timeout_ms: int, expected_epoch: int | None, now_ms: int
    ) -> "TransactionMetadata":
        """For InitProducerId: the producer's next epoch, or the same one if the request is a repeated one.

        `expected_epoch`: what a producer that lives on takes for its own; None for a new one. Raises `KafkaError`
        PRODUCER_FENCED.
        """
        epoch, last_epoch = self.producer_epoch + 1, NO_PRODUCER_EPOCH
        if expected_epoch is not None:
            if self.producer_epoch in (expected_epoch, NO_PRODUCER_EPOCH):
                last_epoch = self.producer_epoch
            elif expected_epoch == self.last_producer_epoch:
                epoch, last_epoch = self.producer_epoch, self.last_producer_epoch
            else:
                raise KafkaError(ErrorCode.PRODUCER_FENCED)
        return self._replace(
            state=self._allowed(TransactionState.EMPTY),
            previous_producer_id=self.producer_id,
            producer_epoch=epoch,
            last_producer_epoch=last_epoch,
            timeout_ms=timeout_ms,
            partitions=_NO_PARTITIONS,
            start_ms=NO_TIMESTAMP,
            last_update_ms=now_ms,
        )

    def with_new_producer_id(
        self, producer_id: int, timeout_ms: int, now_ms: int, *, keep_last_epoch: bool
    ) -> "TransactionMetadata":
        """For InitProducerId when the epoch is used up."""
        return self._replace(
            state=self._allowed(TransactionState.EMPTY),
            previous_producer_id=self.producer_id,
            producer_id=producer_id,
            producer_epoch=0,
            last_producer_epoch=self.producer_epoch if keep_last_epoch else NO_PRODUCER_EPOCH,
            timeout_ms=timeout_ms,
            partitions=_NO_PARTITIONS,
            start_ms=NO_TIMESTAMP,
            last_update_ms=now_ms,
        )

    def with_partitions(
        self, partitions: frozenset[TopicPartition], client_transaction_version: int, now_ms: int
    ) -> "TransactionMetadata":
        """For AddPartitionsToTxn: begins a transaction if none is open."""
        return self._replace(
            state=self._allowed(TransactionState.ONGOING),
            previous_producer_id=self.producer_id,
            partitions=self.partitions | partitions,
            start_ms=now_ms if self.is_idle else self.start_ms,
            last_update_ms=now_ms,
            client_transaction_version=client_transaction_version,
        )

    def prepared(
        self,
        state: TransactionState,
        client_transaction_version: int,
        now_ms: int,
        *,
        next_producer_id: int = NO_PRODUCER_ID,
    ) -> "TransactionMetadata":
        """For EndTxn: decided. In version 2 the epoch rises with it, so that nothing late can join the next transaction."""
        bumps = client_transaction_version >= TRANSACTION_VERSION_2
        return self._replace(
            state=self._allowed(state),
            previous_producer_id=self.producer_id,
            next_producer_id=next_producer_id,
            producer_epoch=_raised(self.producer_epoch) if bumps else self.producer_epoch,
            last_producer_epoch=self.producer_epoch if bumps else self.last_producer_epoch,
            # An abort of nothing has no beginning of its own.
            start_ms=now_ms if self.is_idle else self.start_ms,
            last_update_ms=now_ms,
            client_transaction_version=client_transaction_version,
        )

    def fenced(self, transaction_version: int, now_ms: int) -> "TransactionMetadata":
        """The open transaction aborted with a raised epoch: for a newer instance, or because its time is over.

        That epoch is never given to a producer.
        """
        bumped = transaction_version >= TRANSACTION_VERSION_2
        return self._replace(
            state=self._allowed(TransactionState.PREPARE_ABORT),
            previous_producer_id=self.producer_id,
            next_producer_id=NO_PRODUCER_ID,
            producer_epoch=_raised(self.producer_epoch),
            last_producer_epoch=self.producer_epoch if bumped else NO_PRODUCER_EPOCH,
            last_update_ms=now_ms,
            client_transaction_version=transaction_version if bumped else 0,
        )

    def completed(self, now_ms: int) -> "TransactionMetadata":
        """For when every marker is written."""
        producer_id, producer_epoch = self.producer_id, self.producer_epoch
        if (
            self.client_transaction_version >= TRANSACTION_VERSION_2
            and self.next_producer_id != NO_PRODUCER_ID
        ):
            producer_id, producer_epoch = self.next_producer_id, 0
        committed = self.state is TransactionState.PREPARE_COMMIT
        state = TransactionState.COMPLETE_COMMIT if committed else TransactionState.COMPLETE_ABORT
        return self._replace(
            state=self._allowed(state),
            previous_producer_id=self.producer_id,
            producer_id=producer_id,
            next_producer_id=NO_PRODUCER_ID,
            producer_epoch=producer_epoch,
            partitions=_NO_PARTITIONS,
            last_update_ms=now_ms,
        )

    def without(self, partitions: frozenset[TopicPartition]) -> "TransactionMetadata":
        """These partitions have their marker. Never written to the log."""
        return self._replace(partitions=self.partitions - partitions)

    def _allowed(self, state: TransactionState) -> TransactionState:
        assert self.state in VALID_PREVIOUS_STATES[state], f"{self.state.name} to {state.name}"
        return state


def _raised(producer_epoch: int) -> int:
    """The last one of all is given to nobody, so what would come after it fences no one that it has to."""
    return min(producer_epoch + 1, MAX_PRODUCER_EPOCH)
