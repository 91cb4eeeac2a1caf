"""PushTelemetry (API key 72): hand over client metrics (KIP-714)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, BYTES, INT8, INT16, INT32, UUID, Request, Response, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PushTelemetryRequest(Request, api_key=ApiKey.PUSH_TELEMETRY, versions="0", flexible="0+"):
    """Asks to hand over client metrics (KIP-714)."""

    client_instance_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id the broker gave this client."""
    subscription_id: int = field(INT32, "0+", default=0)
    """A checksum of the subscription."""
    terminating: bool = field(BOOL, "0+", default=False)
    """Whether the client is about to stop."""
    compression_type: int = field(INT8, "0+", default=0)
    """The codec of the metrics, by its number."""
    metrics: bytes = field(BYTES, "0+", default=b"")
    """Metrics in OpenTelemetry's format."""


class PushTelemetryResponse(Response, api_key=ApiKey.PUSH_TELEMETRY, versions="0", flexible="0+"):
    """Answers `PushTelemetryRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
