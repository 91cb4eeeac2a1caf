"""What a reader of committed records finds, by confluent-kafka: the judge of every transaction test."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, TopicPartition


def values(bootstrap_servers: str, topic: str, partitions: int) -> list[list[bytes]]:
    """The committed records' values by partition, in order, up to the end that each has now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        }
    )
    found: list[list[bytes]] = [[] for _ in range(partitions)]
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        ends = 0
        while ends < partitions:
            message = consumer.poll(30)
            assert message is not None, "nothing came for 30 seconds"
            error, partition, value = message.error(), message.partition(), message.value()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ends += 1
                continue
            assert partition is not None
            assert isinstance(value, bytes)
            found[partition].append(value)
    finally:
        consumer.close()
    return found
