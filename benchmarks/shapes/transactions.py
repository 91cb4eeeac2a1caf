"""Transactions: how many a second, and what bulk costs inside of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.clients import Ended, delete_topic, generate, java_load, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.shapes.throughput import BULK, produce
from benchmarks.sides import Side

PARTITIONS = 6
PACE, CPU, P50, P99 = "transactions", "broker CPU", "p50", "p99"
BULK_CPU, BULK_PACE = "broker CPU", "throughput"

Client = Callable[..., Ended]


def transactions(row: Row, *, client: Client, producers: int, transactions: int, records: int) -> None:
    """So many of `records` x 100 B over six partitions from each producer, all at the same time."""
    each = row.amount(transactions)

    def load(side: Side) -> Round:
        topic = make_topic(side.address, PARTITIONS)
        before = side.cpu_seconds()
        ended = client(
            "transact", side.address, topic, PARTITIONS, 100, producers, each, records, "linger.ms=0"
        )
        cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        figures = ended.figures
        pace = figures["transactions"] / figures["seconds"]
        return Round(
            pace,
            {
                PACE: pace,
                CPU: cpu / figures["transactions"] * 1e6,
                P50: figures["p50_us"] / 1000,
                P99: figures["p99_us"] / 1000,
            },
            ended.load,
        )

    measures = [
        Measure(PACE, "1/s", Target("ratio_at_least", 1)),
        Measure(CPU, "µs a transaction", Target("ratio_at_most", 0.8)),
        Measure(P50, "ms"),
        Measure(P99, "ms"),
    ]
    with two_brokers() as sides:
        run_in_turns(row, sides, load, measures)


def bulk(row: Row, *, transactions: int, records: int) -> None:
    """Records of 1 KB by one producer whose transactions are big, so that committing costs little."""
    each = row.amount(transactions)

    def load(side: Side) -> Round:
        topic = make_topic(side.address, PARTITIONS)
        before = side.cpu_seconds()
        ended = generate(
            "transact", side.address, topic, PARTITIONS, 1000, 1, each, records, *BULK[0:1], *BULK[2:]
        )
        cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        size = each * records * 1000
        pace = size / ended.figures["seconds"]
        return Round(pace, {BULK_CPU: cpu / (size / 1e9), BULK_PACE: pace / 1e6}, ended.load)

    measures = [Measure(BULK_CPU, "s/GB", Target("ratio_at_most", 0.4)), Measure(BULK_PACE, "MB/s")]
    with two_brokers() as sides:
        run_in_turns(row, sides, load, measures)


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "transactions_1": (
        "transactions of 1 record, 10 producers, librdkafka",
        partial(transactions, client=generate, producers=10, transactions=500, records=1),
    ),
    "transactions_100": (
        "transactions of 100 records, 10 producers, librdkafka",
        partial(transactions, client=generate, producers=10, transactions=300, records=100),
    ),
    "transactions_1_java": (
        "transactions of 1 record, 10 producers, Java",
        partial(transactions, client=java_load, producers=10, transactions=500, records=1),
    ),
    "transactions_100_java": (
        "transactions of 100 records, 10 producers, Java",
        partial(transactions, client=java_load, producers=10, transactions=300, records=100),
    ),
    "bulk_idempotent": (
        "1 KB, acks=all, idempotent, 6 partitions",
        partial(
            produce,
            partitions=PARTITIONS,
            size=1000,
            count=1_000_000,
            cpu=0.4,
            settings=(*BULK, "acks=all", "enable.idempotence=true"),
        ),
    ),
    "bulk_transactional": (
        "1 KB in transactions of 20,000 records, 6 partitions",
        partial(bulk, transactions=50, records=20_000),
    ),
}
