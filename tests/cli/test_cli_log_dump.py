"""`ottla log dump` on what a broker wrote, and on what then happened to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from ottla.cli.main import main
from ottla.testing import Broker

Dump = list[dict[str, object]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log directory of a broker that has stopped: a topic in several segments, a group, compressed batches."""
    directory = tmp_path_factory.mktemp("dump")
    with Broker(data=directory) as broker:
        broker.create_topic("orders", configs={"segment.bytes": 1_048_576, "index.interval.bytes": 4096})
        for codec in ("none", "lz4"):
            producer = Producer(
                {
                    "bootstrap.servers": broker.bootstrap_servers,
                    "enable.idempotence": True,
                    "compression.type": codec,
                    "batch.num.messages": 20,
                    "linger.ms": 1,
                }
            )
            for number in range(1500):
                producer.produce(
                    "orders", f"{number:01000}", f"k{number}", timestamp=1_700_000_000_000 + number
                )
                producer.poll(0)
            assert producer.flush(20) == 0
        consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap_servers,
                "group.id": "readers",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe(["orders"])
        assert consumer.poll(20) is not None
        consumer.commit(asynchronous=False)
        consumer.close()
    yield directory / "logs"


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(written, tmp_path / "logs"))


def dump(capsys: pytest.CaptureFixture[str], *words: str, exit_code: int = 0) -> Dump:
    """The entries that `ottla log dump --json` prints."""
    assert main(["log", "dump", "--json", *words]) == exit_code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def first_segment(directory: Path) -> Path:
    """The oldest segment of the topic."""
    return min((directory / "orders-0").glob("*.log"))


def test_every_record_is_there_once_in_order(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Batches of all segments, and the records in them, compressed or not."""
    entries = [
        one
        for one in dump(capsys, str(written / "orders-0"), "--records")
        if str(one["file"]).endswith(".log")
    ]
    batches = [one for one in entries if one["entry"] == "Batch"]
    records = [one for one in entries if one["entry"] == "Record"]
    assert [one["offset"] for one in records] == list(range(3000))
    assert [one["key"] for one in records] == [f"k{number}" for number in range(1500)] * 2
    assert sum(int(str(one["count"])) for one in batches) == 3000
    assert {one["codec"] for one in batches} == {"none", "lz4"}
    assert len({one["file"] for one in entries}) > 1


def test_a_whole_directory_is_sound(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of file is read, and none has a fault."""
    kinds = {one["entry"] for one in dump(capsys, str(written))}
    assert kinds >= {"Batch", "OffsetIndex", "TimeIndex", "Checkpoint", "Epoch", "Property", "Producer"}
    assert main(["log", "dump", str(written), "--faults"]) == 0
    assert "No faults in" in capsys.readouterr().out


def test_offsets_limit_what_is_shown(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only batches that hold an offset of the range."""
    entries = dump(capsys, str(first_segment(written)), "--from", "100", "--to", "101")
    assert entries
    assert all(int(str(one["base_offset"])) <= 101 and int(str(one["last_offset"])) >= 100 for one in entries)


def test_committed_offsets_are_told_in_words(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The records of Kafka's own topics are read for what they say."""
    entries = dump(capsys, str(written / "__consumer_offsets-0"), "--records")
    meanings = [json.loads(str(one["meaning"])) for one in entries if one.get("meaning")]
    assert any(
        one["type"] == "OffsetCommit" and one["group"] == "readers" and one["value"]["offset"] >= 1
        for one in meanings
    )
    assert any(one["type"] == "GroupMetadata" and one["group"] == "readers" for one in meanings)


@pytest.mark.parametrize("record", [0, 40])
def test_a_flipped_bit_is_found_where_it_is(
    copy: Path, record: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The batch is named by its position, and those after it are still read."""
    segment = first_segment(copy)
    batches = [one for one in dump(capsys, str(segment)) if one["entry"] == "Batch"]
    hit = batches[record // 20]
    content = bytearray(segment.read_bytes())
    content[int(str(hit["position"])) + 100] ^= 1
    segment.write_bytes(content)
    entries = dump(capsys, str(segment), exit_code=1)
    faults = [one for one in entries if one["entry"] == "Fault"]
    assert [one["position"] for one in faults] == [hit["position"]]
    assert len([one for one in entries if one["entry"] == "Batch"]) == len(batches)


@pytest.mark.parametrize("left", [5, 30, 500])
def test_a_torn_tail_is_a_fault(copy: Path, left: int, capsys: pytest.CaptureFixture[str]) -> None:
    """However many bytes of the last batch are there."""
    segment = first_segment(copy)
    last = [one for one in dump(capsys, str(segment)) if one["entry"] == "Batch"][-1]
    segment.write_bytes(segment.read_bytes()[: int(str(last["position"])) + left])
    (fault,) = [one for one in dump(capsys, str(segment), exit_code=1) if one["entry"] == "Fault"]
    assert fault["position"] == last["position"]
    assert "torn" in str(fault["what"])


def test_zeros_behind_the_last_batch_are_told(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a crash of the machine may leave."""
    segment = first_segment(copy)
    size = segment.stat().st_size
    with segment.open("ab") as file:
        file.write(bytes(300))
    (fault,) = [one for one in dump(capsys, str(segment), exit_code=1) if one["entry"] == "Fault"]
    assert (fault["position"], "zeros" in str(fault["what"])) == (size, True)


def test_damaged_indexes_snapshots_and_checkpoints(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each small file says what is wrong with it."""
    index = min((copy / "orders-0").glob("*.index"))
    index.write_bytes(index.read_bytes().rstrip(b"\0") + bytes([0, 0, 0, 1, 0, 0, 0, 1, 9]))
    snapshot = max((copy / "orders-0").glob("*.snapshot"))
    snapshot.write_bytes(snapshot.read_bytes()[:-1] + b"x")
    (copy / "recovery-point-offset-checkpoint").write_text("0\n1\norders zero 1\n")
    (copy / "orders-0" / "leader-epoch-checkpoint").write_text("0\n2\n3 0\n2 5\n")
    for path, said in (
        (index, "does not come after"),
        (snapshot, "checksum"),
        (copy / "recovery-point-offset-checkpoint", "a number expected"),
        (copy / "orders-0" / "leader-epoch-checkpoint", "does not follow"),
    ):
        faults = [str(one["what"]) for one in dump(capsys, str(path), exit_code=1) if one["entry"] == "Fault"]
        assert any(said in fault for fault in faults), (path.name, faults)


def test_people_see_a_line_a_batch(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it stands, what it holds, and its records when asked for."""
    segment = first_segment(written)
    assert main(["log", "dump", str(segment), "--records", "--to", "0"]) == 0
    path, batch, record, *_ = capsys.readouterr().out.splitlines()
    assert path == str(segment)
    assert batch.startswith("  batch at 0, ")
    assert "offsets 0-" in batch
    assert "2023-11-14T22:13:20" in batch
    assert record.startswith("    0  2023-11-14T22:13:20.000Z  k0  0000")
