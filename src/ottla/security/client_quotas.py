"""What clients use, against what they may: how long each has to be held back.

    use of a share ──▶ rate over the last windows ──▶ above its limit: hold back for as long as it takes the rate to fall

The time is `(rate - limit) / limit` of the span that the rate was measured over. Changes of topics are counted against a
bucket of tokens instead: they come in bursts.

Bounds: `TRACKED_MAX` shares of each quota; the one that was quiet longest is forgotten for a new one, and every one after an
hour of silence, as Apache's sensors are.

Source: KIP-13, KIP-124, KIP-599, KIP-612; `ClientQuotaManager`, `ClientRequestQuotaManager`,
`ControllerMutationQuotaManager`, `QuotaUtils`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from ottla.security.quota_limits import QuotaLimits, Share
from ottla.security.rates import TokenBucket, WindowedRate

TRACKED_MAX: Final = 10_000
SILENCE_MS: Final = 3_600_000
THROTTLE_TIME_MAX_MS: Final = 2**31 - 1
"""What an answer can hold: with a tiny limit the time that a large request earns is longer."""

PRODUCER_BYTE_RATE: Final = "producer_byte_rate"
CONSUMER_BYTE_RATE: Final = "consumer_byte_rate"
REQUEST_PERCENTAGE: Final = "request_percentage"
CONTROLLER_MUTATION_RATE: Final = "controller_mutation_rate"
CONNECTION_CREATION_RATE: Final = "connection_creation_rate"


class Windows(NamedTuple):
    """`quota.window.num` and `quota.window.size.seconds`, or those of another family."""

    samples: int = 11
    window_ms: int = 1_000


Measure = TypeVar("Measure", WindowedRate, TokenBucket)


class _Tracked(Generic[Measure]):
    """One share's use."""

    __slots__ = ("held_back_ms", "measure", "used_ms")

    def __init__(self, measure: Measure) -> None:
        self.measure: Measure = measure
        self.used_ms = 0
        self.held_back_ms = 0
        """The last throttle time."""


class UseRow(NamedTuple):
    """One share, for the metrics page."""

    user: str
    client_id: str
    value: float
    """The rate, or the tokens left."""
    throttle_time_ms: int


class RateQuota:
    """One quota of the kind that limits a rate."""

    __slots__ = ("_throttle_max_ms", "_tracked", "_windows", "limits")

    def __init__(self, windows: Windows, *, throttle_max_ms: int = THROTTLE_TIME_MAX_MS) -> None:
        """`throttle_max_ms`: nobody is held back longer at a time."""
        self.limits = QuotaLimits({})
        self._windows = windows
        self._throttle_max_ms = throttle_max_ms
        self._tracked: dict[tuple[str, str], _Tracked[WindowedRate]] = {}

    def use(self, user: str, client_id: str, value: float, now_ms: int) -> int:
        """Count `value`; the milliseconds to hold the client back, 0 for not at all."""
        share = self.limits.find(user, client_id)
        if share is None:
            return 0
        tracked = _tracked(self._tracked, share, now_ms) or _track(
            self._tracked, share, _Tracked(WindowedRate()), now_ms
        )
        tracked.measure.record(value, now_ms, *self._windows)
        tracked.held_back_ms = self._throttle_ms(tracked.measure, share.limit, now_ms)
        return tracked.held_back_ms

    def give_back(self, user: str, client_id: str, value: float, now_ms: int) -> None:
        """What was counted was not used after all."""
        share = self.limits.find(user, client_id)
        tracked = None if share is None else _tracked(self._tracked, share, now_ms)
        if tracked is not None:
            tracked.measure.record(-value, now_ms, *self._windows)

    def throttle_ms(self, user: str, client_id: str, now_ms: int) -> int:
        """How long to hold the client back for what it has used so far."""
        share = self.limits.find(user, client_id)
        tracked = None if share is None else self._tracked.get(share[:2])
        if share is None or tracked is None:
            return 0
        tracked.held_back_ms = self._throttle_ms(tracked.measure, share.limit, now_ms)
        return tracked.held_back_ms

    def most_at_once(self, user: str, client_id: str) -> float:
        """What the client could ever use within all windows together; infinite without a limit."""
        share = self.limits.find(user, client_id)
        if share is None:
            return math.inf
        return share.limit * (self._windows.samples - 1) * self._windows.window_ms / 1000

    def expire(self, now_ms: int) -> None:
        _expire(self._tracked, now_ms)

    def rows(self, now_ms: int) -> Iterator[UseRow]:
        for (user, client_id), tracked in list(self._tracked.items()):
            rate, _ = tracked.measure.measure(now_ms, *self._windows)
            yield UseRow(user, client_id, rate, tracked.held_back_ms)

    def _throttle_ms(self, rate: WindowedRate, limit: float, now_ms: int) -> int:
        used, over_ms = rate.measure(now_ms, *self._windows)
        if used <= limit:
            return 0
        return round(min((used - limit) / limit * over_ms, self._throttle_max_ms))


class MutationQuota:
    """The quota of partitions made and deleted."""

    __slots__ = ("_tracked", "_windows", "limits")

    def __init__(self, windows: Windows) -> None:
        self.limits = QuotaLimits({})
        self._windows = windows
        self._tracked: dict[tuple[str, str], _Tracked[TokenBucket]] = {}

    def take(self, user: str, client_id: str, partitions: int, now_ms: int, *, strict: bool) -> int:
        """Milliseconds to wait; with `strict` nothing was taken if there are any: the change has to be refused.

        Otherwise the change goes ahead, whatever debt it leaves, and the client is held back.
        """
        share = self.limits.find(user, client_id)
        if share is None:
            return 0
        burst = share.limit * self._windows.samples * self._windows.window_ms / 1000
        tracked = _tracked(self._tracked, share, now_ms) or _track(
            self._tracked, share, _Tracked(TokenBucket(burst, now_ms)), now_ms
        )
        bucket = tracked.measure
        bucket.refill(share.limit, burst, now_ms)
        refused = strict and bucket.tokens < 0
        if not refused:
            bucket.take(partitions)
        in_debt = refused or (not strict and bucket.tokens < 0)
        debt_ms = -bucket.tokens / share.limit * 1000
        tracked.held_back_ms = round(min(debt_ms, THROTTLE_TIME_MAX_MS)) if in_debt else 0
        return tracked.held_back_ms

    def expire(self, now_ms: int) -> None:
        _expire(self._tracked, now_ms)

    def rows(self) -> Iterator[UseRow]:
        for (user, client_id), tracked in list(self._tracked.items()):
            yield UseRow(user, client_id, tracked.measure.tokens, tracked.held_back_ms)


def _tracked(
    table: dict[tuple[str, str], _Tracked[Measure]], share: Share, now_ms: int
) -> _Tracked[Measure] | None:
    """What is known of a share, moved to the end: the one at the front was quiet longest."""
    key = (share.user, share.client_id)
    tracked = table.pop(key, None)
    if tracked is not None:
        table[key] = tracked
        tracked.used_ms = now_ms
    return tracked


def _track(
    table: dict[tuple[str, str], _Tracked[Measure]], share: Share, new: _Tracked[Measure], now_ms: int
) -> _Tracked[Measure]:
    if len(table) >= TRACKED_MAX:
        del table[next(iter(table))]
    new.used_ms = now_ms
    table[share.user, share.client_id] = new
    return new


def _expire(table: dict[tuple[str, str], _Tracked[Measure]], now_ms: int) -> None:
    for key, tracked in list(table.items()):
        if now_ms - tracked.used_ms < SILENCE_MS:
            return
        del table[key]
