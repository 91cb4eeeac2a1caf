"""Members of a streams application join, run tasks, give them up, leave, crash and come back at random; topics are made,
grow and go; time passes, the log stalls and fails, the broker restarts.

Whatever happens: a task runs once at a time, and no process has it twice; epochs only rise; the log tells the same group
as the memory; and whenever it is calm for a while, every task runs where the target assignment has it.
"""

from __future__ import annotations

import logging

import hypothesis.strategies as st
from group_world import GroupWorld
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from streams_world import (
    GROUP,
    REBALANCE_TIMEOUT_MS,
    SESSION_TIMEOUT_MS,
    SimulatedMember,
    StreamsWorld,
)

from ottla.groups.streams_group import StreamsGroup, StreamsGroupState
from ottla.groups.streams_tasks import TaskId, Tasks
from ottla.protocol.errors import ErrorCode

PROCESSES = ("p", "p", "q", "q", "r")
MEMBERS = st.integers(0, len(PROCESSES) - 1)
CALM_ROUNDS = 25
"""Of a second each."""


def task_ids(tasks: Tasks) -> set[TaskId]:
    return {TaskId(key, partition) for key, partitions in tasks.items() for partition in partitions}


class StreamsMembers(RuleBasedStateMachine):
    """Five members in three processes."""

    @initialize(standbys=st.integers(0, 2), topics_exist=st.booleans())
    def begin(self, standbys: int, topics_exist: bool) -> None:
        logging.disable(logging.WARNING)
        self.world = StreamsWorld()
        self.world.num_standby_replicas = standbys
        self.world.set_topics(**({"free": 2, "kept": 3} if topics_exist else {"free": 2}))
        self.members = [
            SimulatedMember(self.world, f"m{index}", process) for index, process in enumerate(PROCESSES)
        ]
        self.group_epoch = 0
        self.member_epochs: dict[str, int] = {}

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    def forget_epochs(self) -> None:
        """After records were lost the epochs are those of before."""
        self.group_epoch = 0
        self.member_epochs.clear()

    @rule(who=MEMBERS)
    def heartbeat(self, who: int) -> None:
        self.members[who].heartbeat()

    @rule(who=MEMBERS)
    def give_up(self, who: int) -> None:
        self.members[who].give_up()

    @rule()
    def all_go_on(self) -> None:
        for member in self.members:
            member.heartbeat()
            member.give_up()

    @rule(who=MEMBERS)
    def leave(self, who: int) -> None:
        self.members[who].leave()

    @rule(who=MEMBERS)
    def crash(self, who: int) -> None:
        self.members[who].crash()

    @rule(milliseconds=st.sampled_from([1, 1_000, SESSION_TIMEOUT_MS, REBALANCE_TIMEOUT_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    @rule()
    def missing_topics_are_made(self) -> None:
        self.world.make_missing_topics()

    @rule(name=st.sampled_from(["free", "kept", "by-key", "store"]), partitions=st.integers(0, 4))
    def a_topic_changes(self, name: str, partitions: int) -> None:
        """It grows, goes, or is there again."""
        if partitions == 0 or partitions > self.world.partition_counts.get(name, 0):
            self.world.set_topics(**{name: partitions})

    @rule(standbys=st.integers(0, 2))
    def the_groups_setting_changes(self, standbys: int) -> None:
        self.world.num_standby_replicas = standbys
        self.world.tell_topics(set())

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
        self.world.fail_held(error)
        self.forget_epochs()
        live = told_by_records(self.world.group())
        mirror = GroupWorld(self.world.settings)
        mirror.logs = self.world.logs
        mirror.restart()
        assert told_by_records(mirror.service.coordinators()[0].groups.find(GROUP)) == live

    @precondition(lambda self: self.world.hold)
    @rule()
    def log_goes_on(self) -> None:
        self.world.hold = False
        self.world.commit_log()

    @rule()
    def broker_restarts(self) -> None:
        """Requests in flight are lost with it; what the log has, is not."""
        if self.world.hold:
            self.log_goes_on()
        live = told_by_records(self.world.group())
        self.world.restart()
        assert told_by_records(self.world.group()) == live

    @rule()
    def it_is_calm(self) -> None:
        """Long enough for everything to find its place."""
        if self.world.hold:
            self.log_goes_on()
        self.world.make_missing_topics()
        sizes = self.world.partition_counts
        wanted = max(sizes.setdefault("free", 2), sizes.setdefault("kept", 2), sizes.get("by-key", 0))
        self.world.set_topics(free=wanted, kept=wanted)
        for name in ("by-key", "store"):
            if name in sizes and sizes[name] != wanted:
                self.world.set_topics(**{name: 0})
        for _ in range(CALM_ROUNDS):
            self.all_go_on()
            self.world.make_missing_topics()
            self.world.advance(1_000)
            if self.everything_has_its_place():
                return
        raise AssertionError("it does not come to rest")

    def everything_has_its_place(self) -> bool:
        """Whether the group is stable, every task runs once, and members have what their target assignment gives."""
        group = self.world.group()
        if group is None or group.state is not StreamsGroupState.STABLE:
            return False
        if group.configured_topology is None or group.configured_topology.subtopologies is None:
            return False
        tasks = [
            TaskId(subtopology_id, partition)
            for subtopology_id, each in group.configured_topology.subtopologies.items()
            for partition in range(each.number_of_tasks)
        ]
        targets = {member.name: group.target_of(member.member_id) for member in self.members}
        return sorted(task for member in self.members for task in member.runs) == tasks and all(
            member.runs == member.active == task_ids(targets[member.name].active)
            and member.keeps == member.standby == task_ids(targets[member.name].standby)
            and member.statuses == []
            for member in self.members
        )

    def known(self) -> list[SimulatedMember]:
        """Members that the coordinator counts on; others run on until they hear that they are out."""
        group = self.world.group()
        return [member for member in self.members if group is not None and member.member_id in group.members]

    @invariant()
    def a_task_runs_once(self) -> None:
        running = [task for member in self.known() for task in member.runs]
        assert len(running) == len(set(running))

    @invariant()
    def no_process_has_a_task_twice(self) -> None:
        """To run it and as a copy, or as two copies."""
        had = [(member.process_id, task) for member in self.known() for task in (*member.runs, *member.keeps)]
        assert len(had) == len(set(had))

    @invariant()
    def epochs_only_rise(self) -> None:
        group = self.world.group()
        if group is None:
            return
        assert group.group_epoch >= self.group_epoch
        assert group.target_assignment_epoch <= group.group_epoch
        self.group_epoch = group.group_epoch
        for member_id, member in group.members.items():
            assert member.member_epoch >= self.member_epochs.get(member_id, 0)
            assert member.member_epoch <= group.target_assignment_epoch
            self.member_epochs[member_id] = member.member_epoch
        for member_id in self.member_epochs.keys() - group.members.keys():
            del self.member_epochs[member_id]


def told_by_records(group: object) -> tuple[object, ...] | None:
    """What the log has to tell of a group; None: that there is none."""
    if group is None:
        return None
    assert isinstance(group, StreamsGroup)
    return (
        group.group_epoch,
        group.metadata_hash,
        group.members,
        group.target_assignment_epoch,
        group.target_assignment,
        group.topology,
    )


TestStreamsMembers = StreamsMembers.TestCase
TestStreamsMembers.settings = settings(
    max_examples=400,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
