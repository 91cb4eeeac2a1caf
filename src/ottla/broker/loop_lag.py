"""How late the loop is: the bar is p99 ≤ 10 ms under every load.

A timer is set for every `INTERVAL_MS`; how much later than asked it runs is the lag that a request met as well.
"""

import asyncio

INTERVAL_MS = 50

BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
"""Upper bounds of the histogram's buckets."""


class LoopLag:
    """A histogram of lags since the start."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.total_seconds = 0.0
        self.measured = 0
        self.largest_seconds = 0.0
        self._loop = loop
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = self._loop.time() + INTERVAL_MS / 1000
        self._timer = self._loop.call_at(self._due, self._measure)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _measure(self) -> None:
        lag = max(0.0, self._loop.time() - self._due)
        self.measured += 1
        self.total_seconds += lag
        self.largest_seconds = max(self.largest_seconds, lag)
        lag_ms = lag * 1000
        for number, bound in enumerate(BUCKETS_MS):
            if lag_ms <= bound:
                self.counts[number] += 1
                break
        else:
            self.counts[-1] += 1
        self.start()
