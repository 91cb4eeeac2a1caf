"""Decode and encode of Produce, Fetch and Metadata beside `kio` and kafka-python: `python -m benchmarks.codec`.

Each side handles the same bytes; each figure is the best of several rounds, in turns, in microseconds a message. Ratios
are ours divided by theirs: below 1 is faster.
"""

import importlib
import io
import json
import statistics
import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass

from kafka.protocol.consumer import FetchRequest as KafkaPythonFetchRequest
from kafka.protocol.consumer import FetchResponse as KafkaPythonFetchResponse
from kafka.protocol.metadata import MetadataRequest as KafkaPythonMetadataRequest
from kafka.protocol.metadata import MetadataResponse as KafkaPythonMetadataResponse
from kafka.protocol.producer import ProduceRequest as KafkaPythonProduceRequest
from kafka.protocol.producer import ProduceResponse as KafkaPythonProduceResponse
from kio.serial import entity_reader, entity_writer

from ottla.protocol.codec import decode, encode
from ottla.protocol.declare import Message
from ottla.protocol.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from ottla.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)

ROUNDS = 7
SECONDS_A_ROUND = 0.05
THEIRS = {
    "ProduceRequest": KafkaPythonProduceRequest,
    "ProduceResponse": KafkaPythonProduceResponse,
    "FetchRequest": KafkaPythonFetchRequest,
    "FetchResponse": KafkaPythonFetchResponse,
    "MetadataRequest": KafkaPythonMetadataRequest,
    "MetadataResponse": KafkaPythonMetadataResponse,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One message of one size."""

    label: str
    message: Message
    version: int


def cases() -> list[Case]:
    """Small ones as a busy client sends, large ones as a big cluster does."""
    records = bytes(1000)
    return [
        case
        for partitions in (1, 100)
        for case in (
            Case(f"Produce request, {partitions}", produce_request(partitions, records), 9),
            Case(f"Produce response, {partitions}", produce_response(partitions), 9),
            Case(f"Fetch request, {partitions}", fetch_request(partitions), 12),
            Case(f"Fetch response, {partitions}", fetch_response(partitions, records), 12),
            Case(f"Metadata request, {partitions}", metadata_request(partitions), 12),
            Case(f"Metadata response, {partitions}", metadata_response(partitions), 12),
        )
    ]


def produce_request(partitions: int, records: bytes) -> ProduceRequest:
    data = [PartitionProduceData(index=number, records=records) for number in range(partitions)]
    return ProduceRequest(
        acks=-1, timeout_ms=30_000, topic_data=[TopicProduceData(name="orders", partition_data=data)]
    )


def produce_response(partitions: int) -> ProduceResponse:
    data = [PartitionProduceResponse(index=number, base_offset=7) for number in range(partitions)]
    return ProduceResponse(responses=[TopicProduceResponse(name="orders", partition_responses=data)])


def fetch_request(partitions: int) -> FetchRequest:
    wanted = [FetchPartition(partition=number, partition_max_bytes=1 << 20) for number in range(partitions)]
    return FetchRequest(topics=[FetchTopic(topic="orders", partitions=wanted)])


def fetch_response(partitions: int, records: bytes) -> FetchResponse:
    found = [PartitionData(partition_index=number, records=records) for number in range(partitions)]
    return FetchResponse(responses=[FetchableTopicResponse(topic="orders", partitions=found)])


def metadata_request(topics: int) -> MetadataRequest:
    return MetadataRequest(topics=[MetadataRequestTopic(name=f"topic-{number}") for number in range(topics)])


def metadata_response(topics: int) -> MetadataResponse:
    partition = MetadataResponsePartition(replica_nodes=[1], isr_nodes=[1], leader_id=1, leader_epoch=3)
    return MetadataResponse(
        brokers=[MetadataResponseBroker(node_id=1, host="localhost", port=9092)],
        cluster_id="6PMpHYL9QkeyXRj9Nrp4KA",
        topics=[MetadataResponseTopic(name=f"topic-{n}", partitions=[partition]) for n in range(topics)],
    )


def microseconds(action: Callable[[], object]) -> float:
    """One round: the mean time of a call."""
    timer = timeit.Timer(action)
    once = max(timer.timeit(1), 1e-7)
    repeats = max(1, int(SECONDS_A_ROUND / once))
    return timer.timeit(repeats) / repeats * 1e6


def compare(case: Case) -> dict[str, float | str]:
    """Ours and theirs in turns."""
    message, version = type(case.message), case.version
    encoded = encode(case.message, version)
    name = message.__name__
    module = importlib.import_module(
        f"kio.schema.{message.__module__.rpartition('.')[2]}.v{version}."
        f"{'request' if name.endswith('Request') else 'response'}"
    )
    kio_message = getattr(module, name)
    kio_read, kio_write = entity_reader(kio_message), entity_writer(kio_message)
    kio_value, _ = kio_read(encoded, 0)
    python_message = THEIRS[name]
    python_value = python_message.decode(encoded, version=version)
    python_value._header = None  # its decoder leaves out what its encoder looks at
    actions: dict[str, Callable[[], object]] = {
        "decode ottla": lambda: decode(message, version, encoded),
        "decode kio": lambda: kio_read(encoded, 0),
        "decode kafka-python": lambda: python_message.decode(encoded, version=version),
        "encode ottla": lambda: encode(case.message, version),
        "encode kio": lambda: kio_write(io.BytesIO(), kio_value),
        "encode kafka-python": lambda: python_value.encode(version=version),
    }
    rounds: dict[str, list[float]] = {label: [] for label in actions}
    for _ in range(ROUNDS):
        for label, action in actions.items():
            rounds[label].append(microseconds(action))
    best = {label: min(times) for label, times in rounds.items()}
    spread = max(statistics.quantiles(times, n=4)[2] / min(times) for times in rounds.values())
    return {"case": case.label, **best, "spread": spread}


def main() -> None:
    """Print the table; with `--json`, the rows."""
    rows = [compare(case) for case in cases()]
    if "--json" in sys.argv:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':24}{'decode µs':>10}{'/ kio':>8}{'/ k-py':>8}{'encode µs':>12}{'/ kio':>8}{'/ k-py':>8}")
    for row in rows:
        cells = [f"{row['case']:24}"]
        for way, width in (("decode", 10), ("encode", 12)):
            ours = float(row[f"{way} ottla"])
            cells.append(f"{ours:{width}.1f}")
            cells += [f"{ours / float(row[f'{way} {other}']):8.2f}" for other in ("kio", "kafka-python")]
        print("".join(cells))


if __name__ == "__main__":
    main()
