"""The coordinator by single rules: what is answered when, what is written, and what a failure leaves behind."""

from __future__ import annotations

import pytest
from transaction_world import PARTITIONS, START_MS, TransactionWorld

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.transactions.description import Wanted
from ottla.transactions.ending import EndOfTransaction
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.metadata import MAX_PRODUCER_EPOCH, NO_TIMEOUT_MS, TransactionMetadata
from ottla.transactions.outcome import Outcome
from ottla.transactions.records import parse_value, transaction_record
from ottla.transactions.settings import TransactionSettings
from ottla.transactions.states import STATE_NAMES, VALID_PREVIOUS_STATES, TransactionState
from ottla.transactions.upkeep import MAX_ABORTED_AT_ONCE
from ottla.transactions.verification import MAX_ENTRIES, Verifications

TX = "tx"
TIMEOUT_MS = 60_000
BUSY = Outcome(ErrorCode.CONCURRENT_TRANSACTIONS)


class Client:
    """Asks the world's coordinator; each answer has to be there at once, or is looked at later."""

    def __init__(self, world: TransactionWorld, transactional_id: str = TX, *, version: int = 2) -> None:
        self.world = world
        self.transactional_id = transactional_id
        self.version = version
        self.owned = ProducerIdAndEpoch(-1, -1)

    def ask_init(self, expected: ProducerIdAndEpoch | None = None, timeout_ms: int = TIMEOUT_MS):
        return self.world.service.init_producer_id(
            self.transactional_id, timeout_ms, expected, self.world.now_ms
        )

    def init(self, expected: ProducerIdAndEpoch | None = None) -> ProducerIdAndEpoch:
        outcome = self.ask_init(expected).value
        assert outcome.error is ErrorCode.NONE, outcome
        self.owned = ProducerIdAndEpoch(outcome.producer_id, outcome.producer_epoch)
        return self.owned

    def ask_add(self, *partitions: TopicPartition):
        version = 2 if self.version == 2 else 0
        return self.world.service.add_partitions(
            self.transactional_id, self.owned, frozenset(partitions), version, self.world.now_ms
        )

    def ask_end(self, committed: bool = True, owned: ProducerIdAndEpoch | None = None):
        end = EndOfTransaction(*(owned or self.owned), committed, 2 if self.version == 2 else 0)
        return self.world.service.end_transaction(self.transactional_id, end, self.world.now_ms)

    @property
    def metadata(self) -> TransactionMetadata:
        found = self.world.metadata(self.transactional_id)
        assert found is not None
        return found

    def write_into_log(self, metadata: TransactionMetadata) -> None:
        """As if the coordinator had come to that; the world starts anew with it."""
        self.world.log.append(transaction_record(self.transactional_id, metadata, 2))
        self.world.restart()


@pytest.fixture
def world() -> TransactionWorld:
    return TransactionWorld()


@pytest.fixture
def client(world: TransactionWorld) -> Client:
    return Client(world)


# The table of states.


def test_states_have_apaches_names():
    assert list(STATE_NAMES.values()) == [
        "Empty",
        "Ongoing",
        "PrepareCommit",
        "PrepareAbort",
        "CompleteCommit",
        "CompleteAbort",
        "Dead",
        "PrepareEpochFence",
    ]


def test_every_state_has_its_predecessors():
    """And a decision is never taken back: no way leads from a prepared state to another outcome."""
    assert VALID_PREVIOUS_STATES.keys() == set(TransactionState)
    for prepared, complete in (
        (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT),
        (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT),
    ):
        assert [state for state, before in VALID_PREVIOUS_STATES.items() if prepared in before] == [complete]


# Records on their way.


def test_nothing_holds_before_it_is_committed(world, client):
    """And meanwhile the transactional id is busy."""
    client.init()
    world.hold = True
    adding = client.ask_add(PARTITIONS[0])
    assert not adding.done
    assert client.metadata.state is TransactionState.EMPTY
    assert client.ask_add(PARTITIONS[1]).value == BUSY
    assert client.ask_init().value == BUSY
    assert client.ask_end().value == BUSY
    world.commit_all()
    assert adding.value.error is ErrorCode.NONE
    assert client.metadata.partitions == {PARTITIONS[0]}


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
)
def test_a_refused_record_leaves_all_as_it_was(world, client, refused, told):
    """The request is answered with the coordinator's word for it, and can be asked again."""
    client.init()
    before = client.metadata
    world.refuse_with = refused
    assert client.ask_add(PARTITIONS[0]).value == Outcome(told)
    assert client.metadata == before
    newcomer = Client(world, "newcomer")
    assert newcomer.ask_init().value == Outcome(told)
    assert world.metadata("newcomer") is None
    world.refuse_with = None
    assert client.ask_add(PARTITIONS[0]).value.error is ErrorCode.NONE
    assert newcomer.init().producer_epoch == 0


