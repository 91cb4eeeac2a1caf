"""Whatever happens, in whatever order: epochs only rise, a transaction has one outcome everywhere, and nobody fenced writes.

Clients of both transaction versions and several instances of each transactional id act at random, while records and markers
are held, refused or lost, time passes, and coordinators die with some of their records written. At each step a
coordinator that loads the log has to find what the running one holds. A failure names its seed.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from transaction_world import PARTITIONS, Guarded, TransactionWorld

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.transactions.ending import EndOfTransaction
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.outcome import Outcome
from ottla.transactions.settings import TransactionSettings

TIMEOUT_MS = 5_000
SETTINGS = TransactionSettings(
    transactional_id_expiration_ms=60_000,
    abort_timed_out_transaction_cleanup_interval_ms=1_000,
    remove_expired_transaction_cleanup_interval_ms=10_000,
)
FATAL = {
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ErrorCode.INVALID_TXN_STATE,
}


@dataclass(eq=False)
class Instance:
    """A producer: one of several that take themselves for the owner of a transactional id."""

    transactional_id: str
    version: int
    producer: ProducerIdAndEpoch | None = None
    busy: bool = False
    fenced: bool = False
    dead: bool = False
    transaction: object | None = None
    added: set[TopicPartition] = field(default_factory=set)
    ending: bool | None = None
    """Once it has asked to commit or abort it asks for nothing else."""
    last_end: tuple[ProducerIdAndEpoch, bool] | None = None

    @property
    def is_able(self) -> bool:
        return not self.busy and not self.dead and self.producer is not None


class Transactions:
    """The world, its clients, and what they were told. One random thing happens at each step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = TransactionWorld(SETTINGS)
        self.instances: list[Instance] = []
        self.owners: dict[ProducerIdAndEpoch, Instance] = {}
        self.epochs: dict[int, int] = {}
        self.told: dict[object, bool] = {}
        """Transactions whose end a client was told of."""
        self.late: list[tuple[Instance, Guarded, object]] = []
        """Batches between their check by the coordinator and the append."""
        self.numbers = itertools.count()
        weighted: list[tuple[int, Callable[[], None]]] = [
            (80, self.write),
            (30, self.end),
            (8, self.end_repeated),
            (20, self.init),
            (10, self.new_instance),
            (8, self.late_batch_arrives),
            (4, self.hold),
            (40, self.commit),
            (40, self.marker),
            (1, self.append_times_out),
            (3, self.refuse_appends),
            (6, self.time_passes),
            (1, self.restart),
        ]
        self.actions = [action for weight, action in weighted for _ in range(weight)]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice(self.actions)()
            self.check()
        self.let_come_to_an_end()

    def pick(self, *, able: bool = True) -> Instance | None:
        found = [each for each in self.instances if each.is_able or (not able and not each.busy)]
        return self.random.choice(found) if found else None

    # Clients.

    def new_instance(self) -> None:
        self.instances = [each for each in self.instances if not each.dead]
        if len(self.instances) < 8:
            self.instances.append(Instance(self.random.choice("abc"), self.random.choice([1, 2])))

    def init(self) -> None:
        """A new producer asks for an id, or one that has its own for the next epoch."""
        instance = self.pick(able=False)
        if instance is None or (instance.producer is not None and self.random.random() < 0.8):
            return
        instance.busy = True

        def told(outcome: Outcome) -> None:
            instance.busy = False
            if outcome.error is ErrorCode.NONE:
                self.give(instance, ProducerIdAndEpoch(outcome.producer_id, outcome.producer_epoch))
                for other in self.instances:
                    if other is not instance and other.transactional_id == instance.transactional_id:
                        other.fenced = other.producer is not None
                self.reset(instance)
            elif outcome.error in FATAL:
                instance.dead = True

        self.world.service.init_producer_id(
            instance.transactional_id, TIMEOUT_MS, instance.producer, self.world.now_ms
        ).on_complete(told)

    def give(self, instance: Instance, producer: ProducerIdAndEpoch) -> None:
        """An id and epoch belong to one producer only, later epochs are higher, and who is fenced gets none."""
        assert self.owners.setdefault(producer, instance) is instance, (producer, instance)
        assert producer.producer_epoch >= self.epochs.get(producer.producer_id, -1)
        assert not instance.fenced
        self.epochs[producer.producer_id] = producer.producer_epoch
        instance.producer = producer

    def reset(self, instance: Instance) -> None:
        instance.transaction = None
        instance.added = set()
        instance.ending = None

    def write(self) -> None:
        instance = self.pick()
        if instance is None or instance.ending is not None:
            return
        assert instance.producer is not None
        partition = self.random.choice(PARTITIONS)
        if instance.transaction is None:
            instance.transaction = next(self.numbers)
        if instance.version == 1 and partition not in instance.added:
            self.add(instance, partition)
            return
        try:
            batch = Guarded(
                self.world, self.world.partitions[partition], instance.producer, v2=instance.version == 2
            )
        except KafkaError:
            instance.dead = True
            return
        transaction = instance.transaction
        late = self.random.random() < 0.3
        if not batch.has_to_ask:
            self.append(instance, batch, transaction)
        elif instance.version == 1:
            [code] = self.world.service.verify_partitions(
                instance.transactional_id, instance.producer, [partition]
            ).values()
            if code is ErrorCode.NONE and late:
                self.late.append((instance, batch, transaction))
            elif code is ErrorCode.NONE:
                self.append(instance, batch, transaction)
        else:
            self.add(instance, partition, batch, late=late)

    def add(
        self,
        instance: Instance,
        partition: TopicPartition,
        batch: Guarded | None = None,
        *,
        late: bool = False,
    ) -> None:
        assert instance.producer is not None
        instance.busy = True
        transaction = instance.transaction

        def told(outcome: Outcome) -> None:
            instance.busy = False
            if outcome.error is ErrorCode.NONE:
                instance.added.add(partition)
                if batch is not None and late:
                    self.late.append((instance, batch, transaction))
                elif batch is not None:
                    self.append(instance, batch, transaction)
            elif outcome.error in FATAL:
                instance.dead = True

        self.world.service.add_partitions(
            instance.transactional_id,
            instance.producer,
            frozenset({partition}),
            2 if instance.version == 2 else 0,
            self.world.now_ms,
        ).on_complete(told)

    def append(self, instance: Instance, batch: Guarded, transaction: object) -> None:
        try:
            batch.append(transaction)
        except KafkaError:
            return
        assert not instance.fenced, "a fenced producer has written"

    def late_batch_arrives(self) -> None:
        if not self.late:
            return
        instance, batch, transaction = self.late.pop(0)
        if instance.version == 1 and batch.joins_open_transaction:
            return  # in version 1 nothing tells one transaction of a producer from its next
        self.append(instance, batch, transaction)

    def end(self) -> None:
        instance = self.pick()
        if instance is None or not instance.added:
            return
        assert instance.producer is not None
        if instance.ending is None:
            instance.ending = self.random.random() < 0.7
        self.ask_to_end(instance, instance.producer, instance.ending)

    def end_repeated(self) -> None:
        """The answer was lost, and the producer asks again: it is told the same, unless it went on since."""
        instance = self.pick()
        if instance is None or instance.last_end is None or instance.version == 1 or instance.added:
            return
        self.ask_to_end(instance, *instance.last_end, repeated=True)

    def ask_to_end(
        self, instance: Instance, producer: ProducerIdAndEpoch, committed: bool, *, repeated: bool = False
    ) -> None:
        instance.busy = True
        transaction = instance.transaction

        def told(outcome: Outcome) -> None:
            instance.busy = False
            if outcome.error is ErrorCode.NONE:
                if repeated:
                    assert (outcome.producer_id, outcome.producer_epoch) == instance.producer
                    return
                if transaction is not None:
                    self.told[transaction] = committed
                instance.last_end = (producer, committed)
                self.reset(instance)
                if instance.version == 2:
                    self.give(instance, ProducerIdAndEpoch(outcome.producer_id, outcome.producer_epoch))
            elif outcome.error in FATAL:
                instance.dead = True

        end = EndOfTransaction(*producer, committed, 2 if instance.version == 2 else 0)
        self.world.service.end_transaction(instance.transactional_id, end, self.world.now_ms).on_complete(
            told
        )

    # What befalls the broker.

    def hold(self) -> None:
        self.world.hold = self.random.random() < 0.3
        self.world.hold_markers = self.random.random() < 0.4
        if not self.world.hold:
            self.world.commit_all()
        if not self.world.hold_markers:
            self.world.answer_all()

    def commit(self) -> None:
        if self.world.held:
            self.world.commit_next()

    def append_times_out(self) -> None:
        if self.world.held:
            self.world.service.append_timed_out(0, self.world.held[0], self.world.now_ms)

    def refuse_appends(self) -> None:
        if not self.world.held:
            refuses = self.random.random() < 0.2
            self.world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS if refuses else None

    def marker(self) -> None:
        """One of those on their way is written, refused, or written and the answer lost."""
        if not self.world.markers:
            return
        markers = self.random.choice(self.world.markers)
        self.world.markers.remove(markers)
        what = self.random.choice(["write", "write", "refuse", "lose"])
        if what == "write":
            self.world.answer(markers)
        else:
            self.world.refuse(markers, ErrorCode.NOT_LEADER_OR_FOLLOWER, written=what == "lose")

    def time_passes(self) -> None:
        self.world.advance(self.random.choice([1, 50, 100, 100, 200, 200, 1_000, 1_000, 8_000]))

    def restart(self) -> None:
        """A kill: so many of the records on their way are in the log; who waits for an answer asks again."""
        self.late.clear()
        self.world.restart(held_in_log=self.random.randrange(4))
        for instance in self.instances:
            instance.busy = False

    # What holds at every step.

    def check(self) -> None:
        for transaction, outcomes in self.world.outcomes.items():
            assert len(outcomes) == 1, f"{transaction} is committed here and aborted there"
            if transaction in self.told:
                assert outcomes == {self.told[transaction]}
        self.world.check_log_tells_memory()

    def let_come_to_an_end(self) -> None:
        self.late.clear()
        self.world.settle()
        self.world.advance(2 * TIMEOUT_MS + 2_000)
        for partition in self.world.partitions.values():
            assert not partition.open_transactions
        [coordinator] = self.world.service.coordinators()
        assert all(each.pending is None for each in coordinator.transactions.by_id.values())
        self.check()


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_one_outcome_rising_epochs_and_no_write_by_the_fenced(seed):
    """50,000 steps in all."""
    Transactions(seed).run(250)
