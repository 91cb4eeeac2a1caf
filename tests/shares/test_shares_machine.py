"""Any order of fetches, acknowledgements, expiries, failures and restarts: the share partition against the expectation.

Twice: hypothesis looks for a short way into trouble, long walks of weighted steps get to where a window is full of pieces.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from share_world import MOST_RECORDS, ShareWorld

MEMBERS = st.sampled_from(["a", "b", "c"])
TYPES = st.integers(0, 3)


class ShareMachine(RuleBasedStateMachine):
    """Each acquired record is acknowledged, released or its lock is over, exactly once; what was confirmed stays so."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ShareWorld()
        self.start_offset = 0

    @initialize(counts=st.lists(st.integers(1, 5), min_size=3, max_size=8))
    def begin(self, counts: list[int]) -> None:
        for count in counts:
            self.world.produce(count)

    @rule(counts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
    def produce(self, counts: list[int]) -> None:
        for count in counts:
            self.world.produce(count)

    @rule(
        member=MEMBERS,
        max_records=st.integers(1, MOST_RECORDS),
        batch_size=st.integers(1, MOST_RECORDS),
        batch_count=st.integers(1, 6),
        committed=st.booleans(),
    )
    def fetch(
        self, member: str, max_records: int, batch_size: int, batch_count: int, *, committed: bool
    ) -> None:
        self.world.fetch(member, max_records, batch_size, batch_count, committed=committed)

    @rule(data=st.data())
    def acknowledge_what_one_has(self, data: st.DataObject) -> None:
        """A part of what some member has, right or a little off."""
        world = self.world
        held = sorted(offset for offset, each in world.expected.items() if each.member)
        if not held:
            return
        first = data.draw(st.sampled_from(held))
        last = first + data.draw(st.integers(0, 4))
        member = world.expected[first].member
        count = last - first + 1
        types = data.draw(
            st.one_of(
                st.lists(TYPES, min_size=1, max_size=1), st.lists(TYPES, min_size=count, max_size=count)
            )
        )
        world.acknowledge(member, first, last, types)

    @rule(member=MEMBERS, first=st.integers(0, 60), count=st.integers(1, 6), kind=TYPES)
    def acknowledge_anything(self, member: str, first: int, count: int, kind: int) -> None:
        self.world.acknowledge(member, first, first + count - 1, [kind])

    @rule(member=MEMBERS)
    def close_session(self, member: str) -> None:
        self.world.close_session(member)

    @rule(duration_ms=st.sampled_from([1, 40, 60, 100, 250]))
    def pass_time(self, duration_ms: int) -> None:
        self.world.pass_time(duration_ms)

    @rule(outcome=st.sampled_from(["stand", "stand", "stand", "fail", "late"]))
    def persist(self, outcome: str) -> None:
        self.world.persist(outcome)

    @rule()
    def persist_all(self) -> None:
        while self.world.unwritten:
            self.world.persist("stand")

    @rule(index=st.integers(0, 20))
    def compact(self, index: int) -> None:
        self.world.compact(index)

    @rule(index=st.integers(0, 10))
    def abort(self, index: int) -> None:
        """The transaction of a batch was aborted."""
        fresh = [each for each in self.world.log if each.base_offset >= self.world.next]
        if fresh:
            self.world.aborted.add(fresh[index % len(fresh)].base_offset)

    @rule(beyond=st.integers(-3, 6))
    def delete_records(self, beyond: int) -> None:
        self.world.delete_records(self.world.start + beyond)

    @rule()
    def prune_state_log(self) -> None:
        self.world.state_log.prune()

    @rule()
    def restart(self) -> None:
        self.world.restart()
        self.start_offset = 0

    @invariant()
    def holds(self) -> None:
        self.world.check()
        assert self.world.share.start_offset >= self.start_offset, "the start offset went back"
        self.start_offset = self.world.share.start_offset


ShareMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestShareMachine = ShareMachine.TestCase


WALKS, STEPS = 24, 1_500


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_long_walk_loses_nothing(seed: int) -> None:
    """The same seed is the same walk."""
    chance = Random(seed)
    world = ShareWorld()
    acquired = 0
    for _ in range(STEPS):
        before = len(world.expected)
        _step(world, chance)
        world.check()
        acquired += max(len(world.expected) - before, 0)
    assert acquired > STEPS / 20
    assert world.done


def _step(world: ShareWorld, chance: Random) -> None:
    kind = chance.choices(
        [
            "produce",
            "fetch",
            "acknowledge",
            "persist",
            "time",
            "close",
            "delete",
            "restart",
            "compact",
            "abort",
        ],
        [8, 30, 40, 40, 5, 2, 1, 1, 1, 1],
    )[0]
    if kind == "produce":
        world.produce(chance.randint(1, 5))
    elif kind == "fetch":
        world.fetch(
            chance.choice("abc"),
            chance.randint(1, MOST_RECORDS),
            chance.randint(1, MOST_RECORDS),
            chance.randint(1, 6),
            committed=chance.random() < 0.5,
        )
    elif kind == "acknowledge":
        _acknowledge(world, chance)
    elif kind == "persist":
        world.persist(chance.choices(["stand", "fail", "late"], [20, 2, 1])[0])
    elif kind == "time":
        world.pass_time(chance.choice([1, 30, 60, 120]))
    elif kind == "close":
        world.close_session(chance.choice("abc"))
    elif kind == "delete":
        world.delete_records(world.start + chance.randint(-3, 5))
    elif kind == "restart":
        world.restart()
    elif kind == "compact":
        world.compact(chance.randrange(20))
    else:
        fresh = [each for each in world.log if each.base_offset >= world.next]
        if fresh:
            world.aborted.add(chance.choice(fresh).base_offset)
    if chance.random() < 0.05:
        world.state_log.prune()


def _acknowledge(world: ShareWorld, chance: Random) -> None:
    held = [offset for offset, each in world.expected.items() if each.member]
    if not held:
        return
    first = chance.choice(held)
    member = world.expected[first].member
    last = first
    while chance.random() < 0.7 and last + 1 in held and world.expected[last + 1].member == member:
        last += 1
    last += chance.random() < 0.05
    count = last - first + 1 if chance.random() < 0.5 else 1
    types = [chance.choices([0, 1, 2, 3], [1, 12, 5, 2])[0] for _ in range(count)]
    world.acknowledge(member, first, last, types)
