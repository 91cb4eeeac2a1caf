"""Things that count. None of them locks or looks at a clock: they are used on one thread, the loop's.

Budgets on the hot path: a counter is one integer addition, `Percentiles.observe` and `Histogram.observe` stay under a
microsecond.
"""

from __future__ import annotations

from bisect import bisect_left

from ottla.metrics.family import HistogramReading, SummaryReading

QUANTILES = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)
"""What Apache's histograms show by JMX."""

_FINE = 16
"""Buckets to a power of two: a value is known to one part in 32."""
_FINE_BITS = 4
_LARGEST = (1 << 48) - 1


class Counter:
    """Grows. Add to `value` itself: `counter.value += n`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Gauge:
    """Set `value` itself."""

    __slots__ = ("value",)

    def __init__(self, value: float = 0) -> None:
        self.value = value


class Histogram:
    """Counts between fixed bounds since the start."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        if list(bounds) != sorted(set(bounds)):
            raise ValueError(f"the bounds of a histogram have to grow: {bounds}")
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value; one that equals a bound falls below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def reading(self) -> HistogramReading:
        return HistogramReading(self.bounds, tuple(self.counts), self.sum)


class Percentiles:
    """Quantiles of what was seen lately, within 3 %, and count and sum since the start.

    Apache keeps a random sample of 1,028 values in which those of the last five minutes weigh most. Here all values are
    counted in buckets that grow with the value (sixteen to a power of two), in two windows: `turn` drops the older one.
    Called every five minutes, it leaves what the last five to ten minutes saw. Memory is bounded by the buckets: 700 a
    window for values up to 2**48 units, a dozen in practice.
    """

    __slots__ = ("_older", "_recent", "count", "sum", "unit")

    def __init__(self, unit: float = 0.001) -> None:
        """`unit`: the finest step that is told apart; a thousandth suits milliseconds."""
        self.unit = unit
        self.count = 0
        self.sum = 0.0
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def observe(self, value: float) -> None:
        """Count a value; one below zero counts as zero."""
        self.count += 1
        self.sum += value
        units = int(value / self.unit)
        bucket = _SMALL[units] if 0 <= units < _SMALL_UNITS else _bucket_of(units)
        recent = self._recent
        if bucket in recent:
            recent[bucket] += 1
        else:
            recent[bucket] = 1

    def turn(self) -> None:
        """Begin a new window; what was seen before the last turn is forgotten."""
        self._older = self._recent
        self._recent = {}

    def quantiles(self) -> tuple[tuple[float, float], ...]:
        """Each of `QUANTILES` with its value, 0 while nothing was seen."""
        merged = dict(self._older)
        for bucket, count in self._recent.items():
            merged[bucket] = merged.get(bucket, 0) + count
        total = sum(merged.values())
        ordered = sorted(merged.items())
        found: list[tuple[float, float]] = []
        position = seen = 0
        for quantile in QUANTILES:
            while position < len(ordered) and seen < quantile * total:
                seen += ordered[position][1]
                position += 1
            found.append((quantile, _middle_of(ordered[position - 1][0]) * self.unit if total else 0.0))
        return tuple(found)

    def reading(self) -> SummaryReading:
        return SummaryReading(self.quantiles(), self.count, self.sum)


def _bucket_of(units: int) -> int:
    """Below 32 each number has a bucket of its own, above it one holds the 1/16 of a power of two."""
    if units < 2 * _FINE:
        return max(units, 0)
    units = min(units, _LARGEST)
    shift = units.bit_length() - 1 - _FINE_BITS
    return (shift << _FINE_BITS) + (units >> shift)


def _middle_of(bucket: int) -> float:
    if bucket < 2 * _FINE:
        return float(bucket)
    shift = (bucket >> _FINE_BITS) - 1
    lowest = (bucket - (shift << _FINE_BITS)) << shift
    return lowest + ((1 << shift) - 1) / 2


_SMALL_UNITS = 1024
_SMALL = bytes(_bucket_of(units) for units in range(_SMALL_UNITS))
"""The buckets of small values, which most are: looked up in half of the time that it takes to work them out."""
