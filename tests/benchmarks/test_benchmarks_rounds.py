"""How rows are run: amounts and time are bounded, and what is measured is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.clients import make_topic
from benchmarks.members import Crowd, settle_classic, settle_consumer
from benchmarks.report import Effort, Measure, Row, Setting, write
from benchmarks.rounds import Round, run_in_turns
from benchmarks.sides import Side
from benchmarks.wire import wait_for_coordinator

from benchmarks import rounds
from brokers import Broker

SETTING = Setting(date="2026-01-01 00:00", commit="abc", cores=2, machine="a machine")
TRIAL = 0.5


class Clock:
    """Seconds that pass only while a round runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def run(effort: Effort, monkeypatch: pytest.MonkeyPatch, seconds: float) -> tuple[Row, list[str]]:
    """A row whose rounds take so long and never become alike; the sides in the order in which they were loaded."""
    clock, order, paces = Clock(), [], iter(range(1, 1000))
    monkeypatch.setattr(rounds, "time", clock)
    sides = [Side(name, Path("nowhere")) for name in ("ottla", "apache")]
    monkeypatch.setattr(Side, "loop_lag", lambda _: {})

    def load(side: Side) -> Round:
        order.append(side.name)
        clock.now += seconds
        return Round(2.0 ** next(paces), {"pace": 1.0}, 0.1)

    row = Row("a_row", "its title", effort=effort)
    run_in_turns(row, sides, load, [Measure("pace", "1/s")])
    return row, order


def test_sides_are_warmed_up_one_by_one_and_measured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whatever else the machine does meets both."""
    row, order = run(Effort(rounds=2, warm_rounds=3, scale=TRIAL), monkeypatch, seconds=0.001)
    assert order == ["ottla"] * 3 + ["apache"] * 3 + ["ottla", "apache"] * 2
    assert row.measures[0].ottla == row.measures[0].apache == [1.0, 1.0]
    assert len(row.notes) == 2


def test_a_row_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side has one round to warm up and one that counts, whatever they take; the table says how many there were."""
    row, order = run(Effort(rounds=3, warm_rounds=8, seconds=100, scale=TRIAL), monkeypatch, seconds=60)
    assert order == ["ottla", "apache"] * 2
    assert "1 of 3 rounds in 100 s" in row.notes


def test_amounts_shrink_with_the_scale() -> None:
    """Never to nothing."""
    row = Row("a_row", "its title", effort=Effort(scale=0.01))
    assert (row.amount(1000), row.amount(20), row.amount(20, least=4)) == (10, 1, 4)
    assert Row("a_row", "its title").amount(1000) == 1000


def test_results_grow_row_by_row_in_one_place(tmp_path: Path) -> None:
    """A run that is ended keeps what it has."""
    made = [Row("first", "", [Measure("pace", "1/s", ottla=[1.0])]), Row("second", "")]
    paths = {write(made[:count], SETTING, tmp_path) for count in (1, 2)}
    [path] = paths
    assert "`first`" in path.read_text()
    assert [row["name"] for row in json.loads(path.with_suffix(".json").read_text())["rows"]] == [
        "first",
        "second",
    ]


@pytest.mark.parametrize("settle", [settle_classic, settle_consumer])
def test_simulated_members_settle_and_beat(
    broker: Broker, unique_name: Callable[[str], str], settle: Callable[[Crowd, str, str], Callable[[], None]]
) -> None:
    """All in one generation, or in one epoch with what they own; then every heartbeat is accepted."""
    topic, group = make_topic(broker.bootstrap_servers, 12), unique_name("members")
    crowd = Crowd(broker.bootstrap_servers, 12)
    wait_for_coordinator(crowd.connections[0], group)
    try:
        beat = settle(crowd, group, topic)
        beat()
        beat()
    finally:
        crowd.close()
