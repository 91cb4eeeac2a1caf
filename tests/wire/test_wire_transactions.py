"""Transactions over the wire, request by request, as clients of both transaction versions send them."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    ProducerState,
    TopicRequest,
)
from ottla.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TransactionState,
)
from ottla.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponsePartitions,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)
from ottla.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.records.batch import iterate_batches
from ottla.records.record import Record, build_batch, iterate_records

TIMEOUT_MS = 60_000
PASSING = {
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNSTABLE_OFFSET_COMMIT,
}


class Owned(NamedTuple):
    """What InitProducerId has given."""

    producer_id: int
    producer_epoch: int

    def raised(self, by: int = 1) -> Owned:
        return Owned(self.producer_id, self.producer_epoch + by)


NONE_YET = Owned(-1, -1)


def _now_ms() -> int:
    """A marker's time is the broker's: a record of long ago would be in a segment of its own."""
    return time.time_ns() // 1_000_000


class Transactional:
    """A producer with a transactional id, driven by hand."""

    def __init__(self, wire: WireClient, transactional_id: str, *, version: int = 2) -> None:
        """`version`: the transaction version that it goes by."""
        self.wire = wire
        self.transactional_id = transactional_id
        self.version = version
        self.owned = NONE_YET
        until(self._coordinator, lambda code: code == ErrorCode.NONE)

    def _coordinator(self) -> int:
        request = FindCoordinatorRequest(key_type=1, coordinator_keys=[self.transactional_id])
        return self.wire.ask(request, FindCoordinatorResponse, 4).coordinators[0].error_code

    def init_once(
        self, expected: Owned = NONE_YET, *, api_version: int = 5, timeout_ms: int = TIMEOUT_MS
    ) -> InitProducerIdResponse:
        request = InitProducerIdRequest(
            transactional_id=self.transactional_id,
            transaction_timeout_ms=timeout_ms,
            producer_id=expected.producer_id,
            producer_epoch=expected.producer_epoch,
        )
        return self.wire.ask(request, InitProducerIdResponse, api_version)

    def init(self, expected: Owned = NONE_YET, *, timeout_ms: int = TIMEOUT_MS) -> Owned:
        """As a client does: again while the coordinator is busy."""
        answer = until(
            lambda: self.init_once(expected, timeout_ms=timeout_ms),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        self.owned = Owned(answer.producer_id, answer.producer_epoch)
        return self.owned

    def add_once(self, *topics: tuple[str, list[int]], api_version: int = 3) -> dict[tuple[str, int], int]:
        """The error of each partition."""
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.transactional_id,
            v3_and_below_producer_id=self.owned.producer_id,
            v3_and_below_producer_epoch=self.owned.producer_epoch,
            v3_and_below_topics=[
                AddPartitionsToTxnTopic(name=name, partitions=numbers) for name, numbers in topics
            ],
        )
        answer = self.wire.ask(request, AddPartitionsToTxnResponse, api_version)
        return {
            (topic.name, each.partition_index): each.partition_error_code
            for topic in answer.results_by_topic_v3_and_below
            for each in topic.results_by_partition
        }

    def add(self, topic: str, *partitions: int) -> None:
        codes = until(
            lambda: self.add_once((topic, list(partitions))),
            lambda seen: not PASSING & set(seen.values()),
        )
        assert set(codes.values()) == {ErrorCode.NONE}

    def produce_once(
        self,
        topic: str,
        value: bytes,
        *,
        sequence: int = 0,
        partition: int = 0,
        owned: Owned | None = None,
        api_version: int | None = None,
        transactional: bool = True,
        names_itself: bool = True,
    ) -> PartitionProduceResponse:
        producer = owned or self.owned
        batch = build_batch(
            [Record(0, _now_ms(), None, value)],
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
        request = ProduceRequest(
            transactional_id=self.transactional_id if names_itself else None,
            acks=-1,
            timeout_ms=10_000,
            topic_data=[
                TopicProduceData(
                    name=topic, partition_data=[PartitionProduceData(index=partition, records=batch)]
                )
            ],
        )
        version = (12 if self.version == 2 else 11) if api_version is None else api_version
        return self.wire.ask(request, ProduceResponse, version).responses[0].partition_responses[0]

    def produce(self, topic: str, value: bytes, *, sequence: int = 0, partition: int = 0) -> int:
        """The record's offset. A client of version 1 has added the partition before."""
        answer = until(
            lambda: self.produce_once(topic, value, sequence=sequence, partition=partition),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        return answer.base_offset

    def end_once(
        self, *, committed: bool, owned: Owned | None = None, api_version: int | None = None
    ) -> EndTxnResponse:
        producer = owned or self.owned
        request = EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            committed=committed,
        )
        version = (5 if self.version == 2 else 4) if api_version is None else api_version
        return self.wire.ask(request, EndTxnResponse, version)

    def end(self, *, committed: bool) -> None:
        """Ends the transaction; when this returns its markers are written."""
        answer = until(
            lambda: self.end_once(committed=committed), lambda seen: seen.error_code not in PASSING
        )
        assert answer.error_code == ErrorCode.NONE, answer
        if self.version == 2:
            self.owned = Owned(answer.producer_id, answer.producer_epoch)
        self.wait_for("CompleteCommit" if committed else "CompleteAbort")

    def describe(self) -> TransactionState:
        request = DescribeTransactionsRequest(transactional_ids=[self.transactional_id])
        return self.wire.ask(request, DescribeTransactionsResponse, 0).transaction_states[0]

    def wait_for(self, state: str) -> TransactionState:
        return until(self.describe, lambda seen: seen.transaction_state == state)


