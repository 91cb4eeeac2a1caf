"""What AlterConfigs and IncrementalAlterConfigs make of a resource's settings, or why they don't.

A function takes the map that is stored and the changes asked for and answers the map to store. Nothing is stored here.

Source: KIP-339; Apache's ConfigAdminManager, ConfigurationControlManager, ControllerConfigurationValidator.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ottla.config.broker_config import BrokerConfig, setting_for
from ottla.config.catalogue import CLIENT_METRICS_SETTINGS, GROUP_SETTINGS, TOPIC_SETTINGS
from ottla.config.checks import InvalidConfigurationError
from ottla.config.definition import Setting, Type
from ottla.config.dynamic import BrokerLayers, listener_base, not_dynamic, only_per_broker, only_per_listener
from ottla.config.group_config import shown_defaults
from ottla.config.topic_config import TopicConfig, topic_config
from ottla.config.validators import InvalidSettingError
from ottla.config.values import Value

VALUE_LIMIT_BYTES = 32_767
"""Longest value that is stored for a topic, a group or a subscription."""

_BROKER_NUMBER = re.compile(r"[+-]?[0-9]{1,10}")


class Operation(enum.IntEnum):
    """What to do with one setting, by its number in the request."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class Change(NamedTuple):
    """One entry of IncrementalAlterConfigs."""

    operation: Operation
    name: str
    value: str | None = None


class AlterConfigError(ValueError):
    """A change that isn't made."""


class InvalidConfigError(AlterConfigError):
    """To be answered with INVALID_CONFIG."""


class InvalidRequestError(AlterConfigError):
    """To be answered with INVALID_REQUEST."""


def broker_of_resource(name: str, node_id: int) -> int | None:
    """The broker that a resource of type BROKER means: `node_id`, or None for all of them (an empty name).

    Raises `InvalidRequestError` for another broker, which the client has to ask itself.
    """
    if not name:
        return None
    if not is_integer(name):
        raise InvalidRequestError(f"Node id must be an integer, but it is: {name}")
    if int(name) != node_id:
        raise InvalidRequestError(f"Unexpected broker id, expected {node_id}, but received {name}")
    return node_id


def is_integer(name: str) -> bool:
    """Whether a resource's name can be a broker's number, read as Java does it."""
    return _BROKER_NUMBER.fullmatch(name) is not None


def replacing(stored: Mapping[str, str], settings: Mapping[str, str | None]) -> list[Change]:
    """The changes that turn `stored` into `settings`, which is what the older AlterConfigs means."""
    removed = [Change(Operation.DELETE, name) for name in stored if name not in settings]
    return [*removed, *(Change(Operation.SET, name, text) for name, text in settings.items())]


def alter_topic(
    defaults: TopicConfig, topic: str, stored: Mapping[str, str], changes: Sequence[Change]
) -> dict[str, str]:
    """The settings a topic has after some changes; `defaults` are its broker's."""
    _check_changes(changes)
    if not topic:
        raise InvalidRequestError("Default topic resources are not allowed.")
    altered = _applied(TOPIC_SETTINGS, stored, changes)
    check_topic_settings(defaults, altered, touched=_set_names(changes))
    return altered


def check_topic_settings(
    defaults: TopicConfig, settings: Mapping[str, str], *, touched: Iterable[str] | None = None
) -> TopicConfig:
    """What a topic's settings come to; raises `InvalidConfigError`.

    `touched`: the names that have to be known, all by default. Others may stem from a version that knew more.
    """
    for name in settings if touched is None else touched:
        if name not in TOPIC_SETTINGS:
            raise InvalidConfigError(f"Unknown topic config name: {name}")
    try:
        config = topic_config(defaults, settings)
    except InvalidSettingError as error:
        raise InvalidConfigError(str(error)) from None
    if config.min_compaction_lag_ms > config.max_compaction_lag_ms:
        raise InvalidConfigError(
            f"conflict topic config setting min.compaction.lag.ms ({config.min_compaction_lag_ms}) > "
            f"max.compaction.lag.ms ({config.max_compaction_lag_ms})"
        )
    if config.remote_storage_enable:
        raise InvalidConfigError(
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage."
        )
    return config


