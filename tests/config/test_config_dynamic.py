"""Changes while a broker runs, beyond what the recorded session with Apache shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.config.alter import (
    VALUE_LIMIT_BYTES,
    Change,
    InvalidConfigError,
    InvalidRequestError,
    Operation,
    alter_broker,
    alter_topic,
    broker_of_resource,
    check_topic_settings,
    replacing,
)
from ottla.config.broker_config import broker_config
from ottla.config.describe import describe_broker, describe_topic
from ottla.config.described_setting import ConfigSource
from ottla.config.dynamic import layered, usable
from ottla.config.topic_config import TopicConfig

ENTRIES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 3)).map(lambda pair: f"{pair[0]}:{pair[1]}"), unique=True
)
THROTTLED = "leader.replication.throttled.replicas"


def one(operation: Operation, name: str, value: str | None = None) -> list[Change]:
    return [Change(operation, name, value)]


@given(ENTRIES, ENTRIES.filter(bool))
def test_what_is_appended_can_be_subtracted(held: list[str], added: list[str]) -> None:
    """Appending keeps the order and adds nothing twice; subtracting what was new brings the old list back."""
    stored = {THROTTLED: ",".join(held)}
    appended = alter_topic(TopicConfig(), "t", stored, one(Operation.APPEND, THROTTLED, ",".join(added)))
    new = [entry for entry in added if entry not in held]
    assert appended[THROTTLED] == ",".join([*held, *new])
    if new:
        assert alter_topic(
            TopicConfig(), "t", appended, one(Operation.SUBTRACT, THROTTLED, ",".join(new))
        ) == {THROTTLED: ",".join(held)}


def test_replacing_removes_what_isn_t_named() -> None:
    """The older AlterConfigs gives the whole of a resource's settings."""
    stored = {"retention.ms": "1", "flush.ms": "2"}
    changes = replacing(stored, {"flush.ms": "3", "segment.ms": "4"})
    assert alter_topic(TopicConfig(), "t", stored, changes) == {"flush.ms": "3", "segment.ms": "4"}


def test_replacing_with_null_is_refused() -> None:
    """A value has to be given for each name."""
    with pytest.raises(InvalidRequestError, match=r"Null value not supported for : flush\.ms"):
        alter_topic(TopicConfig(), "t", {}, replacing({}, {"flush.ms": None}))


def test_a_refused_change_leaves_what_is_stored_alone() -> None:
    """All of a resource's changes are made, or none."""
    stored = {"flush.ms": "1"}
    changes = [Change(Operation.SET, "flush.ms", "2"), Change(Operation.SET, "segment.ms", "x")]
    with pytest.raises(InvalidConfigError):
        alter_topic(TopicConfig(), "t", stored, changes)
    assert stored == {"flush.ms": "1"}


def test_an_old_setting_of_another_version_doesn_t_block_changes() -> None:
    """A topic taken over from Apache 3.9 may have `message.format.version`; only what is set now has to be known."""
    stored = {"message.format.version": "3.0-IV1"}
    altered = alter_topic(TopicConfig(), "t", stored, one(Operation.SET, "flush.ms", "1"))
    assert altered == {**stored, "flush.ms": "1"}
    with pytest.raises(InvalidConfigError, match=r"Unknown topic config name: message\.format\.version"):
        alter_topic(TopicConfig(), "t", {}, one(Operation.SET, "message.format.version", "3.0-IV1"))


def test_a_new_topic_s_settings_are_checked_together() -> None:
    """CreateTopics asks the same rules, and gets what the settings come to."""
    assert check_topic_settings(TopicConfig(), {"retention.ms": "5"}).retention_ms == 5
    with pytest.raises(InvalidConfigError, match="Unknown topic config name: colour"):
        check_topic_settings(TopicConfig(), {"colour": "red"})
    with pytest.raises(InvalidConfigError, match="conflict topic config setting"):
        check_topic_settings(TopicConfig(max_compaction_lag_ms=5), {"min.compaction.lag.ms": "6"})


