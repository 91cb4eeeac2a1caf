"""Members of a share group join, share, leave, crash and come back at random; topics are made, grow and go; offsets are
altered and deleted, and the group; time passes, the log and the share coordinator stall and fail, the broker restarts.

Whatever happens: epochs only rise; no more members than allowed; what the log notes as initialized has state with the
share coordinator, and nothing else is assigned; the log tells the same group as the memory; and whenever it is calm
for a while, every partition has a member, and every member has what the target assignment gives it.
"""

from __future__ import annotations

import logging

import hypothesis.strategies as st
from group_world import GroupWorld
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from share_group_world import GROUP, ShareWorld, SimulatedSharer

from ottla.groups.settings import GroupRequestContext, GroupSettings, ShareGroupSettings
from ottla.groups.share_group import ShareGroup
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
)
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
)

SUBSCRIPTIONS = (("a", "b"), ("a", "b"), ("a",), ("b", "later"))
MEMBERS = st.integers(0, len(SUBSCRIPTIONS) - 1)
TOPICS = st.sampled_from(["a", "b", "later"])
SESSION_TIMEOUT_MS = 5_000
RETRY_MS = 10_000
"""Twice `offsets.commit.timeout.ms`: how old an initialization is when it is tried again."""
CALM_ROUNDS = 30
ERRORS = st.sampled_from([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_LEADER_OR_FOLLOWER])


