"""AlterReplicaLogDirs on a broker that is being written to: clients notice nothing, the records lie elsewhere afterwards."""

import time

import pytest
from confluent_kafka import Consumer, Producer
from test_broker_produce import make_topic

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from ottla.protocol.messages.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import PosixDisk

DEADLINE_S = 30.0


def move(client, topic, path):
    request = AlterReplicaLogDirsRequest(
        dirs=[AlterReplicaLogDir(path=path, topics=[AlterReplicaLogDirTopic(name=topic, partitions=[0])])]
    )
    [result] = client.ask(request, AlterReplicaLogDirsResponse, 2).results
    return result.partitions[0].error_code


def directories_of(client, topic):
    answer = client.ask(DescribeLogDirsRequest(topics=None), DescribeLogDirsResponse, 4)
    return [
        (result.log_dir, partition.is_future_key)
        for result in answer.results
        for described in result.topics
        if described.name == topic
        for partition in described.partitions
    ]


@pytest.mark.parametrize("turns", [1, 3])
def test_a_log_is_moved_under_its_producer_and_consumer(start_broker, connect, tmp_path, turns):
    """Idempotent produce and a running consumer: every record once, in order, wherever the log lies by then."""
    paths = [f"{tmp_path}/a", f"{tmp_path}/b"]
    settings = {"log.dirs": ",".join(paths), "log.segment.bytes": "1048576"}
    broker = start_broker(settings, disk=PosixDisk())
    make_topic(broker, "t", 1)
    client = connect(broker)
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "enable.idempotence": True,
            "linger.ms": 1,
            "batch.size": 20_000,
        }
    )
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "mover",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 20,
        }
    )
    consumer.subscribe(["t"])
    sent, failures, received = 0, [], []

    def exchange(count):
        nonlocal sent
        for _ in range(count):
            producer.produce(
                "t", b"%08d" % sent + b"x" * 500, on_delivery=lambda e, _: e and failures.append(e)
            )
            sent += 1
        producer.poll(0)
        for message in consumer.consume(1000, timeout=0.01):
            assert message.error() is None, message.error()
            received.append(int(message.value()[:8]))

    exchange(3000)
    assert producer.flush(20) == 0
    for _ in range(turns):
        [(here, _)] = directories_of(client, "t")
        there = next(path for path in paths if path != here)
        assert move(client, "t", there) == ErrorCode.NONE
        deadline = time.monotonic() + DEADLINE_S
        while directories_of(client, "t") != [(there, False)]:
            assert time.monotonic() < deadline
            exchange(200)
    exchange(500)
    assert producer.flush(20) == 0
    assert not failures
    deadline = time.monotonic() + DEADLINE_S
    while len(received) < sent:
        assert time.monotonic() < deadline, f"{len(received)} of {sent}"
        exchange(0)
    assert received == list(range(sent))
    consumer.close()
    broker.stop()

    again = start_broker(settings, disk=PosixDisk())
    assert directories_of(connect(again), "t") == [(there, False)]
    assert again.call(lambda server: server.logs.get(TopicPartition("t", 0)).log_end_offset) == sent


def test_where_to_is_checked(start_broker, connect, tmp_path):
    """Unknown directories and partitions are answered as Apache does; the choice for a partition to come is kept."""
    paths = [f"{tmp_path}/a", f"{tmp_path}/b"]
    broker = start_broker({"log.dirs": ",".join(paths)}, disk=PosixDisk())
    client = connect(broker)
    assert move(client, "later", f"{tmp_path}/c") == ErrorCode.LOG_DIR_NOT_FOUND
    for path in paths:
        topic = f"in-{path[-1]}"
        assert move(client, topic, path) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        make_topic(broker, topic, 1)
        assert directories_of(client, topic) == [(path, False)]
        assert move(client, topic, path) == ErrorCode.NONE