@pytest.fixture
def producer(wire: WireClient, unique_name) -> Transactional:
    """Of transaction version 2."""
    return Transactional(wire, unique_name("tx"))


@pytest.fixture
def old_producer(wire: WireClient, unique_name) -> Transactional:
    """Of transaction version 1."""
    return Transactional(wire, unique_name("tx"), version=1)


def values(wire: WireClient, topic: str, *, isolation_level: int, partition: int = 0) -> list[bytes]:
    """What a consumer of the isolation level is given, aborted transactions taken out as it does."""
    answer = wire.fetch(topic, 0, partition=partition, isolation_level=isolation_level)
    found = []
    aborted = sorted((each.first_offset, each.producer_id) for each in answer.aborted_transactions or ())
    skipping: set[int] = set()
    for header, batch in iterate_batches(memoryview(answer.records or b"")):
        while aborted and aborted[0][0] <= header.last_offset:
            skipping.add(aborted.pop(0)[1])
        if header.is_control:
            skipping.discard(header.producer_id)
        elif header.producer_id not in skipping:
            found += [record.value for record in iterate_records(batch, max_decompressed_bytes=1 << 20)]
    return found


def producers_of(wire: WireClient, topic: str, partition: int = 0) -> list[ProducerState]:
    request = DescribeProducersRequest(topics=[TopicRequest(name=topic, partition_indexes=[partition])])
    return wire.ask(request, DescribeProducersResponse, 0).topics[0].partitions[0].active_producers


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
            [Record(0, _now_ms(), None, b"x")],
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


# Offsets.


def committed_offset(
    wire: WireClient, group: str, topic: str, *, require_stable: bool = False
) -> OffsetFetchResponsePartitions:
    request = OffsetFetchRequest(
        groups=[
            OffsetFetchRequestGroup(
                group_id=group, topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])]
            )
        ],
        require_stable=require_stable,
    )
    [found] = until(
        lambda: wire.ask(request, OffsetFetchResponse, 8).groups,
        lambda seen: seen[0].error_code == ErrorCode.NONE,
    )
    return found.topics[0].partitions[0]


def commit_offset(producer: Transactional, group: str, topic: str, offset: int, *, api_version: int) -> int:
    request = TxnOffsetCommitRequest(
        transactional_id=producer.transactional_id,
        group_id=group,
        producer_id=producer.owned.producer_id,
        producer_epoch=producer.owned.producer_epoch,
        topics=[
            TxnOffsetCommitRequestTopic(
                name=topic,
                partitions=[TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=offset)],
            )
        ],
    )
    answer = until(
        lambda: producer.wire.ask(request, TxnOffsetCommitResponse, api_version),
        lambda seen: seen.topics[0].partitions[0].error_code not in PASSING,
    )
    return answer.topics[0].partitions[0].error_code