def test_a_record_that_is_late_keeps_the_transactional_id_busy(world, client):
    """The client is told to try again; what it asked for may come true yet."""
    client.init()
    world.hold = True
    adding = client.ask_add(PARTITIONS[0])
    world.service.append_timed_out(0, world.held[0], world.now_ms)
    assert adding.value == Outcome(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert client.ask_add(PARTITIONS[0]).value == BUSY
    world.commit_all()
    assert client.metadata.partitions == {PARTITIONS[0]}
    assert client.ask_add(PARTITIONS[0]).value.error is ErrorCode.NONE


def test_while_it_loads_and_when_it_leads_no_more(world, client):
    """Clients are told to wait, or to look elsewhere; what they waited for is answered."""
    client.init()
    world.hold = True
    adding = client.ask_add(PARTITIONS[0])
    world.service.resigned(0, world.now_ms)
    assert adding.value == Outcome(ErrorCode.NOT_COORDINATOR)
    assert client.ask_end().value == Outcome(ErrorCode.NOT_COORDINATOR)
    world.start_loading()
    assert client.ask_end().value == Outcome(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    assert world.service.verify_partitions(TX, client.owned, PARTITIONS[:1]) == {
        PARTITIONS[0]: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    }
    assert world.service.describe_transaction(TX).error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    with pytest.raises(KafkaError) as refused:
        list(world.service.list_transactions(Wanted(), world.now_ms))
    assert refused.value.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


# Epochs that are used up.


def test_a_used_up_epoch_means_another_producer_id(client):
    """And a repeated request gets the same one."""
    last = MAX_PRODUCER_EPOCH - 1
    client.write_into_log(TransactionMetadata(7, producer_epoch=last))
    old = ProducerIdAndEpoch(7, last)
    new = client.init(old)
    assert new.producer_epoch == 0
    assert new.producer_id != 7
    assert client.init(old) == new
    assert client.init() == ProducerIdAndEpoch(new.producer_id, 1)


def test_a_transaction_that_ends_a_producer_id(world, client):
    """In version 2 its EndTxn gives the next id; a coordinator that dies before the markers are written knows it too."""
    last = ProducerIdAndEpoch(7, MAX_PRODUCER_EPOCH - 1)
    client.write_into_log(TransactionMetadata(*last[:1], producer_epoch=last.producer_epoch))
    client.owned = last
    assert client.ask_add(PARTITIONS[0]).value.error is ErrorCode.NONE
    world.hold_markers = True
    ended = client.ask_end().value
    assert (ended.error, ended.producer_epoch) == (ErrorCode.NONE, 0)
    assert ended.producer_id != 7
    [markers] = world.markers
    assert (markers.producer_id, markers.producer_epoch) == (7, MAX_PRODUCER_EPOCH)
    world.hold_markers = False
    world.restart()
    assert client.metadata.state is TransactionState.COMPLETE_COMMIT
    assert client.ask_end(owned=last).value == ended
    client.owned = ProducerIdAndEpoch(ended.producer_id, 0)
    assert client.ask_add(PARTITIONS[1]).value.error is ErrorCode.NONE


def test_fencing_uses_the_very_last_epoch(world, client):
    """It is given to nobody; the next instance gets another id."""
    last = ProducerIdAndEpoch(7, MAX_PRODUCER_EPOCH - 1)
    client.write_into_log(TransactionMetadata(*last[:1], producer_epoch=last.producer_epoch))
    client.owned = last
    client.ask_add(PARTITIONS[0])
    assert client.ask_init().value == BUSY
    assert client.metadata.producer_epoch == MAX_PRODUCER_EPOCH
    assert client.init().producer_id != 7


def test_without_a_producer_id_at_hand_the_client_waits(world, client):
    """Nothing has changed meanwhile."""
    world.out_of_producer_ids = True
    assert client.ask_init().value == Outcome(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    assert world.metadata(TX) is None
    client.write_into_log(
        TransactionMetadata(
            7,
            producer_epoch=MAX_PRODUCER_EPOCH - 1,
            state=TransactionState.ONGOING,
            partitions=frozenset(PARTITIONS[:1]),
            start_ms=START_MS,
            timeout_ms=TIMEOUT_MS,
            client_transaction_version=2,
        )
    )
    client.owned = ProducerIdAndEpoch(7, MAX_PRODUCER_EPOCH - 1)
    assert client.ask_end().value == Outcome(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    world.out_of_producer_ids = False
    assert client.ask_end().value.error is ErrorCode.NONE


# Markers.


def test_a_transaction_is_complete_when_each_partition_has_its_marker(world, client):
    """Those that can't be written now are tried again, and only those; the answer does not wait for them."""
    client.init()
    client.ask_add(*PARTITIONS)
    world.hold_markers = True
    assert client.ask_end().value.error is ErrorCode.NONE
    [markers] = world.markers
    assert (markers.committed, markers.partitions) == (True, set(PARTITIONS))
    world.markers.clear()
    answers = dict.fromkeys(PARTITIONS, ErrorCode.NONE) | {PARTITIONS[1]: ErrorCode.NOT_LEADER_OR_FOLLOWER}
    world.service.markers_answered(markers, answers, world.now_ms)
    assert client.metadata.state is TransactionState.PREPARE_COMMIT
    assert client.metadata.partitions == {PARTITIONS[1]}
    assert client.ask_add(PARTITIONS[0]).value == BUSY
    [coordinator] = world.service.coordinators()
    assert coordinator.completions.markers_to_retry == 1
    world.advance(100)
    assert coordinator.completions.markers_to_retry == 0
    [again] = world.markers
    assert again.partitions == {PARTITIONS[1]}
    world.answer_all()
    assert client.metadata.state is TransactionState.COMPLETE_COMMIT
    world.service.markers_answered(again, {PARTITIONS[1]: ErrorCode.NONE}, world.now_ms)
    assert client.metadata.state is TransactionState.COMPLETE_COMMIT


@pytest.mark.parametrize("code", [ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED])
def test_a_fenced_coordinator_goes_no_further(world, client, code):
    """Somebody newer has a say in that partition; as in Apache the transaction waits for the next coordinator."""
    client.init()
    client.ask_add(PARTITIONS[0])
    world.hold_markers = True
    client.ask_end()
    world.refuse(world.markers.popleft(), code)
    world.advance(10_000)
    assert not world.markers
    assert client.metadata.state is TransactionState.PREPARE_COMMIT
    world.hold_markers = False
    world.restart()
    assert client.metadata.state is TransactionState.COMPLETE_COMMIT


def test_a_completion_that_can_not_be_recorded_is_tried_again(world, client):
    """The markers are not written a second time."""
    client.init()
    client.ask_add(PARTITIONS[0])
    world.hold_markers = True
    client.ask_end(committed=False)
    world.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    world.answer_all()
    assert client.metadata.state is TransactionState.PREPARE_ABORT
    [coordinator] = world.service.coordinators()
    assert coordinator.completions.completions_to_retry == 1
    world.refuse_with = None
    world.advance(100)
    assert coordinator.completions.completions_to_retry == 0
    assert client.metadata.state is TransactionState.COMPLETE_ABORT
    assert not world.markers


def test_many_decided_transactions_are_taken_up_after_a_restart(world):
    """A few at a time; all come to their end."""
    world.hold_markers = True
    clients = [Client(world, f"tx-{number}") for number in range(200)]
    for each in clients:
        each.init()
        each.ask_add(PARTITIONS[0])
        assert each.ask_end().value.error is ErrorCode.NONE
    world.hold_markers = False
    world.restart()
    world.advance(10)
    assert {each.metadata.state for each in clients} == {TransactionState.COMPLETE_COMMIT}


# Time.


def test_many_transactions_time_out_together(world):
    """So many at a time that nobody waits for it, whatever their number."""
    clients = [Client(world, f"tx-{number}") for number in range(3 * MAX_ABORTED_AT_ONCE)]
    for each in clients:
        each.init()
        each.ask_add(*PARTITIONS)
    world.advance(TIMEOUT_MS)
    assert {each.metadata.state for each in clients} == {TransactionState.ONGOING}
    world.now_ms += 1
    written = len(world.log)
    deadline_ms = world.service.next_timer_ms()
    assert deadline_ms is not None
    world.now_ms = deadline_ms
    world.service.run_timers(world.now_ms)
    assert len(world.log) - written == 2 * MAX_ABORTED_AT_ONCE
    world.advance(10)
    assert {each.metadata.state for each in clients} == {TransactionState.COMPLETE_ABORT}
    assert all(each.metadata.producer_epoch == 1 for each in clients)


def test_two_phase_commit_never_times_out():
    """Where it is enabled; elsewhere it is refused."""
    refused = TransactionWorld().service.init_producer_id(TX, 1, None, START_MS, two_phase_commit=True)
    assert refused.value == Outcome(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    world = TransactionWorld(TransactionSettings(two_phase_commit_enable=True))
    client = Client(world)
    world.service.init_producer_id(TX, -1, None, START_MS, two_phase_commit=True)
    assert client.metadata.timeout_ms == NO_TIMEOUT_MS
    client.owned = ProducerIdAndEpoch(client.metadata.producer_id, 0)
    client.ask_add(PARTITIONS[0])
    world.advance(3_600_000)
    assert client.metadata.state is TransactionState.ONGOING
    kept = world.service.init_producer_id(TX, -1, None, START_MS, two_phase_commit=True, keep_prepared=True)
    assert kept.value == Outcome(ErrorCode.UNSUPPORTED_VERSION)


def test_transactional_ids_expire_when_idle():
    """Not those with an open transaction, nor those used lately; their tombstones are in the log."""
    world = TransactionWorld(
        TransactionSettings(
            transactional_id_expiration_ms=100_000,
            remove_expired_transaction_cleanup_interval_ms=1_000,
            abort_timed_out_transaction_cleanup_interval_ms=10_000_000,
        )
    )
    idle, busy, late = (Client(world, name) for name in ("idle", "busy", "late"))
    idle.init()
    busy.init()
    busy.ask_add(PARTITIONS[0])
    world.advance(60_000)
    late.init()
    world.advance(60_000)
    assert world.metadata("idle") is None
    assert busy.metadata.state is TransactionState.ONGOING
    assert late.metadata.state is TransactionState.EMPTY
    assert sum(record.value is None for record in world.log) == 1
    world.restart()
    assert world.metadata("idle") is None


# The cluster's transaction version.


@pytest.mark.parametrize(("version", "value_version"), [(0, 0), (1, 1), (2, 1)])
def test_records_are_written_in_the_clusters_version(version, value_version):
    """Older brokers can read what they may have to take over; fencing bumps as that version does."""
    world = TransactionWorld(transaction_version=version)
    client = Client(world, version=1)
    client.init()
    client.ask_add(PARTITIONS[0])
    assert {int.from_bytes(record.value[:2], "big") for record in world.log} == {value_version}
    assert client.ask_init().value == BUSY
    last = parse_value(world.log[-1].value)
    assert (last.state, last.producer_epoch) == (TransactionState.COMPLETE_ABORT, 1)
    assert last.client_transaction_version == (2 if version == 2 else 0)


def test_a_transactional_id_that_no_record_can_hold_is_refused(world):
    """A key's string has at most 32,767 bytes."""
    assert Client(world, "é" * 16_384).ask_init().value == Outcome(ErrorCode.INVALID_REQUEST)
    assert Client(world, "x" * 32_767).ask_init().value.error is ErrorCode.NONE


# The partition leader's side.


def test_guards_are_bounded():
    """The oldest one goes, and its batch is refused."""
    verifications = Verifications()
    first = verifications.start(PARTITIONS[0], 0, 0, 0, START_MS, is_version_2=True)
    for producer_id in range(1, MAX_ENTRIES + 1):
        last = verifications.start(PARTITIONS[0], producer_id, 0, 0, START_MS, is_version_2=True)
    assert len(verifications) == MAX_ENTRIES
    verifications.check(PARTITIONS[0], MAX_ENTRIES, last)
    with pytest.raises(KafkaError) as refused:
        verifications.check(PARTITIONS[0], 0, first)
    assert refused.value.code is ErrorCode.INVALID_TXN_STATE
    verifications.expire(START_MS + 10, 10)
    assert len(verifications) == 0


def test_the_first_batch_of_several_that_asked_comes_first():
    """A later one that overtakes it is out of order."""
    verifications = Verifications()
    for sequence in (5, 0, 3):
        verifications.start(PARTITIONS[0], 1, 0, sequence, START_MS, is_version_2=False)
    with pytest.raises(KafkaError) as refused:
        verifications.check_sequence(PARTITIONS[0], 1, 3, has_batches=True)
    assert refused.value.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    verifications.check_sequence(PARTITIONS[0], 1, 0, has_batches=True)


def test_a_partition_led_no_more_forgets_who_asked():
    verifications = Verifications()
    guard = verifications.start(PARTITIONS[0], 1, 0, 0, START_MS, is_version_2=True)
    other = verifications.start(PARTITIONS[1], 1, 0, 0, START_MS, is_version_2=True)
    verifications.forget(PARTITIONS[0])
    with pytest.raises(KafkaError):
        verifications.check(PARTITIONS[0], 1, guard)
    verifications.check(PARTITIONS[1], 1, other)
