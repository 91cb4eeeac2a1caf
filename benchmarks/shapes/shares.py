"""Share groups: consumption by Apache's Java KafkaShareConsumer, the only client that has one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from benchmarks.clients import generate, java_load, make_topic
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.shapes.throughput import BULK
from benchmarks.sides import Side
from benchmarks.wire import Connection
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)

PARTITIONS = 6
HEARTBEATS = {
    "group.share.min.heartbeat.interval.ms": "1000",
    "group.share.heartbeat.interval.ms": "1000",
}
PACE, CPU = "records", "broker CPU"


def switch_on(side: Side) -> None:
    """Share groups are a preview in 4.1, off unless `share.version` is finalized at 1."""
    connection = Connection(side.address)
    update = FeatureUpdateKey(feature="share.version", max_version_level=1, upgrade_type=1)
    answer = connection.ask(UpdateFeaturesRequest(feature_updates=[update]), UpdateFeaturesResponse, 1)
    connection.close()
    if answer.error_code:
        raise RuntimeError(f"share.version 1 was refused: {answer.error_message or answer.error_code}")


def from_the_beginning(side: Side, group: str) -> None:
    """Sets `share.auto.offset.reset`, which is the group's and not the consumer's."""
    admin = AdminClient({"bootstrap.servers": side.address, "log_level": 3})
    entry = ConfigEntry("share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)


def consume_shared(row: Row, *, consumers: int, records: int) -> None:
    """Records of 1 KB in the page cache, a new group each round, acknowledged as a poll brings the next ones."""
    count = row.amount(records)

    def load(side: Side) -> Round:
        group = f"share-{uuid.uuid4().hex[:12]}"
        from_the_beginning(side, group)
        before = side.cpu_seconds()
        ended = java_load("share", side.address, side.topic, group, consumers, count)
        cpu = side.cpu_seconds() - before
        read = ended.figures["records"]
        pace = read / ended.figures["seconds"]
        return Round(pace, {PACE: pace, CPU: cpu / read * 1e6}, ended.load)

    measures = [Measure(PACE, "1/s", Target("ratio_at_least", 1)), Measure(CPU, "µs a record")]
    with two_brokers(HEARTBEATS) as sides:
        for side in sides:
            switch_on(side)
            side.topic = make_topic(side.address, PARTITIONS)
            # A few more than are read: the last poll of a consumer that finds nothing waits half a second.
            generate("produce", side.address, side.topic, PARTITIONS, 1000, count * 11 // 10, 1, *BULK)
        run_in_turns(row, sides, load, measures)


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "share_consume_1": (
        "share group, 1 KB, 1 consumer, Java",
        partial(consume_shared, consumers=1, records=500_000),
    ),
    "share_consume_4": (
        "share group, 1 KB, 4 consumers, Java",
        partial(consume_shared, consumers=4, records=500_000),
    ),
}
