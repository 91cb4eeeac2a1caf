"""Writes of several requests go to the topic together, and are answered when they are applied."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from brokers import Broker
from conditions import until
from ottla.records.batch import iterate_batches
from registries import RegistryProcess, record
from wire.wire_client import WireClient

WRITERS = 16


def largest_batch(broker: Broker, topic: str) -> int:
    """Records in the topic's largest batch: as many as one Produce brought."""
    host, _, port = broker.bootstrap_servers.rpartition(":")
    largest = offset = 0
    with WireClient(host, int(port)) as client:
        while True:
            fetched = client.fetch(topic, offset, max_bytes=1 << 24, partition_max_bytes=1 << 24)
            before = offset
            records = fetched.records or b""
            assert isinstance(records, bytes | memoryview)
            for header, _ in iterate_batches(records):
                largest = max(largest, header.record_count)
                offset = header.base_offset + header.last_offset_delta + 1
            if offset == before:
                return largest


def test_sixteen_writers_share_their_writes(
    broker: Broker, start_registry: Callable[..., RegistryProcess], unique_name: Callable[[str], str]
) -> None:
    """One Produce carries several schemas when several are waiting; each answer is true when it comes."""
    topic = unique_name("_schemas-group")
    registry = start_registry({"kafkastore.topic": topic})
    numbers = count()

    def write(number: int) -> None:
        schema_id = registry.register(f"s{number}", record(f"R{number}", ("a", "int")))
        told = registry.get(f"/subjects/s{number}/versions/latest")
        assert told.body["id"] == schema_id

    def round_of_writes() -> int:
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(write, [next(numbers) for _ in range(10 * WRITERS)]))
        return largest_batch(broker, topic)

    until(round_of_writes, lambda largest: largest > 1)
    ids = [registry.get(f"/subjects/s{number}/versions/1").body["id"] for number in range(next(numbers))]
    assert sorted(ids) == list(range(1, len(ids) + 1))
