"""Apache's own Java producer, consumer and admin client (tests/java/ottla/ClientProgram.java)."""

from __future__ import annotations

import json

import pytest

from apache_tools import ApacheTools
from brokers import Broker
from conversation import (
    CODECS,
    assert_all_came_once_in_order,
    create_topic,
    lines_to_records,
    produce,
    read_topic,
)

PROGRAM = "ottla.ClientProgram"


@pytest.mark.parametrize("codec", CODECS)
def test_the_java_producer(apache_tools: ApacheTools, broker: Broker, topic: str, codec: str) -> None:
    """Idempotent, acks=all, small batches, each codec as Java writes it."""
    create_topic(broker.bootstrap_servers, topic)
    apache_tools.run(PROGRAM, "produce", broker.bootstrap_servers, topic, "2000", codec)
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), 2000)


@pytest.mark.parametrize(
    ("assignor", "codec"),
    [
        ("RangeAssignor", "none"),
        ("RoundRobinAssignor", "gzip"),
        ("StickyAssignor", "lz4"),
        ("CooperativeStickyAssignor", "zstd"),
    ],
)
def test_two_java_consumers_of_a_group(
    apache_tools: ApacheTools, broker: Broker, topic: str, assignor: str, codec: str
) -> None:
    """Each assignor shares the partitions out; all records arrive, offsets commit."""
    create_topic(broker.bootstrap_servers, topic, 4)
    produce(broker.bootstrap_servers, topic, 400, compression_type=codec)
    group = f"group-of-{topic}"
    result = apache_tools.run(PROGRAM, "consume", broker.bootstrap_servers, topic, group, "400", assignor)
    assert_all_came_once_in_order(lines_to_records(result.stdout), 400)


def test_the_java_admin_client(apache_tools: ApacheTools, broker: Broker, topic: str) -> None:
    """Topics, partitions, configs with their sources, offsets, producers, log directories, the cluster."""
    result = apache_tools.run(PROGRAM, "admin", broker.bootstrap_servers, topic)
    assert json.loads(result.stdout) == {
        "madeWithPartitions": 2,
        "madeWithRetention": "77777",
        "partitions": 3,
        "idIsTheSame": True,
        "segmentBytes": "1048576",
        "segmentBytesSource": "DYNAMIC_TOPIC_CONFIG",
        "maxMessageBytesSource": "DEFAULT_CONFIG",
        "recordsDeleted": True,
        "activeProducers": True,
        "controllerIsBroker": True,
        "inLogDirs": True,
        "listedAfterDelete": False,
    }
