"""A log directory with its metadata goes to Apache Kafka 3.9.1 in ZooKeeper mode, and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    PartitionMetadata,
    ResourceType,
)

from brokers import OttlaBroker
from conditions import until
from zookeeper_server import ApacheOnZooKeeper, ZooKeeperServer

TOPICS = {
    "plain": NewTopic("plain", 3, 1),
    "compacted": NewTopic("compacted", 1, 1, config={"cleanup.policy": "compact"}),
    "logged": NewTopic(
        "logged", 2, 1, config={"message.timestamp.type": "LogAppendTime", "retention.ms": "900000000"}
    ),
}
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


OTTLA = str(Path(sys.executable).with_name("ottla"))

SET_ON_TOPIC = 1
"""DescribeConfigs' source of a setting that the topic itself has."""

Record: TypeAlias = tuple[object, ...]
"""Offset, timestamp and its type, key, value, headers."""


@dataclass(frozen=True)
class Seen:
    """All that a client can see and that must not change when the directory moves."""

    cluster_id: str
    topic_ids: dict[str, str]
    configs: dict[str, dict[str, str]]
    records: dict[str, list[Record]]
    committed: dict[str, int]


def wait_for_leaders(admin: AdminClient) -> None:
    """Apache's broker answers requests some time before its controller has told it of its topics."""

    def partitions() -> list[PartitionMetadata]:
        topics = admin.list_topics(timeout=30).topics
        return [p for name in TOPICS if name in topics for p in topics[name].partitions.values()]

    until(
        partitions,
        lambda seen: len(seen) == 6 and all(p.error is None and p.leader >= 0 for p in seen),
        seconds=60,
    )


def look(bootstrap_servers: str) -> Seen:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    wait_for_leaders(admin)
    described = {
        name: future.result() for name, future in admin.describe_topics(TopicCollection(list(TOPICS))).items()
    }
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in TOPICS]
    configs = {
        resource.name: {
            entry.name: entry.value for entry in future.result().values() if entry.source == SET_ON_TOPIC
        }
        for resource, future in admin.describe_configs(resources).items()
    }
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("readers")])["readers"].result()
    return Seen(
        cluster_id=admin.describe_cluster().result().cluster_id,
        topic_ids={name: str(topic.topic_id) for name, topic in described.items()},
        configs=configs,
        records=records_of(
            bootstrap_servers,
            [(name, partition.id) for name, topic in described.items() for partition in topic.partitions],
        ),
        committed={f"{p.topic}-{p.partition}": p.offset for p in offsets.topic_partitions},
    )


def records_of(
    bootstrap_servers: str, partitions: list[tuple[str, int]], isolation: str = "read_uncommitted"
) -> dict[str, list[Record]]:
    """Every record of each partition, read from the beginning to the end."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "unused",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "isolation.level": isolation,
        }
    )
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in partitions])
    records: dict[str, list[Record]] = {f"{topic}-{partition}": [] for topic, partition in partitions}
    unread = set(records)
    try:
        while unread:
            message = consumer.poll(30)
            assert message is not None, f"{unread} did not end within 30 s"
            partition = f"{message.topic()}-{message.partition()}"
            if message.error():
                assert message.error().name() == "_PARTITION_EOF", message.error()
                unread.discard(partition)
            else:
                records[partition].append(
                    (message.offset(), message.timestamp(), message.key(), message.value(), message.headers())
                )
    finally:
        consumer.close()
    return records


def create(bootstrap_servers: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    for future in admin.create_topics(list(TOPICS.values())).values():
        future.result()


def write(bootstrap_servers: str, tag: str) -> None:
    """Every codec into every topic, keyed, with headers, by idempotent producers; then a group commits."""
    failed: list[object] = []
    producers = [
        (
            codec,
            Producer(
                {
                    "bootstrap.servers": bootstrap_servers,
                    "enable.idempotence": True,
                    "compression.type": codec,
                    "linger.ms": 5,
                    "on_delivery": lambda error, _: failed.append(error) if error else None,
                }
            ),
        )
        for codec in CODECS
    ]
    for codec, producer in producers:
        for i in range(200):
            for topic in TOPICS:
                producer.produce(
                    topic,
                    key=f"{codec}-{i % 50}",
                    value=f"{tag} {codec} {i} " + "x" * 100,
                    headers={"tag": tag.encode(), "empty": b""},
                )
    for _, producer in producers:
        assert producer.flush(60) == 0
    assert failed == []
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "readers",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["plain", "logged"])
    for _ in range(10):
        assert consumer.poll(30) is not None
    consumer.commit(asynchronous=False)
    consumer.close()


def move(source: str, target: str, file: Path) -> dict[str, object]:
    """Out of one tree into a file and from the file into another tree, by the command that users have."""
    exported = ottla("cluster", "export", source, "--output", str(file), "--json")
    assert ottla("cluster", "import", str(file), target, "--json") == exported
    return exported


def ottla(*arguments: str) -> dict[str, object]:
    ended = subprocess.run([OTTLA, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"ottla {' '.join(arguments)} ended with {ended.returncode}: {ended.stderr}")
    return json.loads(ended.stdout)


@pytest.fixture
def zookeeper(tmp_path: Path) -> Iterator[ZooKeeperServer]:
    with ZooKeeperServer(tmp_path / "zookeeper") as server:
        yield server


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_directory_goes_to_apache_and_back(end: str, tmp_path: Path, zookeeper: ZooKeeperServer) -> None:
    """Stopped in order or killed: records, topic ids, settings and committed offsets are equal on the other side,
    and what is written there is there when the directory comes home."""
    logs = {"log.dirs": str(tmp_path / "logs")}
    first_metadata, second_metadata = str(tmp_path / "metadata-1"), str(tmp_path / "metadata-2")

    broker = OttlaBroker(tmp_path / "ottla-1", {**logs, "ottla.metadata.dir": first_metadata})
    with broker:
        create(broker.bootstrap_servers)
        write(broker.bootstrap_servers, "by Ottla")
        before = look(broker.bootstrap_servers)
        assert sum(map(len, before.records.values())) == 3 * 5 * 200
        assert before.configs["compacted"] == {"cleanup.policy": "compact"}
        assert sum(before.committed.values()) >= 10
        getattr(broker, end)()

    moved = move(first_metadata, f"zookeeper://{zookeeper.address}/kafka", tmp_path / "there.jsonl")
    assert moved["cluster_id"] == before.cluster_id
    assert moved["topics"] == len(TOPICS) + 1  # and __consumer_offsets
    settings = {**logs, "zookeeper.connect": f"{zookeeper.address}/kafka"}
    apache = ApacheOnZooKeeper(tmp_path / "apache", settings)
    with apache:
        assert look(apache.bootstrap_servers) == before
        write(apache.bootstrap_servers, "by Apache")
        there = look(apache.bootstrap_servers)
        assert sum(map(len, there.records.values())) == 2 * 3 * 5 * 200

    move(f"zookeeper://{zookeeper.address}/kafka", second_metadata, tmp_path / "back.jsonl")
    home = OttlaBroker(tmp_path / "ottla-2", {**logs, "ottla.metadata.dir": second_metadata})
    with home:
        assert look(home.bootstrap_servers) == there
        write(home.bootstrap_servers, "by Ottla again")
        assert sum(map(len, look(home.bootstrap_servers).records.values())) == 3 * 3 * 5 * 200


TRANSACTIONS = 30


def write_transactions(bootstrap_servers: str) -> None:
    """Transactions of two producers, interleaved, every third one aborted; the last is left open."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    topic = NewTopic("transactions", 1, 1, config={"segment.bytes": "16384"})
    admin.create_topics([topic])["transactions"].result()
    first, second = (
        Producer({"bootstrap.servers": bootstrap_servers, "transactional.id": name, "linger.ms": 0})
        for name in ("first", "second")
    )
    first.init_transactions(30)
    second.init_transactions(30)
    for i in range(TRANSACTIONS):
        first.begin_transaction()
        second.begin_transaction()
        for j in range(5):
            first.produce("transactions", key=f"{i}", value=f"first {i} {j} " + "x" * 300)
            second.produce("transactions", key=f"{i}", value=f"second {i} {j} " + "y" * 300)
            assert first.flush(30) == second.flush(30) == 0
        (first.abort_transaction if i % 3 == 0 else first.commit_transaction)(30)
        (second.abort_transaction if i % 3 == 1 else second.commit_transaction)(30)
    first.begin_transaction()
    first.produce("transactions", key="open", value="never ended")
    assert first.flush(30) == 0
    plain = Producer({"bootstrap.servers": bootstrap_servers})
    plain.produce("transactions", key="plain", value="behind the open transaction")
    assert plain.flush(30) == 0


