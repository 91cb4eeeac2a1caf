"""All settings by name, for each kind of resource that DescribeConfigs and AlterConfigs know."""

from __future__ import annotations

from typing import Final

from ottla.config import group_settings, quota_settings, topic_settings
from ottla.config.broker_settings import (
    access,
    cleaner,
    groups,
    kraft,
    listeners,
    log,
    ours,
    replication,
    sasl,
    schemas,
    shares,
    telemetry,
    tiered,
    tls,
    transactions,
    zookeeper,
)
from ottla.config.definition import Setting, by_name

BROKER_FAMILIES: Final = (
    listeners,
    log,
    cleaner,
    replication,
    groups,
    transactions,
    shares,
    schemas,
    tls,
    sasl,
    access,
    telemetry,
    zookeeper,
    kraft,
    tiered,
    ours,
)
"""The modules of the broker's settings in the order of the manual; each docstring is a chapter's heading."""

BROKER_SETTINGS: Final[dict[str, Setting]] = by_name(*(family.SETTINGS for family in BROKER_FAMILIES))
"""What a `server.properties` may hold."""

BROKER_QUOTAS: Final[dict[str, Setting]] = by_name(quota_settings.BROKER_QUOTAS)
"""What only AlterConfigs may set for a broker."""

TOPIC_SETTINGS: Final[dict[str, Setting]] = by_name(topic_settings.SETTINGS)
GROUP_SETTINGS: Final[dict[str, Setting]] = by_name(group_settings.GROUP_SETTINGS)
CLIENT_METRICS_SETTINGS: Final[dict[str, Setting]] = by_name(group_settings.CLIENT_METRICS_SETTINGS)
