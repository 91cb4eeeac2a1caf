"""Our declarations, and what we answer about them, against Apache Kafka 4.1.1 (3.9.1 where 4 dropped ZooKeeper).

`apache-VERSION-settings.json` was written by ConfigDump.java, `apache-4.1.1-config-answers.jsonl` by ConfigAnswers.java,
which stand beside.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ottla.config import group_settings, quota_settings
from ottla.config.alter import (
    AlterConfigError,
    Change,
    InvalidConfigError,
    InvalidRequestError,
    Operation,
    alter_broker,
    alter_client_metrics,
    alter_group,
    alter_topic,
)
from ottla.config.broker_config import broker_config
from ottla.config.catalogue import BROKER_SETTINGS, TOPIC_SETTINGS
from ottla.config.definition import Setting, by_name
from ottla.config.describe import (
    describe_broker,
    describe_client_metrics,
    describe_cluster_default,
    describe_group,
    describe_topic,
)
from ottla.config.described_setting import DescribedSetting
from ottla.config.dynamic import layered
from ottla.config.topic_settings import DEFAULTS_FROM

HERE = Path(__file__).parent
KAFKA_4 = json.loads((HERE / "apache-4.1.1-settings.json").read_text())
KAFKA_3 = json.loads((HERE / "apache-3.9.1-settings.json").read_text())

OF_ZOOKEEPER_MODE = ("node.id", "process.roles")
"""Required by 4.1.1, which is KRaft alone; optional here, as in 3.9.1."""


def facts_of(setting: Setting) -> dict[str, object]:
    facts: dict[str, object] = {
        "type": setting.type.name,
        "default": setting.default_text,
        "valid": None if setting.valid is None else str(setting.valid),
        "importance": setting.importance.name,
    }
    return facts | ({"internal": True} if setting.internal else {})


def expected_broker_settings() -> dict[str, dict[str, object]]:
    return (
        KAFKA_3["broker"] | KAFKA_4["broker"] | {name: KAFKA_3["broker"][name] for name in OF_ZOOKEEPER_MODE}
    )


def test_a_broker_has_every_setting_of_apache_and_ours_besides() -> None:
    """No name is missing; what Apache doesn't know begins with `ottla.`, or with `confluent.` where that is known better."""
    assert expected_broker_settings().keys() - BROKER_SETTINGS.keys() == set()
    assert all(
        name.startswith(("ottla.", "confluent."))
        for name in BROKER_SETTINGS.keys() - expected_broker_settings().keys()
    )


@pytest.mark.parametrize("name", sorted(expected_broker_settings()))
def test_a_broker_setting_is_apache_s(name: str) -> None:
    """Type, default, valid values, importance and way of updating are Apache's."""
    setting = BROKER_SETTINGS[name]
    assert facts_of(setting) | {"update": setting.update.value} == expected_broker_settings()[name]


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("topic", TOPIC_SETTINGS),
        ("group", by_name(group_settings.GROUP_SETTINGS)),
        ("client_metrics", by_name(group_settings.CLIENT_METRICS_SETTINGS)),
        ("userAndClientQuotaConfigs", by_name(quota_settings.USER_AND_CLIENT_QUOTAS)),
        ("ipConfigs", by_name(quota_settings.ADDRESS_QUOTAS)),
        ("brokerQuotaConfigs", by_name(quota_settings.BROKER_QUOTAS)),
    ],
)
def test_settings_of_other_resources_are_apache_s(section: str, settings: dict[str, Setting]) -> None:
    """The same for topics, groups, subscriptions and quotas, with no name more or less in what is listed."""
    listed = {name: setting for name, setting in settings.items() if setting.listed}
    assert {name: facts_of(setting) for name, setting in listed.items()} == KAFKA_4[section]


def test_a_topic_s_defaults_come_from_the_settings_that_apache_takes() -> None:
    """Names, order and units of the broker settings behind a topic setting."""
    ours = {name: [[source, factor] for source, factor in sources] for name, sources in DEFAULTS_FROM.items()}
    assert ours == KAFKA_4["topic_synonyms"]


def test_every_setting_is_documented_in_sentences() -> None:
    """Each has a text of at least one whole sentence, with its unit when the name ends in one."""
    for setting in [*BROKER_SETTINGS.values(), *TOPIC_SETTINGS.values()]:
        assert setting.doc[0].isupper(), setting.name
        assert setting.doc.endswith("."), setting.name
        if setting.name.endswith(".ms") and not setting.without_effect:
            assert re.search(r"millisecond", setting.doc, re.IGNORECASE), setting.name


