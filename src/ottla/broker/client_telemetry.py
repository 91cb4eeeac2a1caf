"""Clients that push metrics, what each is asked for, and when it may push (KIP-714).

    GetTelemetrySubscriptions ──▶ an instance: the union of the subscriptions that match it, an id made of them,
                                  the shortest of their intervals
    PushTelemetry             ──▶ taken if it names that id, comes no sooner than the interval, and isn't too large

A subscription is a config resource (`interval.ms`, `metrics`, `match`). When any changes, each instance is told anew: its next
push is refused with UNKNOWN_SUBSCRIPTION_ID, and it asks again.

Bound: `INSTANCES_MAX`; the one that was silent longest is forgotten for a new one, and each after three intervals.

Source: Apache's ClientMetricsManager, ClientMetricsInstance, ClientMetricsInstanceMetadata.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from ottla.broker.context import RequestContext
from ottla.config.catalogue import CLIENT_METRICS_SETTINGS
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID, Uuid, uuid_text
from ottla.records.checksum import crc32c

_log = logging.getLogger(__name__)

INSTANCES_MAX: Final = 16_384
INTERVALS_OF_SILENCE: Final = 3
DEFAULT_INTERVAL_MS: Final = 300_000
EVERY_METRIC: Final = "*"
ACCEPTED_COMPRESSION_TYPES: Final = (4, 3, 1, 2)
"""zstd, lz4, gzip, snappy, in the order of Apache's liking; 0 is none."""

_NEVER: Final = -(2**62)


class Pattern(Protocol):
    """A compiled expression; it has to match all of a text."""

    def fullmatch(self, text: str) -> object: ...


class _Nobody:
    """Stands for an expression that can't be read."""

    def fullmatch(self, text: str) -> None:
        del text


_NOBODY: Final = _Nobody()


class Subscription(NamedTuple):
    """One CLIENT_METRICS resource."""

    metrics: tuple[str, ...]
    interval_ms: int
    match: tuple[tuple[str, Pattern], ...]
    """(what to tell clients apart by, expression); all have to match."""


class ClientInstance:
    """One client, under the id that it was given or brought along."""

    __slots__ = (
        "attributes",
        "get_ms",
        "interval_ms",
        "last_error",
        "made_from",
        "metrics",
        "push_ms",
        "seen_ms",
        "subscription_id",
        "terminating",
        "uuid",
    )

    def __init__(self, uuid: Uuid, attributes: Mapping[str, str]) -> None:
        self.uuid = uuid
        self.attributes = attributes
        self.metrics: list[str] = []
        self.interval_ms = DEFAULT_INTERVAL_MS
        self.subscription_id = 0
        self.made_from = -1
        self.get_ms = self.push_ms = self.seen_ms = _NEVER
        self.last_error = ErrorCode.NONE
        self.terminating = False

    def may_get(self, now_ms: int) -> bool:
        """Take note of a GetTelemetrySubscriptions, unless it comes too soon."""
        if now_ms - max(self.get_ms, self.push_ms) < self.interval_ms:
            return False
        self.get_ms = now_ms
        return True

    def may_push(self, now_ms: int) -> bool:
        """Take note of a push, unless it comes too soon. The first one after a get is never too soon: clients spread theirs."""
        if self.get_ms <= self.push_ms and now_ms - self.push_ms < self.interval_ms:
            return False
        self.push_ms = now_ms
        return True


