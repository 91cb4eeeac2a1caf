"""Faults in a broker's settings: what one is, and the rules that hold between several settings.

Source: Apache's KafkaConfig (`validateValues`), GroupCoordinatorConfig. Rules that protect someone who counts on what is
not served here (access control, a cluster on ZooKeeper) are faults too: starting without it would be worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ottla.config import authorizer, java_classes, password_encoder, reasons
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.endpoints import split_addresses
from ottla.config.sources import Given
from ottla.config.values import Value

CONSUMER_ASSIGNORS: Final[Mapping[str, str]] = {
    "uniform": "uniform",
    "range": "range",
    "org.apache.kafka.coordinator.group.assignor.UniformAssignor": "uniform",
    "org.apache.kafka.coordinator.group.assignor.RangeAssignor": "range",
}
"""What `group.consumer.assignors` may name, by name or, as in Apache, by class."""


class Fault(NamedTuple):
    """One thing wrong with the settings."""

    name: str
    """The setting to mend."""
    rule: str
    """What it breaks."""
    value: str | None = None
    """As it was given; `[hidden]` for a secret, None for one left to its default."""
    origin: str = "default"

    def given_as(self, holding: Mapping[str, Given]) -> Fault:
        """The same with the value and origin, when the setting was given."""
        found = holding.get(self.name)
        if found is None:
            return self
        return self._replace(value="[hidden]" if _is_secret(self.name) else found.text, origin=found.origin)

    def __str__(self) -> str:
        shown = self.name if self.value is None else f"{self.name}={self.value}"
        return f"{shown} ({self.origin}): {self.rule}"


def _is_secret(name: str) -> bool:
    """Whether a setting is a secret, one with a listener's and a mechanism's prefix included."""
    return any(
        setting.sensitive and (name == setting.name or name.endswith(f".{setting.name}"))
        for setting in BROKER_SETTINGS.values()
    )


class InvalidConfigurationError(ValueError):
    """Settings with which a broker can't start: every fault, one a line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def log_dirs(values: Mapping[str, Value]) -> tuple[str, ...]:
    """The log directories: `log.dirs`, or `log.dir` without it."""
    several = values["log.dirs"]
    text = values["log.dir"] if several is None else several
    return tuple(split_addresses(str(text)))


def faults_between(values: Mapping[str, Value], given: Mapping[str, Given]) -> Iterator[Fault]:
    """The rules that a single setting can't tell."""
    yield from _identity(values)
    yield from _log(values)
    yield from _replication(values)
    yield from _connections(values)
    yield from _groups(values)
    yield from _exclusive(given)
    yield from _unserved(values, given)
    yield from (Fault(name, rule) for name, rule in authorizer.faults(given))
    yield from (Fault(name, rule) for name, rule in java_classes.faults(given))
    yield from (Fault(name, rule) for name, rule in password_encoder.faults(values))


def _number(values: Mapping[str, Value], name: str) -> float:
    value = values[name]
    return value if isinstance(value, int | float) else 0


def _identity(values: Mapping[str, Value]) -> Iterator[Fault]:
    node_id, broker_id = values["node.id"], values["broker.id"]
    if node_id != -1 and broker_id not in (-1, node_id):
        yield Fault("node.id", "You must set `node.id` to the same value as `broker.id`.")
    elif _number(values, "node.id") < -1:
        yield Fault("node.id", "has to be 0 or more")