class Sharers(RuleBasedStateMachine):
    """Four members, whose subscriptions differ or don't."""

    @initialize(agree=st.booleans(), max_size=st.sampled_from([3, 200]))
    def begin(self, agree: bool, max_size: int) -> None:
        logging.disable(logging.WARNING)
        self.max_size = max_size
        share = ShareGroupSettings(session_timeout_ms=SESSION_TIMEOUT_MS, max_size=max_size)
        self.world = ShareWorld(GroupSettings(share=share))
        self.world.set_topic("a", 2)
        self.members = [
            SimulatedSharer(self.world, f"m{index}", *(SUBSCRIPTIONS[0] if agree else topics))
            for index, topics in enumerate(SUBSCRIPTIONS)
        ]
        self.seen: ShareGroup | None = None
        self.group_epoch = 0
        self.member_epochs: dict[str, int] = {}

    def teardown(self) -> None:
        logging.disable(logging.NOTSET)

    def forget_epochs(self) -> None:
        """After records were lost the epochs are those of before."""
        self.group_epoch = 0
        self.member_epochs.clear()

    # Members.

    @rule(who=MEMBERS, full=st.booleans())
    def heartbeat(self, who: int, full: bool) -> None:
        self.members[who].heartbeat(full=full)

    @rule()
    def all_go_on(self) -> None:
        for member in self.members:
            member.heartbeat()

    @rule(who=MEMBERS)
    def an_answer_is_lost(self, who: int) -> None:
        self.members[who].lose_answer()

    @rule(who=MEMBERS)
    def leave(self, who: int) -> None:
        self.members[who].leave()

    @rule(who=MEMBERS)
    def crash(self, who: int) -> None:
        self.members[who].crash()

    @rule(milliseconds=st.sampled_from([1, 1_000, SESSION_TIMEOUT_MS, RETRY_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)

    # Administrators.

    @rule(name=TOPICS, partitions=st.integers(0, 4))
    def a_topic_changes(self, name: str, partitions: int) -> None:
        """It grows, goes, or is there again."""
        topic = self.world.existing.get(name)
        if partitions == 0 or topic is None or partitions > len(topic.partitions):
            self.world.set_topic(name, partitions)

    @rule(name=TOPICS, partition=st.integers(0, 4), offset=st.integers(0, 9))
    def offsets_are_altered(self, name: str, partition: int, offset: int) -> None:
        rows = [AlterShareGroupOffsetsRequestPartition(partition_index=partition, start_offset=offset)]
        topic = AlterShareGroupOffsetsRequestTopic(topic_name=name, partitions=rows)
        request = AlterShareGroupOffsetsRequest(group_id=GROUP, topics=[topic])
        had_members = self.has_members()
        reply = self.world.requests.offsets.alter(request, self.world.now_ms)
        if had_members:
            reply.on_complete(lambda answer: assert_refused(answer.error_code))

    @rule(name=TOPICS)
    def offsets_are_deleted(self, name: str) -> None:
        topic = DeleteShareGroupOffsetsRequestTopic(topic_name=name)
        request = DeleteShareGroupOffsetsRequest(group_id=GROUP, topics=[topic])
        had_members = self.has_members()
        reply = self.world.requests.offsets.delete(request)
        if had_members:
            reply.on_complete(lambda answer: assert_refused(answer.error_code))

    @rule()
    def the_group_is_deleted(self) -> None:
        request = DeleteGroupsRequest(groups_names=[GROUP])
        context = GroupRequestContext("c", "/127.0.0.1", 2)
        had_members = self.has_members()
        reply = self.world.requests.delete_groups(request, context, self.world.now_ms)
        if had_members:
            reply.on_complete(lambda answer: assert_refused(answer.results[0].error_code))

    def has_members(self) -> bool:
        group = self.world.group()
        return group is not None and not group.is_empty

    # What fails.

    @rule()
    def log_stalls(self) -> None:
        self.world.hold = True

    @precondition(lambda self: self.world.held)
    @rule()
    def log_times_out(self) -> None:
        self.world.time_out_log()

    @precondition(lambda self: self.world.held)
    @rule(error=ERRORS)
    def log_loses_what_it_held(self, error: ErrorCode) -> None:
        self.world.fail_held(error)
        self.forget_epochs()
        mirror = GroupWorld(self.world.settings)
        mirror.logs = self.world.logs
        mirror.restart()
        assert told_by_records(mirror.service.coordinators()[0].groups.find(GROUP)) == told_by_records(
            self.world.group()
        )

    @rule(error=ERRORS, who=MEMBERS)
    def log_refuses(self, error: ErrorCode, who: int) -> None:
        if not self.world.hold:
            self.world.refuse_with = error
            self.members[who].heartbeat()
            self.world.advance(1)
            self.world.refuse_with = None

    @precondition(lambda self: self.world.hold)
    @rule()
    def log_goes_on(self) -> None:
        self.world.hold = False
        self.world.commit_log()

    @rule()
    def share_coordinator_stalls(self) -> None:
        self.world.persister.hold = True

    @rule(
        error=st.sampled_from(
            [ErrorCode.NONE, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR]
        )
    )
    def share_coordinator_answers(self, error: ErrorCode) -> None:
        self.world.persister.refuse_with = error
        self.world.persister.go_on()

    @rule()
    def broker_restarts(self) -> None:
        """Requests in flight are lost with it, and those to the share coordinator; what the log has, is not."""
        if self.world.hold:
            self.log_goes_on()
        self.world.persister.held.clear()
        live = told_by_records(self.world.group())
        self.world.restart()
        assert told_by_records(self.world.group()) == live

    @rule()
    def it_is_calm(self) -> None:
        """Long enough for everything to find its place."""
        if self.world.hold:
            self.log_goes_on()
        self.share_coordinator_answers(ErrorCode.NONE)
        for _ in range(CALM_ROUNDS):
            self.all_go_on()
            self.world.advance(1_000)
            if self.everything_has_its_place():
                return
        raise AssertionError("it does not come to rest")

    def everything_has_its_place(self) -> bool:
        """Whether members have what the target says, and all partitions of their topics have state and a member."""
        group = self.world.group()
        if group is None or group.state_partitions is None:
            return group is not None and not any(self.wanted(group))
        sharing = [member for member in self.members if member.epoch > 0]
        everybody = min(len(self.members), self.max_size)
        wanted = self.wanted(group)
        return (
            len(sharing) == len(group.members) == everybody
            and all(member.epoch == group.group_epoch for member in sharing)
            and all(dict(group.target_of(member.member_id)) == member.assigned for member in sharing)
            and {
                (topic_id, each)
                for member in sharing
                for topic_id, numbers in member.assigned.items()
                for each in numbers
            }
            == wanted
            and all((GROUP, *each) in self.world.persister.start_offsets for each in wanted)
        )

    def wanted(self, group: ShareGroup) -> set[tuple[bytes, int]]:
        return {
            (topic.topic_id, partition)
            for name, topic in self.world.existing.items()
            if group.is_subscribed_to(name)
            for partition in topic.partitions
        }

    # What always holds.

    @invariant()
    def epochs_only_rise(self) -> None:
        """Of one group; when it is deleted, the next one of its name begins anew."""
        group = self.world.group()
        if group is not self.seen:
            self.forget_epochs()
            self.seen = group
        if group is None:
            return
        assert group.group_epoch >= self.group_epoch
        assert group.target_assignment_epoch <= group.group_epoch
        self.group_epoch = group.group_epoch
        for member_id, member in group.members.items():
            assert self.member_epochs.get(member_id, 0) <= member.member_epoch
            assert member.member_epoch <= group.target_assignment_epoch
            self.member_epochs[member_id] = member.member_epoch
        for member_id in self.member_epochs.keys() - group.members.keys():
            del self.member_epochs[member_id]

    @invariant()
    def there_are_not_too_many(self) -> None:
        group = self.world.group()
        assert group is None or len(group.members) <= self.max_size

    @invariant()
    def what_is_initialized_has_state(self) -> None:
        """Unless its topic is gone, and with it the state."""
        group = self.world.group()
        if group is None or self.world.persister.held:
            return
        exists = {topic.topic_id for topic in self.world.existing.values()}
        for topic_id, partitions in group.assignable.items():
            if topic_id in exists:
                assert all(
                    (GROUP, topic_id, each) in self.world.persister.start_offsets for each in partitions
                )

    @invariant()
    def nothing_else_is_assigned(self) -> None:
        group = self.world.group()
        exists = {topic.topic_id: len(topic.partitions) for topic in self.world.existing.values()}
        for target in () if group is None else group.target_assignment.values():
            for topic_id, partitions in target.items():
                assert partitions
                assert topic_id not in exists or partitions <= group.assignable.get(topic_id, frozenset())  # type: ignore[union-attr]


def assert_refused(error_code: int) -> None:
    """Since somebody consumes; or what came before in the log was not written, and this waited for it."""
    assert error_code in (
        ErrorCode.NON_EMPTY_GROUP,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    )


def told_by_records(group: object) -> tuple[object, ...] | None:
    """What the log has to tell of a group; None: that there is none."""
    if group is None:
        return None
    assert isinstance(group, ShareGroup)
    state = group.state_partitions
    return (
        group.group_epoch,
        group.metadata_hash,
        group.members,
        group.target_assignment_epoch,
        group.target_assignment,
        None
        if state is None
        else [
            state.deleting,
            *({each: topic[:2] for each, topic in topics.items()} for topics in state[:2]),
        ],
    )


TestSharers = Sharers.TestCase
TestSharers.settings = settings(
    max_examples=400,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
