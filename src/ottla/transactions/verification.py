"""Whether a producer's batch belongs to a transaction that its coordinator knows of: the partition leader's side (KIP-890).

A batch of a transaction that has records here already may follow. For a first one the coordinator is asked: to add the partition
(transaction version 2), or whether it was added. What happens meanwhile decides:

    a batch asks            `start`: an entry, whose identity is the guard
    the coordinator agrees
    a marker is written     `ended`: the entry goes, the transaction is over
    the batch is appended   `check`: its guard has to be the entry that stands; without one the batch came too late

Nothing of this is kept over a restart or a change of leaders: whoever asks then, asks anew.

Apache: UnifiedLog#maybeStartTransactionVerification, VerificationStateEntry, VerificationGuard, ProducerAppendInfo#checkSequence.
"""

from typing import Final

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition

MAX_ENTRIES: Final = 100_000
"""Of producers that asked and have not written since. At the limit the oldest one goes: its batch is refused."""


class VerificationGuard:
    """One producer that asked and has not written yet."""

    __slots__ = ("is_version_2", "lowest_sequence", "producer_epoch", "started_ms")

    def __init__(
        self, producer_epoch: int, lowest_sequence: int, started_ms: int, *, is_version_2: bool
    ) -> None:
        self.producer_epoch = producer_epoch
        self.lowest_sequence = lowest_sequence
        """Of all batches that have asked: the first one of the transaction has to be the first one appended."""
        self.started_ms = started_ms
        self.is_version_2 = is_version_2


class Verifications:
    """The entries of all partitions led here."""

    __slots__ = ("_guards",)

    def __init__(self) -> None:
        self._guards: dict[tuple[TopicPartition, int], VerificationGuard] = {}

    def __len__(self) -> int:
        return len(self._guards)

    def start(
        self,
        partition: TopicPartition,
        producer_id: int,
        producer_epoch: int,
        sequence: int,
        now_ms: int,
        *,
        is_version_2: bool,
    ) -> VerificationGuard:
        """Before the coordinator is asked: the guard to append with."""
        key = (partition, producer_id)
        guard = self._guards.get(key)
        if guard is None:
            if len(self._guards) >= MAX_ENTRIES:
                del self._guards[next(iter(self._guards))]
            guard = VerificationGuard(producer_epoch, sequence, now_ms, is_version_2=is_version_2)
            self._guards[key] = guard
        elif producer_epoch > guard.producer_epoch:
            guard.producer_epoch = producer_epoch
            guard.lowest_sequence = sequence
        elif producer_epoch == guard.producer_epoch:
            guard.lowest_sequence = min(guard.lowest_sequence, sequence)
        return guard

    def check(self, partition: TopicPartition, producer_id: int, guard: VerificationGuard | None) -> None:
        """Whether a transaction's first batch may be appended now. Raises `KafkaError` INVALID_TXN_STATE."""
        if guard is None or self._guards.get((partition, producer_id)) is not guard:
            raise KafkaError(ErrorCode.INVALID_TXN_STATE, "Record was not part of an ongoing transaction")

    def check_sequence(
        self, partition: TopicPartition, producer_id: int, sequence: int, *, has_batches: bool
    ) -> None:
        """Whether the batch is the first one of those that asked. `has_batches`: of this producer and epoch, in the log.

        Raises `KafkaError` OUT_OF_ORDER_SEQUENCE_NUMBER.
        """
        guard = self._guards.get((partition, producer_id))
        if guard is None:
            return
        if guard.is_version_2 and sequence != 0 and not has_batches:
            raise KafkaError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"Invalid sequence number for producer {producer_id} in {partition.topic}-{partition.partition}: "
                f"{sequence} (incoming seq. number). Expected sequence 0 for a transaction that begins.",
            )
        if sequence > guard.lowest_sequence:
            raise KafkaError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"Out of order sequence number for producer {producer_id} in {partition.topic}-{partition.partition}: "
                f"{sequence} (incoming seq. number), {guard.lowest_sequence} (earliest seen sequence)",
            )

    def written(self, partition: TopicPartition, producer_id: int) -> None:
        """A batch of the transaction is in the log: what follows need not ask."""
        self._guards.pop((partition, producer_id), None)

    def ended(self, partition: TopicPartition, producer_id: int, producer_epoch: int) -> None:
        """A marker is in the log. In version 2 it carries the epoch of the next transaction, which may have asked already."""
        guard = self._guards.get((partition, producer_id))
        if guard is not None and not (guard.is_version_2 and guard.producer_epoch == producer_epoch):
            del self._guards[partition, producer_id]

    def forget(self, partition: TopicPartition) -> None:
        """The partition is led here no more."""
        for key in [key for key in self._guards if key[0] == partition]:
            del self._guards[key]

    def expire(self, now_ms: int, expiration_ms: int) -> None:
        """Forget who asked `expiration_ms` ago and never wrote. Entries stand in the order in which they were made."""
        while self._guards:
            key, guard = next(iter(self._guards.items()))
            if now_ms - guard.started_ms < expiration_ms:
                return
            del self._guards[key]
