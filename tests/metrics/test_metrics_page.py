"""The page as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ottla.metrics import catalogue
from ottla.metrics.family import Family, Kind, Sample
from ottla.metrics.page import SAMPLES_A_PIECE, SECONDS_A_PIECE, page
from ottla.metrics.process import register_process
from ottla.metrics.registry import Registry


def text_of(registry: Registry) -> str:
    return b"".join(page(registry)).decode()


def test_the_page_reads_as_prometheus_expects() -> None:
    """Every kind of metric, with and without labels, in text format 0.0.4."""
    registry = Registry()
    registry.counter(catalogue.MESSAGES_IN).value += 7
    registry.counter(catalogue.MESSAGES_IN, "orders").value += 5
    registry.gauge(Family("temperature", Kind.GAUGE, "How warm.\nIn \\ degrees.")).value = 21.5
    times = registry.percentiles(catalogue.TOTAL_TIME_MS, "Produce")
    times.observe(0.004)
    lag = registry.histogram(catalogue.LOOP_LAG_SECONDS, (0.001, 0.01))
    lag.observe(0.0005)
    lag.observe(0.5)
    assert text_of(registry).splitlines() == [
        "# HELP kafka_server_brokertopicmetrics_messagesin_total Records that producers wrote.",
        "# TYPE kafka_server_brokertopicmetrics_messagesin_total counter",
        "kafka_server_brokertopicmetrics_messagesin_total 7",
        'kafka_server_brokertopicmetrics_messagesin_total{topic="orders"} 5',
        r"# HELP temperature How warm.\nIn \\ degrees.",
        "# TYPE temperature gauge",
        "temperature 21.5",
        "# HELP kafka_network_requestmetrics_totaltimems Milliseconds from a whole request to its whole answer.",
        "# TYPE kafka_network_requestmetrics_totaltimems summary",
        *(
            f'kafka_network_requestmetrics_totaltimems{{request="Produce",quantile="{quantile}"}} 0.004'
            for quantile in ("0.50", "0.75", "0.95", "0.98", "0.99", "0.999")
        ),
        'kafka_network_requestmetrics_totaltimems_sum{request="Produce"} 0.004',
        'kafka_network_requestmetrics_totaltimems_count{request="Produce"} 1',
        "# HELP ottla_loop_lag_seconds Seconds by which the event loop ran a timer late.",
        "# TYPE ottla_loop_lag_seconds histogram",
        'ottla_loop_lag_seconds_bucket{le="0.001"} 1',
        'ottla_loop_lag_seconds_bucket{le="0.01"} 1',
        'ottla_loop_lag_seconds_bucket{le="+Inf"} 2',
        "ottla_loop_lag_seconds_sum 0.5005",
        "ottla_loop_lag_seconds_count 2",
    ]


def test_label_values_are_escaped() -> None:
    """A group may have any name; it can't break out of its quotes."""
    registry = Registry()
    registry.gauge(catalogue.CONSUMER_GROUP_MEMBERS, 'a"b\\c\nd').value = 1
    assert 'kafka_consumergroup_members{consumergroup="a\\"b\\\\c\\nd"} 1' in text_of(registry)


def test_a_family_without_samples_isn_t_shown() -> None:
    """A source that has nothing leaves no heading behind."""
    registry = Registry()
    registry.source(catalogue.LOG_SIZE, lambda: ())
    assert text_of(registry) == ""


def test_several_sources_share_one_heading() -> None:
    """A name stands in one block, as the format demands, wherever its samples come from."""
    registry = Registry()
    registry.source(catalogue.LOG_SIZE, lambda: [(("a", "0"), 1)])
    registry.gauge(catalogue.PARTITION_COUNT).value = 2
    registry.source(catalogue.LOG_SIZE, lambda: [(("b", "0"), 2)])
    lines = text_of(registry).splitlines()
    assert lines.count("# TYPE kafka_log_log_size gauge") == 1
    assert [line for line in lines if line.startswith("kafka_log_log_size")] == lines[2:4]


def test_an_instrument_of_another_kind_or_with_too_many_labels_is_refused() -> None:
    """A wrong use is told where it is written, not on the page."""
    registry = Registry()
    with pytest.raises(ValueError, match="is a counter, not a gauge"):
        registry.gauge(catalogue.MESSAGES_IN)
    with pytest.raises(ValueError, match="has the labels"):
        registry.counter(catalogue.MESSAGES_IN, "a", "b")


def test_five_thousand_partitions_never_hold_the_loop() -> None:
    """The page of 20,000 samples comes in pieces, each of few samples."""
    registry = Registry()

    def partitions() -> Iterator[Sample]:
        for number in range(5000):
            yield (f"topic-{number // 10}", str(number % 10)), number * 1_000_003

    for family in (
        catalogue.LOG_SIZE,
        catalogue.LOG_END_OFFSET,
        catalogue.LOG_START_OFFSET,
        catalogue.NUM_LOG_SEGMENTS,
    ):
        registry.source(family, partitions)
    pieces = list(page(registry))
    assert b"".join(pieces).count(b"\n") == 4 * 5002
    assert max(piece.count(b"\n") for piece in pieces) <= SAMPLES_A_PIECE + 2


def test_a_source_that_takes_long_ends_the_piece() -> None:
    """Several sums over thousands of partitions don't add up to one long piece."""
    registry = Registry()

    def slow_sum() -> list[Sample]:
        ended = time.perf_counter() + SECONDS_A_PIECE
        while time.perf_counter() <= ended:
            pass
        return [((), 1)]

    for number in range(4):
        registry.source(Family(f"sum_{number}", Kind.GAUGE, "Slow."), slow_sum)
    assert [piece.decode().splitlines()[-1] for piece in page(registry)] == [f"sum_{n} 1" for n in range(4)]


def test_a_source_may_change_while_the_page_is_drawn() -> None:
    """Samples are read as the pieces are asked for; a source over a copy of its keys bears changes in between."""
    partitions = {str(number): number for number in range(3 * SAMPLES_A_PIECE)}
    registry = Registry()

    def sizes() -> Iterator[Sample]:
        for name in list(partitions):
            if name in partitions:
                yield ("topic", name), partitions[name]

    registry.source(catalogue.LOG_SIZE, sizes)
    drawing = page(registry)
    first = next(drawing)
    partitions.clear()
    rest = b"".join(drawing)
    assert 0 < first.count(b"kafka_log_log_size{") <= SAMPLES_A_PIECE
    assert rest.count(b"kafka_log_log_size{") == 0


def test_the_process_tells_what_it_uses() -> None:
    """CPU time, memory, descriptors and start time, under the names of Prometheus' own clients."""
    registry = Registry()
    register_process(registry)
    values = dict(line.rsplit(" ", 1) for line in text_of(registry).splitlines() if line[0] != "#")
    assert float(values["process_cpu_seconds_total"]) > 0
    assert float(values["process_resident_memory_bytes"]) > 1_000_000
    assert 3 <= int(values["process_open_fds"]) <= float(values["process_max_fds"])
    assert float(values["process_start_time_seconds"]) <= time.time()