# ---- The answers to DescribeConfigs and IncrementalAlterConfigs

ERRORS = {InvalidConfigError: "InvalidConfigurationException", InvalidRequestError: "InvalidRequestException"}

DIFFERENT = {
    # There are no pools of threads whose growth would have to be gentle.
    ("BROKER", "", "log.cleaner.threads", "100"),
    ("BROKER", "1", "background.threads", "1000"),
    # Apache meets an error of its own here; we say that the name isn't known.
    ("BROKER", "", "custom.unknown", "1"),
    # Whether a topic exists is not a question of its settings.
    ("TOPIC", "missing", "flush.ms", "1"),
}
"""Changes that Apache refuses for reasons that don't hold here."""


class Cluster:
    """Stored settings, changed and described as a broker does it."""

    def __init__(self) -> None:
        self.start = broker_config(
            {
                "process.roles": "broker,controller",
                "node.id": "1",
                "listeners": "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093",
                "controller.quorum.voters": "1@127.0.0.1:9093",
                "controller.listener.names": "CONTROLLER",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs": "/var/lib/kafka",
                "offsets.topic.replication.factor": "1",
            }
        )
        self.stored: dict[tuple[str, str], dict[str, str]] = {
            ("TOPIC", "t"): {"retention.ms": "1000", "cleanup.policy": "compact"}
        }

    def of(self, kind: str, name: str) -> dict[str, str]:
        return self.stored.setdefault((kind, name), {})

    @property
    def layers(self):
        return layered(self.start, self.of("BROKER", ""), self.of("BROKER", "1"))

    def alter(self, kind: str, name: str, changes: list[Change]) -> None:
        stored = self.of(kind, name)
        if kind == "BROKER":
            altered, _ = alter_broker(self.layers, changes, cluster_wide=not name)
        elif kind == "TOPIC":
            altered = alter_topic(self.layers.config.topic_defaults, name, stored, changes)
        elif kind == "GROUP":
            altered = alter_group(self.layers.config, name, stored, changes)
        else:
            altered = alter_client_metrics(name, stored, changes)
        self.stored[kind, name] = altered

    def describe(self, kind: str, name: str) -> list[DescribedSetting]:
        stored = self.of(kind, name)
        if kind == "BROKER":
            return describe_broker(self.layers) if name else describe_cluster_default(stored)
        if kind == "TOPIC":
            return describe_topic(self.layers, stored)
        return (
            describe_group(self.layers.config, stored) if kind == "GROUP" else describe_client_metrics(stored)
        )


def as_recorded(setting: DescribedSetting) -> list[object]:
    kind = ["UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"]
    synonyms = [[s.name, s.value, s.source.name] for s in setting.synonyms]
    return [
        setting.value,
        setting.source.name,
        setting.read_only,
        setting.sensitive,
        kind[setting.type],
        synonyms,
    ]


def test_a_session_of_changes_goes_as_at_apache() -> None:
    """Each change is taken or refused with Apache's words, and each description shows what Apache's does."""
    cluster = Cluster()
    lines = (HERE / "apache-4.1.1-config-answers.jsonl").read_text().splitlines()
    for step in map(json.loads, lines):
        kind, name = step["type"], step["name"]
        if "entries" in step:
            ours = {s.name: as_recorded(s) for s in cluster.describe(kind, name)}
            only_ours = ours.keys() - step["entries"].keys()
            assert only_ours <= BROKER_SETTINGS.keys() - KAFKA_4["broker"].keys(), step["describe"]
            for setting, recorded in step["entries"].items():
                assert ours[setting] == recorded or setting in OF_ZOOKEEPER_MODE, step["describe"]
        elif "alter" in step and (kind, name, *step["alter"][0][1:]) not in DIFFERENT:
            changes = [Change(Operation[op], setting, value) for op, setting, value in step["alter"]]
            error = message = None
            try:
                cluster.alter(kind, name, changes)
            except AlterConfigError as refused:
                error, message = ERRORS[type(refused)], str(refused)
            recorded = step["message"] and step["message"].replace("HashSet(", "Set(")
            assert (error, message) == (step["error"], recorded), step["alter"]
