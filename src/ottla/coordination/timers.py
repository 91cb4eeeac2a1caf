"""Timers of a coordinator: something to do at a deadline, by key, without a clock.

Most timers are heartbeats, moved further away thousands of times before one ever fires. Moving one later therefore only
notes the new deadline; its entry in the heap is put right when it comes up. So the heap holds one entry a key, and a
stray one for each that was cancelled or moved earlier, gone when its time comes.
"""

import heapq
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

R = TypeVar("R")


class _Timer(Generic[R]):
    __slots__ = ("action", "deadline_ms", "queued_ms")

    def __init__(self, deadline_ms: int, action: Callable[[int], R]) -> None:
        self.deadline_ms = deadline_ms
        self.queued_ms = deadline_ms
        self.action = action


class Timers(Generic[R]):
    """Bounded by its users' keys: each group has at most a join and a sync timer, each member one."""

    __slots__ = ("_by_key", "_heap", "_sequence")

    def __init__(self) -> None:
        self._by_key: dict[Hashable, _Timer[R]] = {}
        self._heap: list[tuple[int, int, Hashable, _Timer[R]]] = []
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def schedule(self, key: Hashable, deadline_ms: int, action: Callable[[int], R]) -> None:
        """Do `action(now_ms)` at `deadline_ms`, in place of what was scheduled under `key` before."""
        timer = self._by_key.get(key)
        if timer is not None and timer.queued_ms <= deadline_ms:
            timer.deadline_ms = deadline_ms
            timer.action = action
            return
        timer = _Timer(deadline_ms, action)
        self._by_key[key] = timer
        self._push(key, timer)

    def cancel(self, key: Hashable) -> None:
        self._by_key.pop(key, None)

    def clear(self) -> None:
        self._by_key.clear()
        self._heap.clear()

    def next_deadline_ms(self) -> int | None:
        """When the earliest timer is due; None when there is none."""
        self._settle()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_ms: int) -> Callable[[int], R] | None:
        """The action of the earliest timer due at `now_ms`, which is a timer no more; None when none is due."""
        self._settle()
        if not self._heap or self._heap[0][0] > now_ms:
            return None
        _, _, key, timer = heapq.heappop(self._heap)
        del self._by_key[key]
        return timer.action

    def _push(self, key: Hashable, timer: _Timer[R]) -> None:
        timer.queued_ms = timer.deadline_ms
        self._sequence += 1
        heapq.heappush(self._heap, (timer.deadline_ms, self._sequence, key, timer))

    def _settle(self) -> None:
        """Make the heap's first entry a timer that stands, at its true deadline."""
        while self._heap:
            queued_ms, _, key, timer = self._heap[0]
            if self._by_key.get(key) is timer and timer.deadline_ms == queued_ms:
                return
            heapq.heappop(self._heap)
            if self._by_key.get(key) is timer:
                self._push(key, timer)
