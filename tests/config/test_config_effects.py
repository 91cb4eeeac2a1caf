"""The manual doesn't promise what nobody does: a setting without a reason against it is read somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ottla
from ottla.config import java_classes
from ottla.config.catalogue import BROKER_SETTINGS, TOPIC_SETTINGS
from ottla.config.topic_settings import DEFAULTS_FROM

SOURCE = Path(ottla.__file__).parent
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in SOURCE.rglob("*.py")
    if path.relative_to(SOURCE).parts[0] != "config"
)

READ_BY_THE_CONFIG_ROOM = {
    "advertised.listeners",
    "broker.id",
    "controller.listener.names",
    "group.share.record.lock.duration.ms",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "node.id",
    "ottla.metadata.dir",
    "security.inter.broker.protocol",
} | java_classes.SERVED.keys()
"""They come together in attributes of `BrokerConfig` with other names, stand behind a group's own, or are checked against one
another, or name Java classes, of which the built-in ones alone are taken."""

LIMITS_A_GROUP = re.compile(r"group\.(consumer|share|streams)\.(min|max)\..*\.(ms|replicas)")
"""What may be set on single groups is checked in the config room, by names put together there."""

FEEDS_A_TOPIC = {name for sources in DEFAULTS_FROM.values() for name, _ in sources}


def is_read(name: str) -> bool:
    return f'"{name}"' in CODE or re.search(rf"\.{name.replace('.', '_')}\b", CODE) is not None


@pytest.mark.parametrize(
    "name",
    [
        setting.name
        for setting in BROKER_SETTINGS.values()
        if not setting.without_effect and not setting.internal
        if setting.name not in READ_BY_THE_CONFIG_ROOM | FEEDS_A_TOPIC
        if not LIMITS_A_GROUP.fullmatch(setting.name)
    ],
)
def test_a_broker_setting_that_has_an_effect_is_read(name: str) -> None:
    """By its attribute of `BrokerConfig`, or by its name."""
    assert is_read(name)


@pytest.mark.parametrize(
    "name",
    [
        setting.name
        for setting in TOPIC_SETTINGS.values()
        if not setting.without_effect and not setting.internal and setting.name != "cleanup.policy"
    ],
)
def test_a_topic_setting_that_has_an_effect_is_read(name: str) -> None:
    """By its attribute of `TopicConfig`; `cleanup.policy` by the properties `compact` and `delete`."""
    assert is_read(name)
