"""`ottla cluster export` and `import` on the directories of stopped brokers, and `ottla bench` on a running one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from brokers import Broker as AnyBroker
from ottla.cli.main import main
from ottla.testing import Broker


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a broker that has a topic with settings of its own, and is stopped."""
    directory = tmp_path_factory.mktemp("stopped")
    with Broker(data=directory) as broker:
        broker.create_topic("orders", partitions=3, configs={"retention.ms": 60_000})
    return directory


def topics_of(data: Path) -> dict[str, int]:
    """The topics of a broker started on this data, with their partitions."""
    with Broker(data=data) as broker:
        topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics
        return {name: len(topic.partitions) for name, topic in topics.items()}


def test_metadata_moves_through_a_file(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exported from one broker's directory, imported into an empty one, served by the next broker."""
    file, target = tmp_path / "cluster.jsonl", tmp_path / "moved"
    assert main(["cluster", "export", str(stopped), "--output", str(file)]) == 0
    assert "1 topic, " in capsys.readouterr().err
    assert main(["cluster", "import", str(file), str(target / "metadata"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topics"] == 1
    assert topics_of(target) == {"orders": 3}


def test_metadata_moves_from_tree_to_tree(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a file between; a second time only with --replace."""
    words = ["cluster", "export", str(stopped), "--to", str(tmp_path / "metadata")]
    assert main(words) == 0
    assert main(words) == 1
    assert "--replace" in capsys.readouterr().err
    assert main([*words, "--replace"]) == 0
    assert topics_of(tmp_path) == {"orders": 3}


def test_without_a_file_lines_go_to_standard_output(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON object a line, and nothing else among them."""
    assert main(["cluster", "export", str(stopped)]) == 0
    header, *nodes = map(json.loads, capsys.readouterr().out.splitlines())
    assert header["format"] == "ottla-cluster"
    assert "/brokers/topics/orders" in {one["path"] for one in nodes}


def test_the_metadata_of_a_running_broker_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that a broker runs there, and what to do."""
    with Broker(data=tmp_path, process=True) as broker:
        broker.create_topic("orders")
        assert main(["cluster", "export", str(tmp_path)]) == 1
        assert "broker" in capsys.readouterr().err
        broker.create_topic("payments")


def test_bench_measures_and_leaves_nothing(broker: AnyBroker, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures for writing, reading and latency; its topic is gone afterwards."""
    words = ["bench", "--bootstrap", broker.bootstrap_servers, "--records", "3000", "--size", "100"]
    assert (
        main([*words, "--latency-records", "20", "--partitions", "2", "--compression", "lz4", "--json"]) == 0
    )
    measured = json.loads(capsys.readouterr().out)
    assert measured["produce"]["records"] == 3000
    assert measured["consume"]["records_per_s"] > 0
    assert 0 < measured["latency_ms"]["p50"] <= measured["latency_ms"]["max"]
    topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics
    assert not [name for name in topics if name.startswith("ottla-bench")]


def test_long_work_shows_progress_at_a_terminal(broker: AnyBroker, shell, tmp_path: Path) -> None:
    """A bar with count and size on the terminal, while the records go to the file untouched."""
    (tmp_path / "lines").write_text("".join(f"line {number}\n" for number in range(20_000)), encoding="utf-8")
    line = (
        "export TERM=xterm; ottla topic create long && script -qefc 'ottla produce long --file lines' typed > /dev/null && cat typed && "
        "script -qefc 'ottla consume long --exit --output read' typed > /dev/null; cat typed; "
        "ottla topic delete long --yes"
    )
    done = shell(line, broker.bootstrap_servers)
    assert done.stdout.count(" records, ") >= 2, done.stdout
    assert "Consumed 20000 records." in done.stdout
    assert (tmp_path / "read").read_bytes() == (tmp_path / "lines").read_bytes()
