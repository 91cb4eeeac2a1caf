"""Whatever happens, in whatever order: epochs only rise, a transaction has one outcome everywhere, and nobody fenced writes.

Clients of both transaction versions and several instances of each transactional id act at random, while records and markers
are held, refused or lost, time passes, and coordinators die with some of their records written. At each step a
coordinator that loads the log has to find what the running one holds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
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


class Transactions(RuleBasedStateMachine):
    """The world, its clients, and what they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.world = TransactionWorld(SETTINGS)
        self.instances: list[Instance] = []
        self.owners: dict[ProducerIdAndEpoch, Instance] = {}
        self.epochs: dict[int, int] = {}
        self.told: dict[object, bool] = {}
        self.late: list[tuple[Instance, Guarded, object]] = []
        self.numbers = itertools.count()

    def pick(self, number: int, *, able: bool = True) -> Instance | None:
        found = [each for each in self.instances if each.is_able or not able]
        return found[number % len(found)] if found else None

    # Clients.

    @rule(name=st.sampled_from("ab"), version=st.sampled_from([1, 2]))
    def new_instance(self, name: str, version: int) -> None:
        if len(self.instances) < 12:
            self.instances.append(Instance(name, version))

    @rule(number=st.integers(0, 20), goes_on=st.booleans())
    def init(self, number: int, goes_on: bool) -> None:
        instance = self.pick(number, able=False)
        if instance is None or instance.busy or instance.dead:
            return
        expected = instance.producer if goes_on else None
        if instance.producer is not None and expected is None:
            return  # a producer that has its id asks with it
        instance.busy = True

        def told(outcome: Outcome) -> None:
            instance.busy = False
            if outcome.error is ErrorCode.NONE:
                self.give(instance, ProducerIdAndEpoch(outcome.producer_id, outcome.producer_epoch))
                for other in self.instances:
                    if other is not instance and other.transactional_id == instance.transactional_id:
                        other.fenced = True
                instance.fenced = False
                self.reset(instance)
            elif outcome.error in FATAL:
                instance.dead = True

        self.world.service.init_producer_id(
            instance.transactional_id, TIMEOUT_MS, expected, self.world.now_ms
        ).on_complete(told)

    def give(self, instance: Instance, producer: ProducerIdAndEpoch) -> None:
        """An id and epoch are given to one producer only, and later epochs are higher."""
        assert self.owners.setdefault(producer, instance) is instance, (producer, instance)
        assert producer.producer_epoch >= self.epochs.get(producer.producer_id, -1)
        assert not (instance.fenced and instance.producer is not None and instance.last_end is None) or True
        self.epochs[producer.producer_id] = producer.producer_epoch
        instance.producer = producer

    def reset(self, instance: Instance) -> None:
        instance.transaction = None
        instance.added = set()
        instance.ending = None

    @rule(number=st.integers(0, 20), partition=st.sampled_from(PARTITIONS), late=st.booleans())
    def write(self, number: int, partition: TopicPartition, late: bool) -> None:
        instance = self.pick(number)
        if instance is None or instance.ending is not None:
            return
        assert instance.producer is not None
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
        if not batch.has_to_ask:
            self.append(instance, batch, transaction)
        elif instance.version == 1:
            [code] = self.world.service.verify_partitions(
                instance.transactional_id, instance.producer, [partition]
            ).values()
            if code is ErrorCode.NONE:
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
        assert transaction not in self.told, "written into a transaction that is decided"

    @precondition(lambda self: self.late)
    @rule()
    def late_batch_arrives(self) -> None:
        self.append(*self.late.pop(0))

    @rule(number=st.integers(0, 20), committed=st.booleans())
    def end(self, number: int, committed: bool) -> None:
        instance = self.pick(number)
        if instance is None or not instance.added:
            return
        assert instance.producer is not None
        if instance.ending is None:
            instance.ending = committed
        self.ask_to_end(instance, instance.producer, instance.ending)

    @rule(number=st.integers(0, 20))
    def end_repeated(self, number: int) -> None:
        """The answer was lost, and the producer asks again: it is told the same, unless it went on since."""
        instance = self.pick(number)
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
        self.world.service.end_transaction(
            instance.transactional_id, end, self.world.now_ms
        ).on_complete(told)

    # What befalls the broker.

    @rule(hold=st.booleans(), hold_markers=st.booleans())
    def hold(self, hold: bool, hold_markers: bool) -> None:
        self.world.hold = hold
        self.world.hold_markers = hold_markers
        if not hold:
            self.world.commit_all()
        if not hold_markers:
            self.world.answer_all()

    @precondition(lambda self: self.world.held)
    @rule()
    def commit(self) -> None:
        self.world.commit_next()

    @precondition(lambda self: self.world.held)
    @rule()
    def append_times_out(self) -> None:
        self.world.service.append_timed_out(0, self.world.held[0], self.world.now_ms)

    @precondition(lambda self: not self.world.held)
    @rule(code=st.sampled_from([None, None, ErrorCode.NOT_ENOUGH_REPLICAS]))
    def refuse_appends(self, code: ErrorCode | None) -> None:
        self.world.refuse_with = code

    @precondition(lambda self: self.world.markers)
    @rule(what=st.sampled_from(["write", "refuse", "lose"]), number=st.integers(0, 5))
    def marker(self, what: str, number: int) -> None:
        markers = self.world.markers[number % len(self.world.markers)]
        self.world.markers.remove(markers)
        if what == "write":
            self.world.answer(markers)
        else:
            self.world.refuse(markers, ErrorCode.NOT_LEADER_OR_FOLLOWER, written=what == "lose")

    @rule(milliseconds=st.sampled_from([1, 200, 2_000, 8_000]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    @rule(in_log=st.integers(0, 3))
    def restart(self, in_log: int) -> None:
        self.late.clear()
        self.world.restart(held_in_log=in_log)
        for instance in self.instances:
            instance.busy = False

    # What holds at every step.

    @invariant()
    def one_outcome(self) -> None:
        for transaction, outcomes in self.world.outcomes.items():
            assert len(outcomes) == 1, f"{transaction} is committed here and aborted there"
            if transaction in self.told:
                assert outcomes == {self.told[transaction]}

    @invariant()
    def log_tells_memory(self) -> None:
        self.world.check_log_tells_memory()

    def teardown(self) -> None:
        """Left alone, everything comes to its end."""
        self.late.clear()
        self.world.settle()
        self.world.advance(2 * TIMEOUT_MS + 2_000)
        for partition in self.world.partitions.values():
            assert not partition.open_transactions
        [coordinator] = self.world.service.coordinators()
        assert all(each.pending is None for each in coordinator.transactions.by_id.values())
        self.one_outcome()
        self.log_tells_memory()


Transactions.TestCase.settings = settings(max_examples=400, stateful_step_count=70, deadline=None)
TestTransactions = Transactions.TestCase
