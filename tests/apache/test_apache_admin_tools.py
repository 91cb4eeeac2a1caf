"""Apache Kafka 4.1.1's tools for quotas, groups' and subscriptions' settings, features, elections and reassignments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apache_tools import ApacheTools
from brokers import Broker, ProcessBroker
from conditions import until
from conversation import create_topic

TOOLS = "org.apache.kafka.tools"
CONFIGS = "kafka.admin.ConfigCommand"


@pytest.fixture
def address(broker: Broker) -> tuple[str, str]:
    """The two arguments that every tool takes."""
    return ("--bootstrap-server", broker.bootstrap_servers)


def described(tools: ApacheTools, arguments: tuple[str, ...], *expected: str) -> str:
    """What `--describe` prints once all of this is in it: Apache's broker hears of a change a little later."""
    return until(
        lambda: tools.run(CONFIGS, *arguments, "--describe").stdout,
        lambda shown: all(each in shown for each in expected),
    )


ENTITIES = [
    (("--entity-type", "users", "--entity-name", "{name}"), "Quota configs for user-principal '{name}' are"),
    (("--entity-type", "clients", "--entity-name", "{name}"), "Quota configs for client-id '{name}' are"),
    (
        (
            "--entity-type",
            "users",
            "--entity-name",
            "{name}",
            "--entity-type",
            "clients",
            "--entity-name",
            "c",
        ),
        "Quota configs for user-principal '{name}', client-id 'c' are",
    ),
    (
        ("--entity-type", "users", "--entity-name", "{name}", "--entity-type", "clients", "--entity-default"),
        "Quota configs for user-principal '{name}', the default client-id are",
    ),
]


@pytest.mark.parametrize(("entity", "heading"), ENTITIES)
def test_quotas_by_kafka_configs(
    apache_tools: ApacheTools,
    address: tuple[str, str],
    unique_name: Callable[[str], str],
    entity: tuple[str, ...],
    heading: str,
) -> None:
    """Set, shown, taken away."""
    name = unique_name("quota-of")
    chosen = tuple(part.format(name=name) for part in entity)
    limits = "producer_byte_rate=1048576,consumer_byte_rate=2097152,request_percentage=12.5"
    apache_tools.run(CONFIGS, *address, *chosen, "--alter", "--add-config", limits)
    shown = described(apache_tools, (*address, *chosen), heading.format(name=name))
    assert re.search(r"consumer_byte_rate=2097152\.0", shown)
    assert re.search(r"request_percentage=12\.5", shown)
    names = "producer_byte_rate,consumer_byte_rate,request_percentage"
    apache_tools.run(CONFIGS, *address, *chosen, "--alter", "--delete-config", names)
    assert "Quota configs" not in apache_tools.run(CONFIGS, *address, *chosen, "--describe").stdout


def test_scram_credentials_beside_quotas(
    apache_tools: ApacheTools, address: tuple[str, str], unique_name: Callable[[str], str]
) -> None:
    """A user has both, and losing one leaves the other."""
    entity = ("--entity-type", "users", "--entity-name", unique_name("scram-user"))
    for change in ("SCRAM-SHA-256=[iterations=8192,password=secret]", "producer_byte_rate=1024"):
        apache_tools.run(CONFIGS, *address, *entity, "--alter", "--add-config", change)
    described(apache_tools, (*address, *entity), "producer_byte_rate=1024.0", "SCRAM-SHA-256=iterations=8192")
    apache_tools.run(CONFIGS, *address, *entity, "--alter", "--delete-config", "producer_byte_rate")
    shown = apache_tools.run(CONFIGS, *address, *entity, "--describe").stdout
    assert "producer_byte_rate" not in shown
    assert "SCRAM-SHA-256=iterations=8192" in shown


def test_quotas_of_addresses(apache_tools: ApacheTools, address: tuple[str, str]) -> None:
    """Of one, and of all others."""
    for entity in (("--ip", "10.1.2.3"), ("--ip-defaults",)):
        rate = ("--alter", "--add-config", "connection_creation_rate=500")
        apache_tools.run(CONFIGS, *address, *entity, *rate)
        described(apache_tools, (*address, *entity), "connection_creation_rate=500.0")
        apache_tools.run(CONFIGS, *address, *entity, "--alter", "--delete-config", "connection_creation_rate")


def test_settings_of_a_group(
    apache_tools: ApacheTools, address: tuple[str, str], unique_name: Callable[[str], str]
) -> None:
    """Set within the bounds, shown with where it comes from."""
    entity = ("--entity-type", "groups", "--entity-name", unique_name("tool-group"))
    change = ("--alter", "--add-config", "consumer.session.timeout.ms=50000")
    apache_tools.run(CONFIGS, *address, *entity, *change)
    shown = described(apache_tools, (*address, *entity), "consumer.session.timeout.ms=50000")
    assert "DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000" in shown
    wrong = ("--alter", "--add-config", "consumer.session.timeout.ms=1")
    refused = apache_tools.run(CONFIGS, *address, *entity, *wrong, expect=1).stderr
    assert "group.consumer.min.session.timeout.ms" in refused


