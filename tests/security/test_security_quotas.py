"""What limit holds for whom, and for how long someone over it is held back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cluster.quota_entities import QuotaEntity
from ottla.security.client_quotas import (
    SILENCE_MS,
    THROTTLE_TIME_MAX_MS,
    TRACKED_MAX,
    MutationQuota,
    RateQuota,
    Windows,
)
from ottla.security.quota_limits import QuotaLimits, Share
from ottla.security.rates import WindowedRate

ALICE_READER = [
    QuotaEntity("alice", "reader"),
    QuotaEntity("alice", None),
    QuotaEntity("alice"),
    QuotaEntity(None, "reader"),
    QuotaEntity(None, None),
    QuotaEntity(None),
    QuotaEntity(client_id="reader"),
    QuotaEntity(client_id=None),
]
"""Everything that can hold for alice's client `reader`, the strongest first (KIP-55)."""


@pytest.mark.parametrize("strongest", range(len(ALICE_READER)))
def test_the_most_particular_limit_holds(strongest: int) -> None:
    """Of all eight levels, with the weaker ones set as well."""
    limits = QuotaLimits(
        {entity: 100.0 + level for level, entity in enumerate(ALICE_READER) if level >= strongest}
    )
    share = limits.find("alice", "reader")
    assert share is not None
    assert share.limit == 100 + strongest


@pytest.mark.parametrize(
    ("entity", "counted_with"),
    [
        (QuotaEntity("alice", None), ("alice", "reader")),
        (QuotaEntity(None, None), ("alice", "reader")),
        (QuotaEntity("alice"), ("alice", "")),
        (QuotaEntity(None), ("alice", "")),
        (QuotaEntity(client_id=None), ("", "reader")),
    ],
)
def test_whose_use_counts_together(entity: QuotaEntity, counted_with: tuple[str, str]) -> None:
    """A user's clients together for a user's quota; each user apart for that of the default user."""
    assert QuotaLimits({entity: 5.0}).find("alice", "reader") == Share(*counted_with, 5.0)


def test_who_has_no_limit() -> None:
    """A name that nothing is set for."""
    limits = QuotaLimits({QuotaEntity("bob"): 1.0, QuotaEntity(client_id="writer"): 1.0})
    assert limits.find("alice", "reader") is None
    assert limits.find("alice", "") is None


def test_a_client_without_an_id_has_the_default_clients_limit() -> None:
    """An empty id is nobody's name."""
    assert QuotaLimits({QuotaEntity(client_id=None): 3.0}).find("alice", "") == Share("", "", 3.0)


def quota(limit: float, windows: Windows = Windows(), **options: int) -> RateQuota:  # noqa: B008 - a value
    made = RateQuota(windows, **options)
    made.limits = QuotaLimits({QuotaEntity("alice"): limit})
    return made


def test_a_burst_within_the_windows_is_let_through() -> None:
    """Ten seconds' worth at once is not above the rate of ten seconds."""
    assert quota(100).use("alice", "c", 1_000, 0) == 0


def test_how_long_one_is_held_back() -> None:
    """Until the rate has fallen: twice the allowance of ten seconds takes ten more."""
    over = quota(100)
    assert over.use("alice", "c", 2_000, 0) == 10_000
    assert over.throttle_ms("alice", "other", 0) == 10_000, "her clients share it"
    assert over.throttle_ms("bob", "c", 0) == 0
    assert over.throttle_ms("alice", "c", 11_001) == 0, "the window has passed"


def test_what_is_given_back_was_not_used() -> None:
    """As a fetch answer that was not sent."""
    over = quota(100)
    assert over.use("alice", "c", 5_000, 0) > 0
    over.give_back("alice", "c", 5_000, 0)
    assert over.throttle_ms("alice", "c", 0) == 0


def test_a_bound_on_the_time() -> None:
    """Nobody waits longer than a window for time on the loop."""
    assert quota(100, throttle_max_ms=1_000).use("alice", "c", 1_000_000, 0) == 1_000


@given(
    limit=st.floats(min_value=1, max_value=1e6),
    steps=st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 100_000)), min_size=20, max_size=100),
)
def test_whoever_waits_as_told_keeps_to_the_rate(limit: float, steps: list[tuple[int, int]]) -> None:
    """Over any length of time: no more than the limit, besides what one set of windows and one request hold."""
    held = quota(limit)
    now_ms = used = 0
    for pause_ms, value in steps:
        now_ms += pause_ms
        used += value
        now_ms += held.use("alice", "c", value, now_ms)
    largest = max(value for _, value in steps)
    assert used <= limit * (now_ms / 1000 + 2 * 11) + 2 * largest


@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 1e9)), max_size=200))
def test_a_rate_is_never_negative_and_keeps_few_windows(events: list[tuple[int, float]]) -> None:
    """However records come."""
    rate, now_ms = WindowedRate(), 0
    for pause_ms, value in events:
        now_ms += pause_ms
        rate.record(value, now_ms, 11, 1_000)
        per_second, over_ms = rate.measure(now_ms, 11, 1_000)
        assert per_second >= 0
        assert 10_000 <= over_ms <= 12_000 + 5_000


def test_clients_are_tracked_up_to_a_bound() -> None:
    """The one that was quiet longest is forgotten for a new one; all are after an hour."""
    every = RateQuota(Windows())
    every.limits = QuotaLimits({QuotaEntity(client_id=None): 1.0})
    for number in range(TRACKED_MAX + 10):
        every.use("u", f"client-{number}", 1_000, 0)
    assert len(list(every.rows(0))) == TRACKED_MAX
    assert every.throttle_ms("u", "client-0", 0) == 0
    assert every.throttle_ms("u", "client-10", 0) > 0
    every.expire(SILENCE_MS)
    assert not list(every.rows(SILENCE_MS))


def test_strict_changes_are_refused_beyond_the_burst() -> None:
    """One that begins within it passes whole; the next waits until the debt is paid (KIP-599)."""
    mutation = MutationQuota(Windows())
    mutation.limits = QuotaLimits({QuotaEntity("alice"): 1.0})
    assert mutation.take("alice", "c", 10, 0, strict=True) == 0
    assert mutation.take("alice", "c", 5, 0, strict=True) == 0
    assert mutation.take("alice", "c", 1, 0, strict=True) == 4_000
    assert mutation.take("alice", "c", 1, 1_000, strict=True) == 3_000, (
        "nothing was taken by the refused ones"
    )
    assert mutation.take("alice", "c", 1, 4_000, strict=True) == 0


def test_permissive_changes_pass_and_hold_back() -> None:
    """Clients that know no error for it go into debt."""
    mutation = MutationQuota(Windows())
    mutation.limits = QuotaLimits({QuotaEntity("alice"): 1.0})
    assert mutation.take("alice", "c", 15, 0, strict=False) == 4_000
    assert mutation.take("alice", "c", 1, 0, strict=False) == 5_000


def test_a_throttle_time_fits_into_the_answer() -> None:
    """Whoever may use next to nothing and uses much is held back for as long as an int32 can say: the answer must go out."""
    rate = RateQuota(Windows())
    rate.limits = QuotaLimits({QuotaEntity(None): 1e-6})
    assert rate.use("alice", "writer", 100e6, 0) == THROTTLE_TIME_MAX_MS == 2**31 - 1
    assert rate.throttle_ms("alice", "writer", 1) == THROTTLE_TIME_MAX_MS
    mutations = MutationQuota(Windows())
    mutations.limits = QuotaLimits({QuotaEntity(None): 1e-6})
    assert mutations.take("alice", "maker", 10_000, 0, strict=False) == THROTTLE_TIME_MAX_MS
