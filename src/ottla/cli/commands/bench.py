"""`ottla bench`: a quick measure of a cluster, from here."""

from dataclasses import asdict
from typing import Annotated

import typer

from ottla.cli.choices import Acks, Compression
from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.measures import Load, measure_consuming, measure_latency, measure_producing
from ottla.cli.output import print_json, print_table, say, size_text
from ottla.cli.requests.topics import NewTopic, create_topic, delete_topic

TOPIC_PREFIX = "ottla-bench"


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(epilog="Example: ottla bench --records 1000000 --size 100 --compression lz4")(bench)


@on_cluster
def bench(
    connection: Connection,
    records: Annotated[
        int, typer.Option("--records", "-n", min=1, help="Records to write and read.")
    ] = 200_000,
    size_bytes: Annotated[
        int, typer.Option("--size", "-s", metavar="BYTES", min=1, max=10_000_000, help="Size of a value.")
    ] = 1024,
    partitions: Annotated[
        int, typer.Option("--partitions", "-p", min=1, help="Partitions of the topic.")
    ] = 1,
    acks: Annotated[
        Acks, typer.Option("--acks", help="Who must have a record: nobody, the leader, all in sync.")
    ] = Acks.LEADER,
    compression: Annotated[
        Compression, typer.Option("--compression", "-z", help="Codec of the batches.")
    ] = Compression.NONE,
    linger_ms: Annotated[
        int, typer.Option("--linger", metavar="MS", min=0, help="How long the producer collects.")
    ] = 5,
    latency_records: Annotated[
        int,
        typer.Option(
            "--latency-records",
            min=0,
            help="Records sent one by one, each awaited by a consumer; 0 leaves it out.",
        ),
    ] = 1000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the topic there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write, read and time records on a topic of its own.

    One Python client does the work: the figures say how fast a client like this one is served.
    """
    import os

    topic = f"{TOPIC_PREFIX}-{os.urandom(4).hex()}"
    load = Load(topic, records, size_bytes, partitions, acks.value, compression.value, linger_ms)
    create_topic(connection, NewTopic(topic, partitions))
    try:
        produced = measure_producing(connection, load)
        consumed = measure_consuming(connection, load)
        latency = measure_latency(connection, load, latency_records) if latency_records else None
    finally:
        if not keep:
            delete_topic(connection, topic)
    if as_json:
        print_json(
            {
                "load": asdict(load),
                "produce": produced.as_json(),
                "consume": consumed.as_json(),
                "latency_ms": None if latency is None else asdict(latency),
            }
        )
        return
    print_table(
        ["", "#RECORDS/S", "#BYTES/S", "#SECONDS", "#CLIENT CPU"],
        [
            (
                name,
                f"{one.records_per_s:,.0f}",
                f"{size_text(one.bytes_per_s)}",
                f"{one.seconds:.2f}",
                f"{one.client_load:.0%}",
            )
            for name, one in (("produce", produced), ("consume", consumed))
        ],
    )
    if latency is not None:
        print()
        print_table(
            ["", "#P50", "#P95", "#P99", "#MAX"],
            [
                (
                    "end to end, ms",
                    *(f"{one:.2f}" for one in (latency.p50, latency.p95, latency.p99, latency.max)),
                )
            ],
        )
    if keep:
        say(f"The records are in topic {topic}.")
