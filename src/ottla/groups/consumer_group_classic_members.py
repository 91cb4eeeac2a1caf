"""Members of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup for them.

A join is the heartbeat by which such a member tells what it subscribes to and what it still reads; its generation is the
member epoch. Nobody waits for the others: it is answered at once, and the sync gives it what it may read by now. Heartbeats
tell it to join again (REBALANCE_IN_PROGRESS) when there is another step to take.

Apache: GroupMetadataManager#classicGroupJoinToConsumerGroup, #classicGroupSyncToConsumerGroup and so on.
"""

import logging
from typing import NamedTuple

from ottla.coordination.append_errors import answer_for
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult, Reply
from ottla.groups.classic_group import CONSUMER_PROTOCOL_TYPE
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_member import ClassicMembership, ConsumerGroupMember
from ottla.groups.consumer_group_reconciliation import Target
from ottla.groups.consumer_groups import ConsumerGroups, check_not_fenced
from ottla.groups.group_conversion import GroupConversion, classic_assignment
from ottla.groups.group_types import GroupParts
from ottla.groups.member import Protocol, distinct_protocols
from ottla.groups.modern_group import MemberState
from ottla.groups.registry import Undo
from ottla.groups.settings import GroupRequestContext
from ottla.groups.subscription import subscription_of
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.messages.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_MEMBER_ID_REQUIRED_VERSION = 4

_log = logging.getLogger(__name__)


class _Joined(NamedTuple):
    """What came of a join."""

    member: ConsumerGroupMember
    is_downgrade: bool


class ClassicMembers:
    """These requests, for the consumer groups of one coordinator. A refused one raises KafkaError."""

    def __init__(self, parts: GroupParts, groups: ConsumerGroups, conversion: GroupConversion) -> None:
        self._topics = parts.topics
        self._new_uuid = parts.new_uuid
        self._groups = groups
        self._sessions = groups.sessions
        self._rebalance = groups.rebalance
        self._conversion = conversion

    # Join.

    def join(
        self,
        group: ConsumerGroup,
        request: JoinGroupRequest,
        context: GroupRequestContext,
        reply: Reply[JoinGroupResponse],
        now_ms: int,
    ) -> CoordinatorResult[JoinGroupResponse]:
        """Of a group that has members."""
        is_unknown = not request.member_id
        member_id = request.member_id or self._new_uuid()
        self._groups.check_has_room(group, member_id)
        protocols = distinct_protocols(Protocol(each.name, each.metadata) for each in request.protocols)
        if not group.supports_classic_protocols(request.protocol_type, protocols):
            raise KafkaError(
                ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"Member {member_id}'s protocols are not supported."
            )
        if (
            is_unknown
            and request.group_instance_id is None
            and context.api_version >= _MEMBER_ID_REQUIRED_VERSION
        ):
            reply.complete(JoinGroupResponse(member_id=member_id, error_code=ErrorCode.MEMBER_ID_REQUIRED))
            return CoordinatorResult(reply)
        records: list[CoordinatorRecord] = []
        undo: Undo = []
        if request.group_instance_id is None:
            member = self._groups.dynamic_member(group, member_id, create=True)
        else:
            instance_id = request.group_instance_id
            member = self._groups.static_member(
                group, member_id, instance_id, records, undo, now_ms, create=is_unknown, is_classic=True
            )
        updated = _updated(member, request, context, protocols)
        bumps = bool(member.subscribed_topic_regex) and self._groups.regexes.update(
            group, member, updated, now_ms, records, context.may_describe
        )
        joined = self._settle(group, member, updated, records, undo, now_ms, bumps=bumps)
        return self._answered_when_committed(group, request, joined, records, undo, reply)

    def _settle(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        records: list[CoordinatorRecord],
        undo: Undo,
        now_ms: int,
        *,
        bumps: bool,
    ) -> _Joined:
        owned = self._owned(updated)
        replaced = group.static_member(updated.instance_id)
        bumps |= self._rebalance.member_changed(group, member, updated, records)
        if replaced is None or not self._conversion.can_downgrade_by_replacing(group, replaced):
            settled = self._rebalance.settle(
                group, member, updated, records, bumps=bumps, owned=owned, now_ms=now_ms
            )
            return _Joined(settled, is_downgrade=False)
        if bumps or group.needs_metadata_refresh:
            self._rebalance.next_epoch(group, member, updated, records, bumps=bumps)
        if not bumps:
            target = Target(group.target_assignment_epoch, group.target_of_member(updated))
            updated = self._rebalance.reconcile(group, updated, target, records, owned=owned, now_ms=now_ms)
        self._conversion.downgrade_by_replacing(
            group, replaced, updated, now_ms, records, undo, rebalances=bumps
        )
        return _Joined(updated, is_downgrade=True)

    def _owned(self, member: ConsumerGroupMember) -> list[TopicPartitions]:
        """What it says it reads, of the topics that exist."""
        topics = self._topics.image.topics
        return [
            TopicPartitions(topic_id=topics[each.topic].topic_id, partitions=each.partitions)
            for each in _subscription(member).owned_partitions
            if each.topic in topics
        ]

    def _answered_when_committed(
        self,
        group: ConsumerGroup,
        request: JoinGroupRequest,
        joined: _Joined,
        records: list[CoordinatorRecord],
        undo: Undo,
        reply: Reply[JoinGroupResponse],
    ) -> CoordinatorResult[JoinGroupResponse]:
        group_id, member = group.group_id, joined.member
        response = JoinGroupResponse(
            member_id=member.member_id,
            generation_id=member.member_epoch,
            protocol_type=CONSUMER_PROTOCOL_TYPE,
            protocol_name=_protocol_name(member),
        )

        def committed(now_ms: int) -> None:
            self._sessions.has_joined(group_id, member.member_id)
            if not joined.is_downgrade:
                self._groups.heard(group, member, now_ms)
                self._sessions.must_sync(group_id, member.member_id, now_ms + request.rebalance_timeout_ms)
            reply.complete(response)

        def failed(error: ErrorCode, now_ms: int) -> None:
            if member.member_id in group.members and not joined.is_downgrade:
                # Perhaps only late, and its records hold yet: who never asks again must not stay for ever.
                self._groups.heard(group, member, now_ms)
            reply.complete(JoinGroupResponse(error_code=answer_for(error)))

        result = CoordinatorResult(reply, records, on_committed=committed, on_failed=failed)
        result.undo.extend(undo)
        return result

    # Sync.

    def sync(self, group: ConsumerGroup, request: SyncGroupRequest, now_ms: int) -> SyncGroupResponse:
        member = self._member(group, request.member_id, request.group_instance_id, request.generation_id)
        _check_protocol(member, request)
        if group.group_epoch > member.member_epoch and member.state is not MemberState.UNREVOKED_PARTITIONS:
            self._sessions.must_join(group.group_id, member, now_ms)
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._sessions.has_synced(group.group_id, member.member_id)
        self._groups.heard(group, member, now_ms)
        metadata = _first_protocol(member).metadata
        return SyncGroupResponse(
            protocol_type=request.protocol_type,
            protocol_name=request.protocol_name,
            assignment=classic_assignment(member.assigned_partitions, metadata, self._topics),
        )

    # Heartbeat.

    def heartbeat(self, group: ConsumerGroup, request: HeartbeatRequest, now_ms: int) -> HeartbeatResponse:
        member = self._member(group, request.member_id, request.group_instance_id, request.generation_id)
        self._groups.heard(group, member, now_ms)
        can_get_more = member.state is MemberState.UNRELEASED_PARTITIONS and not group.waits_for_partitions(
            member
        )
        if (
            member.member_epoch < group.group_epoch
            or member.state is MemberState.UNREVOKED_PARTITIONS
            or can_get_more
        ):
            self._sessions.must_join(group.group_id, member, now_ms)
            return HeartbeatResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)
        return HeartbeatResponse()

    # Leave.

    def leave(
        self, group: ConsumerGroup, request: LeaveGroupRequest, now_ms: int, undo: Undo
    ) -> tuple[list[CoordinatorRecord], LeaveGroupResponse]:
        """Members of either protocol, as an administrator may remove both."""
        leaving: dict[str, ConsumerGroupMember] = {}
        responses: list[MemberResponse] = []
        for each in request.members:
            response = MemberResponse(member_id=each.member_id, group_instance_id=each.group_instance_id)
            responses.append(response)
            try:
                member = self._leaving(group, each.member_id, each.group_instance_id)
            except KafkaError as error:
                response.error_code = error.code
            else:
                leaving[member.member_id] = member
        records = self._groups.remove(group, list(leaving.values()), now_ms, undo)
        return records, LeaveGroupResponse(members=responses)

    def _leaving(self, group: ConsumerGroup, member_id: str, instance_id: str | None) -> ConsumerGroupMember:
        if instance_id is None:
            return group.member(member_id)
        present = group.static_member(instance_id)
        if present is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
        if member_id:
            check_not_fenced(present, member_id, instance_id)
        return present

    # Who it is.

    def _member(
        self, group: ConsumerGroup, member_id: str, instance_id: str | None, generation_id: int
    ) -> ConsumerGroupMember:
        if instance_id is None:
            member = group.member(member_id)
        else:
            present = group.static_member(instance_id)
            if present is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            check_not_fenced(present, member_id, instance_id)
            member = present
        if not member.uses_classic_protocol:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        if member.member_epoch != generation_id:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        return member


