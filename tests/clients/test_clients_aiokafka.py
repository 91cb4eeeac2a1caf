"""aiokafka: asyncio producers and consumers."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from brokers import Broker
from conversation import (
    CODECS,
    Exchanged,
    assert_all_came_once_in_order,
    create_topic,
    produce,
    read_topic,
)


def exchanged(record: ConsumerRecord[bytes, bytes]) -> Exchanged:
    """An aiokafka record as the tests compare it."""
    assert record.key is not None
    assert record.value is not None
    n = dict(record.headers)["n"]
    return Exchanged(record.partition, record.offset, record.key.decode(), record.value.decode(), n.decode())


@pytest.mark.parametrize("codec", CODECS)
def test_aiokafka_produces_and_consumes(broker: Broker, topic: str, codec: str) -> None:
    """An idempotent producer's records, read by confluent-kafka and by aiokafka itself."""
    create_topic(broker.bootstrap_servers, topic)

    async def talk() -> list[Exchanged]:
        async with AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap_servers,
            enable_idempotence=True,
            compression_type=None if codec == "none" else codec,
            linger_ms=5,
        ) as producer:
            sent = [
                await producer.send(
                    topic, f"v{i}".encode(), f"k{i % 10}".encode(), headers=[("n", b"%d" % i)]
                )
                for i in range(500)
            ]
            await asyncio.gather(*sent)
        async with AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.bootstrap_servers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        ) as consumer:
            return [exchanged(await asyncio.wait_for(consumer.getone(), 30)) for _ in range(500)]

    assert_all_came_once_in_order(asyncio.run(talk()), 500)
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), 500)


@pytest.mark.parametrize("codec", CODECS)
def test_aiokafka_reads_what_librdkafka_compressed(broker: Broker, topic: str, codec: str) -> None:
    """Two members of one group, each with a part of the topic; commits and their metadata come back."""
    create_topic(broker.bootstrap_servers, topic, 4)
    produce(broker.bootstrap_servers, topic, 400, compression_type=codec)

    async def member(records: list[Exchanged], enough: asyncio.Event) -> int:
        async with AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.bootstrap_servers,
            group_id=f"group-of-{topic}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=200,
            fetch_max_wait_ms=100,
            max_poll_records=20,
        ) as consumer:
            deadline = time.monotonic() + 60
            while not enough.is_set() and time.monotonic() < deadline:
                for each in (await consumer.getmany(timeout_ms=100)).values():
                    records.extend(map(exchanged, each))
                if len(consumer.assignment()) == 2 and len(set(records)) == 400:
                    enough.set()
            await consumer.commit()
            return len(consumer.assignment())

    async def talk() -> None:
        records: list[Exchanged] = []
        enough = asyncio.Event()
        shares = await asyncio.gather(member(records, enough), member(records, enough))
        assert list(shares) == [2, 2]
        assert_all_came_once_in_order(set(records), 400)

    asyncio.run(talk())


def test_aiokafka_offsets_seek_and_commit_metadata(broker: Broker, topic: str) -> None:
    """Beginning, end, by time, seek, and the string that goes with a commit."""
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 50)
    partition = TopicPartition(topic, 0)

    async def talk() -> None:
        async with AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap_servers, group_id=f"group-of-{topic}", enable_auto_commit=False
        ) as consumer:
            consumer.assign([partition])
            assert await consumer.beginning_offsets([partition]) == {partition: 0}
            assert await consumer.end_offsets([partition]) == {partition: 50}
            found = (await consumer.offsets_for_times({partition: 0}))[partition]
            assert found is not None
            assert found.offset == 0
            consumer.seek(partition, 42)
            assert (await asyncio.wait_for(consumer.getone(), 30)).offset == 42
            await consumer.commit({partition: (42, "here")})
            assert await consumer.committed(partition) == 42

    asyncio.run(talk())


def test_aiokafka_admin(broker: Broker, topic: str) -> None:
    """Topics made, listed, described and deleted."""

    async def talk() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, 3, 1)])
            [description] = await admin.describe_topics([topic])
            assert len(description["partitions"]) == 3
            await admin.delete_topics([topic])
            assert topic not in await admin.list_topics()
        finally:
            await admin.close()

    asyncio.run(talk())
