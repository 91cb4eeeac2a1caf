"""Clients held back for what they use: where the quotas of `security/` meet connections and answers.

A broker without a quota for users and clients has none of this (`broker.throttling` is None). With one, a connection tells what
arrived, lets every answer pass through `answered`, and tells how long the loop was busy with the request:

    bytes of a Produce request   ──▶ counted as they arrive
    bytes of a Fetch answer      ──▶ counted by the handler, which answers with nothing when they are too many
    time on the loop             ──▶ counted after the answer, so that it holds back the next one
    the longest of these times   ──▶ into the answer; then the connection is not read for as long (KIP-219)
"""

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Any, Final

from ottla.broker.context import RequestContext
from ottla.cluster.image import ConfigResource, ConfigType
from ottla.cluster.quota_entities import ABSENT, QuotaEntity, entities
from ottla.config.broker_config import BrokerConfig
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.security.client_quotas import (
    CONNECTION_CREATION_RATE,
    CONSUMER_BYTE_RATE,
    CONTROLLER_MUTATION_RATE,
    PRODUCER_BYTE_RATE,
    REQUEST_PERCENTAGE,
    MutationQuota,
    RateQuota,
    Windows,
)
from ottla.security.quota_limits import QuotaLimits, limits_of

QUOTA_TYPES: Final = frozenset({ConfigType.USER, ConfigType.CLIENT, ConfigType.IP})

_EXEMPT: Final = frozenset({ApiKey.WRITE_TXN_MARKERS})
"""What brokers ask of each other."""

_NO_VERSION: Final = 1 << 15
_ENCODED_TELL_FROM: Final[Mapping[int, int]] = {
    ApiKey.METADATA: 3,
    ApiKey.DESCRIBE_PRODUCERS: 0,
    ApiKey.LIST_TRANSACTIONS: 0,
}
"""Answers that come as bytes, from the version on whose body begins with the time: Metadata, which is kept encoded and shared
with others, and lists so long that they are encoded on a thread."""

_PRODUCE = ApiKey.PRODUCE
_INT32 = Struct(">i")
_PERCENT_A_SECOND = 100.0
_NO_LIMITS: Final = QuotaLimits({})


class Throttling:
    """The quotas of users and clients, and what they have used."""

    def __init__(self, config: BrokerConfig) -> None:
        windows = _client_windows(config)
        self.produce = RateQuota(windows)
        self.fetch = RateQuota(windows)
        self.request = RateQuota(windows, throttle_max_ms=windows.window_ms)
        self.mutation = MutationQuota(
            _windows(config, "controller.quota.window.num", "controller.quota.window.size.seconds")
        )

    def take(self, configs: Mapping[ConfigResource, Mapping[str, str]]) -> bool:
        """These limits hold from now on; false if there are none."""
        known = list(entities(configs))
        self.produce.limits = limits_of(PRODUCER_BYTE_RATE, known)
        self.fetch.limits = limits_of(CONSUMER_BYTE_RATE, known)
        self.request.limits = limits_of(REQUEST_PERCENTAGE, known)
        self.mutation.limits = limits_of(CONTROLLER_MUTATION_RATE, known)
        return any(each.limits for each in (self.produce, self.fetch, self.request, self.mutation))

    def expire(self, now_ms: int) -> None:
        """Forget who has been silent for long."""
        for each in (self.produce, self.fetch, self.request):
            each.expire(now_ms)
        self.mutation.expire(now_ms)

    # A connection tells.

    def arrived(self, api_key: int, context: RequestContext, size_bytes: int) -> None:
        """A whole request is here."""
        if api_key == _PRODUCE and self.produce.limits:
            self.produce.use(*_client(context), size_bytes, context.now_ms)

    def answered(self, api_key: int, context: RequestContext, answer: Any, now_ms: int) -> tuple[Any, int]:
        """The answer with the time for which the client is held back in it, and that time in milliseconds."""
        user, client_id = _client(context)
        throttle_ms: int = getattr(answer, "throttle_time_ms", 0)
        if self.request.limits and api_key not in _EXEMPT:
            throttle_ms = max(throttle_ms, self.request.throttle_ms(user, client_id, now_ms))
        if api_key == _PRODUCE and self.produce.limits:
            throttle_ms = max(throttle_ms, self.produce.throttle_ms(user, client_id, now_ms))
        if throttle_ms > 0:
            answer = _told(api_key, context, answer, throttle_ms)
        return answer, throttle_ms

    def worked(self, api_key: int, context: RequestContext, seconds: float, now_ms: int) -> None:
        """The loop was busy with the request for so long."""
        if self.request.limits and api_key not in _EXEMPT:
            self.request.use(*_client(context), seconds * _PERCENT_A_SECOND, now_ms)

    # Handlers ask.

    def fetched(self, context: RequestContext, size_bytes: int) -> int:
        """Milliseconds for which the client has to be held back instead of being sent so much; 0: send it."""
        if not self.fetch.limits:
            return 0
        user, client_id = _client(context)
        throttle_ms = self.fetch.use(user, client_id, size_bytes, context.now_ms)
        if throttle_ms > 0:
            self.fetch.give_back(user, client_id, size_bytes, context.now_ms)
        return throttle_ms

    def sent(self, context: RequestContext, size_bytes: int) -> int:
        """As `fetched`, of records that are sent all the same, because they are the client's already."""
        if not self.fetch.limits:
            return 0
        return self.fetch.use(*_client(context), size_bytes, context.now_ms)

    def fetch_max_bytes(self, context: RequestContext) -> float:
        """More than this can never be sent at once; infinite without a quota."""
        return self.fetch.most_at_once(*_client(context))

    def mutated(self, context: RequestContext, partitions: int, *, strict: bool) -> int:
        """Milliseconds to hold the client back for a change of so many partitions; with `strict`, to refuse it."""
        return self.mutation.take(*_client(context), partitions, context.now_ms, strict=strict)


