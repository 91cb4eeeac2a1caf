"""The records that client tests exchange: numbered, keyed, with a header; and how to tell that all came through.

Record `i` of `count` has key `k<i mod 10>`, value `v<i>` and a header `n` = `<i>`. A client program that consumes
prints a JSON line [partition, offset, key, value, n] for each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Exchanged(NamedTuple):
    """A record as a consumer saw it."""

    partition: int
    offset: int
    key: str
    value: str
    n: str


def lines_to_records(output: str) -> list[Exchanged]:
    """The records that a client program printed."""
    return [Exchanged(*json.loads(line)) for line in output.splitlines()]


def assert_all_came_once_in_order(records: Iterable[Exchanged], count: int) -> None:
    """Each of the `count` records once, offsets without gaps, and a key's records in the order they were sent."""
    records = list(records)
    assert sorted(int(record.n) for record in records) == list(range(count))
    assert all(record.value == f"v{record.n}" for record in records)
    assert all(record.key == f"k{int(record.n) % 10}" for record in records)
    by_key: dict[str, list[Exchanged]] = defaultdict(list)
    for record in sorted(records, key=lambda each: (each.partition, each.offset)):
        by_key[record.key].append(record)
    for key, of_key in by_key.items():
        assert len({record.partition for record in of_key}) == 1, f"key {key} lies in several partitions"
        numbers = [int(record.n) for record in of_key]
        assert numbers == sorted(numbers), f"key {key} is out of order: {numbers}"


def create_topic(bootstrap_servers: str, topic: str, partitions: int = 3, **config: str) -> None:
    """Makes a topic and waits until it is made; settings with underscores for dots."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    new = NewTopic(
        topic, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()}
    )
    admin.create_topics([new])[topic].result(30)


def produce(bootstrap_servers: str, topic: str, count: int, **settings: object) -> Producer:
    """Sends the `count` records by confluent-kafka; settings with underscores for dots.

    With acks=0 the requests may still be on their way: they are lost if the returned producer is dropped too soon.
    """
    config = {key.replace("_", "."): value for key, value in settings.items()}
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 5, **config})
    failures: list[KafkaError] = []

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for i in range(count):
        producer.produce(topic, f"v{i}", f"k{i % 10}", headers={"n": str(i)}, on_delivery=on_delivery)
        producer.poll(0)
    assert producer.flush(30) == 0
    assert not failures
    return producer


def read_topic(bootstrap_servers: str, topic: str) -> list[Exchanged]:
    """All records a topic holds now, by confluent-kafka without a group."""
    settings = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": "read-topic",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 50,
    }
    consumer = Consumer(settings)
    try:
        metadata = consumer.list_topics(topic, timeout=30).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in metadata.partitions])
        return list(_until_ends(consumer, len(metadata.partitions)))
    finally:
        consumer.close()


def as_exchanged(message: Message) -> Exchanged:
    """A confluent-kafka message as the tests compare it."""
    headers = dict(message.headers() or [])
    partition, offset, key, value = message.partition(), message.offset(), message.key(), message.value()
    assert partition is not None
    assert offset is not None
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    n = headers["n"]
    assert isinstance(n, bytes)
    return Exchanged(partition, offset, key.decode(), value.decode(), n.decode())


def _until_ends(consumer: Consumer, partitions: int) -> Iterable[Exchanged]:
    ends = 0
    while ends < partitions:
        message = consumer.poll(30)
        assert message is not None, "nothing came for 30 seconds"
        error = message.error()
        if error is None:
            yield as_exchanged(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ends += 1
        else:
            raise KafkaException(error)
