"""The page that Prometheus reads: text format 0.0.4, written in pieces.

A broker with 5,000 partitions has some 30,000 samples, a tenth of a second of work. The page is a generator of pieces of at
most `SAMPLES_A_PIECE` samples, about half a millisecond each, so that whoever sends them can let the loop run in between;
a source that counts long for a single sample ends the piece as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Final

from ottla.metrics.family import Family, HistogramReading, Reading, SummaryReading
from ottla.metrics.registry import Registry

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

SAMPLES_A_PIECE: Final = 250
"""At most so many samples lie between two pieces; a piece can hold a few lines more, since a distribution is one
sample of a dozen lines."""

SECONDS_A_PIECE: Final = 0.001
"""A piece ends with the first sample after this long."""


def page(registry: Registry) -> Iterator[bytes]:
    """The whole page, a piece at a time. The samples are read while the pieces are asked for."""
    lines: list[str] = []
    samples = 0
    started = time.perf_counter()
    for family, sources in registry.families():
        headed = False
        for source in sources:
            for labels, reading in source():
                if not headed:
                    lines += _heading(family)
                    headed = True
                _write(lines, family, labels, reading)
                samples += 1
                if samples >= SAMPLES_A_PIECE or time.perf_counter() - started > SECONDS_A_PIECE:
                    yield "".join(lines).encode()
                    lines.clear()
                    samples = 0
                    started = time.perf_counter()
    if lines:
        yield "".join(lines).encode()


def _heading(family: Family) -> tuple[str, str]:
    text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {family.name} {text}\n", f"# TYPE {family.name} {family.kind.value}\n"


def _write(lines: list[str], family: Family, labels: tuple[str, ...], reading: Reading) -> None:
    pairs = ",".join(
        [f'{name}="{_escaped(value)}"' for name, value in zip(family.labels, labels, strict=False)]
    )
    if isinstance(reading, SummaryReading):
        _write_summary(lines, family.name, pairs, reading)
    elif isinstance(reading, HistogramReading):
        _write_histogram(lines, family.name, pairs, reading)
    else:
        lines.append(f"{family.name}{_braced(pairs)} {_number(reading)}\n")


def _write_summary(lines: list[str], name: str, pairs: str, reading: SummaryReading) -> None:
    before = pairs and pairs + ","
    for quantile, value in reading.quantiles:
        # As Apache's attributes are named: 50thPercentile is 0.50, 999thPercentile is 0.999.
        shown = f"{quantile:.2f}" if round(quantile, 2) == quantile else f"{quantile:g}"
        lines.append(f'{name}{{{before}quantile="{shown}"}} {_number(value)}\n')
    lines.append(f"{name}_sum{_braced(pairs)} {_number(reading.sum)}\n")
    lines.append(f"{name}_count{_braced(pairs)} {reading.count}\n")


def _write_histogram(lines: list[str], name: str, pairs: str, reading: HistogramReading) -> None:
    before = pairs and pairs + ","
    total = 0
    for bound, count in zip((*reading.bounds, math.inf), reading.counts, strict=True):
        total += count
        lines.append(f'{name}_bucket{{{before}le="{_number(bound)}"}} {total}\n')
    lines.append(f"{name}_sum{_braced(pairs)} {_number(reading.sum)}\n")
    lines.append(f"{name}_count{_braced(pairs)} {total}\n")


def _braced(pairs: str) -> str:
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"
