"""How a figure is made: both brokers warm, then round by round in turns.

A round is a function that loads one broker and says how fast it went. Each side is warmed up until two rounds differ
by less than a tenth (the JVM compiles what is hot; the page cache fills). Then the measured rounds alternate, so that
whatever else the machine does meets both. `Effort` bounds both.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apache_jars import ROOT
from benchmarks import page_cache
from benchmarks.report import Measure, Row, Target
from benchmarks.sides import SIDES, Side, loop_lag_ms

WARM_DIFFERENCE: Final = 0.1
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


def is_over(row: Row, started: float, measured: int) -> bool:
    """Whether the row's time, from `started` by the monotonic clock, is over; the table says how many rounds there were."""
    effort = row.effort
    over = time.monotonic() > started + effort.seconds
    if over:
        row.notes.append(f"{measured} of {effort.rounds} rounds in {effort.seconds:.0f} s")
    return over


def fill_page_cache(row: Row) -> None:
    """See `page_cache`; half a minute on a machine that has not used its memory yet, which a trial does without."""
    if row.effort.scale >= 1:
        page_cache.fill(place())


@contextmanager
def two_brokers(
    settings: Mapping[str, str] | None = None,
    only: tuple[str, ...] = SIDES,
    before_start: Callable[[Side], None] | None = None,
) -> Iterator[list[Side]]:
    """Both sides started on empty directories; removed afterwards. `before_start` may add to a side's settings."""
    with tempfile.TemporaryDirectory(dir=place()) as directory:
        sides = [Side(name, Path(directory) / name, settings) for name in only]
        try:
            for side in sides:
                if before_start is not None:
                    before_start(side)
                side.broker.start()
            yield sides
        finally:
            for side in sides:
                side.remove()


def run_in_turns(row: Row, sides: list[Side], load: Load, measures: list[Measure]) -> None:
    """Warms both sides up, then fills the row's measures from alternating rounds. Ottla's loop lag is among them."""
    effort = row.effort
    started = time.monotonic()
    for number, side in enumerate(sides, 1):
        warm_up(row, side, load, started + effort.seconds / 2 * number / len(sides))
    before = {side.name: side.loop_lag() for side in sides}
    by_name = {measure.name: measure for measure in measures}
    for measured in range(effort.rounds):
        if measured and is_over(row, started, measured):
            break
        for side in sides:
            fill_page_cache(row)
            found = load(side)
            row.client_load.setdefault(side.name, []).append(found.client_load)
            for name, figure in found.figures.items():
                getattr(by_name[name], side.name).append(figure)
            print(f"  {side.name:7}{_summary(found)}", flush=True)
    lags = [loop_lag_measures(before[side.name], side.loop_lag()) for side in sides]
    row.measures = [*measures, *(each for measures_of_side in lags for each in measures_of_side)]


def loop_lag_measures(before: Mapping[float, int], after: Mapping[float, int]) -> list[Measure]:
    """How late Ottla's loop was between two histograms; nothing for a broker that has no loop."""
    made = []
    for name, part, target in (
        ("loop lag p99, at most", 0.99, LOOP_LAG),
        ("loop lag p99.9, at most", 0.999, Target()),
    ):
        late = loop_lag_ms(before, after, part)
        if late is not None:
            made.append(Measure(name, "ms", target, ottla=[late]))
    return made


def warm_up(row: Row, side: Side, load: Load, until: float) -> None:
    """Rounds that don't count, until two in a row are alike; at most until that moment, but one at least."""
    last = 0.0
    for number in range(row.effort.warm_rounds):
        if number and time.monotonic() > until:
            break
        fill_page_cache(row)
        found = load(side)
        print(f"  {side.name:7}{_summary(found)}  (warming up)", flush=True)
        if last and abs(found.pace - last) <= WARM_DIFFERENCE * last:
            return
        last = found.pace
    row.notes.append(f"{side.name} was still changing by more than a tenth when its warm-up ended")


def _summary(found: Round) -> str:
    figures = "  ".join(f"{name} {figure:.4g}" for name, figure in found.figures.items())
    return f"{figures}  client {found.client_load:.0%}"
