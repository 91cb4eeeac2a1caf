"""Ranges of offsets in one state, and how newer ones are laid over older ones.

Where two ranges overlap, the one delivered more often wins, and at equal counts the one further on (available, acknowledged,
archived). So the order in which they are given does not matter, and a write that comes twice changes nothing. Neighbours in
the same state become one. Everything below the start offset goes.

    so far     ├── 0..9, available, 1 ──┤
    newer            ├ 4..5, acknowledged, 1 ┤
    combined   ├0..3┤├4..5┤├6..9┤

Apache: org.apache.kafka.coordinator.share.PersisterStateBatchCombiner, whose order of steps is kept: the records written
must be equal byte by byte, and which equal neighbours stay apart depends on it.
"""

import heapq
from collections.abc import Iterable
from typing import NamedTuple

NO_START_OFFSET = -1


class StateBatch(NamedTuple):
    """A range of offsets whose records are in one state. Sorts as Apache's PersisterStateBatch does."""

    first_offset: int
    last_offset: int
    delivery_count: int
    """How often the records were handed out."""
    delivery_state: int
    """0 available, 2 acknowledged, 4 archived; never 1, acquired: locks are not kept."""


def combine(
    so_far: Iterable[StateBatch], newer: Iterable[StateBatch], start_offset: int = NO_START_OFFSET
) -> tuple[StateBatch, ...]:
    """Both, without overlaps, ordered, and nothing below `start_offset` (-1: all of it)."""
    batches = [*so_far, *newer]
    if start_offset != NO_START_OFFSET:
        batches = [
            batch if batch.first_offset >= start_offset else batch._replace(first_offset=start_offset)
            for batch in batches
            if batch.last_offset >= start_offset
        ]
    if len(batches) < 2:
        return tuple(batches)
    heapq.heapify(batches)
    combined = []
    previous = heapq.heappop(batches)
    while batches:
        following = heapq.heappop(batches)
        if _touch(previous, following):
            for part in _laid_together(previous, following):
                heapq.heappush(batches, part)
            previous = heapq.heappop(batches)
        else:
            combined.append(previous)
            previous = following
    combined.append(previous)
    return tuple(combined)


def _rank(batch: StateBatch) -> tuple[int, int]:
    return batch.delivery_count, batch.delivery_state


def _touch(previous: StateBatch, following: StateBatch) -> bool:
    """Whether the two can't both stay as they are."""
    if following.first_offset <= previous.last_offset:
        return True
    return following.first_offset == previous.last_offset + 1 and _rank(previous) == _rank(following)


def _laid_together(previous: StateBatch, following: StateBatch) -> Iterable[StateBatch]:
    """The one or more ranges that stand for both; `previous` sorts before `following`."""
    if _rank(previous) == _rank(following):
        yield previous._replace(last_offset=max(previous.last_offset, following.last_offset))
        return
    if _rank(following) < _rank(previous):
        yield previous
        if following.last_offset > previous.last_offset:
            yield following._replace(first_offset=previous.last_offset + 1)
        return
    if previous.first_offset < following.first_offset:
        yield previous._replace(last_offset=following.first_offset - 1)
    yield following
    if previous.last_offset > following.last_offset:
        yield previous._replace(first_offset=following.last_offset + 1)
