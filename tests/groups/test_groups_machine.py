"""Consumers join, sync, commit, leave, crash and come back at random; time passes, the log stalls, the broker restarts.

Whatever happens: in one generation every member gets the part that its leader gave it, no partition twice; generations
only rise; only members of the current generation commit; the log tells the same group and offsets as the memory.
"""

from __future__ import annotations

import logging

import hypothesis.strategies as st
from group_clients import GROUP, PARTITIONS, REBALANCE_MS, SimulatedConsumer
from group_world import GroupWorld
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ottla.groups.classic_group import ClassicGroup
from ottla.groups.records import GroupKey, parse_key
from ottla.groups.settings import GroupSettings
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import ErrorCode

CONSUMERS = st.integers(0, 4)


def group_of(world: GroupWorld) -> ClassicGroup | None:
    return world.service.coordinators()[0].groups.find_classic(GROUP)


class Consumers(RuleBasedStateMachine):
    """Five consumers of one group, two of them static."""

    @initialize(delay_ms=st.sampled_from([0, 3000]), max_size=st.sampled_from([3, 100]))
    def begin(self, delay_ms: int, max_size: int) -> None:
        logging.disable(logging.WARNING)
        self.world = GroupWorld(
            GroupSettings(group_initial_rebalance_delay_ms=delay_ms, group_max_size=max_size)
        )
        self.consumers = [
            SimulatedConsumer(f"c{index}", self.world, f"i{index}" if index < 2 else None)
            for index in range(5)
        ]
        self.generation_id = 0
        self.next_offset = 0
        self.accepted: dict[int, int] = {}
        self.records_when_lost = -1
        """Group records in the log when some were lost, or answered too late: until the next one the log and the memory
        may differ."""

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    @rule(who=CONSUMERS)
    def act(self, who: int) -> None:
        self.consumers[who].act()

    @rule()
    def all_act(self) -> None:
        for consumer in self.consumers:
            consumer.act()

    @rule()
    def all_go_on_for_a_while(self) -> None:
        """Long enough for a generation to settle, where nothing disturbs it."""
        for _ in range(5):
            self.all_act()
            self.world.advance(1000)

    @rule(who=CONSUMERS, partition=st.integers(0, PARTITIONS - 1))
    def commit(self, who: int, partition: int) -> None:
        """Taken only of a member of the current generation, whose assignment is known."""
        consumer = self.consumers[who]
        group = group_of(self.world)
        self.next_offset += 1
        answer = consumer.commit(partition, self.next_offset)
        if self.world.hold or not answer:
            return
        if answer[0] is ErrorCode.NONE:
            self.accepted[partition] = self.next_offset
            assert (
                group is None
                or (group.is_empty and consumer.generation_id < 0)
                or (
                    consumer.generation_id == group.generation_id
                    and consumer.member_id in group.members
                    and group.state is not ClassicGroupState.COMPLETING_REBALANCE
                    and consumer.instance_id == group.members[consumer.member_id].group_instance_id
                )
            )

    @rule(who=CONSUMERS)
    def resubscribe(self, who: int) -> None:
        consumer = self.consumers[who]
        consumer.topics = b"u" if consumer.topics == b"t" else b"t"
        if consumer.state == "owning":
            consumer.join()

    @rule(who=CONSUMERS)
    def leave(self, who: int) -> None:
        self.consumers[who].leave()

    @rule(who=CONSUMERS)
    def crash(self, who: int) -> None:
        self.consumers[who].crash()

    @rule(milliseconds=st.sampled_from([1, 500, 3000, 9000, REBALANCE_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    @rule()
    def log_stalls(self) -> None:
        self.world.hold = True

    @precondition(lambda self: self.world.held)
    @rule()
    def log_times_out(self) -> None:
        """As at Apache, an operation that was told to have failed is taken back though its records are in the log."""
        self.world.time_out_log()
        self.records_when_lost = self.group_record_count()

    @precondition(lambda self: self.world.held)
    @rule(error=st.sampled_from([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_LEADER_OR_FOLLOWER]))
    def log_loses_what_it_held(self, error: ErrorCode) -> None:
        self.world.fail_held(error)
        if group_of(self.world) is None:
            self.generation_id = 0
        self.records_when_lost = self.group_record_count()

    def group_record_count(self) -> int:
        return sum(isinstance(parse_key(record.key), GroupKey) for record in self.world.logs[0])

    @precondition(lambda self: self.world.hold)
    @rule()
    def log_goes_on(self) -> None:
        self.world.hold = False
        self.world.commit_log()

    @rule()
    def broker_restarts(self) -> None:
        """Requests in flight are lost with it; what the log has not, is not."""
        if self.world.hold:
            self.log_goes_on()
        self.world.restart()
        self.records_when_lost = -1
        group = group_of(self.world)
        self.generation_id = 0 if group is None else group.generation_id
        offsets = self.world.service.coordinators()[0].offsets
        for partition, number in self.accepted.items():
            kept = offsets.get_committed(GROUP, "t", partition)
            assert kept is not None
            assert kept.committed_offset >= number
        for consumer in self.consumers:
            consumer.seen.clear()
            if consumer.state in ("joining", "syncing"):
                consumer.incarnation += 1
                consumer.state = "out"

    @invariant()
    def generations_only_rise(self) -> None:
        group = group_of(self.world)
        if group is not None:
            assert group.generation_id >= self.generation_id
            self.generation_id = group.generation_id

    @invariant()
    def no_partition_has_two_owners(self) -> None:
        """Within a generation; a static member's new id stands for the old one."""
        parts: dict[int, dict[bytes, str]] = {}
        for consumer in self.consumers:
            for generation_id, _, assignment in consumer.seen:
                for partition in assignment:
                    owner = parts.setdefault(generation_id, {}).setdefault(bytes([partition]), consumer.name)
                    assert owner == consumer.name

    @invariant()
    def the_group_is_consistent(self) -> None:
        group = group_of(self.world)
        if group is None:
            return
        members = group.members.values()
        assert group.awaiting_join_count == sum(member.is_awaiting_join for member in members)
        assert group.is_empty == (not group.members) or group.state is ClassicGroupState.PREPARING_REBALANCE
        assert group.leader_id in group.members if group.members else group.leader_id is None
        assert group.static_members == {
            member.group_instance_id: member.member_id for member in members if member.is_static
        }
        if group.state is ClassicGroupState.PREPARING_REBALANCE:
            assert not any(member.is_awaiting_sync for member in members)
        if group.state is ClassicGroupState.STABLE:
            assert not any(member.is_awaiting_sync for member in members)
            assert self.world.held or not any(member.is_awaiting_join for member in members)

    @invariant()
    def the_log_tells_the_same(self) -> None:
        """A settled group and all offsets are what a new coordinator would read."""
        if self.world.held:
            return
        live = self.world.service.coordinators()[0]
        mirror = GroupWorld(self.world.settings)
        mirror.logs = self.world.logs
        mirror.restart()
        loaded = mirror.service.coordinators()[0]
        assert (
            live.offsets.committed_of_group(GROUP).keys() == loaded.offsets.committed_of_group(GROUP).keys()
        )
        for topic, partition, offset in live.offsets.of_group(GROUP):
            again = loaded.offsets.get(GROUP, topic, partition)
            assert again is not None
            assert again.committed_offset == offset.committed_offset
        group, again_group = group_of(self.world), group_of(mirror)
        if group is None or again_group is None:
            return
        is_settled = group.state in (ClassicGroupState.STABLE, ClassicGroupState.EMPTY)
        if is_settled and self.group_record_count() > self.records_when_lost:
            assert described(group) == described(again_group)


def described(group: ClassicGroup) -> tuple[object, ...]:
    return (
        group.state,
        group.generation_id,
        group.protocol_type,
        group.protocol_name,
        group.leader_id,
        {
            member.member_id: (member.group_instance_id, member.assignment, member.protocols)
            for member in group.members.values()
        },
    )


TestConsumers = Consumers.TestCase
TestConsumers.settings = settings(
    max_examples=420,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
