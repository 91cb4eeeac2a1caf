"""The rules of consumer groups (KIP-848): a heartbeat joins, tells, asks and leaves.

    member epoch   0  joins, or begins anew after being fenced
                  >0  is alive; may say what it reads, and subscribe to something else
                  -1  leaves
                  -2  a static member leaves for a while: its partitions wait for it

Whoever a heartbeat comes from is told its epoch, and its assignment when that differs or was asked for. The assignment is
the broker's: a change of members, subscriptions or topics raises the group epoch, the next heartbeat of any member makes
the target assignment for it, and every member gets there in its own steps (consumer_group_reconciliation.py).

Members of the classic protocol: consumer_group_classic_members.py. Change of a group's type: group_conversion.py.

Apache: org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

import logging
from collections.abc import Collection, Mapping, Sequence

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.assigned_group import JOIN_GROUP_EPOCH
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_member import LEAVE_GROUP_STATIC_EPOCH, ConsumerGroupMember
from ottla.groups.consumer_group_rebalance import ConsumerGroupRebalance
from ottla.groups.consumer_group_regexes import ConsumerGroupRegexes
from ottla.groups.consumer_group_replaying import ConsumerGroupReplaying
from ottla.groups.consumer_group_sessions import ConsumerGroupSessions
from ottla.groups.group_conversion import GroupConversion
from ottla.groups.group_types import Decision, GroupParts, GroupTypeMachine, Replay, Undoable
from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment, MemberState
from ottla.groups.registry import Undo
from ottla.groups.settings import GroupRequestContext
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.consumer_group_heartbeat import (
    Assignment as HeartbeatAssignment,
)
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)

_log = logging.getLogger(__name__)


class ConsumerGroups(GroupTypeMachine):
    """The consumer groups of one coordinator."""

    def __init__(self, parts: GroupParts, conversion: GroupConversion) -> None:
        self._parts = parts
        self._groups = parts.groups
        self._settings = parts.settings
        self._conversion = conversion
        self.sessions = ConsumerGroupSessions(parts.settings, parts.timers, parts.topics, self._expired)
        self.rebalance = ConsumerGroupRebalance(parts, self.sessions)
        self.regexes = ConsumerGroupRegexes(parts)
        self._replaying = ConsumerGroupReplaying(parts.groups)

    # As every machine.

    def replays(self) -> Mapping[int, Replay]:
        return self._replaying.replays()

    def begin(self, now_ms: int) -> None:
        """Each member has one session timeout to be heard from."""
        for group in self._groups:
            if isinstance(group, ConsumerGroup):
                for member in group.members.values():
                    self.sessions.heard(group.group_id, member.member_id, now_ms)
                    if member.state is MemberState.UNREVOKED_PARTITIONS:
                        self.sessions.must_revoke(group.group_id, member, now_ms)

    def topics_changed(self, names: frozenset[str]) -> None:
        for group in self._groups:
            if isinstance(group, ConsumerGroup) and not names.isdisjoint(group.subscribed_topic_names):
                group.request_metadata_refresh()

    # Heartbeat.

    def heartbeat(
        self, request: ConsumerGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> Decision[ConsumerGroupHeartbeatResponse]:
        """A request whose fields fit together (consumer_group_requests.py)."""
        if request.member_epoch < JOIN_GROUP_EPOCH:
            return self._leave(request, now_ms)
        records: list[CoordinatorRecord] = []
        undo: Undo = []
        joins = request.member_epoch == JOIN_GROUP_EPOCH
        group = self._group(request.group_id, records, now_ms, create=joins)
        self.check_has_room(group, request.member_id)
        member_id = request.member_id or self._parts.new_uuid()
        if request.instance_id is None:
            member = self.dynamic_member(group, member_id, create=joins)
            _check_epoch(member, request)
        else:
            member = self.static_member(
                group, member_id, request.instance_id, records, undo, now_ms, create=joins
            )
            if not joins:
                _check_epoch(member, request)
        updated = _updated(member, request, context)
        bumps = group.group_epoch == 0
        bumps |= self.rebalance.member_changed(group, member, updated, records)
        bumps |= self.regexes.update(group, member, updated, now_ms, records, context.may_describe)
        owned = request.topic_partitions
        updated = self.rebalance.settle(
            group, member, updated, records, bumps=bumps, owned=owned, now_ms=now_ms
        )
        self.sessions.heard(group.group_id, member_id, now_ms)
        found = self._groups.find_classic(request.group_id)
        if found is not None:
            self._conversion.retire(found)
        return Decision(records, self._answer(request, member, updated), undo)

    def _answer(
        self, request: ConsumerGroupHeartbeatRequest, before: ConsumerGroupMember, member: ConsumerGroupMember
    ) -> ConsumerGroupHeartbeatResponse:
        """The assignment goes along when it is another one, and to a member that tells everything: it begins anew, or
        has missed an answer."""
        response = ConsumerGroupHeartbeatResponse(
            member_id=member.member_id,
            member_epoch=member.member_epoch,
            heartbeat_interval_ms=self.sessions.heartbeat_interval_ms(request.group_id),
        )
        tells_everything = (
            request.rebalance_timeout_ms != -1
            and (request.subscribed_topic_names is not None or request.subscribed_topic_regex is not None)
            and request.topic_partitions is not None
        )
        if (
            request.member_epoch == JOIN_GROUP_EPOCH
            or tells_everything
            or member.assigned_partitions != before.assigned_partitions
        ):
            response.assignment = _heartbeat_assignment(member.assigned_partitions)
        return response

    # Who it is. Also asked for classic members.

    def _group(
        self,
        group_id: str,
        records: list[CoordinatorRecord],
        now_ms: int,
        *,
        create: bool,
    ) -> ConsumerGroup:
        """The consumer group, if need be a new one, or a classic group made one. Raises GROUP_ID_NOT_FOUND."""
        group = self._groups.find(group_id)
        if isinstance(group, ConsumerGroup):
            return group
        if group is None and create:
            return ConsumerGroup(group_id)
        if isinstance(group, ClassicGroup) and create:
            if group.is_empty:
                records.extend(group.tombstones())
                return ConsumerGroup(group_id)
            upgraded = self._conversion.upgrade(group, records)
            for member in upgraded.members.values():
                self.heard(upgraded, member, now_ms)
            return upgraded
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Consumer group {group_id} not found.")
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")

    def check_has_room(self, group: ConsumerGroup, member_id: str) -> None:
        limit = self._settings.consumer.max_size
        if len(group.members) >= limit and member_id not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The consumer group has reached its maximum capacity of {limit} members.",
            )

    def dynamic_member(self, group: ConsumerGroup, member_id: str, *, create: bool) -> ConsumerGroupMember:
        if member_id in group.members or not create:
            return group.member(member_id)
        return ConsumerGroupMember(member_id)

    def static_member(
        self,
        group: ConsumerGroup,
        member_id: str,
        instance_id: str,
        records: list[CoordinatorRecord],
        undo: Undo,
        now_ms: int,
        *,
        create: bool,
        is_classic: bool = False,
    ) -> ConsumerGroupMember:
        """The member of the instance id; when `create`, one that takes the place of it if it has left for a while.

        Raises UNRELEASED_INSTANCE_ID while it has not, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
        """
        present = group.static_member(instance_id)
        if not create:
            return _checked_static_member(present, member_id, instance_id)
        if present is None:
            return self.dynamic_member(group, member_id, create=True)
        if (
            not is_classic
            and not present.uses_classic_protocol
            and present.member_epoch != LEAVE_GROUP_STATIC_EPOCH
        ):
            raise KafkaError(
                ErrorCode.UNRELEASED_INSTANCE_ID,
                f"Static member {member_id} with instance id {instance_id} cannot join the group because the instance"
                f" id is owned by {present.member_id} member.",
            )
        member = present._replace(member_id=member_id, member_epoch=0, previous_member_epoch=0)
        group_id = group.group_id
        # Its timers stand, and find no member: they have gone by without effect when this is undone and it is there again.
        replaced = present
        undo.append(lambda: self.heard(group, replaced, now_ms))
        records.extend(_member_tombstones(group_id, present.member_id))
        records.append(records_of.member_record(group_id, member))
        target = group.target_of(present.member_id)
        records.append(records_of.target_assignment_record(group_id, member_id, target))
        records.append(records_of.current_assignment_record(group_id, member))
        return member

    # Leaving and being fenced.

    def _leave(
        self, request: ConsumerGroupHeartbeatRequest, now_ms: int
    ) -> Decision[ConsumerGroupHeartbeatResponse]:
        found = self._groups.get(request.group_id)
        if not isinstance(found, ConsumerGroup):
            raise KafkaError(
                ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} is not a consumer group."
            )
        response = ConsumerGroupHeartbeatResponse(
            member_id=request.member_id, member_epoch=request.member_epoch
        )
        if request.instance_id is None:
            member = found.member(request.member_id)
        else:
            present = found.static_member(request.instance_id)
            member = _checked_static_member(present, request.member_id, request.instance_id)
            if request.member_epoch == LEAVE_GROUP_STATIC_EPOCH:
                away = member._replace(
                    member_epoch=LEAVE_GROUP_STATIC_EPOCH, partitions_pending_revocation=NOTHING_ASSIGNED
                )
                return Decision([records_of.current_assignment_record(request.group_id, away)], response)
        undo: Undo = []
        return Decision(self.remove(found, [member], now_ms, undo), response, undo)

    def remove(
        self, group: ConsumerGroup, members: Collection[ConsumerGroupMember], now_ms: int, undo: Undo
    ) -> list[CoordinatorRecord]:
        """Take members out. When only members of the classic protocol are left, the group becomes a classic one.

        Undone, their sessions begin anew: the timer that took them out is gone.
        """
        records: list[CoordinatorRecord] = []
        if not members:
            return records
        for member in members:
            undo.append(lambda member=member: self.heard(group, member, now_ms))  # type: ignore[misc]
        if self._conversion.can_downgrade(group, members):
            self._conversion.downgrade(group, members, now_ms, records, undo)
            return records
        for member in members:
            records.extend(_member_tombstones(group.group_id, member.member_id))
        left_regexes = [
            regex
            for regex, count in group.regex_subscribers.items()
            if count == sum(member.subscribed_topic_regex == regex for member in members)
        ]
        records.extend(records_of.regex_tombstone(group.group_id, regex) for regex in left_regexes)
        metadata_hash = self._parts.topics.hash_of(group.topics_without(members, left_regexes))
        records.append(records_of.group_epoch_record(group.group_id, group.group_epoch + 1, metadata_hash))
        for member in members:
            self.sessions.forget(group.group_id, member.member_id)
        return records

    def heard(self, group: ConsumerGroup, member: ConsumerGroupMember, now_ms: int) -> None:
        timeout_ms = None if member.classic is None else member.classic.session_timeout_ms
        self.sessions.heard(group.group_id, member.member_id, now_ms, timeout_ms)

    def _expired(
        self, group_id: str, member_id: str, reason: str, epoch: int | None, now_ms: int
    ) -> Sequence[CoordinatorRecord]:
        group = self._groups.find(group_id)
        if not isinstance(group, ConsumerGroup):
            return ()
        member = group.members.get(member_id)
        if member is None or epoch not in (None, member.member_epoch):
            return ()
        _log.info("Group %s: member %s fenced because %s", group_id, member_id, reason)
        undo: Undo = []
        return Undoable(self.remove(group, [member], now_ms, undo), undo)


def _updated(
    member: ConsumerGroupMember, request: ConsumerGroupHeartbeatRequest, context: GroupRequestContext
) -> ConsumerGroupMember:
    """The member with what the request tells; what it leaves out stays."""
    names, regex = request.subscribed_topic_names, request.subscribed_topic_regex
    return member._replace(
        instance_id=member.instance_id if request.instance_id is None else request.instance_id,
        rack_id=member.rack_id if request.rack_id is None else request.rack_id,
        rebalance_timeout_ms=(
            member.rebalance_timeout_ms
            if request.rebalance_timeout_ms == -1
            else request.rebalance_timeout_ms
        ),
        server_assignor_name=(
            member.server_assignor_name if request.server_assignor is None else request.server_assignor
        ),
        subscribed_topic_names=member.subscribed_topic_names if names is None else frozenset(names),
        subscribed_topic_regex=member.subscribed_topic_regex if regex is None else regex,
        client_id=context.client_id,
        client_host=context.client_host,
        classic=None,
    )


def _check_epoch(member: ConsumerGroupMember, request: ConsumerGroupHeartbeatRequest) -> None:
    """One epoch behind is fine as long as it reads only what it has: the answer with the new epoch was lost."""
    told, known = request.member_epoch, member.member_epoch
    if told == known:
        return
    if told > known:
        how = "greater"
    elif told != member.previous_member_epoch or not _has(member, request.topic_partitions):
        how = "smaller"
    else:
        return
    raise KafkaError(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The consumer group member has a {how} member epoch ({told}) than the one known by the group coordinator"
        f" ({known}). The member must abandon all its partitions and rejoin.",
    )


def _has(member: ConsumerGroupMember, owned: Sequence[TopicPartitions] | None) -> bool:
    """Whether all that it says it reads is its own."""
    if owned is None:
        return False
    return all(
        each.topic_id in member.assigned_partitions
        and member.assigned_partitions[each.topic_id].issuperset(each.partitions)
        for each in owned
    )


def _checked_static_member(
    present: ConsumerGroupMember | None, member_id: str, instance_id: str
) -> ConsumerGroupMember:
    if present is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
    check_not_fenced(present, member_id, instance_id)
    return present


def check_not_fenced(present: ConsumerGroupMember, member_id: str, instance_id: str) -> None:
    if present.member_id != member_id:
        raise KafkaError(
            ErrorCode.FENCED_INSTANCE_ID,
            f"Static member {member_id} with instance id {instance_id} was fenced by member {present.member_id}.",
        )


def _member_tombstones(group_id: str, member_id: str) -> list[CoordinatorRecord]:
    return [
        records_of.current_assignment_tombstone(group_id, member_id),
        records_of.target_assignment_tombstone(group_id, member_id),
        records_of.member_tombstone(group_id, member_id),
    ]


def _heartbeat_assignment(assignment: Assignment) -> HeartbeatAssignment:
    return HeartbeatAssignment(
        topic_partitions=[
            TopicPartitions(topic_id=topic_id, partitions=sorted(assignment[topic_id]))
            for topic_id in sorted(assignment)
        ]
    )