def _updated(
    member: ConsumerGroupMember,
    request: JoinGroupRequest,
    context: GroupRequestContext,
    protocols: tuple[Protocol, ...],
) -> ConsumerGroupMember:
    classic = ClassicMembership(request.session_timeout_ms, protocols)
    subscription = _subscription(member._replace(classic=classic))
    return member._replace(
        instance_id=request.group_instance_id or member.instance_id,
        rack_id=subscription.rack_id or member.rack_id,
        rebalance_timeout_ms=(
            member.rebalance_timeout_ms
            if request.rebalance_timeout_ms == -1
            else request.rebalance_timeout_ms
        ),
        subscribed_topic_names=frozenset(subscription.topics),
        # Of the consumer of the new protocol that it may have taken the place of. Apache keeps it: the member is then given
        # partitions that it never asked for.
        subscribed_topic_regex="",
        client_id=context.client_id,
        client_host=context.client_host,
        classic=classic,
    )


def _first_protocol(member: ConsumerGroupMember) -> Protocol:
    if member.classic is None or not member.classic.protocols:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    return member.classic.protocols[0]


def _protocol_name(member: ConsumerGroupMember) -> str:
    return _first_protocol(member).name


def _subscription(member: ConsumerGroupMember) -> ConsumerProtocolSubscription:
    """What its first protocol says. UNKNOWN_SERVER_ERROR, as Apache answers, for one that can't be read."""
    try:
        return subscription_of(_first_protocol(member).metadata)
    except ProtocolError as error:
        _log.warning("Member %s: its subscription cannot be read: %s", member.member_id, error)
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR) from error


def _check_protocol(member: ConsumerGroupMember, request: SyncGroupRequest) -> None:
    if request.protocol_type not in (None, CONSUMER_PROTOCOL_TYPE) or request.protocol_name not in (
        None,
        _protocol_name(member),
    ):
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
