"""What tools see of transactions, and do to them."""

from __future__ import annotations

from transactional_producer import TIMEOUT_MS, Owned, Transactional, producers_of, values

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)


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
