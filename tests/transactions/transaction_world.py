"""Transaction coordinators with logs, partitions, a clock and clients in memory: what the tests of transactions drive.

`TransactionWorld` is the shell of the service's contract, with switches: records are committed at once, held until
`commit_next`, or refused; markers are written at once or held until `answer_next`.
"""

from __future__ import annotations

import itertools
from collections import deque

from ottla.coordination.results import CoordinatorRecord, CoordinatorResult
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.metadata import TransactionMetadata
from ottla.transactions.service import TransactionCoordinatorService
from ottla.transactions.settings import TransactionSettings
from ottla.transactions.states import PREPARED_STATES
from ottla.transactions.verification import VerificationGuard, Verifications

START_MS = 1_700_000_000_000
PARTITIONS = [TopicPartition("t", number) for number in range(3)]


class PartitionInMemory:
    """A data partition: who has records of an open transaction there, and what became of the others."""

    def __init__(self, name: TopicPartition, outcomes: dict[object, set[bool]]) -> None:
        self.name = name
        self._outcomes = outcomes
        self._epochs: dict[int, int] = {}
        self._coordinator_epochs: dict[int, int] = {}
        self._open: dict[int, list[object]] = {}
        self._ended: set[object] = set()

    def has_open(self, producer_id: int, producer_epoch: int) -> bool:
        return producer_id in self._open and self._epochs[producer_id] == producer_epoch

    def check_epoch(self, producer_id: int, producer_epoch: int) -> None:
        if producer_epoch < self._epochs.get(producer_id, -1):
            raise KafkaError(ErrorCode.INVALID_PRODUCER_EPOCH)

    def append(self, producer_id: int, producer_epoch: int, transaction: object) -> None:
        self.check_epoch(producer_id, producer_epoch)
        assert transaction not in self._ended, "a batch got into the transaction after its own"
        self._epochs[producer_id] = producer_epoch
        self._open.setdefault(producer_id, []).append(transaction)

    def end(self, markers: TransactionMarkers) -> ErrorCode:
        producer_id = markers.producer_id
        if markers.producer_epoch < self._epochs.get(producer_id, -1):
            return ErrorCode.INVALID_PRODUCER_EPOCH
        if markers.coordinator_epoch < self._coordinator_epochs.get(producer_id, -1):
            return ErrorCode.TRANSACTION_COORDINATOR_FENCED
        self._epochs[producer_id] = markers.producer_epoch
        self._coordinator_epochs[producer_id] = markers.coordinator_epoch
        for transaction in self._open.pop(producer_id, ()):
            self._ended.add(transaction)
            self._outcomes.setdefault(transaction, set()).add(markers.committed)
        return ErrorCode.NONE

    @property
    def open_transactions(self) -> list[object]:
        return [each for transactions in self._open.values() for each in transactions]


