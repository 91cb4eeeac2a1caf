"""A compacted topic as clients see it, killed and started again, and its files in the eyes of Apache's DumpLogSegments."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from apache_tools import ApacheTools
from brokers import ProcessBroker
from conversation import CODECS, create_topic, produce, read_topic

SETTINGS = {"log.cleaner.backoff.ms": "100", "log.index.interval.bytes": "200"}


def offsets_left(broker: ProcessBroker, topic: str) -> list[int]:
    return [message.offset for message in read_topic(broker.bootstrap_servers, topic)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("codec", [CODECS[0], CODECS[-1]])
def test_a_compacted_topic(
    codec: str, start_broker: Callable[..., ProcessBroker], apache_tools: ApacheTools
) -> None:
    """Of ten keys the last record each is left in the closed segments; a kill changes nothing; Apache reads it all."""
    broker = start_broker(SETTINGS)
    create_topic(
        broker.bootstrap_servers,
        "last",
        1,
        cleanup_policy="compact",
        segment_bytes="1048576",
        segment_ms="1000",
        min_cleanable_dirty_ratio="0.01",
        delete_retention_ms="100",
    )
    produce(
        broker.bootstrap_servers,
        "last",
        3000,
        compression_type=codec,
        enable_idempotence=True,
        batch_size=4000,
    )
    deadline = time.monotonic() + 60
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 0})
    while len(left := offsets_left(broker, "last")) > 100:
        assert time.monotonic() < deadline, f"{len(left)} records are left"
        time.sleep(0.3)  # a record a while lets the active segment roll by time
        producer.produce("last", "now", "tick", headers={"n": "0"})
        assert producer.flush(10) == 0
    assert left == sorted(left)
    latest = {message.key: message.value for message in read_topic(broker.bootstrap_servers, "last")}
    assert {key: value for key, value in latest.items() if key != "tick"} == {
        f"k{key}": f"v{2990 + key}" for key in range(10)
    }
    before = left
    broker.kill()
    broker.start()
    after = offsets_left(broker, "last")
    assert set(after) <= set(before)
    assert after[-1] == before[-1]
    broker.stop()

    files = [*(broker.data / "last-0").iterdir()]
    segments = sorted(path for path in files if re.search(r"\.(log|index|timeindex|snapshot)$", path.name))
    dumped = apache_tools.run(
        "kafka.tools.DumpLogSegments", "--deep-iteration", "--files", ",".join(map(str, segments))
    ).stdout
    assert not re.search(r"isvalid: false|[Mm]ismatch|[Cc]orrupt|bytes invalid", dumped), dumped[-3000:]
    found = [int(offset) for offset in re.findall(r"^\| offset: (\d+)", dumped, re.MULTILINE)]
    assert [offset for offset in found if offset < before[0] or offset in before] == after
