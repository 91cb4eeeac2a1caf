"""The settings of one group as plain values, as the coordinators read them.

A group's value is its own, else the broker's setting that stands behind it (`group.consumer.session.timeout.ms` behind
`consumer.session.timeout.ms`), else the default. Attribute names are Apache's with the dots turned into underscores.

Source: Apache's GroupConfig, GroupCoordinatorConfig.extractGroupConfigMap.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ottla.config.catalogue import BROKER_SETTINGS, GROUP_SETTINGS
from ottla.config.validators import InvalidSettingError
from ottla.config.values import Value


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """What holds for one group; the defaults here are Apache Kafka 4.1.1's."""

    consumer_session_timeout_ms: int = 45_000
    consumer_heartbeat_interval_ms: int = 5_000
    share_session_timeout_ms: int = 45_000
    share_heartbeat_interval_ms: int = 5_000
    share_record_lock_duration_ms: int = 30_000
    share_auto_offset_reset: str = "latest"
    """`latest`, `earliest`, or `by_duration:` and an ISO-8601 duration."""
    share_isolation_level: str = "read_uncommitted"
    streams_session_timeout_ms: int = 45_000
    streams_heartbeat_interval_ms: int = 5_000
    streams_num_standby_replicas: int = 0


_BEHIND: Final = {
    field.name.replace("_", "."): behind
    for field in dataclasses.fields(GroupConfig)
    if (behind := f"group.{field.name.replace('_', '.')}") in BROKER_SETTINGS
}
"""Group's setting → broker's setting."""

# Apache's broker hands its own values of these on to groups without any of their own (the coordinator, not the
# configuration), so that DescribeConfigs shows the default in place of them.
_NOT_SHOWN: Final = frozenset(name for name in _BEHIND if name.startswith("streams."))


def shown_defaults(broker: Mapping[str, Value]) -> dict[str, Value]:
    """What DescribeConfigs shows, and AlterConfigs checks against, for settings that a group leaves open."""
    return {
        name: broker[_BEHIND[name]] if name in _BEHIND and name not in _NOT_SHOWN else setting.default
        for name, setting in GROUP_SETTINGS.items()
    }


def group_config(broker: Mapping[str, Value], own: Mapping[str, str]) -> GroupConfig:
    """What holds for a group; `broker` are the values of its settings by name, `own` what is set on the group.

    What another version stored and this one doesn't know, or wouldn't take, is passed over.
    """
    values: dict[str, Any] = {name.replace(".", "_"): broker[behind] for name, behind in _BEHIND.items()}
    for name, text in own.items():
        if name in GROUP_SETTINGS:
            with contextlib.suppress(InvalidSettingError):
                values[name.replace(".", "_")] = GROUP_SETTINGS[name].parse(text)
    return GroupConfig(**values)
