"""One setting as DescribeConfigs shows it, and the layers it may come from."""

from __future__ import annotations

import enum
from typing import NamedTuple

UNKNOWN_TYPE = 0
"""The type of a name that isn't known."""


class ConfigSource(enum.IntEnum):
    """Which layer a value comes from, by its number in a DescribeConfigs answer."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    DYNAMIC_CLIENT_METRICS_CONFIG = 7
    DYNAMIC_GROUP_CONFIG = 8


class Synonym(NamedTuple):
    """One layer's say in a setting."""

    name: str
    value: str | None
    source: ConfigSource


class DescribedSetting(NamedTuple):
    """One setting as DescribeConfigs shows it."""

    name: str
    value: str | None
    """None when there is none, and for a secret."""
    source: ConfigSource
    read_only: bool
    sensitive: bool
    type: int
    """The number of its type, 0 for a name that isn't known."""
    synonyms: tuple[Synonym, ...]
    """Every layer's value, the one that holds first."""
    documentation: str | None