class MutationCharge:
    """Charges a request's changes to its client's quota (KIP-599).

    Clients that know THROTTLING_QUOTA_EXCEEDED are refused what exceeds it; older ones are let through and held back.
    """

    def __init__(self, throttling: Throttling | None, context: RequestContext, *, strict_from: int) -> None:
        """`strict_from`: the first version of the request whose clients know the error."""
        self._throttling = throttling
        self._context = context
        self._strict = context.api_version >= strict_from
        self.throttle_time_ms = 0

    def __call__(self, partitions: int) -> None:
        if self._throttling is None:
            return
        throttle_ms = self._throttling.mutated(self._context, partitions, strict=self._strict)
        self.throttle_time_ms = max(self.throttle_time_ms, throttle_ms)
        if throttle_ms > 0 and self._strict:
            raise KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED)


class AddressQuota:
    """New connections from each address (KIP-612). Without a quota it costs a look into an empty dictionary."""

    def __init__(self, config: BrokerConfig) -> None:
        windows = _client_windows(config)
        self.rate = RateQuota(windows, throttle_max_ms=windows.window_ms)

    def take(self, configs: Mapping[ConfigResource, Mapping[str, str]]) -> None:
        """These limits hold from now on. An address counts as a client id does: by name, or as one of all others."""
        by_address = {
            QuotaEntity(client_id=entity.ip): float(values[CONNECTION_CREATION_RATE])
            for entity, values in entities(configs)
            if entity.ip != ABSENT and CONNECTION_CREATION_RATE in values
        }
        self.rate.limits = QuotaLimits(by_address)

    def connected(self, host: str, now_ms: int) -> int:
        """Milliseconds after which this connection is to be closed; 0: it may stay."""
        if not self.rate.limits:
            return 0
        throttle_ms = self.rate.use("", host, 1, now_ms)
        if throttle_ms > 0:
            self.rate.give_back("", host, 1, now_ms)
        return throttle_ms


def has_client_quotas(resources: Iterable[ConfigResource]) -> bool:
    """Whether quotas may stand among these."""
    return any(each.type in QUOTA_TYPES for each in resources)


def _client(context: RequestContext) -> tuple[str, str]:
    return context.connection.principal.name, context.client_id or ""


def _told(api_key: int, context: RequestContext, answer: Any, throttle_ms: int) -> Any:
    if isinstance(answer, bytes):
        tells = context.api_version >= _ENCODED_TELL_FROM.get(api_key, _NO_VERSION)
        return _INT32.pack(throttle_ms) + answer[4:] if tells else answer
    if hasattr(answer, "throttle_time_ms"):
        answer.throttle_time_ms = throttle_ms
    return answer


def _client_windows(config: BrokerConfig) -> Windows:
    return _windows(config, "quota.window.num", "quota.window.size.seconds")


def _windows(config: BrokerConfig, number: str, size_seconds: str) -> Windows:
    samples, seconds = config.get(number), config.get(size_seconds)
    assert isinstance(samples, int)
    assert isinstance(seconds, int)
    return Windows(samples, seconds * 1000)
