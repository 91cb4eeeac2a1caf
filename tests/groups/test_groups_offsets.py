"""Committed offsets: two views, transactions, and the way back."""

from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ottla.groups.offsets import Offsets
from ottla.groups.records import OffsetAndMetadata

KEYS = [(group, topic, partition) for group in "gh" for topic in "tu" for partition in range(2)]


def offset(number: int, position: int = 0) -> OffsetAndMetadata:
    return OffsetAndMetadata(number, -1, "", 0, position=position)


def test_offsets_of_a_transaction_count_when_it_commits() -> None:
    """Until then they are unstable; an abort forgets them."""
    offsets = Offsets()
    offsets.put("g", "t", 0, offset(1, 0))
    offsets.put_transactional(7, "g", "t", 0, offset(2, 1))
    assert offsets.is_unstable("g", "t", 0)
    assert offsets.get_committed("g", "t", 0) == offset(1, 0)
    offsets.end_transaction(7, committed=True)
    assert not offsets.is_unstable("g", "t", 0)
    assert offsets.get_committed("g", "t", 0) == offset(2, 1)
    offsets.put_transactional(7, "g", "t", 0, offset(3, 2))
    offsets.end_transaction(7, committed=False)
    assert offsets.get_committed("g", "t", 0) == offset(2, 1)
    assert not offsets.has_open_transaction("g")


def test_a_transaction_that_commits_late_does_not_win_over_a_later_commit() -> None:
    """The commit further on in the log counts, not the marker's place (KIP-447)."""
    offsets = Offsets()
    offsets.put_transactional(7, "g", "t", 0, offset(2, 1))
    offsets.put("g", "t", 0, offset(5, 2))
    offsets.end_transaction(7, committed=True)
    assert offsets.get("g", "t", 0) == offset(5, 2)


def test_a_transactional_offset_can_be_taken_back() -> None:
    """A batch that was not written leaves the transaction as it was."""
    offsets = Offsets()
    offsets.put_transactional(7, "g", "t", 0, offset(1))
    take_back = offsets.put_transactional(7, "g", "t", 0, offset(2))
    take_back()
    take_back_all: Callable[[], None] = offsets.put_transactional(8, "g", "u", 0, offset(3))
    take_back_all()
    assert not offsets.is_unstable("g", "u", 0)
    offsets.end_transaction(7, committed=True)
    assert offsets.get("g", "t", 0) == offset(1)


def test_a_tombstone_also_clears_what_a_transaction_would_commit() -> None:
    """The topic is gone: its offset must not come back with the marker."""
    offsets = Offsets()
    offsets.put_transactional(7, "g", "t", 0, offset(2))
    assert offsets.of_topics({"t", "other"}) == [("g", "t", 0)]
    offsets.remove("g", "t", 0)
    offsets.end_transaction(7, committed=True)
    assert offsets.get("g", "t", 0) is None
    assert not offsets.has_any("g")


class TwoViews(RuleBasedStateMachine):
    """Operations are put, committed oldest first, reverted newest first; a list of whole states is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = Offsets()
        self.states: list[dict[tuple[str, str, int], OffsetAndMetadata]] = [{}]
        self.tickets: list[object] = []
        self.number = 0

    @rule(changes=st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), min_size=1, max_size=5))
    def operate(self, changes: list[tuple[tuple[str, str, int], bool]]) -> None:
        ticket = object()
        state = dict(self.states[-1])
        for key, is_put in changes:
            if is_put:
                self.number += 1
                state[key] = offset(self.number)
                self.offsets.put(*key, state[key], ticket)
            else:
                state.pop(key, None)
                self.offsets.remove(*key, ticket)
        self.tickets.append(ticket)
        self.states.append(state)

    @precondition(lambda self: self.tickets)
    @rule()
    def commit(self) -> None:
        self.offsets.commit(self.tickets.pop(0))
        del self.states[0]

    @precondition(lambda self: self.tickets)
    @rule()
    def revert(self) -> None:
        self.offsets.revert(self.tickets.pop())
        self.states.pop()

    @invariant()
    def both_views_hold(self) -> None:
        committed, latest = self.states[0], self.states[-1]
        for key in KEYS:
            assert self.offsets.get(*key) == latest.get(key)
            assert self.offsets.get_committed(*key) == committed.get(key)
        for group in "gh":
            shown = {
                (group, topic, partition): each
                for topic, partitions in self.offsets.committed_of_group(group).items()
                for partition, each in partitions.items()
            }
            assert shown == {key: each for key, each in committed.items() if key[0] == group}
        assert self.offsets.count() == len(latest)


TestTwoViews = TwoViews.TestCase
TestTwoViews.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
