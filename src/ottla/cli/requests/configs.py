"""Settings of topics, brokers and groups: with the source of each value, and to be set or unset."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.cli.connection import Connection
from ottla.cli.requests.all_broker_configs import alter_all_brokers, describe_all_brokers

if TYPE_CHECKING:
    from confluent_kafka.admin import ConfigEntry, ConfigResource

SOURCES = defaultdict(
    lambda: "unknown",
    {
        1: "topic",
        2: "broker",
        3: "all brokers",
        4: "broker's file",
        5: "default",
        6: "broker's logger",
        7: "client metrics",
        8: "group",
    },
)
"""By the numbers of Apache's `DescribeConfigsResponse.ConfigSource`."""
OWN_SOURCES = {"topic": "topic", "broker": "broker", "group": "group"}


@dataclass(frozen=True, slots=True)
class ConfigSynonym:
    """A place the value could come from; the first of a value's synonyms is where it does."""

    name: str
    value: str | None
    source: str


@dataclass(frozen=True, slots=True)
class ConfigValue:
    """One setting. `value` is None if unset, or hidden because it is sensitive."""

    name: str
    value: str | None
    source: str
    is_default: bool
    is_read_only: bool
    is_sensitive: bool
    synonyms: tuple[ConfigSynonym, ...]
    is_set_here: bool
    """Whether it was set on this very resource, and so can be unset there."""


def describe_config(connection: Connection, kind: str, name: str) -> list[ConfigValue]:
    """All settings of a `topic`, `broker` or `group`, by name. An empty broker name means those of all brokers."""
    if kind == "broker" and not name:
        return _of_all_brokers(connection)
    resource = _resource(kind, name)
    futures = connection.admin().describe_configs([resource], request_timeout=connection.timeout_s)
    entries = connection.wait(futures[resource], "read the settings", subject=_subject(kind, name))
    return sorted((_value(kind, name, entry) for entry in entries.values()), key=lambda one: one.name)


def alter_config(
    connection: Connection,
    kind: str,
    name: str,
    *,
    assign: Mapping[str, str],
    unset: Sequence[str],
    validate_only: bool = False,
) -> None:
    """Set and unset settings in one request: all of them, or on an error none."""
    if kind == "broker" and not name:
        alter_all_brokers(connection, assign=assign, unset=unset, validate_only=validate_only)
        return
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry

    changes = [
        ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
        for setting, value in assign.items()
    ]
    changes += [
        ConfigEntry(setting, None, incremental_operation=AlterConfigOpType.DELETE) for setting in unset
    ]
    resource = _resource(kind, name)
    for change in changes:
        resource.add_incremental_config(change)
    futures = connection.admin().incremental_alter_configs(
        [resource], validate_only=validate_only, request_timeout=connection.timeout_s
    )
    connection.wait(futures[resource], "change the settings", subject=_subject(kind, name))


def _of_all_brokers(connection: Connection) -> list[ConfigValue]:
    values = [
        ConfigValue(
            name=one.name,
            value=one.value,
            source=SOURCES[one.config_source],
            is_default=False,
            is_read_only=one.read_only,
            is_sensitive=one.is_sensitive,
            synonyms=tuple(
                ConfigSynonym(synonym.name, synonym.value, SOURCES[synonym.source])
                for synonym in one.synonyms
            ),
            is_set_here=True,
        )
        for one in describe_all_brokers(connection)
    ]
    return sorted(values, key=lambda one: one.name)


def _resource(kind: str, name: str) -> "ConfigResource":
    from confluent_kafka.admin import ConfigResource

    return ConfigResource(kind, name)


def _subject(kind: str, name: str) -> str:
    return f"{kind} {name}" if name else f"all {kind}s"


def _value(kind: str, name: str, entry: "ConfigEntry") -> ConfigValue:
    source = _source(entry)
    own = "all brokers" if kind == "broker" and not name else OWN_SOURCES.get(kind)
    synonyms = tuple(
        ConfigSynonym(synonym.name, synonym.value, _source(synonym)) for synonym in entry.synonyms.values()
    )
    return ConfigValue(
        name=entry.name,
        value=entry.value,
        source=source,
        is_default=source == "default",
        is_read_only=entry.is_read_only,
        is_sensitive=entry.is_sensitive,
        synonyms=synonyms,
        is_set_here=source == own,
    )


def _source(entry: "ConfigEntry") -> str:
    # Declared as an enum, handed over by librdkafka as a number.
    number: object = entry.source
    return SOURCES[number if isinstance(number, int) else entry.source.value]
