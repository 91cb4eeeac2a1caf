"""Bulk produce and consume over TLS: the same keys on both sides, a certificate of the broker's alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.clients import delete_topic, generate, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, place, run_in_turns, two_brokers
from benchmarks.shapes.throughput import BULK, CPU, GB, PACE
from benchmarks.sides import Side
from brokers import free_port
from certificates import PASSWORD, Authority

_SIZE = 1000


@contextmanager
def _two_secured_brokers() -> Iterator[tuple[list[Side], dict[str, str], tuple[str, ...]]]:
    """Both sides, the address of each one's TLS listener by name, and what a client needs to trust them."""
    with tempfile.TemporaryDirectory(dir=place()) as name:
        directory = Path(name)
        authority = Authority()
        keys = authority.issue("broker").write_pkcs12(directory / "broker.p12")
        trusted = authority.write_pem(directory / "authority.pem")
        settings = {
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": str(keys),
            "ssl.keystore.password": PASSWORD,
        }
        addresses: dict[str, str] = {}

        def listen(side: Side) -> None:
            address = addresses[side.name] = f"127.0.0.1:{free_port()}"
            side.broker.settings["listeners"] += f",SSL://{address}"
            protocols = "listener.security.protocol.map"
            if protocols in side.broker.settings:
                side.broker.settings[protocols] += ",SSL:SSL"

        with two_brokers(settings, before_start=listen) as sides:
            yield sides, addresses, ("security.protocol=ssl", f"ssl.ca.location={trusted}")


def _measures() -> list[Measure]:
    return [
        Measure(CPU, "s/GB", Target("ratio_at_most", 1)),
        Measure(PACE, "MB/s", Target("ratio_at_least", 1, unless_client_bound=True)),
    ]


def _measured(side: Side, load: Callable[[], tuple[float, int, float]]) -> Round:
    before = side.cpu_seconds()
    seconds, size, client = load()
    cpu = side.cpu_seconds() - before
    return Round(size / seconds, {CPU: cpu / (size / GB), PACE: size / seconds / 1e6}, client)


def produce(row: Row, *, partitions: int) -> None:
    """librdkafka, as many records as fit, to partitions in turn."""
    count = row.amount(1_000_000)
    with _two_secured_brokers() as (sides, addresses, trust):

        def load(side: Side) -> Round:
            topic = make_topic(side.address, partitions)

            def one() -> tuple[float, int, float]:
                ended = generate(
                    *("produce", addresses[side.name], topic, partitions, _SIZE, count, 1, *BULK, *trust)
                )
                return ended.figures["seconds"], count * _SIZE, ended.load

            try:
                return _measured(side, one)
            finally:
                delete_topic(side.address, topic)

        run_in_turns(row, sides, load, _measures())


def consume(row: Row, *, consumers: int) -> None:
    """1 GB that is in the page cache, each consumer a client of its own."""
    partitions, count = 8, row.amount(1_000_000)
    topics: dict[str, str] = {}
    with _two_secured_brokers() as (sides, addresses, trust):

        def load(side: Side) -> Round:
            def one() -> tuple[float, int, float]:
                ended = generate(
                    *("consume", addresses[side.name], topics[side.name], partitions, consumers, count),
                    *("fetch.message.max.bytes=1048576", "queued.max.messages.kbytes=65536", *trust),
                )
                return ended.figures["seconds"], int(ended.figures["bytes"]), ended.load

            return _measured(side, one)

        for side in sides:
            topics[side.name] = make_topic(side.address, partitions)
            generate("produce", side.address, topics[side.name], partitions, _SIZE, count, 1, *BULK)
        run_in_turns(row, sides, load, _measures())


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "tls_produce": (
        "TLS, 1 KB, linger 5 ms, acks=1, 6 partitions, librdkafka",
        partial(produce, partitions=6),
    ),
    "tls_consume": ("TLS, 1 GB from page cache, 4 consumers", partial(consume, consumers=4)),
}
