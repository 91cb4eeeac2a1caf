"""Bulk produce and consume through librdkafka, and the spread over many partitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from benchmarks.clients import delete_topic, generate, java_perf, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.sides import Side

GB = 1_000_000_000
CPU, PACE = "broker CPU", "throughput"


def _measured(side: Side, load: Callable[[], tuple[float, int, float]]) -> Round:
    """One round: `load` gives its seconds, bytes and client load."""
    before = side.cpu_seconds()
    seconds, size, client = load()
    cpu = side.cpu_seconds() - before
    return Round(size / seconds, {CPU: cpu / (size / GB), PACE: size / seconds / 1e6}, client)


def _measures(cpu: Target, pace: Target) -> list[Measure]:
    return [Measure(CPU, "s/GB", cpu), Measure(PACE, "MB/s", pace)]


@contextmanager
def new_topic(side: Side, partitions: int) -> Iterator[str]:
    """A topic for one round: gigabytes that stay would fill the disk."""
    topic = make_topic(side.address, partitions)
    try:
        yield topic
    finally:
        delete_topic(side.address, topic)


@contextmanager
def kept_topic(side: Side, partitions: int) -> Iterator[str]:
    """The same topic in all rounds: the first write to a thousand partitions makes thousands of files, another matter."""
    if side.topic is None:
        side.topic = make_topic(side.address, partitions)
    yield side.topic


def produce(
    row: Row,
    *,
    partitions: int,
    size: int,
    count: int,
    settings: tuple[str, ...],
    cpu: float,
    pace: float | None = None,
    in_a_row: int = 1,
    topic: Callable[[Side, int], AbstractContextManager[str]] = new_topic,
) -> None:
    """librdkafka, as many records as fit, to partitions in turn."""
    count = row.amount(count)

    def load(side: Side) -> Round:
        with topic(side, partitions) as name:

            def one() -> tuple[float, int, float]:
                ended = generate("produce", side.address, name, partitions, size, count, in_a_row, *settings)
                return ended.figures["seconds"], count * size, ended.load

            return _measured(side, one)

    wanted = Target("ratio_at_least", pace, unless_client_bound=True) if pace else Target()
    with two_brokers() as sides:
        run_in_turns(row, sides, load, _measures(Target("ratio_at_most", cpu), wanted))


def produce_by_java(row: Row, *, partitions: int, per_batch: int, count: int) -> None:
    """kafka-producer-perf-test with a batch size that holds `per_batch` records of 100 bytes."""
    count = row.amount(count)
    batch_size = 1 if per_batch == 1 else 70 + per_batch * 108
    properties = (
        f"batch.size={batch_size}",
        "linger.ms=5",
        "acks=1",
        "enable.idempotence=false",
        "buffer.memory=134217728",
        "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
    )

    def load(side: Side) -> Round:
        with kept_topic(side, partitions) as topic:

            def one() -> tuple[float, int, float]:
                ended = java_perf(
                    "org.apache.kafka.tools.ProducerPerformance",
                    *("--topic", topic, "--num-records", count, "--record-size", 100, "--throughput", -1),
                    *("--producer-props", f"bootstrap.servers={side.address}", *properties),
                )
                pace = re.findall(r"records sent, ([0-9.]+) records/sec", ended.output)[-1]
                return count / float(pace), count * 100, ended.load

            return _measured(side, one)

    with two_brokers() as sides:
        run_in_turns(
            row, sides, load, _measures(Target("ratio_at_most", 0.8), Target("ratio_at_least", 1, True))
        )


def consume(row: Row, *, consumers: int) -> None:
    """1 GB that is in the page cache, each consumer a client of its own."""
    partitions, size, count = 8, 1000, row.amount(1_000_000)
    topics: dict[str, str] = {}

    def load(side: Side) -> Round:
        def one() -> tuple[float, int, float]:
            ended = generate(
                *("consume", side.address, topics[side.name], partitions, consumers, count),
                *("fetch.message.max.bytes=1048576", "queued.max.messages.kbytes=65536"),
            )
            return ended.figures["seconds"], int(ended.figures["bytes"]), ended.load

        return _measured(side, one)

    with two_brokers() as sides:
        for side in sides:
            topics[side.name] = make_topic(side.address, partitions)
            generate("produce", side.address, topics[side.name], partitions, size, count, 1, *BULK)
        run_in_turns(
            row,
            sides,
            load,
            _measures(Target("ratio_at_most", 1), Target("ratio_at_least", 1, unless_client_bound=True)),
        )


BULK = ("linger.ms=5", "acks=1", "queue.buffering.max.messages=1000000", "queue.buffering.max.kbytes=1048576")
SPREAD = ("acks=1", "linger.ms=5", "queue.buffering.max.messages=1000000")

ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "produce_1k_1p": (
        "1 KB, linger 5 ms, acks=1, 1 partition, librdkafka",
        partial(produce, partitions=1, size=1000, count=1_000_000, settings=BULK, cpu=0.35, pace=1.5),
    ),
    "produce_1k_6p": (
        "the same, 6 partitions",
        partial(produce, partitions=6, size=1000, count=1_000_000, settings=BULK, cpu=0.35, pace=1.5),
    ),
    "produce_100b_1p": (
        "100 B, 1 partition",
        partial(produce, partitions=1, size=100, count=3_000_000, settings=BULK, cpu=0.5),
    ),
    "produce_100b_6p": (
        "100 B, 6 partitions",
        partial(produce, partitions=6, size=100, count=3_000_000, settings=BULK, cpu=0.5),
    ),
    "produce_lz4": (
        "1 KB, lz4, 6 partitions",
        partial(
            produce,
            partitions=6,
            size=1000,
            count=1_000_000,
            settings=(*BULK, "compression.type=lz4"),
            cpu=0.5,
        ),
    ),
    "produce_idempotent": (
        "1 KB, acks=all, idempotent, 6 partitions",
        partial(
            produce,
            partitions=6,
            size=1000,
            count=1_000_000,
            cpu=0.5,
            settings=(*BULK, "acks=all", "enable.idempotence=true"),
        ),
    ),
    "spread_1_librdkafka": (
        "1,000 partitions, 1 × 100 B a batch, librdkafka",
        partial(
            produce,
            partitions=1000,
            size=100,
            count=200_000,
            cpu=0.8,
            pace=1.0,
            settings=(*SPREAD, "batch.num.messages=1"),
            topic=kept_topic,
        ),
    ),
    "spread_16_librdkafka": (
        "1,000 partitions, 16 × 100 B a batch, librdkafka",
        partial(
            produce,
            partitions=1000,
            size=100,
            count=1_000_000,
            cpu=0.8,
            pace=1.0,
            in_a_row=16,
            settings=(*SPREAD, "batch.num.messages=16"),
            topic=kept_topic,
        ),
    ),
    "spread_1_java": (
        "1,000 partitions, 1 × 100 B a batch, Java",
        partial(produce_by_java, partitions=1000, per_batch=1, count=300_000),
    ),
    "spread_16_java": (
        "1,000 partitions, 16 × 100 B a batch, Java",
        partial(produce_by_java, partitions=1000, per_batch=16, count=2_000_000),
    ),
    "consume_1": ("1 GB from page cache, 1 consumer", partial(consume, consumers=1)),
    "consume_8": ("1 GB from page cache, 8 consumers", partial(consume, consumers=8)),
}