def test_a_value_has_a_bound() -> None:
    """What is stored is kept in memory by every broker: no entry is longer than Apache's 32,767 bytes."""
    entries = ",".join(f"{number}:1" for number in range(VALUE_LIMIT_BYTES))
    with pytest.raises(InvalidConfigError, match="exceeds the maximum value size of 32767 bytes"):
        alter_topic(TopicConfig(), "t", {}, one(Operation.SET, THROTTLED, entries))


@pytest.mark.parametrize(("name", "broker"), [("", None), ("3", 3), ("+3", 3)])
def test_a_broker_resource_means_this_broker_or_all(name: str, broker: int | None) -> None:
    """An empty name stands for the defaults of the cluster."""
    assert broker_of_resource(name, 3) == broker


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x", "Node id must be an integer, but it is: x"),
        ("4", "Unexpected broker id, expected 3, but received 4"),
    ],
)
def test_another_broker_has_to_be_asked_itself(name: str, message: str) -> None:
    """In Apache's words."""
    with pytest.raises(InvalidRequestError, match=message):
        broker_of_resource(name, 3)


def test_settings_that_don_t_go_together_are_refused_while_it_runs() -> None:
    """The rules between settings hold for dynamic ones too."""
    layers = layered(broker_config(), {}, {})
    with pytest.raises(InvalidRequestError, match="must be unlimited"):
        alter_broker(layers, one(Operation.SET, "log.retention.ms", "0"), cluster_wide=True)


def test_this_broker_s_own_value_goes_before_the_cluster_s() -> None:
    """A change for all brokers doesn't reach one that has its own value."""
    layers = layered(broker_config(), {}, {"message.max.bytes": "5"})
    altered, config = alter_broker(layers, one(Operation.SET, "message.max.bytes", "9"), cluster_wide=True)
    assert altered == {"message.max.bytes": "9"}
    assert config.topic_defaults.max_message_bytes == 5


def test_stored_settings_that_can_t_hold_are_passed_over_at_the_start() -> None:
    """A broker starts with what is usable of a map another version stored, and can name the rest."""
    kept, refused = usable(
        broker_config(), {"message.max.bytes": "-5", "log.retention.ms": "7", "x.y": "z", "log.roll.ms": "0"}
    )
    assert kept == {"log.retention.ms": "7", "x.y": "z"}
    assert refused == ["log.roll.ms", "message.max.bytes"]


def test_a_description_can_be_of_some_names_only() -> None:
    """Unknown names are left out; no names, or none at all, mean every setting."""
    layers = layered(broker_config({"log.retention.hours": "1"}), {}, {})
    (retention,) = describe_topic(layers, {}, ["retention.ms", "nonsense"])
    assert (retention.value, retention.source) == ("3600000", ConfigSource.DEFAULT_CONFIG)
    assert [synonym.name for synonym in retention.synonyms] == []
    assert len(describe_broker(layers, [])) == len(describe_broker(layers)) > 300


def test_a_secret_given_at_the_start_isn_t_described() -> None:
    """Its source is, its value isn't; nor is that of a name nobody knows, which might be one."""
    layers = layered(broker_config({"ssl.key.password": "hunter2", "my.secret": "hunter2"}), {}, {})
    for setting in describe_broker(layers, ["ssl.key.password", "my.secret"]):
        assert setting.value is None
        assert setting.sensitive
        assert setting.source is ConfigSource.STATIC_BROKER_CONFIG
        assert all(synonym.value is None for synonym in setting.synonyms)


def test_settings_of_our_own_are_documented_and_dynamic_where_they_say_so() -> None:
    """`ottla.validate.records` can be turned on while the broker runs."""
    layers = layered(broker_config(), {}, {})
    _, config = alter_broker(layers, one(Operation.SET, "ottla.validate.records", "true"), cluster_wide=True)
    assert config.ottla_validate_records
    (described,) = describe_broker(layers, ["ottla.validate.records"])
    assert not described.read_only
    assert described.documentation
