"""kafkajs for Node, kafka-go of segmentio for Go and the rdkafka crate for Rust: each a program of its own.

    PROGRAM produce BOOTSTRAP TOPIC COUNT CODEC        sends the records that `conversation` tells of
    PROGRAM consume BOOTSTRAP TOPIC GROUP COUNT        a member of the group: prints a JSON line for each record

kafkajs has gzip alone: its other codecs are plug-ins that nobody keeps up.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from brokers import Broker
from conversation import (
    CODECS,
    assert_all_came_once_in_order,
    create_topic,
    lines_to_records,
    produce,
    read_topic,
)
from programs import KAFKAJS, RDKAFKA, SEGMENTIO

PROGRAMS = {"kafkajs": KAFKAJS, "segmentio": SEGMENTIO, "rdkafka": RDKAFKA}
PAIRS = [
    (name, codec) for name in PROGRAMS for codec in CODECS if name != "kafkajs" or codec in ("none", "gzip")
]
COUNT = 300


def run(name: str, *arguments: object) -> str:
    """Runs a client program to its end and returns what it printed."""
    command = [*PROGRAMS[name], *map(str, arguments)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    return ended.stdout


@pytest.mark.parametrize(("name", "codec"), PAIRS)
def test_a_foreign_client_produces(broker: Broker, topic: str, name: str, codec: str) -> None:
    """What it sends, librdkafka reads."""
    create_topic(broker.bootstrap_servers, topic)
    run(name, "produce", broker.bootstrap_servers, topic, COUNT, codec)
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), COUNT)


@pytest.mark.parametrize(("name", "codec"), PAIRS)
def test_a_foreign_client_consumes_in_a_group(broker: Broker, topic: str, name: str, codec: str) -> None:
    """What librdkafka sent, it reads; a second member goes on where the first one stopped and committed."""
    create_topic(broker.bootstrap_servers, topic)
    produce(broker.bootstrap_servers, topic, COUNT, compression_type=codec)
    first = run(name, "consume", broker.bootstrap_servers, topic, f"group-of-{topic}", COUNT)
    assert_all_came_once_in_order(lines_to_records(first), COUNT)
    produce(broker.bootstrap_servers, topic, 10)
    second = run(name, "consume", broker.bootstrap_servers, topic, f"group-of-{topic}", 10)
    assert sorted(int(record.n) for record in lines_to_records(second)) == list(range(10))


def test_kafkajs_administers(broker: Broker, topic: str) -> None:
    """Topics, partitions, configs, offsets and the cluster, as kafkajs's admin client asks for them."""
    assert json.loads(run("kafkajs", "admin", broker.bootstrap_servers, topic)) == {
        "made": True,
        "partitions": 5,
        "retention": "3600000",
        "brokers": 1,
        "controllerIsBroker": True,
        "hasClusterId": True,
        "offsets": [["0", "0"]] * 5,
        "listedAfterDelete": False,
    }
