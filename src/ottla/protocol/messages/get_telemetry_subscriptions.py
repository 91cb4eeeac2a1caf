"""GetTelemetrySubscriptions (API key 71): learn which client metrics the cluster wants (KIP-714)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, UUID, Request, Response, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class GetTelemetrySubscriptionsRequest(
    Request, api_key=ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, versions="0", flexible="0+"
):
    """Asks to learn which client metrics the cluster wants (KIP-714)."""

    client_instance_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id the broker gave this client."""


class GetTelemetrySubscriptionsResponse(
    Response, api_key=ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, versions="0", flexible="0+"
):
    """Answers `GetTelemetrySubscriptionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    client_instance_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id the broker gave this client."""
    subscription_id: int = field(INT32, "0+", default=0)
    """A checksum of the subscription."""
    accepted_compression_types: list[int] = field(array(INT8), "0+", factory=list)
    """The codecs the broker can read, the best first."""
    push_interval_ms: int = field(INT32, "0+", default=0)
    """How often to push."""
    telemetry_max_bytes: int = field(INT32, "0+", default=0)
    """The largest push that is accepted, in bytes."""
    delta_temporality: bool = field(BOOL, "0+", default=False)
    """Whether counters are told as differences."""
    requested_metrics: list[str] = field(array(STRING), "0+", factory=list)
    """Prefixes of the metrics wanted; an empty one for all."""
