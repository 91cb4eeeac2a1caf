"""The log of consumer groups (KIP-848): Apache's decoder reads Ottla's, and Ottla's coordinator reads Apache's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from apache_tools import ApacheTools
from brokers import ApacheBroker, OttlaBroker, ProcessBroker
from conversation import create_topic
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_replaying import ConsumerGroupReplaying
from ottla.groups.registry import Groups
from ottla.records.batch import iterate_batches
from ottla.records.record import iterate_records

SETTINGS = {
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
}


def run_a_group(running: ProcessBroker, group: str, topic: str) -> None:
    """Two members, one by name and one by regular expression, share a topic of four partitions; the broker stops."""
    create_topic(running.bootstrap_servers, topic, 4)
    settings = {
        "bootstrap.servers": running.bootstrap_servers,
        "group.id": group,
        "group.protocol": "consumer",
        "client.id": "c",
    }
    with closing(Consumer(settings)) as first, closing(Consumer(settings)) as second:
        first.subscribe([topic])
        second.subscribe([f"^{topic}$"])
        for _ in range(600):
            if [len(each.assignment()) for each in (first, second)] == [2, 2]:
                break
            for consumer in (first, second):
                consumer.poll(0.05)
        for _ in range(20):  # a heartbeat each, to confirm
            first.poll(0.05)
        running.stop()


def groups_in(log: Path) -> Groups:
    """What Ottla's coordinator makes of the files."""
    groups = Groups()
    replays = ConsumerGroupReplaying(groups).replays()
    for file in sorted(log.glob("*.log")):
        for header, batch in iterate_batches(memoryview(file.read_bytes())):
            for record in () if header.is_control else iterate_records(batch):
                key = record.key or b""
                replay = replays.get(int.from_bytes(key[:2], "big"))
                if replay is not None:
                    replay(key, record.value, None)
    return groups


@pytest.mark.parametrize("kind", [ApacheBroker, OttlaBroker])
def test_a_group_is_read_from_the_log(kind: Callable[..., ProcessBroker], tmp_path: Path, topic: str) -> None:
    """Of either broker: two members that share the topic, at the epoch of the target assignment."""
    running = kind(tmp_path / "broker", SETTINGS)
    with running:
        run_a_group(running, "g", topic)
    group = groups_in(running.data / "__consumer_offsets-0").get("g")
    assert isinstance(group, ConsumerGroup)
    assert group.state_name == "Stable"
    assert group.group_epoch == group.target_assignment_epoch >= 2
    assert group.metadata_hash != 0
    shares = [member.assigned_partitions for member in group.members.values()]
    assert sorted(len(partitions) for share in shares for partitions in share.values()) == [2, 2]
    assert [member.assigned_partitions for member in group.members.values()] == [
        group.target_of(member_id) for member_id in group.members
    ]
    assert [resolved.topics for resolved in group.regexes.values()] == [{topic}]


def test_apache_decodes_ottla_s_records(apache_tools: ApacheTools, tmp_path: Path, topic: str) -> None:
    """kafka-dump-log knows every type of record."""
    running = OttlaBroker(tmp_path / "broker", SETTINGS)
    with running:
        run_a_group(running, "g", topic)
    [file] = (running.data / "__consumer_offsets-0").glob("*.log")
    text = apache_tools.run("kafka.tools.DumpLogSegments", "--offsets-decoder", "--files", str(file)).stdout
    keys = [json.loads(key) for key in re.findall(r" key: (\{.*?\}) payload: ", text)]
    assert {int(key["type"]) for key in keys} >= {3, 5, 6, 7, 8, 16}
    assert all(key["data"].get("groupId", key["data"].get("group")) == "g" for key in keys)