def alter_broker(
    layers: BrokerLayers, changes: Sequence[Change], *, cluster_wide: bool
) -> tuple[dict[str, str], BrokerConfig]:
    """The dynamic settings of this broker, or of all of them, after some changes, and what this broker's come to."""
    _check_changes(changes)
    stored = layers.cluster_wide if cluster_wide else layers.per_broker
    altered = _applied_to_broker(stored, changes)
    _check_broker_names(altered, cluster_wide=cluster_wide)
    merged = {**altered, **layers.per_broker} if cluster_wide else {**layers.cluster_wide, **altered}
    try:
        for name, text in altered.items():
            setting = setting_for(name)
            if setting is not None:
                setting.parse(text)
        return altered, layers.config.with_dynamic(merged)
    except InvalidSettingError as error:
        base = listener_base(error.name)
        reason = str(error) if base is None else str(InvalidSettingError(base, error.value, error.reason))
        raise InvalidRequestError(reason) from None
    except InvalidConfigurationError as error:
        raise InvalidRequestError("; ".join(fault.rule for fault in error.faults)) from None


def alter_group(
    config: BrokerConfig, group: str, stored: Mapping[str, str], changes: Sequence[Change]
) -> dict[str, str]:
    """The settings a group has after some changes, within the bounds that the broker's settings set."""
    _check_changes(changes)
    if not group:
        raise InvalidRequestError("Default group resources are not allowed.")
    altered = _applied(GROUP_SETTINGS, stored, changes)
    for name in _set_names(changes):
        if name not in GROUP_SETTINGS:
            raise InvalidConfigError(f"Unknown group config name: {name}")
    _check_group_values(config, _numbers(GROUP_SETTINGS, altered, shown_defaults(config.values)))
    return altered


def alter_client_metrics(
    subscription: str, stored: Mapping[str, str], changes: Sequence[Change]
) -> dict[str, str]:
    """The settings a client-metrics subscription has after some changes."""
    _check_changes(changes)
    if not subscription:
        raise InvalidRequestError("Subscription name can't be empty")
    # Apache's controller doesn't count the lists of a subscription among those that can be appended to.
    altered = _applied({}, stored, changes)
    for name in altered:
        if name not in CLIENT_METRICS_SETTINGS:
            raise InvalidRequestError(f"Unknown client metrics configuration: {name}")
    _check_client_metrics(altered)
    return altered


def _check_changes(changes: Sequence[Change]) -> None:
    names = [change.name for change in changes]
    if len(set(names)) != len(names):
        raise InvalidRequestError("Error due to duplicate config keys")
    without = [c.name for c in changes if c.value is None and c.operation is not Operation.DELETE]
    if without:
        raise InvalidRequestError(f"Null value not supported for : {','.join(without)}")


def _set_names(changes: Iterable[Change]) -> list[str]:
    return [change.name for change in changes if change.operation is not Operation.DELETE]


def _applied(
    settings: Mapping[str, Setting], stored: Mapping[str, str], changes: Iterable[Change]
) -> dict[str, str]:
    altered = dict(stored)
    for change in changes:
        setting = settings.get(change.name)
        is_list = setting is not None and setting.type is Type.LIST
        if change.operation in (Operation.APPEND, Operation.SUBTRACT) and not is_list:
            raise InvalidConfigError(
                f"Can't {change.operation.name} to key {change.name} because its type is not LIST."
            )
        _apply(altered, change, setting)
        if len(altered.get(change.name, "").encode()) > VALUE_LIMIT_BYTES:
            raise InvalidConfigError(
                "The configuration value cannot be added because it exceeds the maximum value size of "
                f"{VALUE_LIMIT_BYTES} bytes."
            )
    return altered


def _applied_to_broker(stored: Mapping[str, str], changes: Iterable[Change]) -> dict[str, str]:
    altered = dict(stored)
    for change in changes:
        setting = setting_for(change.name)
        if change.operation in (Operation.APPEND, Operation.SUBTRACT):
            if setting is None:
                raise InvalidConfigError(f"Unknown config name: {change.name}")
            if setting.type is not Type.LIST:
                word = change.operation.name.lower()
                raise InvalidConfigError(f"Config value {word} is not allowed for config key: {change.name}")
        _apply(altered, change, setting)
    return altered


