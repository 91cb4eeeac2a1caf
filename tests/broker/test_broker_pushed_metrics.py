"""What clients may fill the metrics page with."""

from __future__ import annotations

from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from ottla.broker.pushed_metrics import (
    POINTS_MAX,
    SERIES_MAX,
    SERIES_OF_ALL_MAX,
    Point,
    PushedMetrics,
    read_push,
)
from ottla.metrics.family import Kind


def series(pushed: PushedMetrics) -> int:
    return sum(1 for _, samples in pushed.families() for _ in samples)


def points(count: int) -> list[Point]:
    return [Point("m", Kind.GAUGE, (("n", str(number)),), 1.0, is_addition=False) for number in range(count)]


def test_a_push_has_a_bound() -> None:
    """A megabyte can hold so many points that the loop would be held by them."""
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for number in range(POINTS_MAX + 5):
        metric.gauge.data_points.add(as_int=number)
    read = read_push(0, data.SerializeToString(), 1 << 20)
    assert [point.value for point in read] == [float(number) for number in range(POINTS_MAX)]


def test_all_clients_together_have_a_bound() -> None:
    """Who makes up ids fills no memory with them; those who go leave room."""
    pushed = PushedMetrics()
    clients = SERIES_OF_ALL_MAX // SERIES_MAX
    for number in range(clients):
        pushed.take(str(number), "c", points(SERIES_MAX))
    assert pushed.dropped == 0
    pushed.take("one more", "c", points(3))
    pushed.take("0", "c", points(SERIES_MAX))
    assert (pushed.dropped, series(pushed)) == (3, SERIES_OF_ALL_MAX)
    pushed.forget("0")
    pushed.forget("nobody")
    pushed.take("one more", "c", points(3))
    assert (pushed.dropped, series(pushed)) == (3, SERIES_OF_ALL_MAX - SERIES_MAX + 3)
