"""Apache's DumpLogSegments on the files of the broker under test: logs, indexes, snapshots, committed offsets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from apache_tools import ApacheTools
from brokers import ProcessBroker
from conversation import CODECS, create_topic, produce

DUMP = "kafka.tools.DumpLogSegments"
SMALL_SEGMENTS = {"log.segment.bytes": "1048576", "log.index.interval.bytes": "100"}


@pytest.fixture
def stopped_broker(start_broker: Callable[..., ProcessBroker]) -> ProcessBroker:
    """A broker that has taken records of each codec into several segments, committed offsets, and stopped."""
    broker = start_broker(SMALL_SEGMENTS)
    for codec in CODECS:
        create_topic(broker.bootstrap_servers, codec, 1)
        produce(
            broker.bootstrap_servers,
            codec,
            2000,
            compression_type=codec,
            enable_idempotence=True,
            batch_size=3000,
        )
    create_topic(broker.bootstrap_servers, "rolled", 1)
    for _ in range(3):
        produce(broker.bootstrap_servers, "rolled", 20_000, batch_size=20_000)
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "readers"})
    offsets = [TopicPartition("rolled", 0, 5, "five"), TopicPartition("none", 0, 6)]
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()
    broker.stop()
    return broker


def dump(apache_tools: ApacheTools, files: list[Path], *options: str) -> str:
    """What DumpLogSegments says of the files."""
    assert files
    return apache_tools.run(DUMP, "--files", ",".join(map(str, sorted(files))), *options).stdout


@pytest.mark.timeout(120)
def test_apache_reads_every_file(apache_tools: ApacheTools, stopped_broker: ProcessBroker) -> None:
    """Each batch and record valid, each index entry pointing where it says, producers and offsets as written."""
    data = stopped_broker.data
    for codec in CODECS:
        logs = dump(
            apache_tools, [*(data / f"{codec}-0").glob("*.log")], "--deep-iteration", "--print-data-log"
        )
        assert re.findall(r"^\| offset: (\d+)", logs, re.MULTILINE) == [str(offset) for offset in range(2000)]
        assert re.findall(r"payload: (\S+)", logs) == [f"v{i}" for i in range(2000)]
        assert set(re.findall(r"compresscodec: (\S+)", logs)) == {codec}
        assert "isvalid: false" not in logs

    segments = [*(data / "rolled-0").glob("*.log")]
    assert len(segments) > 1
    batches = dump(apache_tools, segments)
    ranges = re.findall(r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+)", batches, re.MULTILINE)
    assert [int(base) for base, _, _ in ranges] == [0, *(int(last) + 1 for _, last, _ in ranges[:-1])]
    assert int(ranges[-1][1]) == 59_999
    for kind in ("index", "timeindex"):
        found = dump(apache_tools, [*(data / "rolled-0").glob(f"*.{kind}")], "--verify-index-only")
        assert not re.search(r"Found|mismatch|corrupt", found), found
    entries = dump(apache_tools, [*(data / "rolled-0").glob("*.index")])
    assert len(re.findall(r"^offset: \d+ position: \d+", entries, re.MULTILINE)) > 10

    snapshots = dump(apache_tools, [*(data / "none-0").glob("*.snapshot")])
    assert re.search(r"producerId: \d+ producerEpoch: 0 .*lastTimestamp", snapshots)
    committed = dump(
        apache_tools, [*data.glob("__consumer_offsets-*/*.log")], "--offsets-decoder", "--print-data-log"
    )
    assert re.search(
        r'"group":"readers","topic":"rolled","partition":0\}\}.*"offset":5,.*"metadata":"five', committed
    )
    assert re.search(r'"group":"readers","topic":"none","partition":0\}\}.*"offset":6,', committed)
