"""Ranges of state laid over each other, as Apache Kafka 4.1.1 does it (facts printed by StateBatches.java)."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ottla.shares.state_batches import StateBatch, combine

FACTS = (Path(__file__).parent / "apache-4.1.1-state-batches.txt").read_text().splitlines()


def parsed(text: str) -> list[StateBatch]:
    return [StateBatch(*map(int, each.split(":"))) for each in text.split(",") if each]


def test_combining_gives_what_apache_makes_of_it() -> None:
    """Batch for batch, neighbours that stay apart included: the records written are equal byte by byte."""
    for fact in FACTS:
        so_far, newer, start_offset, combined = fact.split("|")
        assert list(combine(parsed(so_far), parsed(newer), int(start_offset))) == parsed(combined), fact


BATCHES = st.lists(
    st.builds(
        lambda first, more, count, state: StateBatch(first, first + more, count, state),
        st.integers(0, 40),
        st.integers(0, 9),
        st.integers(0, 4),
        st.sampled_from([0, 2, 4]),
    ),
    max_size=12,
)


def offsets(batches: tuple[StateBatch, ...] | list[StateBatch]) -> dict[int, tuple[int, int]]:
    """Offset → the highest of what is said of it."""
    found: dict[int, tuple[int, int]] = {}
    for first, last, count, state in batches:
        for offset in range(first, last + 1):
            found[offset] = max(found.get(offset, (count, state)), (count, state))
    return found


@given(so_far=BATCHES, newer=BATCHES, start_offset=st.integers(-1, 45))
def test_of_each_offset_the_furthest_state_holds(
    so_far: list[StateBatch], newer: list[StateBatch], start_offset: int
) -> None:
    """In order, without overlaps, and from the start offset on."""
    combined = combine(combine((), so_far), newer, start_offset)
    assert all(earlier.last_offset < later.first_offset for earlier, later in itertools.pairwise(combined))
    assert offsets(combined) == {
        offset: rank for offset, rank in offsets([*so_far, *newer]).items() if offset >= start_offset
    }


@given(so_far=BATCHES, newer=BATCHES)
def test_a_write_that_comes_twice_changes_nothing(so_far: list[StateBatch], newer: list[StateBatch]) -> None:
    once = combine(combine((), so_far), newer)
    assert offsets(combine(once, newer)) == offsets(once)
