"""How a classic group gets from one generation to the next, and who drops out on the way.

    prepare ─▶ members rejoin ─▶ complete_join ─▶ members sync ─▶ the leader's assignment is stored ─▶ stable
                  │ join timer                        │ sync timer
                  └ dynamic members that did not      └ members that did not sync are dropped, and it
                    rejoin are dropped                  is prepared anew

An empty group does not begin at once: it waits group.initial.rebalance.delay.ms for more members, again for as long as
new ones keep coming, at most for the rebalance timeout in all (KIP-134). Static members that did not rejoin stay: they
are known to come back, or time out by their session (KIP-345).

Methods answer with the records to append, which is none but for a group that became empty.

Apache: the classic part of org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

import logging
from collections.abc import Mapping, Sequence

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.heartbeats import GroupTimers, Heartbeats
from ottla.groups.member import EMPTY_ASSIGNMENT, ClassicMember
from ottla.groups.records import group_metadata_record
from ottla.groups.registry import Groups
from ottla.groups.settings import GroupSettings
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupResponse

_log = logging.getLogger(__name__)

_NO_RECORDS: Sequence[CoordinatorRecord] = ()


class Rebalances:
    """The rebalances of one coordinator's classic groups."""

    def __init__(self, settings: GroupSettings, groups: Groups, timers: GroupTimers) -> None:
        self._settings = settings
        self._groups = groups
        self._timers = timers
        self.heartbeats = Heartbeats(timers, self._heartbeat_expired)
        self.completed = 0
        """Rebalances that ended with a stored assignment."""

    # Beginning.

    def prepare_or_complete_join(
        self, group: ClassicGroup, reason: str, now_ms: int
    ) -> Sequence[CoordinatorRecord]:
        """Start a rebalance; where one is preparing already, see whether this was the last join it waited for."""
        if group.can_rebalance:
            return self.prepare(group, reason, now_ms)
        return self.complete_join_if_ready(group, now_ms)

    def prepare(self, group: ClassicGroup, reason: str, now_ms: int) -> Sequence[CoordinatorRecord]:
        """Start a rebalance. Whoever waits for an assignment of this generation is told to rejoin."""
        if group.state is ClassicGroupState.COMPLETING_REBALANCE:
            self.reset_assignments(group, ErrorCode.REBALANCE_IN_PROGRESS, now_ms)
        self._forget_pending_syncs(group)
        is_initial = group.is_empty
        if is_initial:
            delay_ms = self._settings.group_initial_rebalance_delay_ms
            remaining_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
            self._wait_for_more_members(group.group_id, delay_ms, remaining_ms, now_ms)
        group.transition_to(ClassicGroupState.PREPARING_REBALANCE, now_ms)
        _log.info(
            "Preparing to rebalance group %s with old generation %d (reason: %s)",
            group.group_id,
            group.generation_id,
            reason,
        )
        if is_initial:
            return _NO_RECORDS
        if group.has_all_members_joined:
            return self.complete_join(group, now_ms)
        self._schedule_join(group, now_ms)
        return _NO_RECORDS

    def _wait_for_more_members(self, group_id: str, delay_ms: int, remaining_ms: int, now_ms: int) -> None:
        self._timers.schedule(
            ("join", group_id),
            now_ms + delay_ms,
            lambda then_ms: self._initial_delay_over(group_id, delay_ms, remaining_ms, then_ms),
        )

    def _initial_delay_over(
        self, group_id: str, delay_ms: int, remaining_ms: int, now_ms: int
    ) -> Sequence[CoordinatorRecord]:
        group = self._groups.find_classic(group_id)
        if group is None or group.state is not ClassicGroupState.PREPARING_REBALANCE:
            return _NO_RECORDS
        if not group.new_member_added or remaining_ms == 0:
            return self.complete_join(group, now_ms)
        group.new_member_added = False
        next_delay_ms = min(self._settings.group_initial_rebalance_delay_ms, remaining_ms)
        self._wait_for_more_members(group_id, next_delay_ms, max(remaining_ms - delay_ms, 0), now_ms)
        return _NO_RECORDS

    def _schedule_join(self, group: ClassicGroup, now_ms: int) -> None:
        group_id = group.group_id
        self._timers.schedule(
            ("join", group_id),
            now_ms + group.rebalance_timeout_ms,
            lambda then_ms: self._join_timed_out(group_id, then_ms),
        )

    def _join_timed_out(self, group_id: str, now_ms: int) -> Sequence[CoordinatorRecord]:
        group = self._groups.find_classic(group_id)
        if group is None or group.state is not ClassicGroupState.PREPARING_REBALANCE:
            return _NO_RECORDS
        return self.complete_join(group, now_ms)

    # The join phase ends.

    def complete_join_if_ready(self, group: ClassicGroup, now_ms: int) -> Sequence[CoordinatorRecord]:
        if (
            group.state is not ClassicGroupState.PREPARING_REBALANCE
            or group.previous_state is ClassicGroupState.EMPTY
            or not group.has_all_members_joined
        ):
            return _NO_RECORDS
        return self.complete_join(group, now_ms)

    def complete_join(self, group: ClassicGroup, now_ms: int) -> Sequence[CoordinatorRecord]:
        """Begin the next generation with those who joined, and tell them."""
        self._timers.cancel(("join", group.group_id))
        self._drop_dynamic_members_not_rejoined(group)
        if group.state is ClassicGroupState.DEAD:
            return _NO_RECORDS
        if not group.elect_joined_leader() and group.members:
            # Only static members are left and none came: there is nobody to assign. Wait on.
            _log.info("Group %s could not complete its rebalance, as no member rejoined", group.group_id)
            self._schedule_join(group, now_ms)
            return _NO_RECORDS
        group.init_next_generation(now_ms)
        if group.is_empty:
            _log.info("Group %s with generation %d is now empty", group.group_id, group.generation_id)
            return [group_metadata_record(group, {})]
        _log.info(
            "Stabilized group %s generation %d with %d members",
            group.group_id,
            group.generation_id,
            len(group.members),
        )
        for member in list(group.members.values()):
            self._tell_generation(group, member, now_ms)
        self._schedule_pending_sync(group, now_ms)
        return _NO_RECORDS

    def _drop_dynamic_members_not_rejoined(self, group: ClassicGroup) -> None:
        dropped = [member.member_id for member in group.not_yet_rejoined() if not member.is_static]
        for member_id in dropped:
            group.remove(member_id)
            self.heartbeats.forget(group.group_id, member_id)
        if dropped:
            _log.info("Group %s removed dynamic members who haven't joined: %s", group.group_id, dropped)

    def _tell_generation(self, group: ClassicGroup, member: ClassicMember, now_ms: int) -> None:
        group.complete_join(member, generation_response(group, member.member_id))
        self.heartbeats.expect(group, member, now_ms)
        member.is_new = False
        group.pending_sync_members.add(member.member_id)

    # The sync phase.

    def _schedule_pending_sync(self, group: ClassicGroup, now_ms: int) -> None:
        group_id, generation_id = group.group_id, group.generation_id
        self._timers.schedule(
            ("sync", group_id),
            now_ms + group.rebalance_timeout_ms,
            lambda then_ms: self._pending_sync_expired(group_id, generation_id, then_ms),
        )

    def _pending_sync_expired(
        self, group_id: str, generation_id: int, now_ms: int
    ) -> Sequence[CoordinatorRecord]:
        group = self._groups.find_classic(group_id)
        if (
            group is None
            or group.generation_id != generation_id
            or group.state not in (ClassicGroupState.COMPLETING_REBALANCE, ClassicGroupState.STABLE)
            or not group.pending_sync_members
        ):
            return _NO_RECORDS
        dropped = sorted(group.pending_sync_members)
        for member_id in dropped:
            group.remove(member_id)
            self.heartbeats.forget(group_id, member_id)
        return self.prepare(group, f"removing {dropped}, which have not sent SyncGroup in time", now_ms)

    def sync_received(self, group: ClassicGroup, member_id: str) -> None:
        group.pending_sync_members.discard(member_id)
        if not group.pending_sync_members:
            self._timers.cancel(("sync", group.group_id))

    def _forget_pending_syncs(self, group: ClassicGroup) -> None:
        group.pending_sync_members.clear()
        self._timers.cancel(("sync", group.group_id))

    def set_assignments(self, group: ClassicGroup, assignments: Mapping[str, bytes], now_ms: int) -> None:
        """The leader's assignment is stored: whoever waits for it gets it, and the group is stable."""
        for member in group.members.values():
            member.assignment = assignments.get(member.member_id, EMPTY_ASSIGNMENT)
        self._tell_assignments(group, ErrorCode.NONE, now_ms)
        group.transition_to(ClassicGroupState.STABLE, now_ms)
        self.completed += 1

    def reset_assignments(self, group: ClassicGroup, error: ErrorCode, now_ms: int) -> None:
        """There will be no assignment in this generation: whoever waits for it gets the error."""
        for member in group.members.values():
            member.assignment = EMPTY_ASSIGNMENT
        self._tell_assignments(group, error, now_ms)

    def _tell_assignments(self, group: ClassicGroup, error: ErrorCode, now_ms: int) -> None:
        is_good = error is ErrorCode.NONE
        for member in group.members.values():
            response = SyncGroupResponse(
                protocol_type=group.protocol_type if is_good else None,
                protocol_name=group.protocol_name if is_good else None,
                assignment=member.assignment,
                error_code=error,
            )
            if group.complete_sync(member, response):
                self.heartbeats.expect(group, member, now_ms)

    # Members drop out.

    def forget(self, group: ClassicGroup) -> None:
        """The group is none of this coordinator's any more: nothing is due for it."""
        self._timers.cancel(("join", group.group_id))
        self._timers.cancel(("sync", group.group_id))
        for member_id in (*group.members, *group.pending_join_members):
            self.heartbeats.forget(group.group_id, member_id)

    def _heartbeat_expired(self, group_id: str, member_id: str, now_ms: int) -> Sequence[CoordinatorRecord]:
        group = self._groups.find_classic(group_id)
        if group is None or group.state is ClassicGroupState.DEAD:
            return _NO_RECORDS
        if member_id in group.pending_join_members:
            _log.info("Group %s: pending member %s did not join in time", group_id, member_id)
            group.remove(member_id)
            return self._complete_join_if_last(group, now_ms)
        member = group.members.get(member_id)
        if member is None or member.has_satisfied_heartbeat:
            return _NO_RECORDS
        _log.info("Group %s: member %s has failed, removing it", group_id, member_id)
        self.remove_member(group, member)
        reason = f"removing member {member_id} on heartbeat expiration"
        if group.state in (ClassicGroupState.STABLE, ClassicGroupState.COMPLETING_REBALANCE):
            return self.prepare(group, reason, now_ms)
        return self._complete_join_if_last(group, now_ms)

    def _complete_join_if_last(self, group: ClassicGroup, now_ms: int) -> Sequence[CoordinatorRecord]:
        if group.state is ClassicGroupState.PREPARING_REBALANCE and group.has_all_members_joined:
            return self.complete_join(group, now_ms)
        return _NO_RECORDS

    def remove_member(self, group: ClassicGroup, member: ClassicMember) -> None:
        """Take a member out; if a request of its waits here, that is told so.

        Apache answers only a waiting join and lets a waiting sync run into the client's timeout.
        """
        group.complete_join(member, JoinGroupResponse(member_id="", error_code=ErrorCode.UNKNOWN_MEMBER_ID))
        group.complete_sync(member, SyncGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID))
        group.remove(member.member_id)


def generation_response(
    group: ClassicGroup, member_id: str, *, skip_assignment: bool = False
) -> JoinGroupResponse:
    """What a member is told of the current generation; its leader hears of all members."""
    return JoinGroupResponse(
        members=group.joined_members() if group.is_leader(member_id) else [],
        member_id=member_id,
        generation_id=group.generation_id,
        protocol_name=group.protocol_name,
        protocol_type=group.protocol_type,
        leader=group.leader_id or "",
        skip_assignment=skip_assignment,
    )
