"""Starting, restarting, and the memory held in between."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.clients import generate, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import fill_page_cache, is_over, loop_lag_measures, place, two_brokers
from benchmarks.shapes.throughput import BULK
from benchmarks.sides import SIDES, Side
from benchmarks.wire import (
    PRODUCE_VERSION,
    Connection,
    batch,
    produce,
    produce_request,
    write_frames,
)
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.produce import ProduceResponse

RETRY_SECONDS = 0.005
GIVE_UP_SECONDS = 300
SECONDS, MEMORY = "exec to first acknowledged produce", "memory"


@contextmanager
def one_side(name: str) -> Iterator[Side]:
    """A side on an empty directory, not started."""
    with tempfile.TemporaryDirectory(dir=place()) as directory:
        side = Side(name, Path(directory) / name)
        try:
            yield side
        finally:
            side.remove()


def seconds_to_first_produce(side: Side, topic: str) -> float:
    """From exec to the first acknowledged record, by a client that tries again every 5 ms."""
    side.broker.write_properties()
    record = produce_request(topic, {0: batch([b"x" * 100])})
    who_leads = MetadataRequest(topics=[MetadataRequestTopic(name=topic)], allow_auto_topic_creation=True)
    start = time.perf_counter()
    side.broker.launch()
    while time.perf_counter() - start < GIVE_UP_SECONDS:
        try:
            with closing(Connection(side.address)) as connection:
                while True:
                    [described] = connection.ask(who_leads, MetadataResponse, 9).topics
                    if described.partitions and described.partitions[0].error_code == 0:
                        answer = connection.ask(record, ProduceResponse, PRODUCE_VERSION)
                        if answer.responses[0].partition_responses[0].error_code == 0:
                            return time.perf_counter() - start
                    time.sleep(RETRY_SECONDS)
        except OSError:
            if side.broker.process is None or side.broker.process.poll() is not None:
                break
            time.sleep(RETRY_SECONDS)
    raise RuntimeError(
        f"{side.name} ended, or took nothing in {GIVE_UP_SECONDS} s:\n{side.broker.output_tail()}"
    )


def start(row: Row) -> None:
    """On an empty directory, the topic made by the client's own question."""
    absolute = Measure(SECONDS, "s", Target("at_most", 0.5))
    ratio = Measure("the same", "s", Target("ratio_at_most", 1 / 8))
    for _ in range(row.effort.rounds + 2):
        for name in SIDES:
            with one_side(name) as side:
                seconds = seconds_to_first_produce(side, "first")
            print(f"  {name:7}{seconds:.3f} s", flush=True)
            for measure in (absolute, ratio):
                getattr(measure, name).append(seconds)
    row.measures = [absolute, ratio]


def fill_partitions(side: Side, partitions: int) -> str:
    """A topic with a record in each of its partitions."""
    topic = make_topic(side.address, partitions)
    with closing(Connection(side.address)) as connection:
        for first in range(0, partitions, 500):
            some = range(first, min(first + 500, partitions))
            produce(connection, topic, {each: batch([b"x" * 100]) for each in some})
    return topic


def restart_clean(row: Row, *, partitions: int) -> None:
    """Stopped in order and started again."""
    measure = Measure(SECONDS, "s", Target("at_most", 5))
    lags: list[Measure] = []
    for name in SIDES:
        with one_side(name) as side:
            side.broker.start()
            topic = fill_partitions(side, row.amount(partitions))
            for _ in range(row.effort.rounds):
                side.broker.stop()
                seconds = seconds_to_first_produce(side, topic)
                print(f"  {name:7}{seconds:.3f} s", flush=True)
                getattr(measure, name).append(seconds)
            lags += loop_lag_measures({}, side.loop_lag())
    row.measures = [measure, *lags]


def restart_killed(row: Row, *, batch_bytes: int, unflushed_bytes: int) -> None:
    """Killed with so much written since the last flush; the kernel still has all of it.

    It is written once on each side, and each round starts on a copy.
    """
    measure = Measure(SECONDS, "s", Target("ratio_at_most", 1))
    lags: list[Measure] = []
    started = time.monotonic()
    with ExitStack() as stack:
        killed: list[tuple[Side, str, Path]] = []
        for name in SIDES:
            side = stack.enter_context(one_side(name))
            topic = fill_and_kill(side, batch_bytes, row.amount(unflushed_bytes, least=batch_bytes))
            killed.append((side, topic, side.directory.rename(side.directory.with_suffix(".killed"))))
        for measured in range(row.effort.rounds):
            if measured and is_over(row, started, measured):
                break
            for side, topic, left in killed:
                shutil.copytree(left, side.directory)
                os.sync()  # what the kernel would write meanwhile is no part of recovering
                fill_page_cache(row)
                seconds = seconds_to_first_produce(side, topic)
                print(f"  {side.name:7}{seconds:.3f} s", flush=True)
                getattr(measure, side.name).append(seconds)
                lags = loop_lag_measures({}, side.loop_lag()) or lags
                side.remove()
    row.measures = [measure, *lags]


