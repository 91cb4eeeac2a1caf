"""Transactions over the wire, request by request, as clients of both transaction versions send them."""

from __future__ import annotations

import pytest
from transactional_producer import PASSING, TIMEOUT_MS, Owned, Transactional, now_ms, producers_of, values
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch

# InitProducerId.


def test_each_new_instance_gets_the_next_epoch(producer):
    """In every version; the id stays."""
    first = producer.init()
    assert first.producer_epoch == 0
    for epoch, api_version in enumerate(range(6), 1):
        answer = producer.init_once(api_version=api_version)
        assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (
            ErrorCode.NONE,
            first.producer_id,
            epoch,
        )


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
def test_a_transaction_timeout_has_bounds(producer, timeout_ms):
    """Above zero, and no more than transaction.max.timeout.ms."""
    answer = producer.init_once(timeout_ms=timeout_ms)
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (
        ErrorCode.INVALID_TRANSACTION_TIMEOUT,
        -1,
        -1,
    )


def test_an_empty_transactional_id_is_refused(wire):
    """Which is not the same as none."""
    request = InitProducerIdRequest(transactional_id="", transaction_timeout_ms=1)
    assert wire.ask(request, InitProducerIdResponse, 5).error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("half", [Owned(5, -1), Owned(-1, 5)])
def test_a_producer_names_its_id_with_its_epoch(producer, half):
    """Or neither."""
    assert producer.init_once(half).error_code == ErrorCode.INVALID_REQUEST


def test_a_producer_that_lives_on_gets_the_next_epoch_once(producer):
    """KIP-360: the same request again is given the same; after another instance came, it is fenced."""
    first = producer.init()
    second = producer.init(first)
    assert second == first.raised()
    assert producer.init(first) == second
    third = producer.init()
    assert third == second.raised()
    for api_version, code in ((3, ErrorCode.INVALID_PRODUCER_EPOCH), (4, ErrorCode.PRODUCER_FENCED)):
        assert producer.init_once(second, api_version=api_version).error_code == code
    assert producer.init_once(Owned(first.producer_id + 77, 0)).error_code == ErrorCode.PRODUCER_FENCED


def test_a_producer_whose_transactional_id_expired_begins_anew(producer):
    """It has an id of which the coordinator knows nothing."""
    assert producer.init(Owned(123_456, 7)).producer_epoch == 0