class TransactionWorld:
    """One broker that leads all partitions of `__transaction_state`, and some partitions to write to."""

    def __init__(self, settings: TransactionSettings | None = None, *, transaction_version: int = 2) -> None:
        self.settings = settings or TransactionSettings()
        self.transaction_version = transaction_version
        self.now_ms = START_MS
        self.log: list[CoordinatorRecord] = []
        self.held: deque[CoordinatorResult[object]] = deque()
        self.hold = False
        self.refuse_with: ErrorCode | None = None
        self.markers: deque[TransactionMarkers] = deque()
        self.hold_markers = False
        self.outcomes: dict[object, set[bool]] = {}
        """What became of each transaction, in all partitions it has records in."""
        self.partitions = {name: PartitionInMemory(name, self.outcomes) for name in PARTITIONS}
        self.verifications = Verifications()
        self._epochs = itertools.count()
        self._producer_ids = itertools.count(1000)
        self.out_of_producer_ids = False
        self.service = self._new_service()
        self.elect()

    def _new_service(self) -> TransactionCoordinatorService:
        return TransactionCoordinatorService(
            self.settings,
            1,
            self._append,
            self._write_markers,
            new_producer_id=self._new_producer_id,
            transaction_version=lambda: self.transaction_version,
        )

    def _new_producer_id(self) -> int:
        if self.out_of_producer_ids:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        return next(self._producer_ids)

    def elect(self) -> None:
        """Lead the partition: replay its log and serve."""
        self.start_loading()
        self.service.loaded(0, self.now_ms)

    def start_loading(self) -> None:
        self.service.elected(0, next(self._epochs))
        for offset, record in enumerate(self.log):
            self.service.replay(0, offset, record.key, record.value)

    def restart(self, *, held_in_log: int = 0) -> None:
        """As after a kill: so many of the records on their way have reached the log, markers not written are forgotten."""
        for result in itertools.islice(self.held, held_in_log):
            self.log.extend(result.records)
        self.held.clear()
        self.markers.clear()
        self.service.resigned(0, self.now_ms)
        self.service = self._new_service()
        self.verifications = Verifications()
        self.elect()

    # The log.

    def _append(self, partition: int, result: CoordinatorResult[object]) -> None:
        if self.refuse_with is not None:
            self.service.append_failed(partition, result, self.refuse_with, self.now_ms)
        elif self.hold or self.held:
            self.held.append(result)
        else:
            self._commit(result)

    def _commit(self, result: CoordinatorResult[object]) -> None:
        self.log.extend(result.records)
        self.service.append_committed(0, result, self.now_ms)

    def commit_next(self) -> None:
        self._commit(self.held.popleft())

    def commit_all(self) -> None:
        while self.held:
            self.commit_next()

    # Markers.

    def _write_markers(self, markers: TransactionMarkers) -> None:
        if self.hold_markers:
            self.markers.append(markers)
        else:
            self.answer(markers)

    def answer(self, markers: TransactionMarkers) -> None:
        """Write them and say so."""
        answers = {each: self.partitions[each].end(markers) for each in markers.partitions}
        for each in markers.partitions:
            self.verifications.ended(each, markers.producer_id, markers.producer_epoch)
        self.service.markers_answered(markers, answers, self.now_ms)

    def refuse(self, markers: TransactionMarkers, code: ErrorCode, *, written: bool = False) -> None:
        """Answer with an error; `written`: it happened all the same, only the answer is lost."""
        if written:
            for each in markers.partitions:
                self.partitions[each].end(markers)
                self.verifications.ended(each, markers.producer_id, markers.producer_epoch)
        self.service.markers_answered(markers, dict.fromkeys(markers.partitions, code), self.now_ms)

    def answer_all(self) -> None:
        while self.markers:
            self.answer(self.markers.popleft())

    # Time.

    def advance(self, milliseconds: int) -> None:
        """Time passes; every timer that comes due on the way runs at its own time."""
        end_ms = self.now_ms + milliseconds
        while (due_ms := self.service.next_timer_ms()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.service.run_timers(self.now_ms)
        self.now_ms = end_ms

    def settle(self) -> None:
        """Let everything under way come to its end."""
        self.hold = self.hold_markers = False
        self.refuse_with = None
        while self.held or self.markers:
            self.commit_all()
            self.answer_all()
        self.advance(1_000)

    # What holds.

    def metadata(self, transactional_id: str) -> TransactionMetadata | None:
        [coordinator] = self.service.coordinators()
        transaction = coordinator.transactions.by_id.get(transactional_id)
        return None if transaction is None else transaction.metadata

    def check_log_tells_memory(self) -> None:
        """A coordinator that loads the log now has what this one has, where no change is under way."""
        [coordinator] = self.service.coordinators()
        loaded = TransactionCoordinatorService(
            self.settings,
            1,
            lambda _partition, _result: None,
            lambda _markers: None,
            new_producer_id=lambda: -1,
            transaction_version=lambda: self.transaction_version,
        )
        loaded.elected(0, 0)
        for offset, record in enumerate(self.log):
            loaded.replay(0, offset, record.key, record.value)
        [fresh] = loaded.coordinators()
        for transactional_id, transaction in coordinator.transactions.by_id.items():
            metadata = transaction.metadata
            if transaction.pending is not None and metadata.state not in PREPARED_STATES:
                continue
            found = fresh.transactions.by_id[transactional_id].metadata
            if metadata.state in PREPARED_STATES:
                assert found.partitions >= metadata.partitions
                found = found._replace(partitions=metadata.partitions)
            assert found == metadata._replace(last_producer_epoch=-1)


class Guarded:
    """A batch on its way into a partition, as the leader treats it."""

    def __init__(
        self, world: TransactionWorld, partition: PartitionInMemory, producer: tuple[int, int], *, v2: bool
    ) -> None:
        """Raises `KafkaError` for an old epoch."""
        self._world = world
        self._partition = partition
        self._producer = producer
        partition.check_epoch(*producer)
        self.guard: VerificationGuard | None = None
        if not partition.has_open(*producer):
            self.guard = world.verifications.start(
                partition.name, *producer, 0, world.now_ms, is_version_2=v2
            )

    @property
    def has_to_ask(self) -> bool:
        return self.guard is not None

    @property
    def joins_open_transaction(self) -> bool:
        return self._partition.has_open(*self._producer)

    def append(self, transaction: object) -> None:
        """Raises `KafkaError` if it comes too late."""
        if not self._partition.has_open(*self._producer):
            self._world.verifications.check(self._partition.name, self._producer[0], self.guard)
        self._partition.append(*self._producer, transaction)
        self._world.verifications.written(self._partition.name, self._producer[0])
