"""kafka-python: the client written in Python alone."""

from __future__ import annotations

import time

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata

from brokers import Broker
from conversation import (
    CODECS,
    Exchanged,
    assert_all_came_once_in_order,
    create_topic,
    produce,
    read_topic,
)


def exchanged(record: ConsumerRecord) -> Exchanged:
    """A kafka-python record as the tests compare it."""
    n = dict(record.headers)["n"]
    return Exchanged(record.partition, record.offset, record.key.decode(), record.value.decode(), n.decode())


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_python_produces(broker: Broker, topic: str, codec: str) -> None:
    """Each codec, acks=all, idempotent."""
    create_topic(broker.bootstrap_servers, topic)
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap_servers,
        compression_type=None if codec == "none" else codec,
        enable_idempotence=True,
        linger_ms=5,
    )
    sent = [
        producer.send(topic, b"v%d" % i, b"k%d" % (i % 10), headers=[("n", b"%d" % i)]) for i in range(500)
    ]
    assert all(future.get(30).topic == topic for future in sent)
    producer.close()
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), 500)


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_python_consumes_in_a_group(broker: Broker, topic: str, codec: str) -> None:
    """What librdkafka compressed; where the first member stopped and committed, the next goes on."""
    create_topic(broker.bootstrap_servers, topic, 2)
    produce(broker.bootstrap_servers, topic, 300, compression_type=codec)
    records: list[Exchanged] = []
    for _ in range(2):
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=broker.bootstrap_servers,
            group_id=f"group-of-{topic}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=150,
            fetch_max_wait_ms=100,
        )
        had, deadline = len(records), time.monotonic() + 30
        while len(records) == had or (had > 0 and len(records) < 300):
            assert time.monotonic() < deadline
            for each in consumer.poll(timeout_ms=200).values():
                records.extend(map(exchanged, each))
        consumer.commit()
        consumer.close()
    assert_all_came_once_in_order(records, 300)


def test_kafka_python_offsets_and_commit_metadata(broker: Broker, topic: str) -> None:
    """Ends, times, positions; and the string that goes with a commit."""
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 50)
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, group_id=f"group-of-{topic}", enable_auto_commit=False
    )
    consumer.assign([partition])
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 50}
    assert consumer.offsets_for_times({partition: 1})[partition].offset == 0
    consumer.commit({partition: OffsetAndMetadata(7, "seven", -1)})
    committed = consumer.committed(partition, metadata=True)
    assert (committed.offset, committed.metadata) == (7, "seven")
    consumer.close()


def test_kafka_python_admin(broker: Broker, topic: str) -> None:
    """Topics, partitions, configs, log directories and the cluster."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    admin.create_topics(
        {topic: {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "77777"}}}
    )
    admin.create_partitions({topic: 3})
    [described] = admin.describe_topics([topic])
    assert len(described["partitions"]) == 3
    assert "77777" in str(admin.describe_configs([_topic_resource(topic)]))
    assert topic in str(admin.describe_log_dirs())
    assert len(admin.describe_cluster()["brokers"]) == 1
    admin.delete_topics([topic])
    assert topic not in admin.list_topics()
    admin.close()


def _topic_resource(topic: str):  # type: ignore[no-untyped-def]
    from kafka.admin import ConfigResource, ConfigResourceType

    return ConfigResource(ConfigResourceType.TOPIC, topic)
