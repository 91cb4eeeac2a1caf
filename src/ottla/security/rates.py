"""How much of something is used, by the second: over a few windows of time, or against a bucket of tokens.

    samples  │ 1 s │ 1 s │ 1 s │ 1 s …     a rate is their sum over the time they cover, and over at least
             └ oldest            now ┘     `samples - 1` whole windows, so that a first burst is not taken for a habit

Source: KIP-13, KIP-599; `Rate`, `SampledStat`, `TokenBucket` of Apache's metrics library.
"""

from __future__ import annotations

from collections import deque


class WindowedRate:
    """Units a second. Times are in milliseconds and must not go back."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: deque[list[float]] = deque()
        """Start, time of the last event, and sum of each window; one more than the samples at most."""

    def record(self, value: float, now_ms: int, samples: int, window_ms: int) -> None:
        """Something was used; a negative value takes back."""
        windows = self._windows
        if not windows or now_ms - windows[-1][0] >= window_ms:
            if len(windows) > samples:
                windows.popleft()
            windows.append([now_ms, now_ms, 0.0])
        windows[-1][1] = now_ms
        windows[-1][2] += value

    def measure(self, now_ms: int, samples: int, window_ms: int) -> tuple[float, float]:
        """The rate by the second, and the milliseconds over which it was measured."""
        windows = self._windows
        while windows and now_ms - windows[0][1] >= samples * window_ms:
            windows.popleft()
        elapsed_ms = now_ms - windows[0][0] if windows else 0.0
        missing = samples - 1 - int(elapsed_ms / window_ms)
        if missing > 0:
            elapsed_ms += missing * window_ms
        elapsed_ms = max(elapsed_ms, 1.0)
        return sum(each[2] for each in windows) * 1000 / elapsed_ms, elapsed_ms


class TokenBucket:
    """Filled at a rate up to a burst; what is taken beyond leaves a debt."""

    __slots__ = ("_filled_ms", "tokens")

    def __init__(self, burst: float, now_ms: int) -> None:
        self.tokens = burst
        self._filled_ms = now_ms

    def refill(self, rate: float, burst: float, now_ms: int) -> float:
        """The tokens there are now; negative for a debt."""
        self.tokens = min(burst, self.tokens + rate * max(now_ms - self._filled_ms, 0) / 1000)
        self._filled_ms = now_ms
        return self.tokens

    def take(self, value: float) -> None:
        self.tokens -= value
