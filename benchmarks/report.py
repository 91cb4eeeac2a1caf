"""Figures, what they must reach, and the table that says whether they do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

Bound = Literal["ratio_at_most", "ratio_at_least", "at_most", "none"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on Ottla's figure, or on its ratio to Apache Kafka's. `unless_client_bound`: void where the load is."""

    bound: Bound = "none"
    value: float = 0.0
    unless_client_bound: bool = False

    def text(self) -> str:
        """As the table says it."""
        sign = {"ratio_at_most": "≤ {} ×", "ratio_at_least": "≥ {} ×", "at_most": "≤ {}", "none": "–"}[
            self.bound
        ]
        return sign.format(f"{self.value:g}")


@dataclass(slots=True)
class Measure:
    """One figure of a row, measured several times on each side."""

    name: str
    unit: str
    target: Target = field(default_factory=Target)
    ottla: list[float] = field(default_factory=list)
    apache: list[float] = field(default_factory=list)

    def ratio(self) -> tuple[float, float, float] | None:
        """Median over median, and the lowest and highest that any two rounds give."""
        if not self.ottla or not self.apache or min(self.apache) <= 0:
            return None
        lowest, highest = min(self.ottla) / max(self.apache), max(self.ottla) / min(self.apache)
        return median(self.ottla) / median(self.apache), lowest, highest

    def verdict(self, client_bound: bool) -> str:
        """`reached`, `missed`, or why there is none."""
        ratio = self.ratio()
        if self.target.bound == "none":
            return ""
        if not self.ottla:
            return "not measured"
        if self.target.bound == "at_most":
            reached = median(self.ottla) <= self.target.value
        elif ratio is None:
            return "not measured"
        elif self.target.bound == "ratio_at_most":
            reached = ratio[0] <= self.target.value
        else:
            reached = ratio[0] >= self.target.value
        if reached:
            return "reached"
        return "client-bound" if client_bound and self.target.unless_client_bound else "**missed**"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for a row."""

    rounds: int = 3
    """Measured rounds on each side."""
    warm_rounds: int = 8
    """Rounds on each side that may be spent until it is warm."""
    seconds: float = 240
    """After half of it no more warming up, after all of it no further measured round."""
    scale: float = 1.0
    """Of the amounts; below 1 to see that a row works, and then its figures mean nothing."""


@dataclass(slots=True)
class Row:
    """One shape: its figures, how busy its client was, and what went wrong."""

    name: str
    title: str
    measures: list[Measure] = field(default_factory=list)
    client_load: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    effort: Effort = field(default_factory=Effort)

    def amount(self, full: int, least: int = 1) -> int:
        """How much of something this run makes."""
        return max(least, int(full * self.effort.scale))

    def client_bound(self) -> bool:
        """Whether a client's core was over 85 % busy, so that it and not the broker may set the pace."""
        return any(load > 0.85 for loads in self.client_load.values() for load in loads)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when the figures were made."""

    date: str
    commit: str
    cores: int
    machine: str


def write(rows: list[Row], setting: Setting, directory: Path) -> Path:
    """Writes `<date>-<commit>.md` and the same figures as JSON, over what stands there; the path of the table."""
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{setting.date.replace(':', '').replace(' ', '-')}-{setting.commit}"
    (directory / f"{stem}.json").write_text(json.dumps(_as_json(rows, setting), indent=1) + "\n")
    path = directory / f"{stem}.md"
    path.write_text(table(rows, setting))
    return path


def table(rows: list[Row], setting: Setting) -> str:
    """The table of ratios as Markdown."""
    lines = [
        f"# Ottla beside Apache Kafka 4.1.1, {setting.date}",
        "",
        f"Commit {setting.commit}; {setting.cores} cores, {setting.machine}. Median (lowest–highest) of the measured",
        "rounds; the ratio is Ottla's by Apache Kafka's. CPU is user and system time of the broker and its children;",
        "memory is RssAnon + RssShmem. Client: how busy the busiest thread of the load was (Ottla / Apache Kafka);",
        "over 85 % the row is client-bound.",
        "",
        "| row | figure | Ottla | Apache Kafka | ratio | must reach | | client |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        bound = row.client_bound()
        load = " / ".join(
            f"{max(row.client_load[side]):.0%}" for side in ("ottla", "apache") if row.client_load.get(side)
        )
        load += ", client-bound" if bound else ""
        for number, measure in enumerate(row.measures):
            ratio = measure.ratio()
            cells = [
                f"`{row.name}` {row.title}" if number == 0 else "",
                f"{measure.name}, {measure.unit}",
                _figures(measure.ottla),
                _figures(measure.apache),
                f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else "",
                measure.target.text(),
                measure.verdict(bound),
                load if number == 0 else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    notes = [f"- `{row.name}`: {note}" for row in rows for note in row.notes]
    return "\n".join([*lines, "", *notes, ""])


def _figures(values: list[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(median(values))} ({_number(min(values))}–{_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _as_json(rows: list[Row], setting: Setting) -> dict[str, object]:
    return {
        "date": setting.date,
        "commit": setting.commit,
        "cores": setting.cores,
        "machine": setting.machine,
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "client_load": row.client_load,
                "notes": row.notes,
                "measures": [
                    {
                        "name": each.name,
                        "unit": each.unit,
                        "target": each.target.text(),
                        "verdict": each.verdict(row.client_bound()),
                        "ottla": each.ottla,
                        "apache": each.apache,
                    }
                    for each in row.measures
                ],
            }
            for row in rows
        ],
    }
