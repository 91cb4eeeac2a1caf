"""What `ottla bench` measures: how fast records go in, come out, and how long one takes from producer to consumer."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ottla.cli.connection import Connection
from ottla.cli.progress import counting
from ottla.cli.requests.offsets import offset_ranges
from ottla.cli.requests.records import OutgoingRecord, Reading, consume_records, produce_records


@dataclass(frozen=True, slots=True)
class Load:
    """What is written and read."""

    topic: str
    records: int
    size_bytes: int
    partitions: int
    acks: str
    compression: str
    linger_ms: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """So many records in so many seconds, for which the client's process used so much CPU."""

    records: int
    size_bytes: int
    seconds: float
    client_cpu_s: float

    @property
    def records_per_s(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def bytes_per_s(self) -> float:
        """Bytes of values a second."""
        return self.size_bytes / self.seconds

    @property
    def client_load(self) -> float:
        """Share of one core that the client used: near or above 1, the client is what limits."""
        return self.client_cpu_s / self.seconds

    def as_json(self) -> dict[str, float]:
        """As `--json` shows it."""
        return {
            "records": self.records,
            "seconds": self.seconds,
            "records_per_s": self.records_per_s,
            "bytes_per_s": self.bytes_per_s,
            "client_load": self.client_load,
        }


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from before the send to the receipt."""

    records: int
    p50: float
    p95: float
    p99: float
    max: float


def measure_producing(connection: Connection, load: Load) -> Throughput:
    """Write the load; the time ends with the last acknowledgement."""
    value = os.urandom(load.size_bytes // 2 + 1).hex()[: load.size_bytes].encode()
    properties: dict[str, str | int | float | bool] = {
        "acks": load.acks,
        "compression.type": load.compression,
        "linger.ms": load.linger_ms,
        "partitioner": "random",
        "sticky.partitioning.linger.ms": 10,
        "queue.buffering.max.messages": 1_000_000,
    }
    with counting("producing", total=load.records) as counter:

        def records() -> Iterator[OutgoingRecord]:
            one = OutgoingRecord(value)
            for number in range(load.records):
                yield one
                if number % 1000 == 999:
                    counter.add(1000, 1000 * load.size_bytes)

        begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        produce_records(connection, load.topic, records(), properties, None)
        return Throughput(
            load.records,
            load.records * load.size_bytes,
            time.perf_counter() - begin_s,
            time.process_time() - begin_cpu_s,
        )


def measure_consuming(connection: Connection, load: Load) -> Throughput:
    """Read all that the topic holds. Time and count begin behind the first run, when the client has connected."""
    partitions = [(load.topic, number) for number in range(load.partitions)]
    ranges = offset_ranges(connection, partitions)
    reading = Reading(
        (load.topic,),
        starts={one: held.earliest for one, held in ranges.items()},
        ends={one: held.latest for one, held in ranges.items()},
        count=load.records,
    )
    records = 0
    begin_s = begin_cpu_s = 0.0
    with (
        counting("consuming", total=load.records) as counter,
        closing(consume_records(connection, reading)) as runs,
    ):
        for run in runs:
            counter.add(len(run), len(run) * load.size_bytes)
            if begin_s:
                records += len(run)
            elif run:
                begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        seconds = max(time.perf_counter() - begin_s, 1e-6)
    return Throughput(records, records * load.size_bytes, seconds, time.process_time() - begin_cpu_s)


def measure_latency(connection: Connection, load: Load, records: int) -> Latency:
    """Send records one at a time, each when the one before it has been received."""
    from confluent_kafka import TopicPartition

    producer = connection.producer({"acks": load.acks, "linger.ms": 0})
    consumer = connection.consumer(
        {"group.id": "ottla-bench", "fetch.wait.max.ms": 100, "enable.auto.commit": False}
    )
    held = offset_ranges(connection, [(load.topic, 0)])[load.topic, 0]
    consumer.assign([TopicPartition(load.topic, 0, held.latest)])
    spent_ms: list[float] = []
    try:
        with (
            counting("timing", total=records) as counter,
            connection.explained("measure latency", subject=load.topic),
        ):
            # The first few pay for connections and for both sides' caches.
            for number in range(records + 20):
                begin_ns = time.perf_counter_ns()
                producer.produce(load.topic, b"x" * min(load.size_bytes, 1024), partition=0)
                producer.poll(0)
                deadline_s = time.monotonic() + connection.timeout_s
                while (message := consumer.poll(0.1)) is None or message.error() is not None:
                    if time.monotonic() > deadline_s:
                        raise connection.no_answer("measure latency")
                if number >= 20:
                    spent_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
                    counter.add(1, 0)
    finally:
        consumer.close()
    spent_ms.sort()
    return Latency(records, _at(spent_ms, 0.5), _at(spent_ms, 0.95), _at(spent_ms, 0.99), spent_ms[-1])


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