@pytest.mark.parametrize("version", [1, 2])
def test_offsets_are_committed_with_the_transaction(wire, unique_name, topic, version):
    """Not before; who asks for stable offsets is told to wait; an abort forgets them."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    producer = Transactional(wire, unique_name("tx"), version=version)
    producer.init()
    for offset, committed in ((5, True), (9, False)):
        if version == 1:
            request = AddOffsetsToTxnRequest(
                transactional_id=producer.transactional_id,
                producer_id=producer.owned.producer_id,
                producer_epoch=producer.owned.producer_epoch,
                group_id=group,
            )
            assert (
                until(
                    lambda request=request: wire.ask(request, AddOffsetsToTxnResponse, 3).error_code,
                    lambda code: code not in PASSING,
                )
                == ErrorCode.NONE
            )
        before = committed_offset(wire, group, topic).committed_offset
        api_version = 3 if version == 1 else 5
        assert commit_offset(producer, group, topic, offset, api_version=api_version) == ErrorCode.NONE
        assert committed_offset(wire, group, topic).committed_offset == before
        unstable = committed_offset(wire, group, topic, require_stable=True)
        assert unstable.error_code == ErrorCode.UNSTABLE_OFFSET_COMMIT
        producer.end(committed=committed)
        stable = until(
            lambda: committed_offset(wire, group, topic, require_stable=True),
            lambda seen: seen.error_code == ErrorCode.NONE,
        )
        assert stable.committed_offset == 5


def test_offsets_of_a_group_that_was_not_added(wire, unique_name, topic, old_producer):
    """As for records: each version in words it knows."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    old_producer.init()
    old_producer.add(topic, 0)
    assert commit_offset(old_producer, group, topic, 1, api_version=4) == ErrorCode.TRANSACTION_ABORTABLE
    assert commit_offset(old_producer, group, topic, 1, api_version=3) == ErrorCode.INVALID_TXN_STATE
    assert committed_offset(wire, group, topic).committed_offset == -1