def test_two_phase_commit_is_not_to_be_had(start_broker):
    """InitProducerId version 6 is unstable; where it is announced, both of its wishes are refused (KIP-939)."""
    broker = start_broker({"unstable.api.versions.enable": "true"})
    with WireClient(broker.host, broker.port) as wire:
        assert wire.versions()[InitProducerIdRequest.api_key] == (0, 6)
        producer = Transactional(wire, "prepared")
        for wish, code in (
            ({"enable2_pc": True}, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            ({"keep_prepared_txn": True}, ErrorCode.UNSUPPORTED_VERSION),
            ({}, ErrorCode.NONE),
        ):
            request = InitProducerIdRequest(
                transactional_id=producer.transactional_id, transaction_timeout_ms=TIMEOUT_MS, **wish
            )
            answer = until(
                lambda request=request: wire.ask(request, InitProducerIdResponse, 6),
                lambda seen: seen.error_code not in PASSING,
            )
            assert (answer.error_code, answer.ongoing_txn_producer_id) == (code, -1)


# Transaction version 1.


def test_records_are_read_committed_once_they_are(wire, old_producer, topic):
    """The last stable offset waits for the marker; uncommitted readers see them at once."""
    wire.create_topic(topic)
    owned = old_producer.init()
    old_producer.add(topic, 0)
    assert old_producer.produce(topic, b"a") == 0
    assert old_producer.produce(topic, b"b", sequence=1) == 1
    open_fetch = wire.fetch(topic, 0, isolation_level=1)
    assert (open_fetch.last_stable_offset, open_fetch.high_watermark) == (0, 2)
    assert values(wire, topic, isolation_level=1) == []
    assert values(wire, topic, isolation_level=0) == [b"a", b"b"]
    [state] = producers_of(wire, topic)
    assert (state.producer_id, state.producer_epoch, state.last_sequence) == (*owned, 1)
    assert (state.current_txn_start_offset, state.coordinator_epoch) == (0, -1)

    old_producer.end(committed=True)
    done = wire.fetch(topic, 0, isolation_level=1)
    assert (done.last_stable_offset, done.high_watermark, done.aborted_transactions) == (3, 3, [])
    assert values(wire, topic, isolation_level=1) == [b"a", b"b"]
    [state] = producers_of(wire, topic)
    assert (state.current_txn_start_offset, state.coordinator_epoch) == (-1, 0)
    assert state.producer_epoch == owned.producer_epoch


def test_aborted_records_are_named(wire, old_producer, topic):
    """A fetch of committed records lists the aborted transactions that overlap it."""
    wire.create_topic(topic)
    owned = old_producer.init()
    old_producer.add(topic, 0)
    old_producer.produce(topic, b"a")
    old_producer.end(committed=False)
    old_producer.add(topic, 0)
    old_producer.produce(topic, b"b", sequence=1)
    old_producer.end(committed=True)
    answer = wire.fetch(topic, 0, isolation_level=1)
    assert [(each.producer_id, each.first_offset) for each in answer.aborted_transactions] == [
        (owned.producer_id, 0)
    ]
    assert values(wire, topic, isolation_level=1) == [b"b"]
    assert wire.fetch(topic, 0).aborted_transactions is None


def test_an_old_client_may_end_twice_the_same_way(wire, old_producer, topic):
    """Its retry is known by the state; the other way is INVALID_TXN_STATE, as is an end of nothing."""
    wire.create_topic(topic)
    old_producer.init()
    assert old_producer.end_once(committed=True).error_code == ErrorCode.INVALID_TXN_STATE
    assert old_producer.end_once(committed=False).error_code == ErrorCode.INVALID_TXN_STATE
    old_producer.add(topic, 0)
    old_producer.end(committed=True)
    assert old_producer.end_once(committed=True).error_code == ErrorCode.NONE
    assert old_producer.end_once(committed=False).error_code == ErrorCode.INVALID_TXN_STATE


def test_whoever_does_not_own_the_transactional_id_is_told(wire, old_producer, topic):
    """Another producer id, an older epoch, an unknown transactional id; versions 0 and 1 don't know PRODUCER_FENCED."""
    wire.create_topic(topic)
    first = old_producer.init()
    old_producer.init()
    for api_version in range(5):
        known = api_version >= 2
        fenced = ErrorCode.PRODUCER_FENCED if known else ErrorCode.INVALID_PRODUCER_EPOCH
        end = old_producer.end_once(committed=True, owned=first, api_version=api_version)
        assert end.error_code == fenced
        if api_version <= 3:
            old_producer.owned = first
            assert old_producer.add_once((topic, [0]), api_version=api_version) == {(topic, 0): fenced}
    stranger = Owned(first.producer_id + 77, 0)
    assert (
        old_producer.end_once(committed=True, owned=stranger).error_code
        == ErrorCode.INVALID_PRODUCER_ID_MAPPING
    )
    nobody = Transactional(wire, f"{old_producer.transactional_id}-unknown", version=1)
    nobody.owned = first
    assert nobody.end_once(committed=True).error_code == ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert nobody.add_once((topic, [0])) == {(topic, 0): ErrorCode.INVALID_PRODUCER_ID_MAPPING}


def test_partitions_are_added_all_or_none(wire, old_producer, topic):
    """Unknown ones and the broker's own topics keep the others out."""
    wire.create_topic(topic)
    old_producer.init()
    until(lambda: old_producer.add_once((topic, [0])), lambda seen: seen == {(topic, 0): ErrorCode.NONE})
    assert old_producer.add_once((topic, [0, 7])) == {
        (topic, 0): ErrorCode.OPERATION_NOT_ATTEMPTED,
        (topic, 7): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert old_producer.add_once(("__transaction_state", [0])) == {
        ("__transaction_state", 0): ErrorCode.TOPIC_AUTHORIZATION_FAILED
    }
    assert [(each.topic, each.partitions) for each in old_producer.describe().topics] == [(topic, [0])]


def test_a_partition_that_was_not_added_takes_no_record(wire, old_producer, topic):
    """Each version of Produce is told in words it knows; the transaction can be aborted after."""
    wire.create_topic(topic, 2)
    old_producer.init()
    old_producer.add(topic, 0)
    for api_version, code in ((11, ErrorCode.TRANSACTION_ABORTABLE), (10, ErrorCode.INVALID_TXN_STATE)):
        answer = until(
            lambda version=api_version: old_producer.produce_once(
                topic, b"x", partition=1, api_version=version
            ),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == code
    assert values(wire, topic, isolation_level=0, partition=1) == []
    old_producer.end(committed=False)


def test_brokers_add_and_verify_for_several_transactions_at_once(wire, unique_name, topic):
    """AddPartitionsToTxn from version 4 on."""
    wire.create_topic(topic, 2)
    one, other = (Transactional(wire, unique_name("tx")) for _ in range(2))

    def ask(version: int) -> dict[str, dict[int, int]]:
        request = AddPartitionsToTxnRequest(
            transactions=[
                AddPartitionsToTxnTransaction(
                    transactional_id=each.transactional_id,
                    producer_id=each.owned.producer_id,
                    producer_epoch=each.owned.producer_epoch,
                    verify_only=each is other,
                    topics=[AddPartitionsToTxnTopic(name=topic, partitions=[0, 1])],
                )
                for each in (one, other)
            ]
        )
        answer = wire.ask(request, AddPartitionsToTxnResponse, version)
        assert answer.error_code == ErrorCode.NONE
        return {
            result.transactional_id: {
                row.partition_index: row.partition_error_code
                for row in result.topic_results[0].results_by_partition
            }
            for result in answer.results_by_transaction
        }

    one.init()
    other.init()
    other.produce(topic, b"x", partition=1)
    for version in (4, 5):
        assert ask(version) == {
            one.transactional_id: {0: ErrorCode.NONE, 1: ErrorCode.NONE},
            other.transactional_id: {0: ErrorCode.TRANSACTION_ABORTABLE, 1: ErrorCode.NONE},
        }
    other.owned = other.owned.raised()
    assert set(ask(5)[other.transactional_id].values()) == {ErrorCode.PRODUCER_FENCED}


# Transaction version 2.


def test_writing_adds_the_partition_and_each_transaction_has_its_epoch(wire, producer, topic):
    """KIP-890: no AddPartitionsToTxn; EndTxn gives the next epoch, and a record of the last one comes too late."""
    wire.create_topic(topic, 2)
    first = producer.init()
    producer.produce(topic, b"a")
    producer.produce(topic, b"b", partition=1)
    described = producer.describe()
    assert described.transaction_state == "Ongoing"
    assert [(each.topic, sorted(each.partitions)) for each in described.topics] == [(topic, [0, 1])]
    producer.end(committed=True)
    assert producer.owned == first.raised()
    assert values(wire, topic, isolation_level=1) == [b"a"]
    late = producer.produce_once(topic, b"late", owned=first, sequence=1)
    assert late.error_code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert producer.produce(topic, b"c") == 2
    producer.end(committed=False)
    assert producer.owned == first.raised(2)
    assert values(wire, topic, isolation_level=1) == [b"a"]
    [state] = producers_of(wire, topic)
    assert (state.producer_epoch, state.current_txn_start_offset) == (first.producer_epoch + 2, -1)


def test_a_repeated_end_is_answered_the_same(wire, producer, topic):
    """The first answer was lost: the same id and epoch again; the other way is refused."""
    wire.create_topic(topic)
    first = producer.init()
    producer.produce(topic, b"a")
    producer.end(committed=True)
    again = producer.end_once(committed=True, owned=first)
    assert (again.error_code, again.producer_id, again.producer_epoch) == (
        ErrorCode.NONE,
        *first.raised(),
    )
    assert producer.end_once(committed=False, owned=first).error_code == ErrorCode.INVALID_TXN_STATE
    assert producer.end_once(committed=True).error_code == ErrorCode.INVALID_TXN_STATE
    producer.produce(topic, b"b")
    stale = producer.end_once(committed=True, owned=first)
    assert (stale.error_code, stale.producer_id, stale.producer_epoch) == (ErrorCode.PRODUCER_FENCED, -1, -1)


def test_nothing_can_be_aborted_but_not_committed(producer):
    """A client can't know whether its only record reached a broker; the epoch rises all the same."""
    first = producer.init()
    assert producer.end_once(committed=True).error_code == ErrorCode.INVALID_TXN_STATE
    producer.end(committed=False)
    assert producer.owned == first.raised()
    producer.end(committed=False)
    assert producer.owned == first.raised(2)


def test_a_transaction_begins_with_sequence_0(wire, producer, topic):
    """In a partition that knows nothing of the producer."""
    wire.create_topic(topic)
    producer.init()
    answer = until(
        lambda: producer.produce_once(topic, b"x", sequence=3), lambda seen: seen.error_code not in PASSING
    )
    assert answer.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    producer.produce(topic, b"x")


def test_a_batch_that_is_sent_twice_stands_once(wire, producer, topic):
    """Within its transaction."""
    wire.create_topic(topic)
    producer.init()
    assert producer.produce(topic, b"a") == producer.produce(topic, b"a") == 0
    producer.end(committed=True)
    assert values(wire, topic, isolation_level=1) == [b"a"]


# What a batch may be.


def test_a_transactional_batch_needs_a_request_that_says_whose(wire, producer, topic):
    """Without the transactional id nobody could be asked."""
    wire.create_topic(topic)
    producer.init()
    for api_version in (11, 12):
        answer = producer.produce_once(topic, b"x", api_version=api_version, names_itself=False)
        assert answer.error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_a_plain_batch_does_not_fit_into_a_transaction(wire, producer, topic):
    """Of the same producer, while its transaction is open there."""
    wire.create_topic(topic)
    producer.init()
    producer.produce(topic, b"a")
    answer = producer.produce_once(topic, b"x", sequence=1, transactional=False)
    assert answer.error_code == ErrorCode.INVALID_TXN_STATE


def test_one_request_holds_batches_of_one_producer(wire, unique_name, topic):
    """Its transactional id has only one."""
    wire.create_topic(topic, 2)
    producer = Transactional(wire, unique_name("tx"))
    owned = producer.init()
    batches = [
        build_batch(
            [Record(0, now_ms(), None, b"x")],
            producer_id=owned.producer_id + number,
            producer_epoch=0,
            base_sequence=0,
            transactional=True,
        )
        for number in range(2)
    ]
    request = ProduceRequest(
        transactional_id=producer.transactional_id,
        acks=-1,
        timeout_ms=10_000,
        topic_data=[
            TopicProduceData(
                name=topic,
                partition_data=[
                    PartitionProduceData(index=index, records=batch) for index, batch in enumerate(batches)
                ],
            )
        ],
    )
    rows = wire.ask(request, ProduceResponse, 12).responses[0].partition_responses
    assert {row.error_code for row in rows} == {ErrorCode.INVALID_PRODUCER_ID_MAPPING}


# Fencing.


@pytest.mark.parametrize("version", [1, 2])
def test_a_newer_instance_aborts_what_is_open(wire, unique_name, topic, version):
    """It is told to wait meanwhile; the older one can neither write nor commit from then on."""
    wire.create_topic(topic, 2)
    zombie = Transactional(wire, unique_name("tx"), version=version)
    zombie.init()
    if version == 1:
        zombie.add(topic, 0, 1)
    zombie.produce(topic, b"lost")
    newer = Transactional(wire, zombie.transactional_id, version=version)
    assert newer.init_once().error_code == ErrorCode.CONCURRENT_TRANSACTIONS
    assert newer.init().producer_epoch == 2
    answer = zombie.produce_once(topic, b"zombie", sequence=1)
    assert answer.error_code == ErrorCode.INVALID_PRODUCER_EPOCH
    elsewhere = zombie.produce_once(topic, b"zombie", partition=1)
    assert elsewhere.error_code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert zombie.end_once(committed=True).error_code == ErrorCode.PRODUCER_FENCED
    if version == 1:
        newer.add(topic, 0)
    newer.produce(topic, b"kept")
    newer.end(committed=True)
    assert values(wire, topic, isolation_level=1) == [b"kept"]


def test_what_lasts_too_long_is_aborted(start_broker, topic):
    """By the producer's own timeout; its next request finds that out."""
    broker = start_broker({"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"})
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic(topic)
        producer = Transactional(wire, "slow")
        first = producer.init(timeout_ms=300)
        producer.produce(topic, b"a")
        described = producer.wait_for("CompleteAbort")
        assert (described.producer_id, described.producer_epoch) == first.raised()
        assert values(wire, topic, isolation_level=1) == []
        assert producer.end_once(committed=True).error_code == ErrorCode.INVALID_TXN_STATE
        assert producer.produce_once(topic, b"b", sequence=1).error_code == ErrorCode.INVALID_PRODUCER_EPOCH
        old = Transactional(wire, "slow and old", version=1)
        old.init(timeout_ms=300)
        old.add(topic, 0)
        old.produce(topic, b"a")
        old.wait_for("CompleteAbort")
        assert old.end_once(committed=True).error_code == ErrorCode.PRODUCER_FENCED


def test_a_transactional_id_that_nobody_uses_expires(start_broker):
    """Then the coordinator knows nothing of it."""
    broker = start_broker(
        {
            "transactional.id.expiration.ms": "500",
            "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
        }
    )
    with WireClient(broker.host, broker.port) as wire:
        producer = Transactional(wire, "idle")
        producer.init()
        gone = until(producer.describe, lambda seen: seen.error_code == ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
        assert gone.transactional_id == "idle"
