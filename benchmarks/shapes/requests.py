"""Requests of one small record each, end-to-end latency, and fetches of a wide session."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.clients import delete_topic, generate, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.sides import Side
from benchmarks.wire import Connection, batch, produce, produce_request, write_frames
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic

PACE, CPU, P50, P99 = "requests", "broker CPU", "p50", "p99"


def one_record_a_request(
    row: Row, *, connections: int, in_flight: int, requests: int, pace: float, p99: float | None = None
) -> None:
    """100-byte records, each a request of its own, acks=1, over six partitions."""
    requests = row.amount(requests)

    def load(side: Side) -> Round:
        topic = make_topic(side.address, 6)
        host, port = side.address.split(":")
        with tempfile.TemporaryDirectory() as directory:
            frames = write_frames(
                Path(directory) / "frames",
                [produce_request(topic, {partition: batch([b"x" * 100])}) for partition in range(6)],
            )
            before = side.cpu_seconds()
            ended = generate("replay", host, port, frames, connections, in_flight, requests)
            cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        found = ended.figures["requests"] / ended.figures["seconds"]
        latencies = {P50: ended.figures["p50_us"] / 1000, P99: ended.figures["p99_us"] / 1000}
        return Round(found, {PACE: found, CPU: cpu / requests * 1e6, **latencies}, ended.load)

    measures = [
        Measure(PACE, "1/s", Target("ratio_at_least", pace)),
        Measure(CPU, "µs a request"),
        Measure(P50, "ms"),
        Measure(P99, "ms", Target("ratio_at_most", p99) if p99 else Target()),
    ]
    with two_brokers() as sides:
        run_in_turns(row, sides, load, measures)


def latency(row: Row, *, rate: int, seconds: int) -> None:
    """100-byte records at a fixed rate, whether or not the broker keeps up, from due time to a consumer's hands.

    On two cores the client's threads and the broker's take turns, and a few stalls of some milliseconds make the 99th
    percentile: so rounds are long, and the client is spared the reports of what was delivered, a wake-up a record.
    """
    seconds = row.amount(seconds)

    def load(side: Side) -> Round:
        topic = make_topic(side.address, 1)
        before = side.cpu_seconds()
        ended = generate("latency", side.address, topic, rate, seconds, *LATENCY)
        cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        p50, p99 = ended.figures["p50_us"] / 1000, ended.figures["p99_us"] / 1000
        return Round(1 / p50, {P50: p50, P99: p99, CPU: cpu / (rate * seconds) * 1e6}, ended.load)

    measures = [
        Measure(P50, "ms", Target("ratio_at_most", 1)),
        Measure(P99, "ms", Target("ratio_at_most", 0.7)),
        Measure(CPU, "µs a record"),
    ]
    with two_brokers() as sides:
        run_in_turns(row, sides, load, measures)


def wide_session(row: Row, *, partitions: int, active: int, fetches: int) -> None:
    """A fetch session of `partitions`, of which `active` get a record before each fetch.

    The broker's CPU for the same produces alone is measured too and taken away.
    """
    fetches = row.amount(fetches, least=10)
    topics: dict[str, str] = {}
    readers: dict[str, tuple[Connection, int]] = {}
    epochs: dict[str, int] = {}

    def produces(side: Side, connection: Connection, number: int) -> None:
        step = partitions // active
        first = number % step
        produce(connection, topics[side.name], {first + step * i: batch([b"x" * 100]) for i in range(active)})

    def cpu_of_produces(side: Side, connection: Connection) -> float:
        before = side.cpu_seconds()
        for number in range(fetches):
            produces(side, connection, number)
        return side.cpu_seconds() - before

    positions: dict[str, dict[int, int]] = {}

    def fetch_forward(side: Side) -> int:
        """One incremental fetch that moves the session's positions past what the last one brought."""
        connection, session = readers[side.name]
        moved = positions.setdefault(side.name, {})
        update = [
            FetchPartition(partition=number, fetch_offset=offset, partition_max_bytes=1 << 20)
            for number, offset in moved.items()
        ]
        request = FetchRequest(
            max_wait_ms=100,
            min_bytes=1,
            session_id=session,
            session_epoch=epochs[side.name],
            topics=[FetchTopic(topic=topics[side.name], partitions=update)] if update else [],
        )
        epochs[side.name] += 1
        answer = connection.ask(request, FetchResponse, 12)
        if answer.error_code:
            raise RuntimeError(f"the fetch session ended with error code {answer.error_code}")
        moved.clear()
        for topic in answer.responses:
            for each in topic.partitions:
                moved[each.partition_index] = each.high_watermark
        return len(moved)

    def open_session(side: Side) -> None:
        connection = Connection(side.address)
        wanted = [FetchPartition(partition=each, partition_max_bytes=1 << 20) for each in range(partitions)]
        first = FetchRequest(
            max_wait_ms=0, session_epoch=0, topics=[FetchTopic(topic=topics[side.name], partitions=wanted)]
        )
        readers[side.name] = connection, connection.ask(first, FetchResponse, 12).session_id
        epochs[side.name] = 1

    def load(side: Side) -> Round:
        connection = Connection(side.address)
        alone = cpu_of_produces(side, connection)
        open_session(side)
        while fetch_forward(side):
            pass
        before = side.cpu_seconds()
        for number in range(fetches):
            produces(side, connection, number)
            if fetch_forward(side) < active:
                raise RuntimeError("a fetch brought fewer partitions than had new records")
        both = side.cpu_seconds() - before
        # Once more: what a JVM compiles meanwhile would otherwise be charged to one of the two.
        alone = (alone + cpu_of_produces(side, connection)) / 2
        connection.close()
        readers[side.name][0].close()
        per_fetch = (both - alone) / fetches * 1000
        return Round(1 / max(per_fetch, 0.001), {CPU: per_fetch}, 0.0)

    with two_brokers() as sides:
        for side in sides:
            topics[side.name] = make_topic(side.address, partitions)
        run_in_turns(row, sides, load, [Measure(CPU, "ms a fetch", Target("at_most", 0.3))])


LATENCY = ("linger.ms=0", "acks=1", "delivery.report.only.error=true")

ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "requests_1x5": (
        "one record a request, 1 connection, 5 in flight",
        partial(one_record_a_request, connections=1, in_flight=5, requests=100_000, pace=2),
    ),
    "requests_50x1": (
        "one record a request, 50 connections",
        partial(one_record_a_request, connections=50, in_flight=1, requests=100_000, pace=2),
    ),
    "requests_1x1": (
        "one record a request, strictly one in flight",
        partial(one_record_a_request, connections=1, in_flight=1, requests=30_000, pace=1.2, p99=1.0),
    ),
    "session_5000": (
        "fetch with 5,000 partitions in the session, 10 of them active",
        partial(wide_session, partitions=5000, active=10, fetches=1000),
    ),
    "latency": ("end to end at 5,000 records/s, open loop", partial(latency, rate=5000, seconds=20)),
}
