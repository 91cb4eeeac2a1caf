"""JoinGroup for classic groups: who may join, as whom, and whether that starts a rebalance.

A dynamic member of version 4 or later joins twice: first it is given a member id (MEMBER_ID_REQUIRED), then it joins
with it, so that a lost answer leaves no ghost member behind (KIP-394). A static member comes with its
`group.instance.id` instead: coming back under it replaces the member id it had, and as long as the group's protocol
stays the same that starts no rebalance (KIP-345); from version 9 its leader is told to skip the assignment (KIP-814).

Apache: the classic part of org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

import logging
from collections.abc import Callable

from ottla.coordination.append_errors import answer_for
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult, Reply
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.member import ClassicMember, Protocol, distinct_protocols
from ottla.groups.rebalance import Rebalances, generation_response
from ottla.groups.records import group_metadata_record, new_group_metadata_record
from ottla.groups.registry import Groups, Undo
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.states import ClassicGroupState, GroupType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

JoinResult = CoordinatorResult[JoinGroupResponse]
JoinReply = Reply[JoinGroupResponse]

_MEMBER_ID_REQUIRED_VERSION = 4
_SKIP_ASSIGNMENT_VERSION = 9

_log = logging.getLogger(__name__)


class Joining:
    """Handles JoinGroup for the classic groups of one coordinator."""

    def __init__(
        self,
        settings: GroupSettings,
        groups: Groups,
        rebalances: Rebalances,
        new_uuid: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._groups = groups
        self._rebalances = rebalances
        self._new_uuid = new_uuid

    def join(
        self, request: JoinGroupRequest, context: GroupRequestContext, reply: JoinReply, now_ms: int
    ) -> JoinResult:
        undo: Undo = []
        found = self._groups.find(request.group_id)
        tombstones: list[CoordinatorRecord] = []
        if found is not None and found.type is GroupType.CONSUMER and found.is_empty:
            if not request.member_id:
                tombstones = found.tombstones()
            found = None  # it becomes a classic group
        if found is not None and not isinstance(found, ClassicGroup):
            _refuse(reply, "", ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
            return CoordinatorResult(reply)
        if found is None and request.member_id:
            _refuse(reply, request.member_id, ErrorCode.UNKNOWN_MEMBER_ID)
            return CoordinatorResult(reply)
        group = found or self._groups.add_classic(request.group_id, now_ms, undo)
        result = self._join_group(group, request, context, reply, now_ms)
        if found is None and not result.records:
            result.records = [*tombstones, new_group_metadata_record(group)]
            result.on_failed = lambda error, _: self._group_not_stored(group, reply, error)
        result.undo.extend(undo)
        return result

    def _group_not_stored(self, group: ClassicGroup, reply: JoinReply, append_error: ErrorCode) -> None:
        _fail(reply, append_error)
        if self._groups.find(group.group_id) is group:
            return  # It took too long, but may be stored yet.
        for member in list(group.members.values()):
            response = JoinGroupResponse(error_code=answer_for(append_error))
            group.complete_join(member, response)
        self._rebalances.forget(group)

    def _join_group(
        self,
        group: ClassicGroup,
        request: JoinGroupRequest,
        context: GroupRequestContext,
        reply: JoinReply,
        now_ms: int,
    ) -> JoinResult:
        if not self._has_room(group, request.member_id):
            group.remove(request.member_id)
            return _refused(reply, "", ErrorCode.GROUP_MAX_SIZE_REACHED)
        if group.state is ClassicGroupState.DEAD:
            return _refused(reply, request.member_id, ErrorCode.COORDINATOR_NOT_AVAILABLE)
        protocols = distinct_protocols(Protocol(each.name, each.metadata) for each in request.protocols)
        if not group.supports_protocols(request.protocol_type, protocols):
            return _refused(reply, request.member_id, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        join = _Join(request, context, protocols, reply, now_ms)
        if request.member_id:
            return self._join_known(group, join)
        return self._join_unknown(group, join)

    def _has_room(self, group: ClassicGroup, member_id: str) -> bool:
        """Whether group.max.size lets the member in. While a rebalance is prepared only those who came count, as the
        others may not."""
        limit = self._settings.group_max_size
        member = group.members.get(member_id)
        if group.state is ClassicGroupState.PREPARING_REBALANCE:
            return (member is not None and member.is_awaiting_join) or group.awaiting_join_count < limit
        if group.state in (ClassicGroupState.COMPLETING_REBALANCE, ClassicGroupState.STABLE):
            return member is not None or len(group.members) < limit
        return True

    # Without a member id.

    def _join_unknown(self, group: ClassicGroup, join: "_Join") -> JoinResult:
        instance_id = join.request.group_instance_id
        member_id = f"{join.context.client_id if instance_id is None else instance_id}-{self._new_uuid()}"
        if instance_id is not None:
            current = group.static_members.get(instance_id)
            if current is not None:
                return self._replace_static_member(group, join, current, member_id)
            return self._add(group, join, member_id)
        if join.context.api_version < _MEMBER_ID_REQUIRED_VERSION:
            return self._add(group, join, member_id)
        group.pending_join_members.add(member_id)
        self._rebalances.heartbeats.expect_id(
            group.group_id, member_id, join.now_ms + join.request.session_timeout_ms
        )
        return _refused(join.reply, member_id, ErrorCode.MEMBER_ID_REQUIRED)

    def _add(self, group: ClassicGroup, join: "_Join", member_id: str) -> JoinResult:
        request = join.request
        member = ClassicMember(
            member_id=member_id,
            group_instance_id=request.group_instance_id,
            client_id=join.context.client_id,
            client_host=join.context.client_host,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            session_timeout_ms=request.session_timeout_ms,
            protocol_type=request.protocol_type,
            protocols=join.protocols,
            is_new=True,
        )
        if (
            group.state is ClassicGroupState.PREPARING_REBALANCE
            and group.previous_state is ClassicGroupState.EMPTY
        ):
            group.new_member_added = True
        group.add(member, join.reply)
        # Its session timeout begins with its first heartbeat, which it can't send before this join is answered.
        self._rebalances.heartbeats.expect(
            group, member, join.now_ms, self._settings.group_new_member_join_timeout_ms
        )
        return self._rebalance(group, join, f"adding new member {member_id}")

    def _replace_static_member(
        self, group: ClassicGroup, join: "_Join", old_member_id: str, new_member_id: str
    ) -> JoinResult:
        request = join.request
        former_leader = group.leader_id or ""
        member = group.replace_static_member(request.group_instance_id or "", old_member_id, new_member_id)
        _log.info(
            "Group %s: static member %s came back as %s instead of %s",
            group.group_id,
            request.group_instance_id,
            new_member_id,
            old_member_id,
        )
        self._rebalances.heartbeats.expect(group, member, join.now_ms)
        before = (member.protocols, member.rebalance_timeout_ms, member.session_timeout_ms)
        self._update(group, member, join)
        if group.state is ClassicGroupState.STABLE:
            if group.protocol_name == group.select_protocol():
                return self._store_replacement(group, join, member, before, old_member_id, former_leader)
            return self._rebalance(group, join, f"static member {new_member_id} changes the group's protocol")
        if group.state is ClassicGroupState.COMPLETING_REBALANCE:
            records = self._rebalances.prepare(
                group, f"updating metadata of static member {new_member_id}", join.now_ms
            )
        else:
            records = self._rebalances.complete_join_if_ready(group, join.now_ms)
        return CoordinatorResult(join.reply, records)

    def _store_replacement(
        self,
        group: ClassicGroup,
        join: "_Join",
        member: ClassicMember,
        before: tuple[tuple[Protocol, ...], int, int],
        old_member_id: str,
        former_leader: str,
    ) -> JoinResult:
        """The group stays stable; only the new member id is written, and answered once that is committed."""
        member_id = member.member_id

        def committed(_: int) -> None:
            if group.state is not ClassicGroupState.STABLE:
                return  # A rebalance began meanwhile, and answers the join when it completes.
            if join.context.api_version >= _SKIP_ASSIGNMENT_VERSION:
                response = generation_response(group, member_id, skip_assignment=group.is_leader(member_id))
            else:
                # Named a leader, it would assign anew without the others having rejoined: it is told the former one.
                response = _follower_response(group, member_id, former_leader)
            group.complete_join(member, response)

        def failed(error: ErrorCode, now_ms: int) -> None:
            if group.members.get(member_id) is not member:
                _fail(join.reply, error)
                return
            protocols, rebalance_timeout_ms, session_timeout_ms = before
            group.update_member(member, protocols, rebalance_timeout_ms, session_timeout_ms, None)
            old = group.replace_static_member(member.group_instance_id or "", member_id, old_member_id)
            self._rebalances.heartbeats.expect(group, old, now_ms)
            response = _follower_response(group, "", former_leader)
            response.error_code = answer_for(error)
            join.reply.complete(response)

        assignments = {each.member_id: each.assignment for each in group.members.values()}
        return CoordinatorResult(
            join.reply,
            [group_metadata_record(group, assignments)],
            on_committed=committed,
            on_failed=failed,
        )

    # With a member id.

    def _join_known(self, group: ClassicGroup, join: "_Join") -> JoinResult:
        member_id = join.request.member_id
        if member_id in group.pending_join_members:
            if join.request.group_instance_id is not None:
                # Ids are handed out to dynamic members only; Apache fails with an illegal state here.
                return _refused(join.reply, "", ErrorCode.UNKNOWN_SERVER_ERROR)
            return self._add(group, join, member_id)
        try:
            group.check_member(member_id, join.request.group_instance_id, "a join")
        except KafkaError as error:
            response = JoinGroupResponse(member_id=member_id, error_code=error.code, protocol_name=None)
            join.reply.complete(response)
            return CoordinatorResult(join.reply)
        member = group.members[member_id]
        if group.is_empty:
            return _refused(join.reply, member_id, ErrorCode.UNKNOWN_MEMBER_ID)
        if self._needs_no_rebalance(group, member, join):
            join.reply.complete(generation_response(group, member_id))
            return CoordinatorResult(join.reply)
        self._update(group, member, join)
        return self._rebalance(group, join, f"member {member_id} rejoins in state {group.state.value}")

    def _needs_no_rebalance(self, group: ClassicGroup, member: ClassicMember, join: "_Join") -> bool:
        """A member that joins with what is known of it only missed the answer. A leader that joins a stable group asks
        for a new assignment, for instance because partitions were added."""
        if member.protocols != join.protocols:
            return False
        if group.state is ClassicGroupState.STABLE:
            return not group.is_leader(member.member_id)
        return group.state is ClassicGroupState.COMPLETING_REBALANCE

    def _update(self, group: ClassicGroup, member: ClassicMember, join: "_Join") -> None:
        request = join.request
        group.update_member(
            member, join.protocols, request.rebalance_timeout_ms, request.session_timeout_ms, join.reply
        )

    def _rebalance(self, group: ClassicGroup, join: "_Join", reason: str) -> JoinResult:
        told = join.request.reason or "not provided"
        records = self._rebalances.prepare_or_complete_join(
            group, f"{reason}; client reason: {told}", join.now_ms
        )
        return CoordinatorResult(join.reply, records)


class _Join:
    """One JoinGroup on its way through."""

    __slots__ = ("context", "now_ms", "protocols", "reply", "request")

    def __init__(
        self,
        request: JoinGroupRequest,
        context: GroupRequestContext,
        protocols: tuple[Protocol, ...],
        reply: JoinReply,
        now_ms: int,
    ) -> None:
        self.request = request
        self.context = context
        self.protocols = protocols
        self.reply = reply
        self.now_ms = now_ms


def _refused(reply: JoinReply, member_id: str, code: ErrorCode) -> JoinResult:
    _refuse(reply, member_id, code)
    return CoordinatorResult(reply)


def _refuse(reply: JoinReply, member_id: str, code: ErrorCode) -> None:
    reply.complete(JoinGroupResponse(member_id=member_id, error_code=code))


def _fail(reply: JoinReply, append_error: ErrorCode) -> None:
    reply.complete(JoinGroupResponse(error_code=answer_for(append_error)))


def _follower_response(group: ClassicGroup, member_id: str, leader_id: str) -> JoinGroupResponse:
    return JoinGroupResponse(
        member_id=member_id,
        generation_id=group.generation_id,
        protocol_name=group.protocol_name,
        protocol_type=group.protocol_type,
        leader=leader_id,
    )
