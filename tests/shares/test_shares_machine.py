"""Any order of fetches, acknowledgements, expiries, failures and restarts: the share partition against the expectation."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from share_world import MOST_RECORDS, ShareWorld

MEMBERS = st.sampled_from(["a", "b", "c"])
TYPES = st.integers(0, 3)


class ShareMachine(RuleBasedStateMachine):
    """Each acquired record is acknowledged, released or its lock is over, exactly once; what was confirmed stays so."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ShareWorld()
        self.start_offset = 0

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
    max_examples=350,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestShareMachine = ShareMachine.TestCase
