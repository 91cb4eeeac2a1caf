"""How a figure is made: both brokers warm, then round by round in turns.

A round is a function that loads one broker and says how fast it went. Each side is warmed up until two rounds differ
by less than a tenth (the JVM compiles what is hot; the page cache fills), at most `MOST_WARM_ROUNDS` times. Then the
measured rounds alternate, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apache_jars import ROOT
from benchmarks import page_cache
from benchmarks.report import Measure, Row, Target
from benchmarks.sides import SIDES, Side, loop_lag_p99_ms

WARM_DIFFERENCE: Final = 0.1
MOST_WARM_ROUNDS: Final = 8
MEASURED_ROUNDS: Final = 3
LOOP_LAG: Final = Target("at_most", 10)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found: its pace (more is faster), its figures by name, how busy the client was."""

    pace: float
    figures: Mapping[str, float]
    client_load: float


Load = Callable[[Side], Round]


def place() -> Path:
    """Where data lies while it is measured: on the disk where logs would be, not in a tmpfs."""
    directory = ROOT / ".cache" / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def two_brokers(
    settings: Mapping[str, str] | None = None, only: tuple[str, ...] = SIDES
) -> Iterator[list[Side]]:
    """Both sides started on empty directories; removed afterwards."""
    with tempfile.TemporaryDirectory(dir=place()) as directory:
        sides = [Side(name, Path(directory) / name, settings) for name in only]
        try:
            for side in sides:
                side.broker.start()
            yield sides
        finally:
            for side in sides:
                side.remove()


def run_in_turns(row: Row, sides: list[Side], load: Load, measures: list[Measure]) -> None:
    """Warms both sides up, then fills the row's measures from alternating rounds. Ottla's loop lag is one of them."""
    for side in sides:
        warm_up(row, side, load)
    before = {side.name: side.loop_lag() for side in sides}
    by_name = {measure.name: measure for measure in measures}
    for _ in range(MEASURED_ROUNDS):
        for side in sides:
            page_cache.fill(place())
            found = load(side)
            row.client_load.setdefault(side.name, []).append(found.client_load)
            for name, figure in found.figures.items():
                getattr(by_name[name], side.name).append(figure)
            print(f"  {side.name:7}{_summary(found)}", flush=True)
    lag = Measure("loop lag p99, at most", "ms", LOOP_LAG)
    for side in sides:
        late = loop_lag_p99_ms(before[side.name], side.loop_lag())
        if late is not None:
            lag.ottla.append(late)
    row.measures = [*measures, lag]


def warm_up(row: Row, side: Side, load: Load) -> None:
    """Rounds that don't count, until two in a row are alike."""
    last = 0.0
    for _ in range(MOST_WARM_ROUNDS):
        page_cache.fill(place())
        found = load(side)
        print(f"  {side.name:7}{_summary(found)}  (warming up)", flush=True)
        if last and abs(found.pace - last) <= WARM_DIFFERENCE * last:
            return
        last = found.pace
    row.notes.append(
        f"{side.name} was still changing by more than a tenth after {MOST_WARM_ROUNDS} warm-up rounds"
    )


def _summary(found: Round) -> str:
    figures = "  ".join(f"{name} {figure:.4g}" for name, figure in found.figures.items())
    return f"{figures}  client {found.client_load:.0%}"
