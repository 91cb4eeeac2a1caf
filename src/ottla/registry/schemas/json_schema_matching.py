"""The most pairs that can be made of two sides, each member in one pair at most (a maximum bipartite matching)."""

from __future__ import annotations

from collections.abc import Sequence


def maximum_matching(edges: Sequence[Sequence[int]], right_count: int) -> dict[int, int]:
    """By left member its right one; `edges[left]` are those it may have, the ones it would rather have first.

    Each left member in turn takes a free right one, or makes others move along the shortest way that frees one (Kuhn).
    """
    owner: list[int | None] = [None] * right_count
    for left in range(len(edges)):
        _assign(left, edges, owner)
    matching = {left: right for right, left in enumerate(owner) if left is not None}
    return dict(sorted(matching.items()))


def _assign(start: int, edges: Sequence[Sequence[int]], owner: list[int | None]) -> None:
    reached_from: dict[int, int] = {}  # by right member the left one that would take it
    pending = [start]
    for left in pending:
        for right in edges[left]:
            if right in reached_from:
                continue
            reached_from[right] = left
            holder = owner[right]
            if holder is None:
                _move(start, right, reached_from, owner)
                return
            pending.append(holder)


def _move(start: int, right: int, reached_from: dict[int, int], owner: list[int | None]) -> None:
    taken = {left: place for place, left in enumerate(owner) if left is not None}
    while True:
        left = reached_from[right]
        owner[right] = left
        if left == start:
            return
        right = taken[left]
