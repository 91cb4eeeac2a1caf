"""Which families a process has, and where their samples come from.

A source is called each time the page is drawn, and may be a generator: the page takes a few hundred samples, lets the loop
run, and comes back for more. So a source that goes over a collection which others change has to go over a copy of its
keys (`list(partitions)`), and to leave out what has gone meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ottla.metrics.family import Family, Kind, Samples
from ottla.metrics.instruments import Counter, Gauge, Histogram, Percentiles

Source: TypeAlias = Callable[[], Samples]


class Registry:
    """The families of one process or one broker, in the order in which they were first named."""

    __slots__ = ("_families", "_passed_on", "_percentiles")

    def __init__(self) -> None:
        self._families: dict[str, tuple[Family, list[Source]]] = {}
        self._percentiles: list[Percentiles] = []
        self._passed_on: list[Callable[[], Iterator[tuple[Family, Samples]]]] = []

    def source(self, family: Family, source: Source) -> None:
        """Take a family's samples from `source` too; several sources follow one another."""
        known = self._families.setdefault(family.name, (family, []))
        if known[0] != family:
            raise ValueError(f"two families are named {family.name}")
        known[1].append(source)

    def pass_on(self, families: Callable[[], Iterator[tuple[Family, Samples]]]) -> None:
        """Show what others have measured as well, under names that are known only when the page is drawn.

        A family that has a name of ours is left out.
        """
        self._passed_on.append(families)

    def counter(self, family: Family, *labels: str) -> Counter:
        """A counter with these labels' values; the family has to be of that kind."""
        counter = Counter()
        self._instrument(family, Kind.COUNTER, lambda: ((labels, counter.value),), labels)
        return counter

    def gauge(self, family: Family, *labels: str) -> Gauge:
        """A gauge with these labels' values."""
        gauge = Gauge()
        self._instrument(family, Kind.GAUGE, lambda: ((labels, gauge.value),), labels)
        return gauge

    def histogram(self, family: Family, bounds: tuple[float, ...], *labels: str) -> Histogram:
        """A histogram with these labels' values."""
        histogram = Histogram(bounds)
        self._instrument(family, Kind.HISTOGRAM, lambda: ((labels, histogram.reading()),), labels)
        return histogram

    def percentiles(self, family: Family, *labels: str) -> Percentiles:
        """A distribution with these labels' values, turned by `turn`."""
        percentiles = Percentiles()
        self._percentiles.append(percentiles)
        self._instrument(family, Kind.SUMMARY, lambda: ((labels, percentiles.reading()),), labels)
        return percentiles

    def turn(self) -> None:
        """Begin a new window of every distribution; to be called every five minutes or so."""
        for percentiles in self._percentiles:
            percentiles.turn()

    def families(self) -> Iterator[tuple[Family, tuple[Source, ...]]]:
        """Every family with its sources."""
        for family, sources in list(self._families.values()):
            yield family, tuple(sources)
        for families in self._passed_on:
            for family, samples in families():
                if family.name not in self._families:
                    yield family, (_once(samples),)

    def _instrument(self, family: Family, kind: Kind, source: Source, labels: tuple[str, ...]) -> None:
        if family.kind is not kind:
            raise ValueError(f"{family.name} is a {family.kind.value}, not a {kind.value}")
        if len(labels) > len(family.labels):
            raise ValueError(f"{family.name} has the labels {family.labels}, not {len(labels)}")
        self.source(family, source)


def _once(samples: Samples) -> Source:
    return lambda: samples
