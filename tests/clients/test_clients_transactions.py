"""Transactional producers of librdkafka and aiokafka, as a Python user has them: commit, abort, offsets, fencing, timeouts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as ConfluentPartition

from brokers import Broker
from conditions import until
from conversation import create_topic

SECONDS = 30


def transactional(broker: Broker, transactional_id: str, **settings: object) -> Producer:
    """A librdkafka producer, its transactions initialised."""
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "transactional.id": transactional_id,
            "linger.ms": 0,
            **{key.replace("_", "."): value for key, value in settings.items()},
        }
    )
    producer.init_transactions(SECONDS)
    return producer


def read(
    broker: Broker, topic: str, count: int, *, partitions: int = 2, isolation: str = "committed"
) -> list[str]:
    """The values of a topic up to its end, sorted; `count` are waited for."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": f"reader-of-{topic}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": f"read_{isolation}",
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.assign([ConfluentPartition(topic, number, 0) for number in range(partitions)])
    values: list[str] = []
    ends: set[int] = set()
    deadline = time.monotonic() + SECONDS
    try:
        while len(values) < count or len(ends) < partitions:
            assert time.monotonic() < deadline, values
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                ends.add(message.partition())
            else:
                values.append(message.value().decode())
    finally:
        consumer.close()
    return sorted(values)


def test_librdkafka_commits_and_aborts(broker: Broker, topic: str) -> None:
    """Over two partitions, many transactions in a row: committed readers see those that were committed."""
    create_topic(broker.bootstrap_servers, topic, 2)
    producer = transactional(broker, f"tx-{topic}")
    kept = []
    for number in range(30):
        producer.begin_transaction()
        for partition in range(2):
            producer.produce(topic, f"{number:02}-{partition}", partition=partition)
        if number % 3:
            producer.commit_transaction(SECONDS)
            kept += [f"{number:02}-{partition}" for partition in range(2)]
        else:
            producer.flush(SECONDS)
            producer.abort_transaction(SECONDS)
    assert read(broker, topic, len(kept)) == kept
    assert len(read(broker, topic, 60, isolation="uncommitted")) == 60


def test_librdkafka_commits_offsets_with_its_records(
    broker: Broker, topic: str, unique_name: Callable[[str], str]
) -> None:
    """Read, process, write: after an abort the group stands where it stood, after a commit behind what it read."""
    source, group = unique_name("source"), unique_name("group")
    create_topic(broker.bootstrap_servers, source, 1)
    create_topic(broker.bootstrap_servers, topic, 2)
    plain = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for number in range(10):
        plain.produce(source, f"{number}")
    assert plain.flush(SECONDS) == 0
    producer = transactional(broker, f"tx-{topic}")
    for committed in (False, True):
        consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
            }
        )
        consumer.subscribe([source])
        messages = consumer.consume(10, SECONDS)
        assert [message.value() for message in messages] == [b"%d" % number for number in range(10)]
        producer.begin_transaction()
        for message in messages:
            producer.produce(topic, message.value(), partition=0)
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), SECONDS
        )
        if committed:
            producer.commit_transaction(SECONDS)
        else:
            producer.abort_transaction(SECONDS)
        [offset] = consumer.committed([ConfluentPartition(source, 0)], timeout=SECONDS)
        assert offset.offset == (10 if committed else -1001)
        consumer.close()
    assert read(broker, topic, 10) == [f"{number}" for number in range(10)]


def test_librdkafka_is_fenced_by_a_newer_instance(broker: Broker, topic: str) -> None:
    """What the older one had open is aborted, and it can go on no more."""
    create_topic(broker.bootstrap_servers, topic, 2)
    older = transactional(broker, f"tx-{topic}")
    older.begin_transaction()
    older.produce(topic, "zombie", partition=0)
    assert older.flush(SECONDS) == 0
    newer = transactional(broker, f"tx-{topic}")
    with pytest.raises(KafkaException) as refused:
        older.commit_transaction(SECONDS)
    assert refused.value.args[0].fatal()
    assert refused.value.args[0].code() == KafkaError._FENCED
    newer.begin_transaction()
    newer.produce(topic, "kept", partition=0)
    newer.commit_transaction(SECONDS)
    assert read(broker, topic, 1) == ["kept"]


def test_librdkafka_outlasts_its_transaction(start_broker, topic: str) -> None:  # type: ignore[no-untyped-def]
    """The broker aborts it at its timeout; the producer learns of that at its next step."""
    broker = start_broker({"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"})
    create_topic(broker.bootstrap_servers, topic, 2)
    producer = transactional(broker, f"tx-{topic}", transaction_timeout_ms=1_000)
    producer.begin_transaction()
    producer.produce(topic, "late", partition=0)
    assert producer.flush(SECONDS) == 0
    assert read(broker, topic, 0, isolation="committed") == []
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "w"})
    # The high watermark counts the marker.
    partition = ConfluentPartition(topic, 0)
    until(lambda: consumer.get_watermark_offsets(partition, timeout=SECONDS)[1], lambda end: end >= 2)
    consumer.close()
    with pytest.raises(KafkaException):
        producer.commit_transaction(SECONDS)
    assert read(broker, topic, 0) == []


def test_aiokafka_commits_aborts_and_is_fenced(broker: Broker, topic: str) -> None:
    """Its own context manager: an exception aborts."""
    create_topic(broker.bootstrap_servers, topic, 2)

    async def talk() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap_servers, transactional_id=f"tx-{topic}"
        ) as producer:
            async with producer.transaction():
                await producer.send_and_wait(topic, b"kept", partition=0)
                await producer.send_and_wait(topic, b"kept too", partition=1)
            with pytest.raises(RuntimeError, match="undo"):
                async with producer.transaction():
                    await producer.send_and_wait(topic, b"undone", partition=0)
                    raise RuntimeError("undo")
            async with AIOKafkaProducer(
                bootstrap_servers=broker.bootstrap_servers, transactional_id=f"tx-{topic}"
            ) as newer:
                async with newer.transaction():
                    await newer.send_and_wait(topic, b"newer", partition=0)
                with pytest.raises(ProducerFenced):
                    async with producer.transaction():
                        await producer.send_and_wait(topic, b"zombie", partition=0)

    asyncio.run(talk())
    assert read(broker, topic, 3) == ["kept", "kept too", "newer"]


def test_aiokafka_commits_offsets_with_its_records(
    broker: Broker, topic: str, unique_name: Callable[[str], str]
) -> None:
    """And reads only what is committed."""
    create_topic(broker.bootstrap_servers, topic, 2)
    group = unique_name("group")

    async def talk() -> tuple[int | None, list[bytes | None]]:
        partition = TopicPartition(topic, 0)
        async with AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap_servers, transactional_id=f"tx-{topic}"
        ) as producer:
            async with producer.transaction():
                await producer.send_and_wait(topic, b"one", partition=0)
                await producer.send_offsets_to_transaction({partition: 7}, group)
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"two", partition=0)
            await producer.send_offsets_to_transaction({partition: 9}, group)
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(topic, b"three", partition=0)
        async with AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap_servers,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        ) as consumer:
            consumer.assign([partition])
            committed = await consumer.committed(partition)
            await consumer.seek_to_beginning(partition)
            records = [await asyncio.wait_for(consumer.getone(), SECONDS) for _ in range(2)]
            return committed, [record.value for record in records]

    assert asyncio.run(talk()) == (7, [b"one", b"three"])
