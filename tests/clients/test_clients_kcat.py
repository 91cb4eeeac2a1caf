"""kcat from Debian: what people type first."""

from __future__ import annotations

import json
import subprocess

import pytest

from brokers import Broker
from conversation import CODECS, Exchanged, assert_all_came_once_in_order, create_topic, produce

COUNT = 500


def kcat(broker: Broker, *arguments: str, stdin: str = "") -> str:
    """Runs kcat against the broker and returns what it printed."""
    return subprocess.run(
        ["kcat", "-b", broker.bootstrap_servers, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def exchanged(line: str) -> Exchanged:
    """A line of `kcat -C -J`."""
    record = json.loads(line)
    headers = dict(zip(record["headers"][::2], record["headers"][1::2], strict=True))
    return Exchanged(record["partition"], record["offset"], record["key"], record["payload"], headers["n"])


@pytest.mark.parametrize("codec", CODECS)
def test_kcat_reads_what_was_produced(broker: Broker, topic: str, codec: str) -> None:
    """All of a topic to its end, as JSON."""
    create_topic(broker.bootstrap_servers, topic)
    produce(broker.bootstrap_servers, topic, COUNT, compression_type=codec)
    lines = kcat(broker, "-C", "-t", topic, "-e", "-q", "-J").splitlines()
    assert_all_came_once_in_order(map(exchanged, lines), COUNT)


@pytest.mark.parametrize("codec", CODECS)
def test_what_kcat_produces_comes_back(broker: Broker, topic: str, codec: str) -> None:
    """Keys from lines of stdin, a codec, a topic that the broker makes by itself."""
    lines = [f"k{i % 10}:v{i}" for i in range(COUNT)]
    kcat(broker, "-P", "-t", topic, "-K:", "-z", codec, stdin="\n".join(lines))
    read = kcat(broker, "-C", "-t", topic, "-e", "-q", "-f", "%k:%s\n").splitlines()
    assert sorted(read) == sorted(lines)


def test_kcat_headers_null_and_empty_values(broker: Broker, topic: str) -> None:
    """`-H name=value`, and `-Z`, by which an empty key or value is null."""
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-Z", "-H", "a=1", "-H", "b=2", stdin="key:\n")
    [line] = kcat(broker, "-C", "-t", topic, "-e", "-q", "-J").splitlines()
    record = json.loads(line)
    assert (record["key"], record["payload"], record["headers"]) == ("key", None, ["a", "1", "b", "2"])


def test_kcat_lists_the_cluster(broker: Broker, topic: str) -> None:
    """`kcat -L` tells brokers, topics, leaders and in-sync replicas."""
    create_topic(broker.bootstrap_servers, topic, 3)
    metadata = json.loads(kcat(broker, "-L", "-J", "-t", topic))
    [node] = metadata["brokers"]
    assert node["name"] == broker.bootstrap_servers
    [described] = metadata["topics"]
    assert described["topic"] == topic
    assert [each["leader"] for each in described["partitions"]] == [node["id"]] * 3
    assert [each["isrs"] for each in described["partitions"]] == [[{"id": node["id"]}]] * 3


def test_kcat_asks_for_offsets_and_reads_from_them(broker: Broker, topic: str) -> None:
    """From an offset, the last few, and the offset of a time."""
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 100)
    assert kcat(broker, "-C", "-t", topic, "-p", "0", "-o", "97", "-e", "-q", "-f", "%o ") == "97 98 99 "
    assert kcat(broker, "-C", "-t", topic, "-p", "0", "-o", "-2", "-e", "-q", "-f", "%o ") == "98 99 "
    assert kcat(broker, "-Q", "-t", f"{topic}:0:-1").split() == [topic, "[0]", "offset", "100"]
    assert kcat(broker, "-Q", "-t", f"{topic}:0:1000").split() == [topic, "[0]", "offset", "0"]


def test_kcat_as_a_member_of_a_group(broker: Broker, topic: str) -> None:
    """The balanced consumer commits where it stopped; the next one goes on from there."""
    create_topic(broker.bootstrap_servers, topic, 2)
    produce(broker.bootstrap_servers, topic, 100)
    group = ("-X", "auto.offset.reset=earliest", "-G", f"group-of-{topic}", topic)
    first = kcat(broker, "-c", "60", "-q", "-J", *group).splitlines()
    second = kcat(broker, "-c", "40", "-q", "-J", *group).splitlines()
    assert_all_came_once_in_order(map(exchanged, [*first, *second]), 100)
