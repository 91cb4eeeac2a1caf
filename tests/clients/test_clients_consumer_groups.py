"""confluent-kafka (librdkafka) with `group.protocol=consumer` (KIP-848), alone and beside consumers of the classic protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import Consumer, ConsumerGroupType
from confluent_kafka.admin import AdminClient

from brokers import ProcessBroker, StartBroker
from conversation import Exchanged, as_exchanged, assert_all_came_once_in_order, create_topic, produce

SETTINGS = {
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "6000",
}
"""So that members hear of a rebalance soon; the broker says how often they send heartbeats."""

DEADLINE_SECONDS = 60


@pytest.fixture
def running(start_broker: StartBroker) -> ProcessBroker:
    return start_broker(SETTINGS)


class Group:
    """Consumers of one group, polled in turns."""

    def __init__(self, running: ProcessBroker, name: str) -> None:
        self._running = running
        self.name = name
        self.consumers: list[Consumer] = []
        self.records: list[Exchanged] = []
        self.lost: list[int] = []
        """Partitions that a consumer learned too late that it had lost."""

    def join(self, *topics: str, protocol: str = "consumer", **settings: object) -> Consumer:
        classic = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 200}
        consumer = Consumer(
            {
                "bootstrap.servers": self._running.bootstrap_servers,
                "group.id": self.name,
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                **(classic if protocol == "classic" else {}),
                **{key.replace("_", "."): value for key, value in settings.items()},
            }
        )
        consumer.subscribe(
            list(topics),
            # Consumers of the classic protocol give everything up at times: what they have read they must not read again.
            on_revoke=lambda consumer, _: commit(consumer),
            on_lost=lambda _, partitions: self.lost.extend(each.partition for each in partitions),
        )
        self.consumers.append(consumer)
        return consumer

    def leave(self, consumer: Consumer) -> None:
        """Commit what it read, and go."""
        self.consumers.remove(consumer)
        commit(consumer)
        consumer.close()

    def poll_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not done():
            assert time.monotonic() < deadline, [each.assignment() for each in self.consumers]
            for consumer in self.consumers:
                message = consumer.poll(0.02)
                if message is not None:
                    assert message.error() is None, message.error()
                    self.records.append(as_exchanged(message))

    def shares(self) -> list[int]:
        """How many partitions each consumer has."""
        return sorted(len(consumer.assignment()) for consumer in self.consumers)

    def type(self) -> str:
        admin = AdminClient({"bootstrap.servers": self._running.bootstrap_servers})
        for name in (ConsumerGroupType.CONSUMER, ConsumerGroupType.CLASSIC):
            listed = admin.list_consumer_groups(types={name}).result(30).valid
            if any(each.group_id == self.name for each in listed):
                return name.name
        return "none"

    def close(self) -> None:
        for consumer in self.consumers:
            consumer.close()


def commit(consumer: Consumer) -> None:
    """What it has read so far."""
    positions = [each for each in consumer.position(consumer.assignment()) if each.offset >= 0]
    if positions:
        consumer.commit(offsets=positions, asynchronous=False)


@pytest.fixture
def group(running: ProcessBroker, topic: str) -> Iterator[Group]:
    with ExitStack() as stack:
        group = Group(running, f"group-of-{topic}")
        stack.callback(group.close)
        yield group


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_consumers_share_a_topic(running: ProcessBroker, group: Group, topic: str, assignor: str) -> None:
    """One, two, three and two of them: each time all partitions are read, evenly, and nothing twice."""
    create_topic(running.bootstrap_servers, topic, 6)
    produce(running.bootstrap_servers, topic, 300)
    first = group.join(topic, group_remote_assignor=assignor)
    group.poll_until(lambda: len(group.records) == 300)
    group.join(topic)
    group.poll_until(lambda: group.shares() == [3, 3])
    group.join(topic)
    group.poll_until(lambda: group.shares() == [2, 2, 2])
    assert_all_came_once_in_order(group.records[:300], 300)
    group.leave(first)
    group.poll_until(lambda: group.shares() == [3, 3])
    assert group.lost == []


def test_a_subscription_by_regular_expression(running: ProcessBroker, group: Group, topic: str) -> None:
    """Topics that are made later are found as well."""
    create_topic(running.bootstrap_servers, f"{topic}-a", 2)
    group.join(f"^{topic}-.*")
    group.poll_until(lambda: group.shares() == [2])
    create_topic(running.bootstrap_servers, f"{topic}-b", 3)
    create_topic(running.bootstrap_servers, f"other-{topic}-c", 3)
    group.poll_until(lambda: group.shares() == [5])


def test_a_static_member_comes_back_to_its_partitions(
    running: ProcessBroker, group: Group, topic: str
) -> None:
    """Nobody else gets them while it is away for a moment."""
    create_topic(running.bootstrap_servers, topic, 4)
    static = group.join(topic, group_instance_id="one")
    other = group.join(topic)
    group.poll_until(lambda: group.shares() == [2, 2])
    had = {each.partition for each in static.assignment()}
    group.leave(static)
    back = group.join(topic, group_instance_id="one")
    group.poll_until(lambda: len(back.assignment()) == 2)
    assert {each.partition for each in back.assignment()} == had
    assert len(other.assignment()) == 2


def test_members_outlive_the_broker(running: ProcessBroker, group: Group, topic: str) -> None:
    """Killed and started again, it knows the group from its log: nobody is fenced, nothing moves."""
    create_topic(running.bootstrap_servers, topic, 4)
    group.join(topic)
    group.join(topic)
    group.poll_until(lambda: group.shares() == [2, 2])
    before = [{each.partition for each in consumer.assignment()} for consumer in group.consumers]
    running.kill()
    running.start()
    produce(running.bootstrap_servers, topic, 100)
    group.poll_until(lambda: len(group.records) == 100)
    assert [{each.partition for each in consumer.assignment()} for consumer in group.consumers] == before
    assert group.lost == []


@pytest.mark.parametrize("strategy", ["range", "roundrobin"])
def test_a_group_migrates_to_the_new_protocol_and_back(
    running: ProcessBroker, group: Group, topic: str, strategy: str
) -> None:
    """One consumer after the other is replaced, while records flow; none is lost, none read twice.

    Not with librdkafka's cooperative-sticky: it gives assignments data of its own, for which Apache refuses the upgrade too.
    """
    create_topic(running.bootstrap_servers, topic, 4)
    classic = {"protocol": "classic", "partition_assignment_strategy": strategy}
    sent = 0

    def flow() -> None:
        nonlocal sent
        produce(running.bootstrap_servers, topic, 100)
        sent += 100
        group.poll_until(lambda: len(group.records) == sent)

    for _ in range(2):
        group.join(topic, **classic)
    group.poll_until(lambda: group.shares() == [2, 2])
    flow()
    assert group.type() == "CLASSIC"
    for kind, final in (({}, "CONSUMER"), (classic, "CLASSIC")):
        for _ in range(2):
            for consumer in group.consumers:
                commit(consumer)
            group.leave(group.consumers[0])
            group.join(topic, **kind)
            group.poll_until(lambda: group.shares() == [2, 2])
            flow()
        assert group.type() == final
    assert len({(record.partition, record.offset) for record in group.records}) == sent
