"""What one request costs inside the broker, from its bytes to its answer: `python -m benchmarks.request_path [SHAPE...]`.

Frames are given to real connections of a broker in this process, on real files; only the sockets are left out, as their
system calls are the kernel's affair. Each figure is that of the fastest of many short stretches, in microseconds a request,
so that a busy machine hardly shows. `--profile SHAPE` prints where the calls go.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import pstats
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import uvloop

from benchmarks.wire import batch, produce_request
from ottla.broker.connection import Connection
from ottla.broker.server import BrokerServer
from ottla.broker.turns import now
from ottla.config.broker_config import broker_config
from ottla.protocol.declare import Request
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic

SECONDS_A_SHAPE = 2.0
STRETCH_SECONDS = 0.003
TOPIC, WIDE = "narrow", "wide"
PARTITIONS = 1000
PRODUCE_VERSION, FETCH_VERSION = 9, 12


class _Transport(asyncio.Transport):
    """Takes what is written, as a socket with room would."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0
        self.size = 0

    def write(self, data: Any) -> None:
        self.answers += 1
        self.size += len(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    abort = close


class _Client:
    """One connection into the broker."""

    def __init__(self, broker: BrokerServer) -> None:
        self.transport = _Transport()
        self.connection = Connection(broker.listeners[0])
        self.connection.connection_made(self.transport)

    def send(self, frames: bytes) -> None:
        """As a loop does it: into the connection's buffer, as much as that has room for."""
        at, view, connection = 0, memoryview(frames), self.connection
        while at < len(frames):
            buffer = connection.get_buffer(-1)
            size = min(len(buffer), len(frames) - at)
            buffer[:size] = view[at : at + size]
            connection.buffer_updated(size)
            at += size


def _frame(request: Request, version: int = PRODUCE_VERSION) -> bytes:
    return bytes(encode_request(request, version, 7, "bench"))


def _produce(topic: str, partitions: int, records: int, size: int) -> bytes:
    return _frame(
        produce_request(topic, {each: batch([b"x" * size] * records) for each in range(partitions)})
    )


Shape = Callable[[BrokerServer], tuple[Callable[[], None], int]]
"""Makes what is repeated, and says how many requests that is."""


def _alone(broker: BrokerServer) -> tuple[Callable[[], None], int]:
    client, frame = _Client(broker), _produce(TOPIC, 1, 1, 100)
    return lambda: client.send(frame), 1


def _pipelined(broker: BrokerServer) -> tuple[Callable[[], None], int]:
    client, frames = _Client(broker), _produce(TOPIC, 1, 1, 100) * 5
    return lambda: client.send(frames), 5


def _crowd(broker: BrokerServer) -> tuple[Callable[[], None], int]:
    clients, frame = [_Client(broker) for _ in range(50)], _produce(TOPIC, 1, 1, 100)

    def once() -> None:
        for client in clients:
            client.send(frame)

    return once, 50


def _spread(records: int) -> Shape:
    def shape(broker: BrokerServer) -> tuple[Callable[[], None], int]:
        client, frame = _Client(broker), _produce(WIDE, 300, records, 100)
        return lambda: client.send(frame), 1

    return shape


def _bulk(broker: BrokerServer) -> tuple[Callable[[], None], int]:
    client, frame = _Client(broker), _produce(TOPIC, 1, 1000, 1000)
    return lambda: client.send(frame), 1


def _poll(broker: BrokerServer) -> tuple[Callable[[], None], int]:
    """A consumer waits at the partition's end, a producer sends one record, the consumer is answered."""
    consumer, producer = _Client(broker), _Client(broker)
    wanted = [FetchPartition(partition=0, fetch_offset=_GAP, partition_max_bytes=1 << 20)]
    request = FetchRequest(
        max_wait_ms=100_000,
        session_epoch=-1,
        min_bytes=1,
        topics=[FetchTopic(topic=TOPIC, partitions=wanted)],
    )
    before, after = _frame(request, FETCH_VERSION).split(_GAP.to_bytes(8, "big"))
    record = _produce(TOPIC, 1, 1, 100)
    log = broker.replicas.partitions[TOPIC, 0].log
    assert log is not None

    def once() -> None:
        consumer.send(before + log.log_end_offset.to_bytes(8, "big") + after)
        producer.send(record)

    return once, 1


_GAP = 0x0123456789ABCDEF

SHAPES: dict[str, tuple[str, Shape]] = {
    "alone": ("one record, alone in its packet", _alone),
    "pipelined": ("one record, five requests in a packet", _pipelined),
    "crowd": ("one record, 50 connections in turn", _crowd),
    "spread_1": ("300 partitions, one record of 100 B each", _spread(1)),
    "spread_16": ("300 partitions, 16 records of 100 B each", _spread(16)),
    "poll": ("a fetch that waits, and the record that ends it", _poll),
    "bulk": ("one batch of 1 MB", _bulk),
}


@contextlib.contextmanager
def _directory() -> Iterator[str]:
    made = tempfile.mkdtemp(prefix="ottla-request-path-")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


async def _topics(broker: BrokerServer) -> None:
    client = _Client(broker)
    request = CreateTopicsRequest(
        timeout_ms=30_000,
        topics=[
            CreatableTopic(name=TOPIC, num_partitions=1, replication_factor=1),
            CreatableTopic(name=WIDE, num_partitions=PARTITIONS, replication_factor=1),
        ],
    )
    client.send(_frame(request, 5))
    while not client.transport.answers or (WIDE, PARTITIONS - 1) not in broker.replicas.partitions:  # noqa: ASYNC110 - it is polled by nobody else
        await asyncio.sleep(0.01)


async def _settle(broker: BrokerServer) -> None:
    """Everything is answered."""
    await asyncio.sleep(0)
    while any(each.waiting for each in broker.listeners[0].connections):  # noqa: ASYNC110 - each turn may bring it about
        await asyncio.sleep(0)


async def _measure(broker: BrokerServer, shape: Shape) -> float:
    """Microseconds a request, without what waiting for the answers costs by itself."""
    once, requests = shape(broker)
    idle = await _fastest(broker, lambda: None)
    return (await _fastest(broker, once) - idle) / requests * 1e6


async def _fastest(broker: BrokerServer, once: Callable[[], None]) -> float:
    """Seconds that `once` took, on average, in the fastest of many stretches shorter than a scheduler's turn."""
    once()
    await _settle(broker)
    repeated, fastest, ends = 1, float("inf"), now() + SECONDS_A_SHAPE
    while now() < ends:
        began = now()
        for _ in range(repeated):
            once()
            await _settle(broker)
        spent = now() - began
        fastest = min(fastest, spent / repeated)
        if spent < STRETCH_SECONDS / 2:
            repeated *= 2
    return fastest


async def _profile(broker: BrokerServer, shape: Shape) -> None:
    once, requests = shape(broker)
    once()
    await _settle(broker)
    repeated = max(1, 5000 // requests)
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeated):
        once()
        await _settle(broker)
    profile.disable()
    stats = pstats.Stats(profile)
    calls = sum(each.callcount for each in profile.getstats())
    print(f"{calls / repeated / requests:.1f} calls a request")
    stats.sort_stats("tottime").print_stats(45)


async def _run(names: list[str], profile: str | None) -> None:
    with _directory() as directory:
        config = broker_config(
            {
                "log.dirs": directory,
                "listeners": "PLAINTEXT://127.0.0.1:0",
                "log.segment.delete.delay.ms": "0",
                "log.retention.bytes": str(1 << 28),
                "log.segment.bytes": str(1 << 26),
                "log.retention.check.interval.ms": "200",
            }
        )
        broker = BrokerServer(config)
        await broker.start()
        try:
            await _topics(broker)
            if profile is not None:
                await _profile(broker, SHAPES[profile][1])
                return
            for name in names or SHAPES:
                title, shape = SHAPES[name]
                print(f"{name:12}{title:46}{await _measure(broker, shape):10.2f} µs a request", flush=True)
        finally:
            await broker.stop(0)


def main() -> None:
    """Prints a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", help=", ".join(SHAPES))
    parser.add_argument("--profile", choices=SHAPES)
    arguments = parser.parse_args()
    uvloop.run(_run(arguments.shapes, arguments.profile))


if __name__ == "__main__":
    main()
