"""Apache Kafka 4.1.1's command-line tools: what bin/kafka-*.sh run, main class by main class.

Left out, as they ask for what no single broker does: kafka-leader-election and kafka-reassign-partitions (other
replicas), kafka-metadata-quorum, kafka-features and kafka-storage (KRaft), kafka-acls,
kafka-delegation-tokens (APIs that aren't announced). kafka-share-groups has test_apache_share_groups.py,
kafka-streams-groups test_apache_streams.py, kafka-transactions test_apache_transactions.py.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from apache_jars import java_command
from apache_tools import ApacheTools
from brokers import Broker
from conversation import CODECS, assert_all_came_once_in_order, create_topic, produce, read_topic

TOOLS = "org.apache.kafka.tools"


@pytest.fixture
def address(broker: Broker) -> tuple[str, str]:
    """The two arguments that every tool takes."""
    return ("--bootstrap-server", broker.bootstrap_servers)


def test_kafka_topics(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """Create with a config, list, describe, add partitions, delete; and what a wrong order says."""
    topics = f"{TOOLS}.TopicCommand"
    create = ("--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=1234")
    assert "Created topic" in apache_tools.run(topics, *address, *create).stdout
    assert "already exists" in apache_tools.run(topics, *address, *create, expect=1).stdout
    assert topic in apache_tools.run(topics, *address, "--list").stdout.split()
    apache_tools.run(topics, *address, "--alter", "--topic", topic, "--partitions", "3")
    described = apache_tools.run(topics, *address, "--describe", "--topic", topic).stdout
    assert "PartitionCount: 3" in described
    assert "retention.ms=1234" in described
    assert len(re.findall(r"Partition: \d\tLeader: (\d+)\tReplicas: \1\tIsr: \1", described)) == 3
    apache_tools.run(topics, *address, "--delete", "--topic", topic)
    assert topic not in apache_tools.run(topics, *address, "--list").stdout.split()


def test_kafka_configs(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """A topic's configs set, shown with their synonyms and removed; the broker's, all of them."""
    configs = "kafka.admin.ConfigCommand"
    create_topic(address[1], topic)
    entity = ("--entity-type", "topics", "--entity-name", topic)
    apache_tools.run(
        configs,
        *address,
        *entity,
        "--alter",
        "--add-config",
        "retention.ms=999,cleanup.policy=[compact,delete]",
    )
    described = apache_tools.run(configs, *address, *entity, "--describe").stdout
    assert "retention.ms=999 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=999}" in described
    assert "cleanup.policy=compact,delete" in described
    apache_tools.run(configs, *address, *entity, "--alter", "--delete-config", "retention.ms")
    every = apache_tools.run(configs, *address, *entity, "--describe", "--all").stdout
    assert "retention.ms=604800000 sensitive=false synonyms={}" in every
    assert (
        "segment.bytes=1073741824 sensitive=false synonyms={DEFAULT_CONFIG:log.segment.bytes=1073741824}"
        in every
    )
    wrong = ("--alter", "--add-config", "retention.ms=soon")
    assert "soon" in apache_tools.run(configs, *address, *entity, *wrong, expect=1).stderr

    broker_entity = ("--entity-type", "brokers", "--entity-name", "1")
    whole = apache_tools.run(configs, *address, *broker_entity, "--describe", "--all").stdout
    assert "log.retention.hours=168" in whole
    apache_tools.run(
        configs, *address, *broker_entity, "--alter", "--add-config", "log.cleaner.backoff.ms=14000"
    )
    changed = apache_tools.run(configs, *address, *broker_entity, "--describe").stdout
    assert "log.cleaner.backoff.ms=14000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG" in changed
    apache_tools.run(
        configs, *address, *broker_entity, "--alter", "--delete-config", "log.cleaner.backoff.ms"
    )


def test_console_producer_and_console_consumer(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str
) -> None:
    """Keys and headers from lines; read with all that the console consumer can print."""
    create_topic(address[1], topic, 1)
    properties = ("--property", "parse.key=true", "--property", "parse.headers=true")
    lines = "a:1,b:2\tkey-1\tvalue 1\na:3\tkey-2\tvalue é\n"
    apache_tools.run(f"{TOOLS}.ConsoleProducer", *address, "--topic", topic, *properties, stdin=lines)
    shown = [f"print.{each}=true" for each in ("key", "headers", "offset", "partition", "timestamp")]
    read = apache_tools.run(
        f"{TOOLS}.consumer.ConsoleConsumer",
        *(*address, "--topic", topic, "--from-beginning", "--max-messages", "2"),
        *(argument for each in shown for argument in ("--property", each)),
    ).stdout.splitlines()
    assert re.fullmatch(r"CreateTime:\d{13}\tPartition:0\tOffset:0\ta:1,b:2\tkey-1\tvalue 1", read[0])
    assert re.fullmatch(r"CreateTime:\d{13}\tPartition:0\tOffset:1\ta:3\tkey-2\tvalue é", read[1])


@pytest.mark.parametrize("codec", CODECS)
def test_console_consumer_reads_each_codec(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str, codec: str
) -> None:
    """What librdkafka compressed, Java reads to the end."""
    create_topic(address[1], topic)
    produce(address[1], topic, 300, compression_type=codec)
    arguments = ("--topic", topic, "--from-beginning", "--max-messages", "300", "--timeout-ms", "30000")
    read = apache_tools.run(f"{TOOLS}.consumer.ConsoleConsumer", *address, *arguments).stdout
    assert sorted(read.split()) == sorted(f"v{i}" for i in range(300))


def test_kafka_consumer_groups(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """List, describe with lag, members and state; reset in every way; delete offsets and the group."""
    create_topic(address[1], topic, 2)
    produce(address[1], topic, 100)
    group, groups = f"group-of-{topic}", f"{TOOLS}.consumer.group.ConsumerGroupCommand"
    consumer = ("--topic", topic, "--group", group, "--from-beginning", "--max-messages", "100")
    apache_tools.run(f"{TOOLS}.consumer.ConsoleConsumer", *address, *consumer)
    produce(address[1], topic, 10)

    assert group in apache_tools.run(groups, *address, "--list").stdout.split()
    states = apache_tools.run(groups, *address, "--list", "--state").stdout
    assert re.search(rf"{re.escape(group)}\s+Empty", states)
    of_group = (*address, "--group", group)

    def offsets() -> dict[int, tuple[int, int, int]]:
        """Committed offset, log end and lag by partition."""
        text = apache_tools.run(groups, *of_group, "--describe").stdout
        rows = re.findall(
            rf"^{re.escape(group)}\s+{re.escape(topic)}\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", text, re.MULTILINE
        )
        return {int(partition): (int(at), int(end), int(lag)) for partition, at, end, lag in rows}

    assert sum(lag for _, _, lag in offsets().values()) == 10
    assert sum(end for _, end, _ in offsets().values()) == 110
    described = apache_tools.run(groups, *of_group, "--describe", "--state").stdout
    assert re.search(rf"{re.escape(group)}\s+\S+:\d+ +\(1\)\s+.*Empty\s+0", described)
    assert "no active members" in apache_tools.run(groups, *of_group, "--describe", "--members").stderr

    reset = (*of_group, "--reset-offsets", "--topic", topic)
    apache_tools.run(groups, *reset, "--to-earliest", "--dry-run")
    assert sum(lag for _, _, lag in offsets().values()) == 10, "a dry run must change nothing"
    for how, committed in [
        (("--to-earliest",), 0),
        (("--to-latest",), 110),
        (("--shift-by", "-5"), 100),
        (("--to-datetime", "2000-01-01T00:00:00.000"), 0),
        (("--to-offset", "7"), 14),
    ]:
        apache_tools.run(groups, *reset, *how, "--execute")
        assert sum(at for at, _, _ in offsets().values()) == committed, how
    apache_tools.run(groups, *of_group, "--delete-offsets", "--topic", f"{topic}:0")
    assert set(offsets()) == {1}
    apache_tools.run(groups, *of_group, "--delete")
    assert group not in apache_tools.run(groups, *address, "--list").stdout.split()


def test_kafka_get_offsets(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """Earliest, latest, a record with the largest timestamp, and the first one after a time."""
    create_topic(address[1], topic, 1)
    produce(address[1], topic, 100)
    for time, offset in [("earliest", "0"), ("latest", "100"), ("-3", "99"), ("1000", "0")]:
        read = apache_tools.run(f"{TOOLS}.GetOffsetShell", *address, "--topic", topic, "--time", time).stdout
        if time == "-3":
            assert 0 <= int(read.strip().rsplit(":", 1)[1]) < 100
        else:
            assert read.strip() == f"{topic}:0:{offset}"


def test_kafka_delete_records(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From a file of offsets; the low watermark is printed and the records are gone."""
    create_topic(address[1], topic, 1)
    produce(address[1], topic, 100)
    offsets = tmp_path_factory.mktemp("delete") / "offsets.json"
    offsets.write_text(
        json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 30}]})
    )
    command = ("--offset-json-file", str(offsets))
    assert "low_watermark: 30" in apache_tools.run(f"{TOOLS}.DeleteRecordsCommand", *address, *command).stdout
    assert [record.offset for record in read_topic(address[1], topic)] == list(range(30, 100))


