"""What the settings of a share group change: where it begins, which records it sees, how long it locks them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from share_client import ACCEPT, ShareMember, enable_share_groups, initialize_state, topic_id
from wire_client import WireClient

from brokers import ApacheBroker, OttlaBroker, ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import incremental_alter_configs as altering
from ottla.protocol.messages import share_fetch as fetching
from ottla.records.record import Record

GROUP_RESOURCE, SET = 32, 0
BY_RESET = -1
"""The start offset of state that leaves it to `share.auto.offset.reset`."""
NEW = itertools.count(1_000)
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def share_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessBroker]:
    """A broker of this module's own, with share groups switched on."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and its features stay as they are")
    kind = {"ottla": OttlaBroker, "apache": ApacheBroker}[broker_kind]
    with kind(tmp_path_factory.mktemp("share"), {}) as running:
        with WireClient(running.host, running.port) as wire:
            enable_share_groups(wire)
        yield running


@pytest.fixture
def wire(share_broker: ProcessBroker) -> Iterator[WireClient]:
    with WireClient(share_broker.host, share_broker.port) as client:
        yield client


@pytest.fixture
def group(unique_name: Callable[[str], str]) -> str:
    return unique_name("share")


def configure(wire: WireClient, group: str, **settings: str) -> None:
    """Set the group's settings; underscores for dots."""
    resource = altering.AlterConfigsResource(
        resource_type=GROUP_RESOURCE,
        resource_name=group,
        configs=[
            altering.AlterableConfig(name=name.replace("_", "."), config_operation=SET, value=value)
            for name, value in settings.items()
        ],
    )
    request = altering.IncrementalAlterConfigsRequest(resources=[resource])
    [answer] = wire.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
    assert answer.error_code == ErrorCode.NONE, answer


def begin(wire: WireClient, group: str, topic: str) -> ShareMember:
    """A member of the group, whose state leaves the start offset open."""
    name = topic_id(wire, topic)
    initialize_state(wire, group, name, start_offset=BY_RESET)
    return ShareMember(wire, group, name, next(NEW))


def test_a_group_begins_with_what_comes(wire: WireClient, topic: str, group: str) -> None:
    """`latest` is the default."""
    wire.create_topic(topic)
    wire.produce_records(topic, Record(0, 0, None, b"before"))
    member = begin(wire, group, topic)
    until(lambda: member.fetch_all(max_wait_ms=200)[1], lambda rows: not rows.get(0) or not rows[0].error)
    until(lambda: member.fetch(max_wait_ms=100).offsets, lambda seen: seen == {})
    wire.produce_records(topic, Record(0, 0, None, b"after"))
    assert member.fetch_until(1).offsets == {1: 1}


def test_a_group_may_begin_with_the_earliest_record(wire: WireClient, topic: str, group: str) -> None:
    configure(wire, group, share_auto_offset_reset="earliest")
    wire.create_topic(topic)
    wire.produce_records(topic, Record(0, 0, None, b"a"), Record(0, 0, None, b"b"))
    assert begin(wire, group, topic).fetch_until(2).offsets == {0: 1, 1: 1}


def test_a_group_may_begin_some_time_ago(wire: WireClient, topic: str, group: str) -> None:
    """With the first record of at least that time."""
    configure(wire, group, share_auto_offset_reset="by_duration:PT2H")
    wire.create_topic(topic)
    now_ms = int(time.time() * 1000)
    for hours_ago in (5, 4, 1, 0):
        wire.produce_records(topic, Record(0, now_ms - hours_ago * HOUR_MS, None, b"%d" % hours_ago))
    assert begin(wire, group, topic).fetch_until(2).offsets == {2: 1, 3: 1}


def test_the_lock_is_as_long_as_the_group_says(wire: WireClient, topic: str, group: str) -> None:
    """Told with every answer."""
    configure(wire, group, share_record_lock_duration_ms="15000", share_auto_offset_reset="earliest")
    wire.create_topic(topic)
    member = begin(wire, group, topic)
    answer = wire.ask(member.fetch_request(max_wait_ms=10), fetching.ShareFetchResponse, 1)
    assert answer.acquisition_lock_timeout_ms == 15_000


def transactions(broker: ProcessBroker, topic: str) -> None:
    """Offset 0: committed, 1: its marker; 2, 3: aborted, 4: the marker; 5: committed, 6: its marker."""
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": f"of-{topic}", "linger.ms": 0}
    )
    producer.init_transactions(30)
    for values, commit in (([b"a"], True), ([b"x", b"y"], False), ([b"b"], True)):
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)


def fetched_values(member: ShareMember, last_offset: int) -> dict[int, bytes]:
    """The values of acquired records until there is word of `last_offset`, all of them accepted."""
    values: dict[int, bytes] = {}
    acquired: set[int] = set()

    def gather() -> set[int]:
        seen = member.fetch(max_wait_ms=500)
        for first, last, _ in seen.ranges:
            assert member.acknowledge((first, last, [ACCEPT])) is ErrorCode.NONE
        acquired.update(seen.offsets)
        values.update({offset: seen.values[offset] for offset in seen.offsets if offset in seen.values})
        return acquired

    until(gather, lambda offsets: last_offset in offsets)
    return values


def test_records_of_aborted_transactions_come_by_default(
    wire: WireClient, share_broker: ProcessBroker, topic: str, group: str
) -> None:
    configure(wire, group, share_auto_offset_reset="earliest")
    wire.create_topic(topic)
    transactions(share_broker, topic)
    assert fetched_values(begin(wire, group, topic), 5) == {0: b"a", 2: b"x", 3: b"y", 5: b"b"}


def test_committed_records_alone_come_where_the_group_wants_it(
    wire: WireClient, share_broker: ProcessBroker, topic: str, group: str
) -> None:
    """`share.isolation.level=read_committed`: aborted ones are never acquired, and do not hold the group up."""
    configure(wire, group, share_auto_offset_reset="earliest", share_isolation_level="read_committed")
    wire.create_topic(topic)
    transactions(share_broker, topic)
    assert fetched_values(begin(wire, group, topic), 5) == {0: b"a", 5: b"b"}
