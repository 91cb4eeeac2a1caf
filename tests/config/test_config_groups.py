"""What holds for a group: its own settings over the broker's over the defaults."""

from __future__ import annotations

import dataclasses

from ottla.config.broker_config import broker_config
from ottla.config.catalogue import GROUP_SETTINGS
from ottla.config.group_config import GroupConfig, group_config, shown_defaults


def test_the_defaults_are_apaches() -> None:
    """Of a group that sets nothing on a broker that sets nothing; each setting has its attribute."""
    defaults = dataclasses.asdict(group_config(broker_config().values, {}))
    assert defaults == dataclasses.asdict(GroupConfig())
    assert {name.replace(".", "_"): setting.default for name, setting in GROUP_SETTINGS.items()} == defaults


def test_the_layers() -> None:
    """The group's own value, else the broker's of the setting that stands behind it."""
    broker = broker_config(
        {
            "group.consumer.session.timeout.ms": "50000",
            "group.share.record.lock.duration.ms": "40000",
            "group.streams.num.standby.replicas": "1",
        }
    )
    held = group_config(broker.values, {"consumer.session.timeout.ms": "51000"})
    assert held.consumer_session_timeout_ms == 51_000
    assert held.share_record_lock_duration_ms == 40_000
    assert held.streams_num_standby_replicas == 1


def test_what_another_version_stored_is_passed_over() -> None:
    """Unknown names, and values that this one wouldn't take."""
    stored = {
        "consumer.colour": "red",
        "share.session.timeout.ms": "soon",
        "share.isolation.level": "read_committed",
    }
    held = group_config(broker_config().values, stored)
    assert held == GroupConfig(share_isolation_level="read_committed")


def test_what_is_shown_for_settings_left_open() -> None:
    """The broker's, but for streams groups, whose defaults Apache's broker shows as they are declared."""
    settings = {"group.consumer.session.timeout.ms": "50000", "group.streams.session.timeout.ms": "50000"}
    shown = shown_defaults(broker_config(settings).values)
    assert shown["consumer.session.timeout.ms"] == 50_000
    assert shown["streams.session.timeout.ms"] == 45_000