def test_offsets_of_whoever_does_not_own_the_transactional_id(wire, unique_name, topic, producer):
    """The transaction's coordinator is asked first, in every version that verifies."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    owned = producer.init()
    for api_version in (3, 4, 5):
        for stranger, code in (
            (NONE_YET, ErrorCode.INVALID_PRODUCER_ID_MAPPING),
            (owned.raised(), ErrorCode.INVALID_PRODUCER_EPOCH),
        ):
            producer.owned = stranger
            assert commit_offset(producer, group, topic, 1, api_version=api_version) == code


def test_offsets_of_a_topic_that_does_not_exist(wire, unique_name, producer):
    """The others would be committed."""
    group = unique_name("group")
    wire.find_coordinator(group)
    producer.init()
    request = TxnOffsetCommitRequest(
        transactional_id=producer.transactional_id,
        group_id=group,
        producer_id=producer.owned.producer_id,
        producer_epoch=producer.owned.producer_epoch,
        topics=[
            TxnOffsetCommitRequestTopic(
                name=unique_name("missing"), partitions=[TxnOffsetCommitRequestPartition(partition_index=0)]
            )
        ],
    )
    [row] = wire.ask(request, TxnOffsetCommitResponse, 5).topics[0].partitions
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


# What tools see and do.


def test_transactions_are_listed_by_filters(wire, unique_name, topic):
    """By state, producer id, duration and pattern of the transactional id."""
    wire.create_topic(topic)
    idle, busy = (Transactional(wire, unique_name("listed")) for _ in range(2))
    idle.init()
    busy.init()
    busy.produce(topic, b"x")

    def listed(version: int = 2, **filters) -> dict[str, str]:
        answer = wire.ask(ListTransactionsRequest(**filters), ListTransactionsResponse, version)
        assert answer.error_code == ErrorCode.NONE
        return {
            each.transactional_id: each.transaction_state
            for each in answer.transaction_states
            if each.transactional_id in (idle.transactional_id, busy.transactional_id)
        }

    both = {idle.transactional_id: "Empty", busy.transactional_id: "Ongoing"}
    only_busy = {busy.transactional_id: "Ongoing"}
    for version in range(3):
        assert listed(version) == both
        assert listed(version, state_filters=["Ongoing"]) == only_busy
        assert listed(version, producer_id_filters=[busy.owned.producer_id]) == only_busy
    assert listed(1, duration_filter=3_600_000, state_filters=["Ongoing"]) == {}
    assert listed(transactional_id_pattern=f"{busy.transactional_id[:-1]}.").keys() >= only_busy.keys()
    assert listed(transactional_id_pattern=busy.transactional_id) == only_busy
    assert listed(transactional_id_pattern=busy.transactional_id[:-1]) == {}
    assert listed(transactional_id_pattern="") == both
    answer = wire.ask(
        ListTransactionsRequest(state_filters=["Ongoing", "Nonsense"]), ListTransactionsResponse, 0
    )
    assert answer.unknown_state_filters == ["Nonsense"]
    broken = wire.ask(ListTransactionsRequest(transactional_id_pattern="(["), ListTransactionsResponse, 2)
    assert broken.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION


def test_a_transaction_is_described(wire, producer, topic):
    """Its state, timeout, producer and partitions; an unknown one has an error."""
    wire.create_topic(topic)
    producer.init()
    empty = producer.describe()
    assert (empty.transaction_state, empty.transaction_timeout_ms, empty.topics) == ("Empty", TIMEOUT_MS, [])
    assert (empty.transaction_start_time_ms, empty.producer_id) == (-1, producer.owned.producer_id)
    producer.produce(topic, b"x")
    busy = producer.describe()
    assert busy.transaction_start_time_ms > 0
    assert [(each.topic, each.partitions) for each in busy.topics] == [(topic, [0])]
    producer.end(committed=True)
    done = producer.describe()
    assert (done.topics, done.transaction_start_time_ms) == ([], busy.transaction_start_time_ms)
    assert done.producer_epoch == producer.owned.producer_epoch
    for transactional_id, code in (
        ("nobody", ErrorCode.TRANSACTIONAL_ID_NOT_FOUND),
        ("", ErrorCode.INVALID_REQUEST),
    ):
        request = DescribeTransactionsRequest(transactional_ids=[transactional_id])
        [state] = wire.ask(request, DescribeTransactionsResponse, 0).transaction_states
        assert (state.error_code, state.transactional_id) == (code, transactional_id)


def test_markers_are_written_as_asked_for(wire, producer, topic):
    """As a tool ends a hanging transaction: an older coordinator, or an older epoch, has no say."""
    wire.create_topic(topic)
    producer.init()
    owned = producer.init()
    producer.produce(topic, b"x")

    def write(owned: Owned, coordinator_epoch: int, *, partition: int = 0) -> int:
        marker = WritableTxnMarker(
            producer_id=owned.producer_id,
            producer_epoch=owned.producer_epoch,
            transaction_result=False,
            coordinator_epoch=coordinator_epoch,
            topics=[WritableTxnMarkerTopic(name=topic, partition_indexes=[partition])],
        )
        answer = wire.ask(WriteTxnMarkersRequest(markers=[marker]), WriteTxnMarkersResponse, 1)
        assert answer.markers[0].producer_id == owned.producer_id
        return answer.markers[0].topics[0].partitions[0].error_code

    assert write(owned, 5, partition=3) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert write(owned.raised(-1), 5) == ErrorCode.INVALID_PRODUCER_EPOCH
    assert wire.fetch(topic, 0, isolation_level=1).last_stable_offset == 0
    assert write(owned, 5) == ErrorCode.NONE
    [state] = producers_of(wire, topic)
    assert (state.current_txn_start_offset, state.coordinator_epoch) == (-1, 5)
    assert write(owned, 4) == ErrorCode.TRANSACTION_COORDINATOR_FENCED
    assert values(wire, topic, isolation_level=1) == []
    assert wire.fetch(topic, 0, isolation_level=1).last_stable_offset == 2


def test_several_coordinators_are_found_at_once(wire, unique_name):
    """FindCoordinator from version 4 on; one in the versions before."""
    keys = [unique_name("tx") for _ in range(5)]
    answers = until(
        lambda: (
            wire.ask(
                FindCoordinatorRequest(key_type=1, coordinator_keys=keys), FindCoordinatorResponse, 4
            ).coordinators
        ),
        lambda seen: all(each.error_code == ErrorCode.NONE for each in seen),
    )
    assert [each.key for each in answers] == keys
    one = wire.ask(FindCoordinatorRequest(key_type=1, key=keys[0]), FindCoordinatorResponse, 3)
    assert (one.error_code, one.node_id) == (ErrorCode.NONE, 1)
