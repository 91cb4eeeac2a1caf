"""SyncGroup, Heartbeat and LeaveGroup for classic groups: getting one's assignment, staying in, going.

Apache: the classic part of org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

import logging

from ottla.coordination.append_errors import answer_for
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult, Reply
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.member import EMPTY_ASSIGNMENT
from ottla.groups.rebalance import Rebalances
from ottla.groups.records import group_metadata_record
from ottla.groups.registry import Groups
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

SyncReply = Reply[SyncGroupResponse]
SyncResult = CoordinatorResult[SyncGroupResponse]

_log = logging.getLogger(__name__)


class Membership:
    """Handles these requests for the classic groups of one coordinator."""

    def __init__(self, groups: Groups, rebalances: Rebalances) -> None:
        self._groups = groups
        self._rebalances = rebalances

    # Sync.

    def sync(self, request: SyncGroupRequest, reply: SyncReply) -> SyncResult:
        group = self._groups.find_classic(request.group_id)
        if group is None or group.is_empty:
            reply.complete(SyncGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID))
            return CoordinatorResult(reply)
        try:
            _check_sync(group, request)
        except KafkaError as error:
            reply.complete(SyncGroupResponse(error_code=error.code))
            return CoordinatorResult(reply)
        self._rebalances.sync_received(group, request.member_id)
        member = group.members[request.member_id]
        if group.state is ClassicGroupState.STABLE:
            reply.complete(
                SyncGroupResponse(
                    protocol_type=group.protocol_type,
                    protocol_name=group.protocol_name,
                    assignment=member.assignment,
                )
            )
            return CoordinatorResult(reply)
        member.sync_reply = reply
        if not group.is_leader(request.member_id):
            return CoordinatorResult(reply)
        return self._store_assignment(group, request, reply)

    def _store_assignment(
        self, group: ClassicGroup, request: SyncGroupRequest, reply: SyncReply
    ) -> SyncResult:
        assignments = {each.member_id: each.assignment for each in request.assignments}
        missing = [member_id for member_id in group.members if member_id not in assignments]
        if missing:
            _log.warning(
                "Group %s generation %d: the leader assigned nothing to %s",
                group.group_id,
                group.generation_id,
                missing,
            )
        for member_id in missing:
            assignments[member_id] = EMPTY_ASSIGNMENT
        generation_id = group.generation_id

        def is_current() -> bool:
            return (
                group.state is ClassicGroupState.COMPLETING_REBALANCE and group.generation_id == generation_id
            )

        def committed(now_ms: int) -> None:
            if is_current():
                self._rebalances.set_assignments(group, assignments, now_ms)

        def failed(error: ErrorCode, now_ms: int) -> None:
            if is_current():
                answer = answer_for(error)
                self._rebalances.reset_assignments(group, answer, now_ms)
                self._rebalances.prepare(group, f"the assignment was not stored: {answer.name}", now_ms)

        return CoordinatorResult(
            reply,
            [group_metadata_record(group, assignments)],
            on_committed=committed,
            on_failed=failed,
        )

    # Heartbeat.

    def heartbeat(self, request: HeartbeatRequest, now_ms: int) -> HeartbeatResponse:
        """Raises KafkaError for a member that is none, or of another generation."""
        group = self._groups.find_classic(request.group_id)
        if group is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Group {request.group_id} not found.")
        if group.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        group.check_member(request.member_id, request.group_instance_id, "a heartbeat")
        if request.generation_id != group.generation_id:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        if group.is_empty:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        self._rebalances.heartbeats.expect(group, group.members[request.member_id], now_ms)
        if group.state is ClassicGroupState.PREPARING_REBALANCE:
            return HeartbeatResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)
        return HeartbeatResponse()

    # Leave.

    def leave(
        self, request: LeaveGroupRequest, now_ms: int
    ) -> tuple[list[CoordinatorRecord], LeaveGroupResponse]:
        group = self._groups.find_classic(request.group_id)
        if group is None:
            return [], LeaveGroupResponse(
                members=[_left(member, ErrorCode.UNKNOWN_MEMBER_ID) for member in request.members]
            )
        if group.state is ClassicGroupState.DEAD:
            return [], LeaveGroupResponse(error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE)
        responses = [_left(member, self._leave_one(group, member)) for member in request.members]
        gone = [response.member_id for response in responses if response.error_code == ErrorCode.NONE]
        records: list[CoordinatorRecord] = []
        if gone and group.state in (ClassicGroupState.STABLE, ClassicGroupState.COMPLETING_REBALANCE):
            records.extend(self._rebalances.prepare(group, f"members {gone} left", now_ms))
        elif gone and group.state is ClassicGroupState.PREPARING_REBALANCE:
            records.extend(self._rebalances.complete_join_if_ready(group, now_ms))
        return records, LeaveGroupResponse(members=responses)

    def _leave_one(self, group: ClassicGroup, leaving: MemberIdentity) -> ErrorCode:
        member_id = leaving.member_id
        if not member_id:
            # An administrator removes a static member, whose present member id only the coordinator knows.
            current = group.static_members.get(leaving.group_instance_id or "")
            if leaving.group_instance_id is None or current is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            member_id = current
        elif member_id in group.pending_join_members:
            group.remove(member_id)
            self._rebalances.heartbeats.forget(group.group_id, member_id)
            return ErrorCode.NONE
        else:
            try:
                group.check_member(member_id, leaving.group_instance_id, "leaving")
            except KafkaError as error:
                return error.code
        self._rebalances.heartbeats.forget(group.group_id, member_id)
        self._rebalances.remove_member(group, group.members[member_id])
        _log.info(
            "Group %s: member %s left; client reason: %s",
            group.group_id,
            member_id,
            leaving.reason or "not provided",
        )
        return ErrorCode.NONE


def _check_sync(group: ClassicGroup, request: SyncGroupRequest) -> None:
    if group.state is ClassicGroupState.DEAD:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    group.check_member(request.member_id, request.group_instance_id, "a sync")
    if request.generation_id != group.generation_id:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    if _differs(request.protocol_type, group.protocol_type) or _differs(
        request.protocol_name, group.protocol_name
    ):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)


def _differs(told: str | None, known: str | None) -> bool:
    """Versions before 5 do not tell."""
    return told is not None and known is not None and told != known


def _left(member: MemberIdentity, code: ErrorCode) -> MemberResponse:
    return MemberResponse(
        member_id=member.member_id, group_instance_id=member.group_instance_id, error_code=code
    )