def test_kafka_client_metrics(
    apache_tools: ApacheTools, address: tuple[str, str], unique_name: Callable[[str], str]
) -> None:
    """Made under a name or a generated one, listed, described, deleted."""
    tool, name = f"{TOOLS}.ClientMetricsCommand", unique_name("tool-subscription")
    made = ("--alter", "--name", name, "--metrics", "org.apache.kafka.producer.", "--interval", "30000")
    apache_tools.run(tool, *address, *made, "--match", "client_id=tool,client_source_address=127[.].*")
    assert name in apache_tools.run(tool, *address, "--list").stdout.split()
    shown = apache_tools.run(tool, *address, "--describe", "--name", name).stdout
    assert "interval.ms=30000" in shown
    assert "metrics=org.apache.kafka.producer." in shown
    assert "match=client_id=tool,client_source_address=127[.].*" in shown
    apache_tools.run(tool, *address, "--delete", "--name", name)
    assert "interval.ms=30000" not in apache_tools.run(tool, *address, "--describe").stdout


def test_kafka_leader_election(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str, tmp_path: Path
) -> None:
    """The preferred replica leads already; a partition that isn't there is an error."""
    create_topic(address[1], topic, 2)
    tool = f"{TOOLS}.LeaderElectionCommand"
    one = ("--election-type", "preferred", "--topic", topic)
    told = apache_tools.run(tool, *address, *one, "--partition", "0").stdout
    assert f"Valid replica already elected for partitions {topic}-0" in told
    file = tmp_path / "election.json"
    file.write_text(json.dumps({"partitions": [{"topic": topic, "partition": each} for each in (0, 1)]}))
    told = apache_tools.run(
        tool, *address, "--election-type", "unclean", "--path-to-json-file", str(file)
    ).stdout
    assert "Valid replica already elected" in told
    apache_tools.run(tool, *address, "--election-type", "preferred", "--all-topic-partitions")
    failed = apache_tools.run(tool, *address, *one, "--partition", "7", expect=1)
    assert f"No such partition as {topic}-7" in failed.stdout + failed.stderr


def test_kafka_reassign_partitions(
    apache_tools: ApacheTools, address: tuple[str, str], topic: str, tmp_path: Path
) -> None:
    """Generated, carried out and verified on the one broker there is; another one is refused."""
    create_topic(address[1], topic, 2)
    tool = f"{TOOLS}.reassign.ReassignPartitionsCommand"
    topics = tmp_path / "topics.json"
    topics.write_text(json.dumps({"version": 1, "topics": [{"topic": topic}]}))
    generate = ("--generate", "--topics-to-move-json-file", str(topics), "--broker-list", "1")
    generated = apache_tools.run(tool, *address, *generate).stdout
    proposed = generated[generated.index("Proposed partition reassignment configuration") :].splitlines()[1]
    assert {each["partition"] for each in json.loads(proposed)["partitions"]} == {0, 1}
    plan = tmp_path / "plan.json"
    plan.write_text(proposed)
    executed = apache_tools.run(tool, *address, "--execute", "--reassignment-json-file", str(plan)).stdout
    assert "Successfully started partition reassignments" in executed
    verified = apache_tools.run(tool, *address, "--verify", "--reassignment-json-file", str(plan)).stdout
    assert verified.count("is completed") == 2
    assert "No partition reassignments found" in apache_tools.run(tool, *address, "--list").stdout
    elsewhere = {"topic": topic, "partition": 0, "replicas": [1, 2]}
    plan.write_text(json.dumps({"version": 1, "partitions": [elsewhere]}))
    refused = apache_tools.run(tool, *address, "--execute", "--reassignment-json-file", str(plan), expect=1)
    assert "Unknown broker id 2" in refused.stdout + refused.stderr


@pytest.fixture
def own_address(start_broker: Callable[..., ProcessBroker]) -> Iterator[tuple[str, str]]:
    """A broker whose features nobody else needs."""
    yield ("--bootstrap-server", start_broker().bootstrap_servers)


def test_kafka_features(apache_tools: ApacheTools, own_address: tuple[str, str]) -> None:
    """Described, switched on, downgraded and disabled; what isn't supported is refused."""
    tool = f"{TOOLS}.FeatureCommand"

    def described() -> dict[str, str]:
        lines = apache_tools.run(tool, *own_address, "describe").stdout.splitlines()
        rows = [re.match(r"Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)", line) for line in lines]
        return {row[1]: row[2] for row in rows if row}

    levels = described()
    assert (levels["transaction.version"], levels["group.version"], levels["share.version"]) == (
        "2",
        "1",
        "0",
    )
    on = apache_tools.run(tool, *own_address, "upgrade", "--feature", "share.version=1")
    assert "share.version was upgraded to 1." in on.stdout
    apache_tools.run(tool, *own_address, "downgrade", "--feature", "transaction.version=1")
    apache_tools.run(tool, *own_address, "disable", "--feature", "share.version")
    levels = described()
    assert (levels["transaction.version"], levels["share.version"]) == ("1", "0")
    refused = apache_tools.run(tool, *own_address, "upgrade", "--feature", "transaction.version=9", expect=1)
    assert "only supports versions 0-2" in refused.stdout + refused.stderr
