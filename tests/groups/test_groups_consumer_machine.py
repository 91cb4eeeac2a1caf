"""Consumers of both protocols come, read, commit, leave, crash and come back in one group; topics come, grow and go; time
passes, the log stalls and loses what it held, the broker restarts.

Whatever happens: no partition is read by two at a time; epochs only rise; only a member at its epoch commits; the log tells
the same group as the memory; and once it is quiet, every member has what it shall have, and every partition a reader.
"""

from __future__ import annotations

import logging

import hypothesis.strategies as st
from consumer_group_clients import (
    GROUP,
    REBALANCE_MS,
    SESSION_MS,
    ClassicConsumer,
    ConsumerClient,
    NextConsumer,
    put_topic,
    remove_topic,
)
from group_world import GroupWorld
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ottla.groups.classic_group import ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup, ConsumerGroupState
from ottla.groups.registry import Group
from ottla.groups.settings import ConsumerGroupSettings, GroupSettings
from ottla.protocol.errors import ErrorCode

WHO = st.integers(0, 4)
QUIET_ROUNDS = 40


def group_of(world: GroupWorld) -> Group | None:
    return world.service.coordinators()[0].groups.find(GROUP)


def epoch_of(group: Group | None) -> int:
    if isinstance(group, ConsumerGroup):
        return group.group_epoch
    return group.generation_id if isinstance(group, ClassicGroup) else 0


