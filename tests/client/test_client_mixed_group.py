"""One group of consumers of three libraries: they elect, assign and hand over to each other through our coordinator."""

import asyncio
import gc
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor as KafkaPythonRange

from brokers import Broker, ProcessBroker

PARTITIONS = 6
RECORDS = 300
DEADLINE_S = 60
SESSION_MS = 6_000


class Reader:
    """One consumer on a thread of its own: what it owns now, and what it has read."""

    def __init__(self, name: str, read: Callable[["Reader"], None]) -> None:
        self.name = name
        self.owned: set[int] = set()
        self.values: list[bytes] = []
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(read,), name=name)
        self._thread.start()

    def _run(self, read: Callable[["Reader"], None]) -> None:
        try:
            read(self)
        except BaseException as error:
            self.failure = error
            raise

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


def confluent_reader(servers: str, group: str, topic: str) -> Reader:
    def read(reader: Reader) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": 200,
                "auto.commit.interval.ms": 100,
            }
        )

        def assigned(_: object, partitions: list[object]) -> None:
            reader.owned = {partition.partition for partition in partitions}  # type: ignore[attr-defined]

        consumer.subscribe([topic], on_assign=assigned, on_revoke=lambda *_: reader.owned.clear())
        while not reader.stopping.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                reader.values.append(message.value() or b"")
        consumer.close()

    return Reader("confluent-kafka", read)


def aiokafka_reader(servers: str, group: str, topic: str) -> Reader:
    async def consume(reader: Reader) -> None:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=servers,
            group_id=group,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=200,
            auto_commit_interval_ms=100,
        )
        async with consumer:
            while not reader.stopping.is_set():
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    reader.values.extend(record.value for record in batch)
                reader.owned = {partition.partition for partition in consumer.assignment()}

    return Reader("aiokafka", lambda reader: asyncio.run(consume(reader)))


def kafka_python_reader(servers: str, group: str, topic: str) -> Reader:
    def read(reader: Reader) -> None:
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=servers,
            group_id=group,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[KafkaPythonRange],
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=200,
            auto_commit_interval_ms=100,
        )
        while not reader.stopping.is_set():
            for batch in consumer.poll(timeout_ms=100).values():
                reader.values.extend(record.value for record in batch)
            reader.owned = {partition.partition for partition in consumer.assignment()}
        consumer.close()

    return Reader("kafka-python", read)


def make_topic(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)])[topic].result(30)


def produce(broker: Broker, topic: str, numbers: range) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for number in numbers:
        producer.produce(topic, b"%d" % number, partition=number % PARTITIONS)
    assert producer.flush(30) == 0


def until(condition: Callable[[], bool], readers: list[Reader]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        state = {reader.name: (sorted(reader.owned), len(reader.values)) for reader in readers}
        failed = [reader.failure for reader in readers if reader.failure is not None]
        assert not failed, failed
        assert time.monotonic() < deadline, state
        time.sleep(0.02)


def share(readers: list[Reader]) -> bool:
    """Whether each has its part, all parts together are the topic, and none is held twice."""
    owned = [partition for reader in readers for partition in list(reader.owned)]
    return all(reader.owned for reader in readers) and sorted(owned) == list(range(PARTITIONS))


def everything_read(readers: list[Reader], count: int) -> bool:
    return len({value for reader in readers for value in list(reader.values)}) == count


def test_three_libraries_share_a_topic(broker: Broker, topic: str, unique_name: Callable[[str], str]) -> None:
    """Each has two partitions; one leaves, the others take over; every record arrives, and offsets are stored."""
    make_topic(broker, topic)
    group = unique_name("mixed")
    servers = broker.bootstrap_servers
    readers = [
        make(servers, group, topic) for make in (confluent_reader, aiokafka_reader, kafka_python_reader)
    ]
    try:
        until(lambda: share(readers), readers)
        assert [len(reader.owned) for reader in readers] == [2, 2, 2]
        produce(broker, topic, range(RECORDS))
        until(lambda: everything_read(readers, RECORDS), readers)
        counts = Counter(value for reader in readers for value in reader.values)
        assert set(counts.values()) == {1}

        readers[0].stop()
        until(lambda: share(readers[1:]), readers[1:])
        produce(broker, topic, range(RECORDS, 2 * RECORDS))
        until(lambda: everything_read(readers, 2 * RECORDS), readers[1:])
    finally:
        for reader in readers:
            reader.stop()
    admin = AdminClient({"bootstrap.servers": servers})
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    stored = {position.partition: position.offset for position in future.result(30).topic_partitions}
    assert stored == dict.fromkeys(range(PARTITIONS), 2 * RECORDS // PARTITIONS)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_group_of_three_libraries_outlives_its_broker(
    start_broker: Callable[[], ProcessBroker],
    topic: str,
    unique_name: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed in the middle and started again: no acknowledged record is missed, whoever reads it."""
    for name in ("kafka", "aiokafka"):
        # What they log of refused connections would keep these, sockets open, beyond the test.
        monkeypatch.setattr(logging.getLogger(name), "propagate", False)
    broker = start_broker()
    make_topic(broker, topic)
    group = unique_name("mixed")
    servers = broker.bootstrap_servers
    readers = [
        make(servers, group, topic) for make in (confluent_reader, aiokafka_reader, kafka_python_reader)
    ]
    try:
        until(lambda: share(readers), readers)
        produce(broker, topic, range(RECORDS))
        until(lambda: everything_read(readers, RECORDS), readers)
        broker.kill()
        broker.start()
        produce(broker, topic, range(RECORDS, 2 * RECORDS))
        until(lambda: everything_read(readers, 2 * RECORDS), readers)
        until(lambda: share(readers), readers)
    finally:
        for reader in readers:
            reader.stop()
        # kafka-python leaves the sockets of refused connections to the collector, which would complain in a later test.
        gc.collect()
