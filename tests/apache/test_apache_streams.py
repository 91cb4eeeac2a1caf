"""Apache's Kafka Streams 4.1.1 with `group.protocol=streams`, and its kafka-streams-groups tool (KIP-1071).

tests/java/kafka-4.1.1/ottla/StreamsProgram.java is the application: a word count with a repartition topic and a changelog.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from apache_jars import java_command
from apache_tools import ApacheTools
from brokers import Broker, ProcessBroker
from conditions import until
from conversation import create_topic

SETTINGS = {
    "unstable.api.versions.enable": "true",
    "unstable.feature.versions.enable": "true",
    "group.streams.min.heartbeat.interval.ms": "100",
    "group.streams.heartbeat.interval.ms": "200",
    "group.streams.min.session.timeout.ms": "1000",
    "group.streams.session.timeout.ms": "3000",
}

COMMAND = "org.apache.kafka.tools.streams.StreamsGroupCommand"

DEADLINE_SECONDS = 60

LINES = ("the quick brown fox", "the lazy dog", "a fox and a dog")


class Application:
    """One instance of the word count, a process of its own."""

    def __init__(
        self, broker: Broker, group: str, source: str, sink: str, directory: Path, *settings: str
    ) -> None:
        directory.mkdir()
        self._output = directory / "output.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *java_command("4.1.1", "ottla.StreamsProgram"),
                    *(broker.bootstrap_servers, group, source, sink, str(directory / "state"), *settings),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def wait_until_running(self) -> None:
        until(
            lambda: "RUNNING" in self.output.split() or self.process.poll() is not None,
            seconds=DEADLINE_SECONDS,
            otherwise=lambda: self.output[-4000:],
        )
        assert self.process.poll() is None, self.output[-4000:]

    def close(self) -> None:
        """In order: the application leaves its group."""
        self.process.communicate(timeout=DEADLINE_SECONDS)

    def kill(self) -> None:
        """Without a word to anyone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=DEADLINE_SECONDS)


StartApplication = Callable[..., Application]


@pytest.fixture
def streams_broker(start_broker: Callable[..., ProcessBroker]) -> ProcessBroker:
    """A broker with streams groups switched on, and short timeouts."""
    return start_broker(SETTINGS)


