"""Timers by key, in the order of their deadlines, without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from ottla.coordination.timers import Timers


def fire_until(timers: Timers[str], now_ms: int) -> list[str]:
    fired = []
    while (action := timers.pop_due(now_ms)) is not None:
        fired.append(action(now_ms))
    return fired


def test_a_timer_fires_once_at_its_deadline() -> None:
    """Not before, and not again."""
    timers: Timers[str] = Timers()
    timers.schedule("a", 10, lambda now_ms: f"a at {now_ms}")
    assert timers.next_deadline_ms() == 10
    assert fire_until(timers, 9) == []
    assert fire_until(timers, 10) == ["a at 10"]
    assert timers.next_deadline_ms() is None


def test_a_timer_moved_later_keeps_one_entry() -> None:
    """A member that sends heartbeats for weeks does not fill the heap."""
    timers: Timers[str] = Timers()
    for now_ms in range(10_000):
        timers.schedule("member", now_ms + 100, lambda _: "expired")
    assert len(timers._heap) == 1
    assert fire_until(timers, 10_098) == []
    assert fire_until(timers, 10_099) == ["expired"]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("schedule"), st.sampled_from("abcd"), st.integers(0, 50)),
            st.tuples(st.just("cancel"), st.sampled_from("abcd"), st.just(0)),
            st.tuples(st.just("run"), st.just(""), st.integers(0, 10)),
        )
    )
)
def test_timers_fire_like_a_naive_list(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is scheduled, moved and cancelled: what fires is what a plain dictionary says is due, in order."""
    timers: Timers[str] = Timers()
    naive: dict[str, int] = {}
    now_ms = 0
    for step, key, number in steps:
        if step == "schedule":
            timers.schedule(key, now_ms + number, lambda _, key=key: key)
            naive[key] = now_ms + number
        elif step == "cancel":
            timers.cancel(key)
            naive.pop(key, None)
        else:
            now_ms += number
            assert timers.next_deadline_ms() == min(naive.values(), default=None)
            due = {key: deadline for key, deadline in naive.items() if deadline <= now_ms}
            fired = fire_until(timers, now_ms)
            assert sorted(fired) == sorted(due)
            assert [due[key] for key in fired] == sorted(due.values())
            for each in due:
                del naive[each]
    assert len(timers) == len(naive)