def fill_and_kill(side: Side, batch_bytes: int, size: int) -> str:
    """A topic of one partition with so many bytes, a batch a request; the broker is dead afterwards."""
    values = [b"x" * (min(batch_bytes, 1000) - 80)] * max(1, batch_bytes // 1000)
    side.broker.start()
    topic = make_topic(side.address, 1, max_message_bytes="2000000")
    host, port = side.address.split(":")
    with tempfile.TemporaryDirectory() as directory:
        frames = write_frames(Path(directory) / "frames", [produce_request(topic, {0: batch(values)})])
        connections = 20 if batch_bytes < 100_000 else 1
        generate("replay", host, port, frames, connections, 5, max(1, size // batch_bytes))
    side.broker.kill()
    return topic


# ---- memory ----


def memory(row: Row, *, at_most_mb: float, scenario: Callable[[Side], object], growth: bool = False) -> None:
    """What the broker holds while the scenario's connections are still open; one measurement on each side."""
    measure = Measure("memory grown by" if growth else MEMORY, "MiB", Target("at_most", at_most_mb))
    lags: list[Measure] = []
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    try:
        with two_brokers() as sides:
            for side in sides:
                time.sleep(2)
                before = side.memory_mb() if growth else 0.0
                lag_before = side.loop_lag()
                held = scenario(side)
                time.sleep(1)
                getattr(measure, side.name).append(side.memory_mb() - before)
                print(f"  {side.name:7}{getattr(measure, side.name)[0]:.1f} MiB", flush=True)
                lags += loop_lag_measures(lag_before, side.loop_lag())
                del held
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    row.measures = [measure, *lags]


def idle(side: Side) -> None:
    """Nothing at all."""


def two_gigabytes(side: Side) -> None:
    """2 GB produced and consumed."""
    topic = make_topic(side.address, 6)
    generate("produce", side.address, topic, 6, 1000, 2_000_000, 1, *BULK)
    generate("consume", side.address, topic, 6, 2, 2_000_000)


def many_connections(side: Side, connections: int = 2000) -> list[Connection]:
    """Each has produced and fetched; every second one is in a long poll."""
    topic = make_topic(side.address, 6)
    held = [Connection(side.address) for _ in range(connections)]
    for number, connection in enumerate(held):
        partition = number % 6
        produce(connection, topic, {partition: batch([b"x" * 1000])})
        wanted = FetchPartition(partition=partition, partition_max_bytes=100_000)
        topics = [FetchTopic(topic=topic, partitions=[wanted])]
        connection.ask(FetchRequest(max_wait_ms=0, topics=topics), FetchResponse, 12)
    for number, connection in enumerate(held[::2]):
        wanted = FetchPartition(partition=number % 6, fetch_offset=connections, partition_max_bytes=100_000)
        wait = FetchRequest(
            max_wait_ms=300_000,
            min_bytes=1_000_000_000,
            topics=[FetchTopic(topic=topic, partitions=[wanted])],
        )
        wanted.fetch_offset = (connections + 5 - wanted.partition) // 6
        connection.send(wait, 12)
    return held


def stopped_in_a_frame(side: Side, connections: int = 200) -> list[socket.socket]:
    """Clients that stopped at 99 % of a frame of 1 MB."""
    topic = make_topic(side.address, 1)
    request = produce_request(topic, {0: batch([b"x" * 1_000_000])})
    frame = encode_request(request, PRODUCE_VERSION, 1, "bench")
    held = []
    for _ in range(connections):
        connection = Connection(side.address)
        connection.socket.sendall(frame[: len(frame) * 99 // 100])
        held.append(connection.socket)
    return held


def many_producer_ids(side: Side, producers: int = 200_000) -> None:
    """As many idempotent producers, a record each, on one partition."""
    topic = make_topic(side.address, 1)
    with closing(Connection(side.address)) as connection:
        for first in range(0, producers, 100):
            for producer_id in range(first, first + 100):
                records = {0: batch([b"x"], producer_id=1_000_000 + producer_id, sequence=0)}
                connection.send(produce_request(topic, records), PRODUCE_VERSION)
            for _ in range(100):
                answer = connection.receive(ProduceResponse, PRODUCE_VERSION)
                code = answer.responses[0].partition_responses[0].error_code
                if code:
                    raise RuntimeError(f"a new producer id was refused with error code {code}")


def _memory(
    at_most_mb: float, scenario: Callable[[Side], object], *, growth: bool = False
) -> Callable[[Row], None]:
    return partial(memory, at_most_mb=at_most_mb, scenario=scenario, growth=growth)


GB = 1_000_000_000

ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "start": ("exec to first acknowledged produce, topic auto-created", start),
    "memory_idle": ("memory idle", _memory(60, idle)),
    "memory_2gb": ("memory after 2 GB produced and consumed", _memory(120, two_gigabytes)),
    "memory_partitions": (
        "memory with 5,000 partitions",
        _memory(250, partial(fill_partitions, partitions=5000)),
    ),
    "memory_connections": (
        "memory with 2,000 connections that have produced and fetched, half in a long poll",
        _memory(250, many_connections),
    ),
    "memory_half_frames": (
        "memory with 200 clients stopped at 99 % of a 1 MB frame",
        _memory(400, stopped_in_a_frame),
    ),
    "memory_producers": (
        "200,000 producer ids on a partition",
        _memory(80, many_producer_ids, growth=True),
    ),
    "restart_clean": ("restart with 5,000 partitions, clean", partial(restart_clean, partitions=5000)),
    "restart_killed_1k": (
        "restart after kill -9, 1 GB unflushed in batches of 1 KB",
        partial(restart_killed, batch_bytes=1000, unflushed_bytes=GB),
    ),
    "restart_killed_16k": (
        "restart after kill -9, 1 GB unflushed in batches of 16 KB",
        partial(restart_killed, batch_bytes=16_000, unflushed_bytes=GB),
    ),
    "restart_killed_1m": (
        "restart after kill -9, 1 GB unflushed in batches of 1 MB",
        partial(restart_killed, batch_bytes=1_000_000, unflushed_bytes=GB),
    ),
}