@pytest.fixture
def start_application(tmp_path: Path) -> Iterator[StartApplication]:
    """`start_application(broker, group, source, sink, setting...)`; those still running are killed after the test."""
    started: list[Application] = []

    def start(broker: Broker, group: str, source: str, sink: str, *settings: str) -> Application:
        directory = tmp_path / f"application-{len(started)}"
        started.append(Application(broker, group, source, sink, directory, *settings))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def say(broker: Broker, topic: str, lines: list[str]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for number, line in enumerate(lines):
        producer.produce(topic, value=line, partition=number % 2)
    assert producer.flush(30) == 0


def words(lines: list[str]) -> Counter[str]:
    return Counter(word for line in lines for word in line.split())


def wait_for_counts(broker: Broker, topic: str, expected: Counter[str] | int) -> list[tuple[str, int]]:
    """Read until every word has its count, or so many came; all (word, count), in the order of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": "reader-of-counts",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    seen: list[tuple[str, int]] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while len(seen) < expected if isinstance(expected, int) else dict(seen) != expected:
            assert time.monotonic() < deadline, f"{dict(seen)} is not {expected}"
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            key, value = message.key(), message.value()
            assert key is not None and value is not None
            seen.append((key.decode(), int.from_bytes(value, "big")))
    finally:
        consumer.close()
    return seen


def test_a_word_count_over_two_instances_one_of_which_is_killed(
    streams_broker: Broker, start_application: StartApplication, topic: str, apache_tools: ApacheTools
) -> None:
    """The internal topics are made, both instances run tasks, and when one dies the other counts on where it was."""
    broker, group, sink = streams_broker, f"app-{topic}", f"{topic}-counts"
    create_topic(broker.bootstrap_servers, topic, 2)
    create_topic(broker.bootstrap_servers, sink, 2)
    applications = [
        start_application(broker, group, topic, sink, "group.protocol=streams", "num.stream.threads=2")
        for _ in range(2)
    ]
    for each in applications:
        each.wait_until_running()
    topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=30).topics
    assert {name for name in topics if name.startswith(group)} == {
        f"{group}-words-repartition",
        f"{group}-counts-changelog",
    }
    assert len(topics[f"{group}-counts-changelog"].partitions) == 2

    said = list(LINES) * 20
    say(broker, topic, said)
    counted = wait_for_counts(broker, sink, words(said))
    assert len(counted) == sum(words(said).values()), "each word said gives one new count"

    address = ("--bootstrap-server", broker.bootstrap_servers)
    members = ("--describe", "--group", group, "--members", "--verbose")
    described = apache_tools.run(COMMAND, *address, *members).stdout
    assert len(set(re.findall(r"[0-9a-f-]{36}", described))) >= 4, "two threads in each of two processes"
    lag = ("--describe", "--group", group)
    until(lambda: apache_tools.run(COMMAND, *address, *lag).stdout, lambda text: not lags(text))

    applications[0].kill()
    more = ["the dog sleeps"] * 30
    say(broker, topic, more)
    wait_for_counts(broker, sink, words(said + more))
    applications[1].close()
    assert "NOT_RUNNING" in applications[1].output.split()


@pytest.mark.parametrize("protocol", ["streams", "classic"])
def test_exactly_once_though_an_instance_is_killed_at_work(
    streams_broker: Broker, start_application: StartApplication, topic: str, protocol: str
) -> None:
    """`exactly_once_v2`: who reads committed records sees each count once, whichever instance wrote it."""
    broker, group, sink = streams_broker, f"app-{topic}", f"{topic}-counts"
    create_topic(broker.bootstrap_servers, topic, 2)
    create_topic(broker.bootstrap_servers, sink, 2)
    settings = (
        f"group.protocol={protocol}",
        "processing.guarantee=exactly_once_v2",
        "transaction.timeout.ms=5000",
        *(("session.timeout.ms=6000", "heartbeat.interval.ms=300") if protocol == "classic" else ()),
    )
    applications = [start_application(broker, group, topic, sink, *settings) for _ in range(2)]
    for each in applications:
        each.wait_until_running()
    said = list(LINES) * 400
    say(broker, topic, said)
    wait_for_counts(broker, sink, 100)
    applications[0].kill()
    said += LINES
    say(broker, topic, list(LINES))
    counted = wait_for_counts(broker, sink, words(said))
    assert sorted(counted) == every_count(said)
    applications[1].close()


def test_the_broker_is_killed_and_comes_back(
    streams_broker: ProcessBroker, start_application: StartApplication, topic: str
) -> None:
    """The group, its tasks and its transactions go on from the log, and no count comes twice."""
    broker, group, sink = streams_broker, f"app-{topic}", f"{topic}-counts"
    create_topic(broker.bootstrap_servers, topic, 2)
    create_topic(broker.bootstrap_servers, sink, 2)
    application = start_application(
        broker, group, topic, sink, "group.protocol=streams", "processing.guarantee=exactly_once_v2"
    )
    application.wait_until_running()
    said = list(LINES) * 400
    say(broker, topic, said)
    wait_for_counts(broker, sink, 100)
    broker.kill()
    broker.start()
    said += LINES
    say(broker, topic, list(LINES))
    counted = wait_for_counts(broker, sink, words(said))
    assert sorted(counted) == every_count(said)
    application.close()


def every_count(said: list[str]) -> list[tuple[str, int]]:
    """What counts come of these lines, each once."""
    return sorted((word, number) for word, count in words(said).items() for number in range(1, count + 1))


def lags(described: str) -> bool:
    """Whether a partition's lag in what the tool printed is not 0."""
    numbers = [line.split()[-1] for line in described.splitlines() if line.strip()][1:]
    return any(number != "0" for number in numbers)


def test_kafka_streams_groups(
    streams_broker: Broker, start_application: StartApplication, topic: str, apache_tools: ApacheTools
) -> None:
    """List, describe and delete, as kafka-streams-groups.sh does; the one of 4.1 resets no offsets yet."""
    broker, group, sink = streams_broker, f"app-{topic}", f"{topic}-counts"
    create_topic(broker.bootstrap_servers, topic, 2)
    create_topic(broker.bootstrap_servers, sink, 2)
    application = start_application(broker, group, topic, sink, "group.protocol=streams")
    application.wait_until_running()
    said = list(LINES) * 4
    say(broker, topic, said)
    wait_for_counts(broker, sink, words(said))

    def run(*arguments: str, expect: int = 0) -> str:
        result = apache_tools.run(
            COMMAND, "--bootstrap-server", broker.bootstrap_servers, *arguments, expect=expect
        )
        return result.stdout + result.stderr

    assert run("--list").split() == [group]
    state = until(lambda: run("--list", "--state"), lambda text: "Stable" in text)
    assert re.search(rf"{group}\s+Stable", state)
    assert re.search(rf"{group}\s+\S+ \(1\)\s+Stable\s+1", run("--describe", "--group", group, "--state"))
    assert "ACTIVE" in run("--describe", "--group", group, "--members")
    offsets = until(lambda: run("--describe", "--group", group), lambda text: not lags(text))
    assert topic in offsets
    assert "words-repartition" in offsets
    assert f"Streams group '{group}' is not EMPTY" in run("--delete", "--group", group)

    application.close()
    until(lambda: run("--list", "--state"), lambda text: "Empty" in text)
    forgotten = run("--delete-offsets", "--group", group, "--input-topic", topic)
    assert len(re.findall(rf"{topic}\s+\d\s+Successful", forgotten)) == 2
    assert topic not in run("--describe", "--group", group, "--offsets")
    deleted = run("--delete", "--group", group)
    assert f"'{group}'" in deleted
    assert run("--list").split() == []
