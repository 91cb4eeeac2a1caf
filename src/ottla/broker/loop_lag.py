"""How late the loop is: the bar is p99 ≤ 10 ms under every load.

A timer is set for every `INTERVAL_SECONDS`; how much later than asked it runs is the lag that a request met as well.
"""

import asyncio

from ottla.metrics.instruments import Histogram

INTERVAL_SECONDS = 0.05

BOUNDS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class LoopLag:
    """Measures from `start` to `stop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.seconds = Histogram(BOUNDS_SECONDS)
        self.largest_seconds = 0.0
        self._loop = loop
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._due = self._loop.time() + INTERVAL_SECONDS
        self._timer = self._loop.call_at(self._due, self._measure)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _measure(self) -> None:
        lag = max(0.0, self._loop.time() - self._due)
        self.seconds.observe(lag)
        self.largest_seconds = max(self.largest_seconds, lag)
        self.start()
