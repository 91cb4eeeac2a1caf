"""Counters and distributions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.metrics.instruments import QUANTILES, Histogram, Percentiles


def test_a_histogram_counts_a_value_at_a_bound_below_it() -> None:
    """Prometheus' `le` means less or equal."""
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 1.0, 7.0):
        histogram.observe(value)
    assert histogram.reading().counts == (2, 2, 1)
    assert histogram.reading().sum == pytest.approx(8.65)


def test_a_histogram_s_bounds_have_to_grow() -> None:
    """A bound out of order is told where the histogram is made."""
    with pytest.raises(ValueError, match="have to grow"):
        Histogram((1.0, 0.5))


def test_nothing_seen_reads_as_zero() -> None:
    """As Apache's histograms do before the first value."""
    assert Percentiles().reading().quantiles == tuple((quantile, 0.0) for quantile in QUANTILES)


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=200))
def test_quantiles_are_right_within_three_percent(values: list[float]) -> None:
    """Each is the value at its rank, give or take a part in 32 or one unit."""
    percentiles = Percentiles()
    for value in values:
        percentiles.observe(value)
    ordered = sorted(values)
    for quantile, found in percentiles.quantiles():
        exact = Fraction(str(quantile)) * len(ordered)
        expected = ordered[math.ceil(exact) - 1]
        assert abs(found - expected) <= max(expected / 32, percentiles.unit)


def test_what_was_seen_two_turns_ago_is_forgotten() -> None:
    """A burst this morning doesn't colour the afternoon; count and sum go on."""
    percentiles = Percentiles()
    percentiles.observe(1000.0)
    percentiles.turn()
    percentiles.observe(1.0)
    assert dict(percentiles.quantiles())[0.999] == pytest.approx(1000, rel=0.04)
    percentiles.turn()
    assert dict(percentiles.quantiles())[0.999] == pytest.approx(1, rel=0.04)
    assert percentiles.reading().count == 2
    assert percentiles.reading().sum == pytest.approx(1001)


def test_memory_is_bounded_whatever_is_seen() -> None:
    """Values of every size, below zero and beyond the last bucket too, fall into at most 750 buckets."""
    percentiles = Percentiles()
    for power in range(400):
        for factor in (1.0, 1.3, 1.7):
            percentiles.observe(factor * 10 ** (power / 10 - 3))
    percentiles.observe(-5.0)
    percentiles.observe(1e300)
    assert len(percentiles._recent) <= 750
    assert dict(percentiles.quantiles())[0.999] > 0
