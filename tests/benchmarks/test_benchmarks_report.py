"""The benchmarks' own arithmetic: ratios, verdicts, percentiles, what a process costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from benchmarks.processes import ThreadLoad, cpu_seconds, memory_mb
from benchmarks.report import Measure, Row, Setting, Target, table
from benchmarks.sides import loop_lag_ms

SETTING = Setting(date="2026-01-01 00:00", commit="abc", cores=2, machine="a machine")


@pytest.mark.parametrize(
    ("target", "ottla", "apache", "client_bound", "verdict"),
    [
        (Target("ratio_at_most", 0.5), [1, 2, 3], [4, 5, 6], False, "reached"),
        (Target("ratio_at_most", 0.5), [3, 3, 3], [4, 5, 6], False, "**missed**"),
        (Target("ratio_at_least", 1.5), [3, 3, 3], [2, 2, 2], False, "reached"),
        (Target("ratio_at_least", 1.5), [2, 3, 2], [2, 2, 2], False, "**missed**"),
        (Target("ratio_at_least", 1.5, unless_client_bound=True), [2, 3, 2], [2, 2, 2], True, "client-bound"),
        (Target("ratio_at_least", 1.5), [2, 3, 2], [2, 2, 2], True, "**missed**"),
        (Target("at_most", 10), [9, 10, 50], [], False, "reached"),
        (Target("at_most", 10), [9, 11, 50], [], False, "**missed**"),
        (Target("ratio_at_most", 0.5), [1], [], False, "not measured"),
        (Target("at_most", 10), [], [], False, "not measured"),
        (Target(), [1], [2], False, ""),
    ],
)
def test_a_figure_reaches_its_target_or_not(
    target: Target, ottla: list[float], apache: list[float], client_bound: bool, verdict: str
) -> None:
    """By the median of the rounds; nothing unmeasured counts as reached."""
    measure = Measure("pace", "1/s", target, ottla, apache)
    assert measure.verdict(client_bound) == verdict


def test_a_ratio_has_its_spread() -> None:
    """The widest that two single rounds give, around median over median."""
    assert Measure("pace", "1/s", Target(), [2, 4, 3], [10, 5, 6]).ratio() == (0.5, 0.2, 0.8)


def test_no_row_and_no_note_is_left_out_of_the_table() -> None:
    """Each figure is a line; a client over 85 % is flagged; a row that broke says so."""
    row = Row("a_row", "its title", [Measure("pace", "1/s", Target("at_most", 1), [3.0], [4.0])])
    row.client_load = {"ottla": [0.2, 0.9], "apache": [0.1]}
    row.notes.append("did not run to its end")
    text = table([row, Row("empty", "broken", [Measure("cpu", "s", Target("at_most", 1))])], SETTING)
    assert (
        "| `a_row` its title | pace, 1/s | 3 | 4 | 0.75 (0.75–0.75) | ≤ 1 | **missed** | 90% / 10%, client-bound |"
        in text
    )
    assert "- `a_row`: did not run to its end" in text
    assert "not measured" in text


def test_loop_lag_is_read_from_the_difference_of_histograms() -> None:
    """The upper bound of the bucket that the 99th percentile falls into."""
    before = {0.001: 10, 0.01: 10, float("inf"): 10}
    assert loop_lag_ms(before, {0.001: 109, 0.01: 110, float("inf"): 110}, 0.99) == 1
    assert loop_lag_ms(before, {0.001: 100, 0.01: 110, float("inf"): 110}, 0.99) == 10
    assert loop_lag_ms(before, before, 0.99) is None
    assert loop_lag_ms({}, {}, 0.99) is None


def test_a_processs_children_are_part_of_what_it_costs() -> None:
    """A child that burns CPU and holds memory is found under its parent, and its busiest thread is seen."""
    child = "x = bytearray(64 << 20)\nwhile True: pass"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    load = ThreadLoad(process.pid)
    try:
        deadline = cpu_seconds(os.getpid()) + 30
        while cpu_seconds(process.pid) < 0.3 or memory_mb(process.pid) < 64:
            assert cpu_seconds(os.getpid()) < deadline
            assert process.poll() is None
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    assert 0 <= load.busiest_seconds() < 30
