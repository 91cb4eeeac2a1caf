"""The metrics that clients have pushed, kept for the page that Prometheus reads.

A push is an OTLP `MetricsData` message (protobuf), compressed or not. Read on a thread, for it may be a megabyte and the
library is loaded by the first one; sums and gauges are kept, which is all that Apache's and librdkafka's clients send. Sums come
as what was added since the last push and are added up here.

    org.apache.kafka.consumer.fetch.manager.fetch.latency.avg {node.id=1}
    ──▶ org_apache_kafka_consumer_fetch_manager_fetch_latency_avg{client_id="c",client_instance_id="…",node_id="1"}

Bounds: `SERIES_MAX` of one client and `SERIES_OF_ALL_MAX` of all, `CLIENTS_MAX` clients, `LABELS_MAX` labels of a series,
`LABEL_CHARACTERS_MAX` of a value, `POINTS_MAX` of a push, and `UNCOMPRESSED_TIMES_MAX` times `telemetry.max.bytes` uncompressed. What
lies beyond is dropped, and counted but for a push's own points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.metrics.family import Family, Kind, Sample, Samples
from ottla.records.compression import decompress
from ottla.records.errors import RecordsError

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

CLIENTS_MAX: Final = 2_000
SERIES_MAX: Final = 1_000
SERIES_OF_ALL_MAX: Final = 200_000
"""About a kilobyte each; ids of clients are the clients' to make up."""
POINTS_MAX: Final = 10_000
"""Kept in some milliseconds, on the loop."""
LABELS_MAX: Final = 12
LABEL_CHARACTERS_MAX: Final = 256
UNCOMPRESSED_TIMES_MAX: Final = 16

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_DELTA: Final = 1
"""`AGGREGATION_TEMPORALITY_DELTA`."""

_OWN_LABELS: Final = ("client_id", "client_instance_id")


class Point(NamedTuple):
    """One value of one metric."""

    name: str
    kind: Kind
    labels: tuple[tuple[str, str], ...]
    """Sorted by name."""
    value: float
    is_addition: bool
    """Whether it is to be added to what is known, rather than put in its place."""


class UnreadablePush(Exception):  # noqa: N818 - what it is
    """The bytes are no metrics."""


def read_push(compression_type: int, payload: bytes, telemetry_max_bytes: int) -> list[Point]:
    """The points in a push; raises `UnreadablePush`. Called on a thread."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - see the module
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData  # noqa: PLC0415

    data = MetricsData()
    try:
        plain = payload
        if compression_type:
            plain = bytes(decompress(compression_type, payload, telemetry_max_bytes * UNCOMPRESSED_TIMES_MAX))
        data.ParseFromString(plain)
    except (DecodeError, RecordsError, ValueError) as error:
        raise UnreadablePush(str(error)) from error
    points = (
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in _points(metric)
    )
    return list(islice(points, POINTS_MAX))


def _points(metric: Metric) -> Iterator[Point]:
    name = _NOT_IN_NAMES.sub("_", metric.name)[:LABEL_CHARACTERS_MAX]
    if not name or name[0].isdigit():
        return
    if metric.HasField("sum"):
        kind = Kind.COUNTER if metric.sum.is_monotonic else Kind.GAUGE
        adds = metric.sum.aggregation_temporality == _DELTA
        for point in metric.sum.data_points:
            yield Point(name, kind, _labels(point), _value(point), adds)
    elif metric.HasField("gauge"):
        for point in metric.gauge.data_points:
            yield Point(name, Kind.GAUGE, _labels(point), _value(point), is_addition=False)


def _value(point: NumberDataPoint) -> float:
    return float(point.as_int if point.HasField("as_int") else point.as_double)


def _labels(point: NumberDataPoint) -> tuple[tuple[str, str], ...]:
    attributes = [each for each in point.attributes if each.key][:LABELS_MAX]
    pairs = {_label_name(each.key): _text(each) for each in attributes}
    return tuple(sorted(pair for pair in pairs.items() if pair[0] not in _OWN_LABELS))


def _label_name(key: str) -> str:
    name = _NOT_IN_NAMES.sub("_", key)[:LABEL_CHARACTERS_MAX]
    return f"_{name}" if name[0].isdigit() else name


def _text(attribute: KeyValue) -> str:
    value = attribute.value
    kind = value.WhichOneof("value")
    return "" if kind is None else str(getattr(value, kind))[:LABEL_CHARACTERS_MAX]


class PushedMetrics:
    """All that was pushed and is not too old, by client."""

    def __init__(self) -> None:
        self.dropped = 0
        """Points that were beyond a bound."""
        self.exports = 0
        self.failures = 0
        self._clients: dict[str, dict[tuple[str, Kind, tuple[tuple[str, str], ...]], float]] = {}
        self._client_ids: dict[str, str] = {}
        self._series_of_all = 0

    def take(self, client_instance_id: str, client_id: str, points: list[Point]) -> None:
        """Keep a push."""
        series = self._clients.get(client_instance_id)
        if series is None:
            if len(self._clients) >= CLIENTS_MAX:
                self.dropped += len(points)
                return
            series = self._clients[client_instance_id] = {}
        self._client_ids[client_instance_id] = client_id[:LABEL_CHARACTERS_MAX]
        for name, kind, labels, value, is_addition in points:
            key = (name, kind, labels)
            if key not in series:
                if len(series) >= SERIES_MAX or self._series_of_all >= SERIES_OF_ALL_MAX:
                    self.dropped += 1
                    continue
                self._series_of_all += 1
            series[key] = series.get(key, 0.0) + value if is_addition else value
        self.exports += 1

    def forget(self, client_instance_id: str) -> None:
        """The client is gone."""
        self._series_of_all -= len(self._clients.pop(client_instance_id, ()))
        self._client_ids.pop(client_instance_id, None)

    def families(self) -> Iterator[tuple[Family, Samples]]:
        """What the page shows, a family at a time; a series without one of the family's labels has it empty."""
        label_names: dict[str, set[str]] = {}
        kinds: dict[str, Kind] = {}
        clients_of: dict[str, dict[str, None]] = {}
        for client, series in self._clients.items():
            for name, kind, labels in series:
                label_names.setdefault(name, set()).update(label for label, _ in labels)
                clients_of.setdefault(name, {})[client] = None
                # Two clients may disagree about what a metric is; a gauge promises less.
                kinds[name] = kind if kinds.get(name, kind) is kind else Kind.GAUGE
        for name, names in sorted(label_names.items()):
            others = tuple(sorted(names))
            family = Family(name, kinds[name], "Pushed by clients (KIP-714).", (*_OWN_LABELS, *others))
            yield family, self._samples(name, others, list(clients_of[name]))

    def _samples(self, name: str, label_names: tuple[str, ...], clients: list[str]) -> Iterator[Sample]:
        for client in clients:
            client_id = self._client_ids.get(client, "")
            for (known, _, labels), value in list(self._clients.get(client, {}).items()):
                if known == name:
                    values = dict(labels)
                    yield (client_id, client, *(values.get(each, "") for each in label_names)), value
