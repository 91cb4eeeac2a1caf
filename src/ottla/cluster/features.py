"""Features: what the whole cluster does at once, or not at all, whichever broker one asks (KIP-584, KIP-1022).

A broker supports a range of levels; the controller finalizes one level, kept in `/ottla/features`, that every live broker
supports: the one that was chosen by UpdateFeatures, else the one that a new cluster of Apache Kafka 4.1.1 has, else (while a
broker is live that knows less) the highest they all know. A level of 0 is as good as none, but may have been chosen.

Apache's others are left out: `metadata.version` and `kraft.version` are about a quorum's log, and eligible leader replicas
(`eligible.leader.replicas.version`) about what that log tells.

Source: `FeatureControlManager`, `Feature`, `GroupVersion`, `ShareVersion`, `StreamsVersion`, `TransactionVersion`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from ottla.cluster.image import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError

GROUP_VERSION: Final = "group.version"
"""1: consumer groups of KIP-848."""

SHARE_VERSION: Final = "share.version"
"""1: share groups (KIP-932)."""

STREAMS_VERSION: Final = "streams.version"
"""1: streams groups (KIP-1071)."""

TRANSACTION_VERSION: Final = "transaction.version"
"""1: flexible fields in the transaction log; 2: every transaction has an epoch of its own (KIP-890)."""


class Feature(NamedTuple):
    """The levels of one feature: 0 to `highest`."""

    name: str
    highest: int
    """What is stable; with `unstable.feature.versions.enable` it is `highest_unstable`."""
    highest_unstable: int
    production: int
    """What a new cluster gets: the highest of those that Apache calls ready for production."""
    production_unstable: int
    """What a new cluster gets with `unstable.feature.versions.enable`."""


FEATURES: Final[Mapping[str, Feature]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Feature(GROUP_VERSION, highest=1, highest_unstable=1, production=1, production_unstable=1),
            Feature(SHARE_VERSION, highest=1, highest_unstable=1, production=0, production_unstable=1),
            Feature(STREAMS_VERSION, highest=0, highest_unstable=1, production=0, production_unstable=1),
            Feature(TRANSACTION_VERSION, highest=2, highest_unstable=2, production=2, production_unstable=2),
        )
    }
)


def production_levels(*, unstable: bool) -> dict[str, int]:
    """Feature → the level that a new cluster gets."""
    return {
        name: each.production_unstable if unstable else each.production for name, each in FEATURES.items()
    }


def supported_levels(*, unstable: bool) -> dict[str, tuple[int, int]]:
    """Feature → (lowest, highest) level, as a broker registers them; those of which only level 0 exists are left out."""
    highest = {name: each.highest_unstable if unstable else each.highest for name, each in FEATURES.items()}
    return {name: (0, level) for name, level in highest.items() if level > 0}


class UpgradeType(enum.IntEnum):
    """What whoever asks for another level has in mind, by its number in UpdateFeatures."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


class FeatureUpdate(NamedTuple):
    """One level that somebody wants."""

    name: str
    level: int
    upgrade_type: int = UpgradeType.UPGRADE
    """By its number, which may be none of `UpgradeType`'s."""


def choose(
    current: Mapping[str, int],
    updates: Sequence[FeatureUpdate],
    brokers: Iterable[BrokerRegistration],
    controller_id: int,
) -> dict[str, int]:
    """What the updates choose, of which the last one for a feature counts; `current` is what is finalized.

    Raises INVALID_UPDATE_VERSION for the first that can't be: then none is made.
    """
    chosen: dict[str, int] = {}
    brokers = sorted(brokers, key=lambda broker: (broker.broker_id != controller_id, broker.broker_id))
    for update in {each.name: each for each in updates}.values():
        reason = _why_not(current.get(update.name, 0), update) or _why_unsupported(
            update, brokers, controller_id
        )
        if reason:
            raise KafkaError(
                ErrorCode.INVALID_UPDATE_VERSION,
                f"Invalid update version {update.level} for feature {update.name}. {reason}",
            )
        chosen[update.name] = update.level
    return chosen


def _why_not(current: int, update: FeatureUpdate) -> str:
    if update.upgrade_type not in list(UpgradeType):
        return "The controller does not support the given upgrade type."
    if update.level < 0:
        return "A feature version cannot be less than 0."
    if update.level < current and update.upgrade_type == UpgradeType.UPGRADE and update.name in FEATURES:
        return (
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or "
            "unsafe downgrade."
        )
    if update.level > current and update.upgrade_type != UpgradeType.UPGRADE and update.name in FEATURES:
        return "Can't downgrade to a newer version."
    return ""


def _why_unsupported(update: FeatureUpdate, brokers: Iterable[BrokerRegistration], controller_id: int) -> str:
    for broker in brokers:
        who = "Local controller" if broker.broker_id == controller_id else "Broker"
        if update.name not in broker.features:
            return f"{who} {broker.broker_id} does not support this feature."
        lowest, highest = broker.features[update.name]
        if update.level != 0 and not lowest <= update.level <= highest:
            return f"{who} {broker.broker_id} only supports versions {lowest}-{highest}"
    return ""
