"""What a metric is: a name, a kind, the labels that tell its samples apart, and a sentence."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Kind(enum.Enum):
    """How a family's samples are to be read; the value is Prometheus' word."""

    COUNTER = "counter"
    """Only grows, from 0 at the start of the process."""
    GAUGE = "gauge"
    """Goes up and down."""
    SUMMARY = "summary"
    """Quantiles of what was seen lately, and how many there were since the start."""
    HISTOGRAM = "histogram"
    """How many values were seen below each of some bounds since the start."""


class Family(NamedTuple):
    """One name on the page."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    """Names of the labels. A sample with fewer values leaves the last ones out: the sum over all topics stands beside
    the single ones."""


@dataclass(frozen=True, slots=True)
class SummaryReading:
    """A distribution as quantiles."""

    quantiles: tuple[tuple[float, float], ...]
    """Pairs of quantile (0 to 1) and value."""
    count: int
    sum: float


class HistogramReading(NamedTuple):
    """A distribution as counts between bounds."""

    bounds: tuple[float, ...]
    """Upper ends of the buckets, growing; the last bucket has none."""
    counts: tuple[int, ...]
    """How many values fell into each bucket, one more than there are bounds; not added up."""
    sum: float


Reading: TypeAlias = int | float | SummaryReading | HistogramReading
Sample: TypeAlias = tuple[tuple[str, ...], Reading]
"""The labels' values and what was read."""
Samples: TypeAlias = Iterable[Sample]
