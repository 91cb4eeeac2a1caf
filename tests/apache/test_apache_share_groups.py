"""Apache Kafka 4.1.1's share consumers and tools: KafkaShareConsumer, kafka-share-groups, kafka-console-share-consumer.

Whatever holds here holds on Apache as well (`--broker=apache`), but for altering offsets.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from apache_jars import java_command
from apache_tools import ApacheTools
from brokers import Broker, ProcessBroker
from conversation import create_topic, produce

SHARE_GROUPS = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
CONSOLE_SHARE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
GROUPS = "org.apache.kafka.tools.GroupsCommand"


@pytest.fixture
def group(unique_name: Callable[[str], str], broker: Broker, apache_tools: ApacheTools) -> str:
    """A share group of this test's own, that begins at the start of its topics."""
    name = unique_name("sharers")
    begin_early(apache_tools, broker, name)
    return name


def begin_early(apache_tools: ApacheTools, broker: Broker, group: str) -> None:
    apache_tools.run(
        "kafka.admin.ConfigCommand",
        *("--bootstrap-server", broker.bootstrap_servers, "--alter"),
        *("--entity-type", "groups", "--entity-name", group),
        *("--add-config", "share.auto.offset.reset=earliest"),
    )


def run_java(*arguments: str) -> list[list[str]]:
    """ShareConsumers.java; the words of each line that it prints."""
    program = str(Path(__file__).with_name("ShareConsumers.java"))
    ran = subprocess.run(
        [*java_command("4.1.1", program), *arguments],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return [line.split() for line in ran.stdout.splitlines()]


def consume(tools: ApacheTools, broker: Broker, topic: str, group: str, count: int) -> list[str]:
    """Values that the console's share consumer prints, of `count` records."""
    result = tools.run(
        CONSOLE_SHARE_CONSUMER,
        *("--bootstrap-server", broker.bootstrap_servers, "--topic", topic, "--group", group),
        *("--max-messages", str(count), "--timeout-ms", "30000"),
        timeout_seconds=60,
    )
    return result.stdout.split()


def test_members_share_the_records_of_one_partition(broker: Broker, topic: str, group: str) -> None:
    """More members than partitions, each record to one of them, all delivered once."""
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 2000, batch_num_messages=20)  # whole batches go to one member
    lines = run_java("share", broker.bootstrap_servers, topic, group, "2000", "3")
    assert Counter(value for _, value, _ in lines) == Counter(f"v{number}" for number in range(2000))
    assert {delivery_count for _, _, delivery_count in lines} == {"1"}
    assert {member for member, _, _ in lines} == {"0", "1", "2"}


def test_records_are_accepted_released_and_rejected(broker: Broker, topic: str, group: str) -> None:
    """What is released comes again, counted; what is accepted or rejected does not."""
    create_topic(broker.bootstrap_servers, topic, 2)
    produce(broker.bootstrap_servers, topic, 300)
    lines = run_java("acknowledge", broker.bootstrap_servers, topic, group, "300")
    actions: dict[str, list[tuple[str, str]]] = {}
    for value, delivery_count, action in lines:
        actions.setdefault(value, []).append((delivery_count, action))
    for number in range(300):
        expected = [("1", "release")] if number % 3 == 0 else []
        expected.append((str(len(expected) + 1), "reject" if number % 5 == 0 else "accept"))
        assert actions[f"v{number}"] == expected


def test_kafka_share_groups(apache_tools: ApacheTools, broker: Broker, topic: str, group: str) -> None:
    """The whole command: list, describe in its three ways, delete offsets and the group."""
    address = ("--bootstrap-server", broker.bootstrap_servers)

    def command(*arguments: str) -> str:
        return apache_tools.run(SHARE_GROUPS, *address, *arguments).stdout

    def rows(*arguments: str) -> list[list[str]]:
        lines = [line.split() for line in command(*arguments).splitlines()]
        return [words for words in lines if words and words[0] == group]

    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 10)
    assert consume(apache_tools, broker, topic, group, 10) == [f"v{number}" for number in range(10)]
    assert group in command("--list").split()
    assert [group, "Empty"] in rows("--list", "--state")
    assert rows("--describe", "--group", group, "--offsets")[0][1:3] == [topic, "0"]
    [state] = rows("--describe", "--group", group, "--state", "--verbose")
    assert state[3:] == ["Empty", "3", "2", "0"]
    assert rows("--describe", "--group", group, "--members") == []
    listed = apache_tools.run(GROUPS, *address, "--list").stdout
    assert [group, "Share", "share"] in [line.split() for line in listed.splitlines()]
    assert [topic, "Successful"] in [
        line.split() for line in command("--delete-offsets", "--group", group, "--topic", topic).splitlines()
    ]
    assert rows("--describe", "--group", group, "--offsets") == []
    assert f"Deletion of requested share groups ('{group}') was successful." in command(
        "--delete", "--group", group
    )
    assert group not in command("--list").split()


def test_the_java_admin_client_alters_offsets(
    apache_tools: ApacheTools, broker: Broker, topic: str, group: str, broker_kind: str
) -> None:
    """And the group goes on from there."""
    if broker_kind == "apache":
        pytest.skip(
            "Apache Kafka 4.1.1 loses the topics of the request before it looks at them, and alters nothing"
        )
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 20)
    consume(apache_tools, broker, topic, group, 20)
    [[_], [altered]] = run_java("alter", broker.bootstrap_servers, topic, group, "15")
    assert altered == "15"
    assert consume(apache_tools, broker, topic, group, 5) == [f"v{number}" for number in range(15, 20)]


def test_acknowledged_records_stay_so_when_the_broker_is_killed(
    apache_tools: ApacheTools, start_broker: Callable[..., ProcessBroker], topic: str
) -> None:
    """Half of the records before a kill -9, the other half after it."""
    broker = start_broker()
    group = "killed"
    begin_early(apache_tools, broker, group)
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 100)
    before = [value for _, value, _ in run_java("share", broker.bootstrap_servers, topic, group, "100", "1")]
    broker.kill()
    broker.start()
    produce(broker.bootstrap_servers, topic, 100)
    after = [value for _, value, _ in run_java("share", broker.bootstrap_servers, topic, group, "100", "1")]
    assert sorted(before) == sorted(after) == sorted(f"v{number}" for number in range(100))