class ClientTelemetry:
    """Every instance and subscription of one broker."""

    def __init__(self, telemetry_max_bytes: int, new_uuid: Callable[[], Uuid]) -> None:
        self.telemetry_max_bytes = telemetry_max_bytes
        self.unknown_subscriptions = 0
        self.throttled = 0
        self._new_uuid = new_uuid
        self._subscriptions: tuple[Subscription, ...] = ()
        self._version = 0
        self._instances: OrderedDict[Uuid, ClientInstance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._instances)

    def take(self, subscriptions: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """These subscriptions (name, settings) hold from now on."""
        self._subscriptions = tuple(_subscription(name, values) for name, values in subscriptions if values)
        self._version += 1

    def get(self, uuid: Uuid, context: RequestContext) -> ClientInstance:
        """What a client is to push. Raises THROTTLING_QUOTA_EXCEEDED when it asks again too soon, unless it had to."""
        if uuid == ZERO_UUID:
            uuid = self._new_uuid()
        instance = self._instance(uuid, context)
        had_to = instance.last_error in (
            ErrorCode.UNKNOWN_SUBSCRIPTION_ID,
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
        )
        if not instance.may_get(context.now_ms) and not had_to:
            raise self._too_soon(uuid)
        instance.last_error = ErrorCode.NONE
        return instance

    def push(
        self,
        uuid: Uuid,
        context: RequestContext,
        *,
        subscription_id: int,
        compression_type: int,
        size_bytes: int,
        terminating: bool,
    ) -> ClientInstance:
        """The instance that pushes; raises `KafkaError` for a push that isn't taken."""
        if uuid[:15] == ZERO_UUID[:15] and uuid[15] <= 1:  # the two reserved ids
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Invalid request from the client [{uuid_text(uuid)}], invalid client instance id",
            )
        instance = self._instance(uuid, context)
        try:
            self._check_push(
                instance, context.now_ms, subscription_id, compression_type, size_bytes, terminating
            )
        except KafkaError as error:
            instance.last_error = error.code
            raise
        finally:
            instance.terminating = terminating
        instance.last_error = ErrorCode.NONE
        return instance

    def expire(self, now_ms: int) -> Iterator[ClientInstance]:
        """Forget those who were silent for three intervals; who they were."""
        for instance in list(self._instances.values()):
            if now_ms - instance.seen_ms > INTERVALS_OF_SILENCE * instance.interval_ms:
                del self._instances[instance.uuid]
                yield instance

    def _check_push(
        self,
        instance: ClientInstance,
        now_ms: int,
        subscription_id: int,
        compression_type: int,
        size_bytes: int,
        terminating: bool,
    ) -> None:
        who = uuid_text(instance.uuid)
        if instance.terminating:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Client [{who}] sent the previous request with state terminating to TRUE, can not accept any "
                "requests after that",
            )
        if not instance.may_push(now_ms) and not terminating:
            raise self._too_soon(instance.uuid)
        if subscription_id != instance.subscription_id:
            self.unknown_subscriptions += 1
            raise KafkaError(
                ErrorCode.UNKNOWN_SUBSCRIPTION_ID, f"Unknown client subscription id for the client [{who}]"
            )
        if compression_type != 0 and compression_type not in ACCEPTED_COMPRESSION_TYPES:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
                f"Unknown compression type [{compression_type}] is received in telemetry request from [{who}]",
            )
        if size_bytes > self.telemetry_max_bytes:
            raise KafkaError(
                ErrorCode.TELEMETRY_TOO_LARGE,
                f"Telemetry request from [{who}] is larger than the maximum allowed size "
                f"[{self.telemetry_max_bytes}]",
            )

    def _too_soon(self, uuid: Uuid) -> KafkaError:
        self.throttled += 1
        return KafkaError(
            ErrorCode.THROTTLING_QUOTA_EXCEEDED,
            f"Request from the client [{uuid_text(uuid)}] arrived before the next push interval time",
        )

    def _instance(self, uuid: Uuid, context: RequestContext) -> ClientInstance:
        instance = self._instances.get(uuid)
        if instance is None:
            if len(self._instances) >= INSTANCES_MAX:
                self._instances.popitem(last=False)
            instance = self._instances[uuid] = ClientInstance(uuid, _attributes(uuid, context))
        else:
            self._instances.move_to_end(uuid)
        if instance.made_from != self._version:
            self._evaluate(instance)
        instance.seen_ms = context.now_ms
        return instance

    def _evaluate(self, instance: ClientInstance) -> None:
        """What the subscriptions come to for one client. A change of them lets it ask at once."""
        matching = [
            each
            for each in self._subscriptions
            if all(pattern.fullmatch(instance.attributes.get(name, "")) for name, pattern in each.match)
        ]
        metrics = sorted({name for each in matching for name in each.metrics})
        instance.metrics = [EVERY_METRIC] if EVERY_METRIC in metrics else metrics
        instance.interval_ms = min([DEFAULT_INTERVAL_MS, *(each.interval_ms for each in matching)])
        text = f"[{', '.join(instance.metrics)}]{instance.interval_ms}"
        number = crc32c(text.encode()) ^ int.from_bytes(instance.uuid[12:])
        instance.subscription_id = number - (1 << 32) if number >= 1 << 31 else number
        if instance.made_from >= 0:
            instance.get_ms = instance.push_ms = _NEVER
            instance.terminating = False
        instance.made_from = self._version


def _attributes(uuid: Uuid, context: RequestContext) -> dict[str, str]:
    """What a subscription may tell a client apart by."""
    connection = context.connection
    return {
        "client_instance_id": uuid_text(uuid),
        "client_id": context.client_id or "",
        "client_software_name": connection.client_software_name,
        "client_software_version": connection.client_software_version,
        "client_source_address": connection.remote_host,
        "client_source_port": str(connection.remote_port),
    }


def _subscription(name: str, values: Mapping[str, str]) -> Subscription:
    interval_ms = CLIENT_METRICS_SETTINGS["interval.ms"].parse(
        values.get("interval.ms", str(DEFAULT_INTERVAL_MS))
    )
    assert isinstance(interval_ms, int)
    return Subscription(
        tuple(_entries(values.get("metrics", ""))),
        interval_ms,
        tuple(_patterns(name, values.get("match", ""))),
    )


def _entries(text: str) -> Iterator[str]:
    yield from filter(None, (part.strip() for part in text.split(",")))


def _patterns(subscription: str, text: str) -> Iterator[tuple[str, Pattern]]:
    import re2  # noqa: PLC0415 - clients write what these are held against, so never `re`; and most brokers have none

    for entry in _entries(text):
        name, _, expression = entry.partition("=")
        try:
            yield name.strip(), re2.compile(expression.strip())
        except re2.error as error:
            _log.warning(
                "Client metrics subscription %s: nobody matches %s, which RE2 can't read: %s",
                subscription,
                entry,
                error,
            )
            yield name.strip(), _NOBODY