def _apply(altered: dict[str, str], change: Change, setting: Setting | None) -> None:
    value = change.value or ""
    match change.operation:
        case Operation.SET:
            altered[change.name] = value
        case Operation.DELETE:
            altered.pop(change.name, None)
        case Operation.APPEND:
            held = _entries(altered, change.name, setting)
            new = [entry for entry in dict.fromkeys(value.split(",")) if entry not in held]
            altered[change.name] = ",".join([*held, *new])
        case Operation.SUBTRACT:
            gone = set(value.split(","))
            held = _entries(altered, change.name, setting)
            altered[change.name] = ",".join(entry for entry in held if entry not in gone)


def _entries(altered: Mapping[str, str], name: str, setting: Setting | None) -> list[str]:
    """What a list holds so far; without a value of its own it starts from the setting's default."""
    default = setting.default_text if setting is not None else None
    text = altered.get(name, default or "")
    return text.split(",") if text else []


def _check_broker_names(altered: Mapping[str, str], *, cluster_wide: bool) -> None:
    _refuse(not_dynamic(altered), "Cannot update these configs dynamically")
    _refuse(
        only_per_listener(altered),
        "These security configs can be dynamically updated only per-listener using the listener prefix",
    )
    if cluster_wide:
        _refuse(
            only_per_broker(altered),
            "Cannot update these configs at default cluster level, broker id must be specified",
        )


def _refuse(names: list[str], reason: str) -> None:
    if names:
        raise InvalidRequestError(f"{reason}: Set({', '.join(sorted(names))})")


def _numbers(
    settings: Mapping[str, Setting], altered: Mapping[str, str], defaults: Mapping[str, Value]
) -> dict[str, int]:
    """The numbers among the values, with the defaults of those not set; raises `InvalidConfigError`."""
    numbers: dict[str, int] = {}
    for name, setting in settings.items():
        try:
            value = setting.parse(altered[name]) if name in altered else defaults[name]
        except InvalidSettingError as error:
            raise InvalidConfigError(str(error)) from None
        if isinstance(value, int):
            numbers[name] = value
    return numbers


def _check_group_values(config: BrokerConfig, numbers: Mapping[str, int]) -> None:
    for family in ("consumer", "share", "streams"):
        for subject in ("heartbeat.interval.ms", "session.timeout.ms"):
            _check_within(config, numbers, family, subject)
        session, beat = f"{family}.session.timeout.ms", f"{family}.heartbeat.interval.ms"
        if numbers[session] <= numbers[beat]:
            raise InvalidConfigError(f"{session} must be greater than {beat}")
    _check_within(config, numbers, "share", "record.lock.duration.ms")
    standby = "streams.num.standby.replicas"
    if numbers[standby] > _limit(config, "group.streams.max.standby.replicas"):
        raise InvalidConfigError(
            f"{standby} must be less than or equal to group.streams.max.standby.replicas"
        )


def _check_within(config: BrokerConfig, numbers: Mapping[str, int], family: str, subject: str) -> None:
    name, low, high = f"{family}.{subject}", f"group.{family}.min.{subject}", f"group.{family}.max.{subject}"
    if numbers[name] < _limit(config, low):
        raise InvalidConfigError(f"{name} must be greater than or equal to {low}")
    if numbers[name] > _limit(config, high):
        raise InvalidConfigError(f"{name} must be less than or equal to {high}")


def _limit(config: BrokerConfig, name: str) -> int:
    value = config.get(name)
    if not isinstance(value, int):
        raise TypeError(f"{name} is not a whole number")
    return value


MATCH_NAMES = frozenset(
    {
        "client_id",
        "client_instance_id",
        "client_software_name",
        "client_software_version",
        "client_source_address",
        "client_source_port",
    }
)
"""What a client-metrics subscription can tell clients apart by (KIP-714)."""


def _check_client_metrics(altered: Mapping[str, str]) -> None:
    if "interval.ms" in altered:
        text = altered["interval.ms"]
        try:
            interval = CLIENT_METRICS_SETTINGS["interval.ms"].parse(text)
        except InvalidSettingError as error:
            raise InvalidConfigError(str(error)) from None
        if not isinstance(interval, int) or not 100 <= interval <= 3_600_000:
            raise InvalidRequestError(
                f"Invalid value {text} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
            )
    for pattern in filter(None, (part.strip() for part in altered.get("match", "").split(","))):
        name, separator, expression = pattern.partition("=")
        if not separator or name.strip() not in MATCH_NAMES or not _is_expression(expression.strip()):
            raise InvalidConfigError(f"Illegal client matching pattern: {pattern}")


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