def _log(values: Mapping[str, Value]) -> Iterator[Fault]:
    directories = log_dirs(values)
    if not directories:
        yield Fault("log.dirs", "At least one log directory must be defined via log.dirs or log.dir.")
    for directory in sorted({d for d in directories if directories.count(d) > 1}):
        yield Fault("log.dirs", f"{directory} is named twice")
    if values["log.roll.ms"] is not None and _number(values, "log.roll.ms") < 1:
        yield Fault("log.roll.ms", "log.roll.ms must be greater than or equal to 1")
    if values["log.roll.jitter.ms"] is not None and _number(values, "log.roll.jitter.ms") < 0:
        yield Fault("log.roll.jitter.ms", "log.roll.jitter.ms must be greater than or equal to 0")
    for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
        if values[name] == 0:
            yield Fault(name, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
    threads = max(_number(values, "log.cleaner.threads"), 1)
    if _number(values, "log.cleaner.dedupe.buffer.size") // threads <= 1024 * 1024:
        yield Fault(
            "log.cleaner.dedupe.buffer.size",
            "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.",
        )


def _replication(values: Mapping[str, Value]) -> Iterator[Fault]:
    wait = _number(values, "replica.fetch.wait.max.ms")
    if wait > _number(values, "replica.socket.timeout.ms"):
        yield Fault(
            "replica.socket.timeout.ms",
            "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary "
            "socket timeouts",
        )
    if wait > _number(values, "replica.lag.time.max.ms"):
        yield Fault(
            "replica.fetch.wait.max.ms",
            "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent "
            "frequent changes in ISR",
        )


def _connections(values: Mapping[str, Value]) -> Iterator[Fault]:
    if values["max.connections.per.ip"] == 0 and not values["max.connections.per.ip.overrides"]:
        yield Fault(
            "max.connections.per.ip",
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
        )
    for entry in split_addresses(str(values["max.connections.per.ip.overrides"])):
        _, separator, count = entry.rpartition(":")
        if not separator or not count.strip().isdecimal():
            yield Fault("max.connections.per.ip.overrides", f"{entry} has to be HOST:COUNT")
    limit = _number(values, "queued.max.request.bytes")
    if 0 < limit < _number(values, "socket.request.max.bytes"):
        yield Fault(
            "queued.max.request.bytes",
            "queued.max.request.bytes must be larger or equal to socket.request.max.bytes",
        )
    idle, delay = values["connections.max.idle.ms"], values["connection.failed.authentication.delay.ms"]
    if (
        0
        <= _number(values, "connections.max.idle.ms")
        <= _number(values, "connection.failed.authentication.delay.ms")
    ):
        yield Fault(
            "connection.failed.authentication.delay.ms",
            f"connection.failed.authentication.delay.ms={delay} should always be less than "
            f"connections.max.idle.ms={idle} to prevent failed authentication responses from timing out",
        )


def _groups(values: Mapping[str, Value]) -> Iterator[Fault]:
    if _number(values, "group.min.session.timeout.ms") > _number(values, "group.max.session.timeout.ms"):
        yield Fault(
            "group.min.session.timeout.ms",
            "group.min.session.timeout.ms must be less than or equal to group.max.session.timeout.ms",
        )
    for family in ("consumer", "share", "streams"):
        for subject in ("session.timeout.ms", "heartbeat.interval.ms"):
            yield from _within(values, f"group.{family}", subject)
        beat, session = f"group.{family}.heartbeat.interval.ms", f"group.{family}.session.timeout.ms"
        if _number(values, beat) >= _number(values, session):
            yield Fault(beat, f"{beat} must be less than {session}")
    yield from _within(values, "group.share", "record.lock.duration.ms")
    sessions = "group.share.max.share.sessions"
    if _number(values, sessions) < _number(values, "group.share.max.size"):
        yield Fault(sessions, f"{sessions} must be greater than or equal to group.share.max.size")
    if _number(values, "group.streams.num.standby.replicas") > _number(
        values, "group.streams.max.standby.replicas"
    ):
        yield Fault(
            "group.streams.num.standby.replicas",
            "group.streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
        )
    if not 0 <= _number(values, "offsets.topic.compression.codec") <= 4:
        yield Fault("offsets.topic.compression.codec", "Unknown compression type id: has to be 0 to 4")
    assignors = values["group.consumer.assignors"]
    unknown = (
        [each for each in assignors if each not in CONSUMER_ASSIGNORS] if isinstance(assignors, tuple) else []
    )
    if unknown:
        known = ", ".join(sorted(set(CONSUMER_ASSIGNORS.values())))
        yield Fault("group.consumer.assignors", f"{unknown[0]} is no assignor; there are {known}")
    protocols = values["group.coordinator.rebalance.protocols"]
    if isinstance(protocols, tuple) and "classic" not in protocols:
        yield Fault(
            "group.coordinator.rebalance.protocols", "Disabling the 'classic' protocol is not supported."
        )


def _within(values: Mapping[str, Value], family: str, subject: str) -> Iterator[Fault]:
    """`family.subject` lies between its own `min.` and `max.` settings, and these are in order."""
    low, middle, high = f"{family}.min.{subject}", f"{family}.{subject}", f"{family}.max.{subject}"
    if _number(values, high) < _number(values, low):
        yield Fault(high, f"{high} must be greater than or equal to {low}")
    if _number(values, middle) < _number(values, low):
        yield Fault(middle, f"{middle} must be greater than or equal to {low}")
    if _number(values, middle) > _number(values, high):
        yield Fault(middle, f"{middle} must be less than or equal to {high}")


def _exclusive(given: Mapping[str, Given]) -> Iterator[Fault]:
    if {"inter.broker.listener.name", "security.inter.broker.protocol"} <= given.keys():
        yield Fault(
            "security.inter.broker.protocol",
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        )


def _unserved(values: Mapping[str, Value], given: Mapping[str, Given]) -> Iterator[Fault]:
    if values["zookeeper.connect"]:
        yield Fault(
            "zookeeper.connect", f"{reasons.NOT_YET_ZOOKEEPER}; leave it out for a broker that stands alone"
        )
    if values["remote.log.storage.system.enable"]:
        yield Fault("remote.log.storage.system.enable", reasons.NO_TIERED)
    if "process.roles" in given and values["process.roles"] == ("controller",):
        yield Fault(
            "process.roles", f"{reasons.NO_KRAFT}; a process that is a controller alone has nothing to do"
        )