class Consumers(RuleBasedStateMachine):
    """Five consumers: two of them static; each of either protocol, at times of the other."""

    @initialize(assignor=st.sampled_from(["uniform", "range"]), max_size=st.sampled_from([3, 100]))
    def begin(self, assignor: str, max_size: int) -> None:
        logging.disable(logging.CRITICAL)
        self.world = GroupWorld(
            GroupSettings(
                group_initial_rebalance_delay_ms=0,
                consumer=ConsumerGroupSettings(
                    assignors=(assignor,), session_timeout_ms=SESSION_MS, max_size=max_size
                ),
            )
        )
        put_topic(self.world, "t1", 3)
        put_topic(self.world, "t2", 2)
        self.consumers: list[NextConsumer | ClassicConsumer] = [
            NextConsumer(f"c{number}", self.world, f"i{number}" if number < 2 else None)
            for number in range(5)
        ]
        self.group: Group | None = None
        self.epoch = 0
        self.next_offset = 0
        self.number = 0
        self.max_size = max_size

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    # What consumers do.

    @rule(who=WHO, hears=st.sampled_from([True, True, True, False]))
    def act(self, who: int, hears: bool) -> None:
        self.consumers[who].act(hears=hears)

    @rule(who=WHO)
    def heartbeat_alone(self, who: int) -> None:
        """It is slow to do what it was told."""
        consumer = self.consumers[who]
        if isinstance(consumer, NextConsumer):
            consumer.heartbeat()

    @rule()
    def all_act(self) -> None:
        for consumer in self.consumers:
            consumer.act()
            self.epochs_only_rise()
        self.world.run_tasks()

    @rule()
    def all_go_on_for_a_while(self) -> None:
        for _ in range(4):
            self.all_act()
            self.world.advance(1000)

    @rule(who=WHO)
    def commit(self, who: int) -> None:
        """Taken only of a member that is where it should be."""
        consumer = self.consumers[who]
        group = group_of(self.world)
        self.next_offset += 1
        answer = consumer.commit(self.next_offset)
        if answer != [ErrorCode.NONE] or not isinstance(group, ConsumerGroup) or group.is_empty:
            return
        member = group.members[consumer.member_id]
        assert member.member_epoch == consumer.epoch

    @rule(who=WHO, topics=st.sampled_from([["t1"], ["t2"], ["t1", "t2"], []]))
    def subscribe(self, who: int, topics: list[str]) -> None:
        self.consumers[who].subscribe(topics)

    @rule(who=WHO, regex=st.sampled_from(["t.*", "t[13]", "["]), topics=st.sampled_from([[], ["t2"]]))
    def subscribe_by_regex(self, who: int, regex: str, topics: list[str]) -> None:
        self.consumers[who].subscribe(topics, regex)

    @rule(who=WHO)
    def leave(self, who: int) -> None:
        self.consumers[who].leave()

    @rule(who=WHO)
    def crash(self, who: int) -> None:
        self.consumers[who].crash()

    @rule(who=WHO, classic=st.booleans(), leaves=st.booleans())
    def come_back_with_the_other_protocol(self, who: int, classic: bool, leaves: bool) -> None:
        old = self.consumers[who]
        if isinstance(old, ClassicConsumer) == classic:
            return
        if leaves:
            old.leave()
        old.crash()
        self.number += 1
        kind = ClassicConsumer if classic else NextConsumer
        self.consumers[who] = kind(f"c{who}.{self.number}", self.world, old.instance_id)

    # What the world does.

    @rule(milliseconds=st.sampled_from([1, 500, 3000, SESSION_MS - 1000, REBALANCE_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    @rule()
    def regexes_are_looked_up(self) -> None:
        self.world.run_tasks()

    @rule(name=st.sampled_from(["t1", "t2", "t3"]), partitions=st.integers(1, 6))
    def topic_grows(self, name: str, partitions: int) -> None:
        topic = self.world.topics.image.topic(name)
        if topic is None or len(topic.partitions) < partitions:
            put_topic(self.world, name, partitions)

    @precondition(lambda self: self.world.topics.image.topic("t3") is not None)
    @rule()
    def topic_goes(self) -> None:
        remove_topic(self.world, "t3")

    @rule()
    def log_stalls(self) -> None:
        self.world.hold = True

    @precondition(lambda self: self.world.held)
    @rule()
    def log_times_out(self) -> None:
        self.world.time_out_log()

    @precondition(lambda self: self.world.held)
    @rule(error=st.sampled_from([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_LEADER_OR_FOLLOWER]))
    def log_loses_what_it_held(self, error: ErrorCode) -> None:
        """All that was never committed falls back, and was told to nobody."""
        self.world.fail_held(error)
        self.epoch = 0

    @precondition(lambda self: self.world.hold)
    @rule()
    def log_goes_on(self) -> None:
        self.world.hold = False
        self.world.commit_log()

    @rule()
    def broker_restarts(self) -> None:
        """Requests in flight are lost with it; what the log has is not."""
        if self.world.hold:
            self.log_goes_on()
        self.world.tasks.clear()
        self.world.restart()
        self.epoch = epoch_of(group_of(self.world))
        for consumer in self.consumers:
            if isinstance(consumer, ClassicConsumer) and consumer.step == "wait":
                consumer.incarnation += 1
                consumer.step = "join"

    # What holds.

    @invariant()
    def no_partition_is_read_twice(self) -> None:
        readers: dict[tuple[str, int], str] = {}
        for consumer in self.consumers:
            for partition in consumer.reading:
                assert partition not in readers, f"{partition}: {readers[partition]} and {consumer.name}"
                readers[partition] = consumer.name

    @invariant()
    def epochs_only_rise(self) -> None:
        """Also when the group changes its type; one that is empty may begin anew."""
        group = group_of(self.world)
        if group is not self.group and (self.group is None or self.group.is_empty):
            self.epoch = 0
        if group is not None:
            assert epoch_of(group) >= self.epoch
        self.group, self.epoch = group, epoch_of(group)

    @invariant()
    def the_group_is_consistent(self) -> None:
        group = group_of(self.world)
        if not isinstance(group, ConsumerGroup):
            return
        holders: dict[tuple[bytes, int], int] = {}
        for member in group.members.values():
            for part in (member.assigned_partitions, member.partitions_pending_revocation):
                for topic_id, partitions in part.items():
                    for partition in partitions:
                        assert (topic_id, partition) not in holders
                        holders[topic_id, partition] = member.member_epoch
                        assert group.partition_epoch(topic_id, partition) == member.member_epoch
            assert member.member_epoch <= group.group_epoch
        assert group.static_members == {
            member.instance_id: member_id
            for member_id, member in group.members.items()
            if member.instance_id is not None
        }
        assert group.classic_member_count == sum(
            each.uses_classic_protocol for each in group.members.values()
        )
        assert len(group.members) <= self.max_size
        assert set(group.target_assignment) <= set(group.members)

    @rule()
    def the_log_tells_the_same(self) -> None:
        """What a new coordinator would read."""
        if self.world.held:
            return
        live = group_of(self.world)
        mirror = GroupWorld(self.world.settings)
        mirror.topics = self.world.topics
        mirror.logs = self.world.logs
        mirror.restart()
        read = group_of(mirror)
        if isinstance(live, ConsumerGroup):
            assert isinstance(read, ConsumerGroup)
            assert described(read) == described(live)
        else:
            assert not isinstance(read, ConsumerGroup)

    @rule()
    def all_becomes_quiet(self) -> None:
        """No more changes: the members settle, and everything has a reader."""
        if self.world.hold:
            self.log_goes_on()
        for consumer in self.consumers:
            if consumer.regex == "[":
                consumer.subscribe(["t1"])
        for _ in range(QUIET_ROUNDS):
            self.all_act()
            self.world.advance(1000)
            self.no_partition_is_read_twice()
        group = group_of(self.world)
        readers = [consumer for consumer in self.consumers if not consumer.is_out]
        assert readers
        if isinstance(group, ConsumerGroup):
            assert group.state is ConsumerGroupState.STABLE
            assert {consumer.member_id for consumer in readers} == set(group.members)
            for consumer in readers:
                assert consumer.epoch == group.group_epoch
        if self.max_size > len(self.consumers):
            assert len(readers) == len(self.consumers)
        assert set().union(*(consumer.reading for consumer in readers)) == self.wanted(readers)

    def wanted(self, readers: list[NextConsumer | ClassicConsumer]) -> set[tuple[str, int]]:
        """Every partition that somebody subscribes to."""
        return {
            (name, partition)
            for name, topic in self.world.topics.image.topics.items()
            for partition in topic.partitions
            if any(subscribes(consumer, name) for consumer in readers)
        }


def subscribes(consumer: ConsumerClient, topic: str) -> bool:
    matched = {"": (), "t.*": ("t1", "t2", "t3"), "t[13]": ("t1", "t3")}
    return topic in consumer.topics or (
        isinstance(consumer, NextConsumer) and topic in matched[consumer.regex]
    )


def described(group: ConsumerGroup) -> tuple[object, ...]:
    return (
        group.group_epoch,
        group.metadata_hash,
        group.target_assignment_epoch,
        group.members,
        group.target_assignment,
        group.regexes,
        group.subscribed_topic_names,
        group.static_members,
    )


TestConsumers = Consumers.TestCase
TestConsumers.settings = settings(
    max_examples=650,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
