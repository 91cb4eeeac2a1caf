"""Settings that change while brokers run: the layers in which they lie, and who may change what.

    a broker's value:  default ◁ given at the start ◁ cluster-wide dynamic ◁ dynamic of this broker
    a topic's value:   the broker's value of the setting that stands behind it ◁ the topic's own

The layers come out of the metadata as maps from name to text; this module keeps nothing between calls. `describe` tells
what holds and why, `alter` what a change would make of a map.

Source: KIP-226, Apache's DynamicBrokerConfig.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ottla.config.broker_config import BrokerConfig, setting_for
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.definition import UpdateMode
from ottla.config.described_setting import DescribedSetting

_LISTENER_SETTING = re.compile(r"listener\.name\.[^.]*\.(.*)")

LISTENER_LIMITS = frozenset({"max.connections", "max.connection.creation.rate"})
"""Settings of a listener that may be changed for all brokers at once."""

TLS_STORES = frozenset(
    {
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.keystore.type",
        "ssl.truststore.certificates",
        "ssl.truststore.location",
        "ssl.truststore.password",
        "ssl.truststore.type",
    }
)
"""Settings that can only be changed with a listener's prefix in front."""

MECHANISM_SETTINGS = (
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.server.callback.handler.class",
    "connections.max.reauth.ms",
)
"""Settings of a listener that carry the SASL mechanism in front: `listener.name.x.plain.sasl.jaas.config`."""

SYNONYM_GROUPS = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)
"""Settings that say the same in several units, the one that goes before the others first."""


@dataclass(frozen=True, slots=True)
class BrokerLayers:
    """Everything that has a say in one broker's settings."""

    config: BrokerConfig
    """What holds, all layers together."""
    cluster_wide: Mapping[str, str]
    per_broker: Mapping[str, str]
    topic_entries: dict[str, DescribedSetting] = field(default_factory=dict, repr=False, compare=False)
    """What a topic shows that sets nothing itself, filled at the first question: thousands of topics ask for it."""


def layered(
    start: BrokerConfig, cluster_wide: Mapping[str, str], per_broker: Mapping[str, str]
) -> BrokerLayers:
    """Lay dynamic settings over those the broker started with.

    Raises `InvalidConfigurationError` when the outcome can't be; at a start, where nobody is there to be refused, call
    `usable` first.
    """
    return BrokerLayers(start.with_dynamic({**cluster_wide, **per_broker}), cluster_wide, per_broker)


def usable(start: BrokerConfig, dynamic: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The part of a stored map that can hold, and what is wrong with the rest, by name.

    A map stored by another version may hold what this one refuses; Apache passes such entries over as well.
    """
    kept: dict[str, str] = {}
    refused: list[str] = []
    for name, text in sorted(dynamic.items()):
        try:
            start.with_dynamic({**kept, name: text})
        except ValueError:
            refused.append(name)
        else:
            kept[name] = text
    return kept, refused


def listener_base(name: str) -> str | None:
    """`max.connections` for `listener.name.x.max.connections`; None for a name without that prefix."""
    match = _LISTENER_SETTING.fullmatch(name)
    return match[1] if match else None


def broker_synonyms(name: str) -> tuple[str, ...]:
    """The names that have a say in a broker's setting, the strongest first, itself among them."""
    for group in SYNONYM_GROUPS:
        if name in group:
            return group
    if name == "log.flush.interval.ms":
        return (name, "log.flush.scheduler.interval.ms")
    base = listener_base(name)
    if base is None:
        return (name,)
    return (name, next((mechanism for mechanism in MECHANISM_SETTINGS if base.endswith(mechanism)), base))


def is_dynamic(name: str) -> bool:
    """Whether a declared broker's setting may change while it runs."""
    setting = BROKER_SETTINGS.get(name)
    return setting is not None and setting.update is not UpdateMode.READ_ONLY


def not_dynamic(names: Iterable[str]) -> list[str]:
    """Those that only a start can change; unknown names may be stored, as at Apache."""
    return [name for name in names if name in BROKER_SETTINGS and not is_dynamic(name)]


def only_per_listener(names: Iterable[str]) -> list[str]:
    """Those that need a listener's prefix and have none."""
    return [name for name in names if name in TLS_STORES]


def only_per_broker(names: Iterable[str]) -> list[str]:
    """Those that can't be set for all brokers at once."""
    return [name for name in names if _is_per_broker(name)]


def _is_per_broker(name: str) -> bool:
    base = listener_base(name)
    if base is not None:
        return base not in LISTENER_LIMITS
    setting = setting_for(name)
    return setting is not None and setting.update is UpdateMode.PER_BROKER