def test_kafka_log_dirs(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """Where each replica lies and how large it is."""
    create_topic(address[1], topic, 2)
    produce(address[1], topic, 100)
    read = apache_tools.run(f"{TOOLS}.LogDirsCommand", *address, "--describe", "--topic-list", topic).stdout
    [broker] = json.loads(read.splitlines()[-1])["brokers"]
    replicas = [each for directory in broker["logDirs"] for each in directory["partitions"]]
    assert {each["partition"] for each in replicas} == {f"{topic}-0", f"{topic}-1"}
    assert sum(each["size"] for each in replicas) > 0
    assert all(each["offsetLag"] == 0 and not each["isFuture"] for each in replicas)


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_kafka_producer_perf_test(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str, acks: str
) -> None:
    """The measure that everybody runs; kafka-consumer-perf-test then reads it back."""
    create_topic(address[1], topic, 3)
    producer = ("--num-records", "20000", "--record-size", "200", "--throughput", "-1")
    properties = ("--producer-props", f"bootstrap.servers={address[1]}", f"acks={acks}")
    read = apache_tools.run(f"{TOOLS}.ProducerPerformance", "--topic", topic, *producer, *properties).stdout
    assert "20000 records sent" in read
    consumer = ("--topic", topic, "--messages", "20000", "--timeout", "30000")
    measured = apache_tools.run(f"{TOOLS}.ConsumerPerformance", *address, *consumer).stdout.splitlines()
    assert int(measured[1].split(", ")[4]) == 20000


def test_verifiable_producer_and_verifiable_consumer(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str
) -> None:
    """Kafka's own system-test clients: numbers produced, acknowledged and consumed are the same ones.

    The producer sums up when its JVM shuts down, so it has one to itself.
    """
    create_topic(address[1], topic, 2)
    produced = subprocess.run(
        [
            *java_command("4.1.1", f"{TOOLS}.VerifiableProducer"),
            *(*address, "--topic", topic, "--max-messages", "500"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in produced.stdout.splitlines()]
    acked = {each["value"] for each in events if each["name"] == "producer_send_success"}
    assert acked == {str(i) for i in range(500)}
    [summary] = [each for each in events if each["name"] == "tool_data"]
    assert (summary["sent"], summary["acked"]) == (500, 500)

    arguments = (
        "--topic",
        topic,
        "--group-id",
        f"group-of-{topic}",
        "--max-messages",
        "500",
        "--reset-policy",
        "earliest",
    )
    consumed = apache_tools.run(f"{TOOLS}.VerifiableConsumer", *address, *arguments, "--verbose")
    events = [json.loads(line) for line in consumed.stdout.splitlines()]
    assert {each["value"] for each in events if each["name"] == "record_data"} == acked
    commits = [each for each in events if each["name"] == "offsets_committed"]
    assert commits
    assert all(each["success"] for each in commits)


def test_kafka_broker_api_versions_cluster_and_groups(
    apache_tools: ApacheTools, address: tuple[str, str]
) -> None:
    """The tools that only ask who is there."""
    versions = apache_tools.run(f"{TOOLS}.BrokerApiVersionsCommand", *address).stdout
    assert re.search(r"Produce\(0\): 0 to 13", versions)
    assert re.search(r"Fetch\(1\): 4 to (17|18)", versions)
    assert "Cluster ID: " in apache_tools.run(f"{TOOLS}.ClusterTool", "cluster-id", *address).stdout
    assert "127.0.0.1" in apache_tools.run(f"{TOOLS}.ClusterTool", "list-endpoints", *address).stdout
    apache_tools.run(f"{TOOLS}.GroupsCommand", *address, "--list")


def test_kafka_e2e_latency(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """A record out and back, a few hundred times."""
    create_topic(address[1], topic, 1)
    arguments = (address[1], topic, "300", "all", "100")
    assert "Avg latency" in apache_tools.run(f"{TOOLS}.EndToEndLatency", *arguments).stdout


def test_all_codecs_came_through_as_sent(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str
) -> None:
    """The console producer's codecs, read by librdkafka."""
    create_topic(address[1], topic, 1)
    for codec in CODECS:
        arguments = ("--topic", topic, "--compression-codec", codec, "--property", "parse.key=true")
        headers = ("--property", "parse.headers=true")
        lines = "".join(
            f"n:{i}\tk{i % 10}\tv{i}\n"
            for i in range(CODECS.index(codec) * 10, CODECS.index(codec) * 10 + 10)
        )
        apache_tools.run(f"{TOOLS}.ConsoleProducer", *address, *arguments, *headers, stdin=lines)
    assert_all_came_once_in_order(read_topic(address[1], topic), 50)