def offsets_of(bootstrap_servers: str, times_ms: list[int]) -> list[int]:
    """The first offset at or after each time."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    partition = TopicPartition("transactions", 0)
    specs = [OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.max_timestamp()]
    specs += [OffsetSpec.for_timestamp(time_ms) for time_ms in times_ms]
    return [admin.list_offsets({partition: spec})[partition].result().offset for spec in specs]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_directory_of_apaches_is_taken_over(end: str, tmp_path: Path, zookeeper: ZooKeeperServer) -> None:
    """Transactions committed, aborted and open over many segments: read committed or not, and looked up by time, they
    are what they were."""
    address = f"{zookeeper.address}/kafka"
    logs = {"log.dirs": str(tmp_path / "logs")}
    settings = {**logs, "zookeeper.connect": address, "zookeeper.session.timeout.ms": "4000"}
    apache = ApacheOnZooKeeper(tmp_path / "apache", settings)
    partitions = [("transactions", 0)]
    with apache:
        write_transactions(apache.bootstrap_servers)
        everything = records_of(apache.bootstrap_servers, partitions)
        committed = records_of(apache.bootstrap_servers, partitions, "read_committed")
        times_ms = [timestamp for _, (_, timestamp), *_ in everything["transactions-0"]][::17]  # type: ignore[misc]
        offsets = offsets_of(apache.bootstrap_servers, times_ms)
        assert len(everything["transactions-0"]) == TRANSACTIONS * 10 + 2
        assert len(committed["transactions-0"]) == TRANSACTIONS * 10 * 2 // 3
        getattr(apache, end)()
    assert len(list((tmp_path / "logs" / "transactions-0").glob("*.log"))) > 5

    metadata = str(tmp_path / "metadata")
    move_once_the_broker_is_gone(f"zookeeper://{address}", metadata, tmp_path / "there.jsonl")
    broker = OttlaBroker(tmp_path / "ottla", {**logs, "ottla.metadata.dir": metadata})
    with broker:
        assert records_of(broker.bootstrap_servers, partitions) == everything
        assert records_of(broker.bootstrap_servers, partitions, "read_committed") == committed
        assert offsets_of(broker.bootstrap_servers, times_ms) == offsets


def move_once_the_broker_is_gone(source: str, target: str, file: Path) -> None:
    """ZooKeeper believes in a killed broker until its session ends."""

    def moved() -> bool:
        try:
            move(source, target, file)
        except RuntimeError as error:
            assert "/brokers/ids/1" in str(error) or "/controller" in str(error)
            return False
        return True

    until(moved, seconds=60)
