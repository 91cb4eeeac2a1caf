"""GetTelemetrySubscriptions and PushTelemetry (keys 71 and 72), version 0: metrics of clients (KIP-714).

Served by a broker that shows metrics (`ottla.metrics.listener`), for what is pushed goes onto that page; Apache's announces
them likewise only where a plug-in takes the metrics.
"""

from typing import TYPE_CHECKING

from ottla.broker.client_telemetry import ACCEPTED_COMPRESSION_TYPES
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.broker.pushed_metrics import Point, UnreadablePush, read_push
from ottla.config.broker_config import BrokerConfig
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _has_page(config: BrokerConfig) -> bool:
    return bool(config.ottla_metrics_listener)


@handles(
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse, versions=(0, 0), served_if=_has_page
)
def get_telemetry_subscriptions(
    broker: "BrokerServer", request: GetTelemetrySubscriptionsRequest, context: RequestContext
) -> GetTelemetrySubscriptionsResponse:
    """Which metrics this client is to push, and how often."""
    telemetry = broker.telemetry
    instance = telemetry.get(request.client_instance_id, context)
    return GetTelemetrySubscriptionsResponse(
        client_instance_id=instance.uuid,
        subscription_id=instance.subscription_id,
        accepted_compression_types=list(ACCEPTED_COMPRESSION_TYPES),
        push_interval_ms=instance.interval_ms,
        telemetry_max_bytes=telemetry.telemetry_max_bytes,
        delta_temporality=True,
        requested_metrics=list(instance.metrics),
    )


@handles(PushTelemetryRequest, PushTelemetryResponse, versions=(0, 0), served_if=_has_page)
def push_telemetry(
    broker: "BrokerServer", request: PushTelemetryRequest, context: RequestContext
) -> PushTelemetryResponse | Pending[PushTelemetryResponse]:
    """Take metrics; INVALID_RECORD for what can't be read."""
    payload = bytes(request.metrics)
    instance = broker.telemetry.push(
        request.client_instance_id,
        context,
        subscription_id=request.subscription_id,
        compression_type=request.compression_type,
        size_bytes=len(payload),
        terminating=request.terminating,
    )
    if not payload:
        return PushTelemetryResponse()
    pending: Pending[PushTelemetryResponse] = Pending()
    pushed, compression_type = broker.pushed_metrics, request.compression_type
    telemetry_max_bytes = broker.telemetry.telemetry_max_bytes
    points: list[Point] = []

    def read() -> None:
        points.extend(read_push(compression_type, payload, telemetry_max_bytes))

    def settle(outcome: Exception | None) -> None:
        if outcome is None:
            pushed.take(uuid_text(instance.uuid), context.client_id or "", points)
            pending.complete(PushTelemetryResponse())
        elif isinstance(outcome, UnreadablePush):
            pushed.failures += 1
            instance.last_error = ErrorCode.INVALID_RECORD
            pending.complete(PushTelemetryResponse(error_code=ErrorCode.INVALID_RECORD))
        else:
            pending.fail(outcome)

    broker.threads.run(read, settle)
    return pending
