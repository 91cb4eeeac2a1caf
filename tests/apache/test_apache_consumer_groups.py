"""Apache's Java consumers with `group.protocol=consumer` (KIP-848), and kafka-consumer-groups with groups of both protocols."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from apache_jars import java_command
from apache_tools import ApacheTools
from brokers import ProcessBroker, StartBroker
from conversation import create_topic, produce

SETTINGS = {
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "6000",
}

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


@pytest.fixture
def running(start_broker: StartBroker) -> ProcessBroker:
    return start_broker(SETTINGS)


@pytest.mark.parametrize(
    ("assignor", "how"), [("uniform", "topic"), ("range", "topic"), ("uniform", "pattern")]
)
def test_two_java_consumers(running: ProcessBroker, topic: str, assignor: str, how: str) -> None:
    """They share the topic, whether they name it or match it, and read all of it."""
    create_topic(running.bootstrap_servers, topic, 4)
    produce(running.bootstrap_servers, topic, 200)
    program = str(Path(__file__).with_name("ConsumerGroupProgram.java"))
    arguments = (running.bootstrap_servers, topic, f"group-of-{topic}", "200", assignor, how)
    done = subprocess.run(
        [*java_command("4.1.1", program), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assigned, *values = done.stdout.split("\n")
    assert assigned == "assigned 2 2"
    assert {value for value in values if value} == {f"v{number}" for number in range(200)}


@pytest.fixture
def readers(running: ProcessBroker, topic: str) -> Iterator[list[Consumer]]:
    """A group with a member of either protocol, each with two of four partitions."""
    create_topic(running.bootstrap_servers, topic, 4)
    settings = {
        "bootstrap.servers": running.bootstrap_servers,
        "group.id": f"group-of-{topic}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    with (
        closing(Consumer({**settings, "group.protocol": "consumer", "client.id": "new"})) as new,
        closing(
            Consumer(
                {**settings, "group.protocol": "classic", "client.id": "old", "heartbeat.interval.ms": 200}
            )
        ) as old,
    ):
        for consumer in (new, old):
            consumer.subscribe([topic])
        for _ in range(600):
            if [len(each.assignment()) for each in (new, old)] == [2, 2]:
                break
            for consumer in (new, old):
                consumer.poll(0.05)
        yield [new, old]


def test_kafka_consumer_groups(
    apache_tools: ApacheTools, running: ProcessBroker, readers: list[Consumer], topic: str
) -> None:
    """List by type and state, describe members and assignments, refuse what an active group forbids, delete."""
    address = ("--bootstrap-server", running.bootstrap_servers)
    group = f"group-of-{topic}"
    of_group = (*address, "--group", group)
    assert group in apache_tools.run(GROUPS, *address, "--list", "--type", "consumer").stdout.split()
    assert group not in apache_tools.run(GROUPS, *address, "--list", "--type", "classic").stdout.split()
    listed = apache_tools.run(GROUPS, *address, "--list", "--state", "stable").stdout
    assert re.search(rf"{re.escape(group)}\s+Stable", listed)

    described = apache_tools.run(GROUPS, *of_group, "--describe", "--state", "--verbose").stdout
    row = next(line.split() for line in described.splitlines() if line.startswith(group))
    assert row[3:5] == ["uniform", "Stable"] and row[-1] == "2", described
    members = apache_tools.run(GROUPS, *of_group, "--describe", "--members", "--verbose").stdout
    assert len([line for line in members.splitlines() if line.startswith(group)]) == 2, members
    assert {"new", "old"} <= set(members.split())
    assert members.count(topic) >= 4, members

    refused = apache_tools.run(
        GROUPS, *of_group, "--reset-offsets", "--topic", topic, "--to-latest", "--execute"
    )
    assert "inactive" in refused.stdout + refused.stderr
    for consumer in readers:
        consumer.close()
    produce(running.bootstrap_servers, topic, 10)
    apache_tools.run(GROUPS, *of_group, "--reset-offsets", "--topic", topic, "--to-latest", "--execute")
    offsets = apache_tools.run(GROUPS, *of_group, "--describe", "--offsets").stdout
    rows = [line.split() for line in offsets.splitlines() if line.startswith(group)]
    assert sum(int(row[3]) for row in rows) == 10, offsets
    apache_tools.run(GROUPS, *of_group, "--delete")
    assert group not in apache_tools.run(GROUPS, *address, "--list").stdout.split()


def test_the_settings_of_a_group(apache_tools: ApacheTools, running: ProcessBroker, topic: str) -> None:
    """kafka-configs sets a group's own session timeout."""
    group = f"group-of-{topic}"
    create_topic(running.bootstrap_servers, topic, 1)
    configs = (
        "--bootstrap-server",
        running.bootstrap_servers,
        "--entity-type",
        "groups",
        "--entity-name",
        group,
    )
    change = ("--alter", "--add-config", "consumer.session.timeout.ms=1000")
    apache_tools.run("kafka.admin.ConfigCommand", *configs, *change)
    described = apache_tools.run("kafka.admin.ConfigCommand", *configs, "--describe").stdout
    assert "consumer.session.timeout.ms=1000" in described
