"""Being a member of a share group: joining, staying, leaving, and being assigned partitions.

A heartbeat does all of it:

    member's subscription changed, topics changed, or partitions were initialized ─▶ group epoch + 1
    target assignment older than the group epoch                                 ─▶ a new one, by the assignor
    member's epoch other than the target's                                       ─▶ the member has the new target at once

Besides, partitions of subscribed topics that have no share state yet are to be initialized: the persister is asked once the
records are committed (share_group_requests.py), and a later heartbeat assigns them.

Apache: GroupMetadataManager#shareGroupHeartbeat, #shareGroupLeave, #shareGroupFenceMember.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import share_group_records as records
from ottla.groups.assigned_group import JOIN_GROUP_EPOCH
from ottla.groups.group_types import Decision, GroupParts
from ottla.groups.java_hash_order import string_hash_order
from ottla.groups.modern_group import Assignment, SubscribedTopics, is_reconciled_to
from ottla.groups.settings import GroupRequestContext
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_assignor import ShareMemberSpec, assign
from ottla.groups.share_group_member import ShareGroupMember
from ottla.groups.share_group_state_partitions import NO_STATE_PARTITIONS, InitializedTopic
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeStateData,
    PartitionData,
)
from ottla.protocol.messages.share_group_heartbeat import (
    Assignment as HeartbeatAssignment,
)
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.types import Uuid

UNINITIALIZED_START_OFFSET = -1
"""The share partition's leader finds where to begin, by `share.auto.offset.reset`."""

_log = logging.getLogger(__name__)


class Heartbeat(NamedTuple):
    """What comes of a heartbeat."""

    response: ShareGroupHeartbeatResponse
    initialize: InitializeShareGroupStateRequest | None = None
    """To be asked of the persister when the records are committed."""


class ShareGroupHeartbeats:
    """Decides on heartbeats of the share groups of one coordinator."""

    def __init__(self, parts: GroupParts) -> None:
        self._parts = parts
        self._settings = parts.settings.share
        self.rebalance_count = 0

    # Staying.

    def heartbeat(
        self, request: ShareGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> Decision[Heartbeat]:
        group = self._group(request)
        member = self._member(group, request)
        updated = member.with_subscription(
            request.rack_id, request.subscribed_topic_names, context.client_id, context.client_host
        )
        written: list[CoordinatorRecord] = []
        if updated != member or member.member_id not in group.members:
            written.append(records.member_record(group.group_id, updated))
        group_epoch, topics = self._group_epoch(group, member, updated, written)
        target_epoch, target = self._target(group, group_epoch, updated, topics, written)
        if not is_reconciled_to(updated, target_epoch):
            updated = updated.reconciled_to(target_epoch, target)
            written.append(records.current_assignment_record(group.group_id, updated))
        self.expect(group.group_id, member.member_id, now_ms)
        response = ShareGroupHeartbeatResponse(
            member_id=updated.member_id,
            member_epoch=updated.member_epoch,
            heartbeat_interval_ms=self._heartbeat_interval_ms(group.group_id),
        )
        # All that a member without a memory has to tell: it has joined, or lost an answer.
        is_full_request = request.subscribed_topic_names is not None
        if is_full_request or updated.assigned_partitions != member.assigned_partitions:
            response.assignment = _wire_assignment(updated.assigned_partitions)
        initialize = self._initialize(group, group_epoch, topics, now_ms, written)
        return Decision(written, Heartbeat(response, initialize))

    def _group(self, request: ShareGroupHeartbeatRequest) -> ShareGroup:
        group = self._parts.groups.find(request.group_id)
        if group is None:
            if request.member_epoch != JOIN_GROUP_EPOCH:
                raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Share group {request.group_id} not found.")
            group = ShareGroup(request.group_id)
        if not isinstance(group, ShareGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} is not a share group.")
        most = self._settings.max_size
        if len(group.members) >= most and request.member_id not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The share group has reached its maximum capacity of {most} members.",
            )
        return group

    def _member(self, group: ShareGroup, request: ShareGroupHeartbeatRequest) -> ShareGroupMember:
        joins = request.member_epoch == JOIN_GROUP_EPOCH
        if joins and request.member_id not in group.members:
            _log.info("Member %s joins share group %s", request.member_id, group.group_id)
            return ShareGroupMember(request.member_id)
        member = group.member(request.member_id)
        _check_epoch(member, request.member_epoch)
        return member

    def _group_epoch(
        self,
        group: ShareGroup,
        member: ShareGroupMember,
        updated: ShareGroupMember,
        written: list[CoordinatorRecord],
    ) -> tuple[int, SubscribedTopics]:
        """The group's epoch after this heartbeat, and the topics it is subscribed to then."""
        subscribed = self._parts.topics.topic_ids(group.subscribed_topic_names)
        changed = (
            updated.subscribed_topic_names != member.subscribed_topic_names
            or group.has_unassigned_partitions(subscribed)
        )
        if not changed and not group.needs_metadata_refresh:
            return group.group_epoch, group.subscribed_topic_names
        topics = group.topics_with(member, updated)
        metadata_hash = self._parts.topics.hash_of(topics)
        epoch = group.group_epoch
        if changed or metadata_hash != group.metadata_hash:
            epoch += 1
            self.rebalance_count += 1
            written.append(records.group_record(group.group_id, epoch, metadata_hash))
        group.metadata_refreshed(epoch)
        return epoch, topics

    def _target(
        self,
        group: ShareGroup,
        group_epoch: int,
        updated: ShareGroupMember,
        topics: SubscribedTopics,
        written: list[CoordinatorRecord],
    ) -> tuple[int, Assignment]:
        """The target assignment's epoch, and the member's part in it."""
        if group_epoch <= group.target_assignment_epoch:
            return group.target_assignment_epoch, group.target_of(updated.member_id)
        members = {**group.members, updated.member_id: updated}
        targets = assign(
            self._specs(group, members.values()),
            homogeneous=all(count.names == len(members) for count in topics.values()),
            partition_count=self._parts.topics.partition_count,
            assignable=group.assignable,
        )
        for member_id, target in targets.items():
            if target != group.target_assignment.get(member_id):
                written.append(records.target_assignment_record(group.group_id, member_id, target))
        written.append(records.target_epoch_record(group.group_id, group_epoch))
        return group_epoch, targets[updated.member_id]

    def _specs(self, group: ShareGroup, members: Collection[ShareGroupMember]) -> dict[str, ShareMemberSpec]:
        by_name = self._parts.topics.image.topics
        ids_of: dict[frozenset[str], list[Uuid]] = {}
        for member in members:
            names = member.subscribed_topic_names
            if names not in ids_of:
                ids_of[names] = [
                    by_name[name].topic_id for name in string_hash_order(names) if name in by_name
                ]
        return {
            member.member_id: ShareMemberSpec(
                ids_of[member.subscribed_topic_names], group.target_of(member.member_id)
            )
            for member in members
        }

    # Initializing.

    def _initialize(
        self,
        group: ShareGroup,
        group_epoch: int,
        topics: Collection[str],
        now_ms: int,
        written: list[CoordinatorRecord],
    ) -> InitializeShareGroupStateRequest | None:
        by_name = self._parts.topics.image.topics
        wanted = {
            by_name[name].topic_id: InitializedTopic(name, frozenset(by_name[name].partitions), now_ms)
            for name in topics
            if name in by_name
        }
        state = group.state_partitions or NO_STATE_PARTITIONS
        missing = state.to_initialize(wanted, now_ms - 2 * self._parts.settings.offset_commit_timeout_ms)
        if not missing:
            return None
        written.append(
            records.state_partitions_record(
                group.group_id, state.with_initializing(missing), self._parts.topics.topic_name
            )
        )
        starts = {
            topic_id: dict.fromkeys(sorted(topic.partitions), UNINITIALIZED_START_OFFSET)
            for topic_id, topic in missing.items()
        }
        return initialize_request(group.group_id, group_epoch, starts)

    # Leaving.

    def leave(self, request: ShareGroupHeartbeatRequest) -> Decision[Heartbeat]:
        group = self._parts.groups.get(request.group_id)
        if not isinstance(group, ShareGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} is not a share group.")
        member = group.member(request.member_id)
        _log.info("Member %s leaves share group %s", member.member_id, group.group_id)
        response = ShareGroupHeartbeatResponse(member_id=member.member_id, member_epoch=request.member_epoch)
        return Decision(self._removal(group, member), Heartbeat(response))

    def _removal(self, group: ShareGroup, member: ShareGroupMember) -> list[CoordinatorRecord]:
        group_id, member_id = group.group_id, member.member_id
        metadata_hash = self._parts.topics.hash_of(group.topics_with(member, None))
        return [
            records.current_assignment_tombstone(group_id, member_id),
            records.target_assignment_tombstone(group_id, member_id),
            records.member_tombstone(group_id, member_id),
            records.group_record(group_id, group.group_epoch + 1, metadata_hash),
        ]

    # Being heard.

    def expect(self, group_id: str, member_id: str, now_ms: int) -> None:
        """The member was heard; it must be again within the group's session timeout.

        Nothing cancels this but the next time: a member that has left is not found. If its removal could not be written,
        it is waited for once more.
        """
        timeout_ms = self._parts.topics.group_setting(
            group_id, "share.session.timeout.ms", self._settings.session_timeout_ms
        )
        self._parts.timers.schedule(
            ("share-session", group_id, member_id),
            now_ms + timeout_ms,
            lambda _: self._expired(group_id, member_id),
        )

    def _expired(self, group_id: str, member_id: str) -> Sequence[CoordinatorRecord]:
        group = self._parts.groups.find(group_id)
        if not isinstance(group, ShareGroup) or member_id not in group.members:
            return ()
        _log.info("Member %s of share group %s was not heard in time: removed", member_id, group_id)
        return self._removal(group, group.members[member_id])

    def _heartbeat_interval_ms(self, group_id: str) -> int:
        return self._parts.topics.group_setting(
            group_id, "share.heartbeat.interval.ms", self._settings.heartbeat_interval_ms
        )


def initialize_request(
    group_id: str, group_epoch: int, starts: Mapping[Uuid, Mapping[int, int]]
) -> InitializeShareGroupStateRequest:
    """`starts`: where each partition begins, by topic."""
    return InitializeShareGroupStateRequest(
        group_id=group_id,
        topics=[
            InitializeStateData(
                topic_id=topic_id,
                partitions=[
                    PartitionData(partition=partition, state_epoch=group_epoch, start_offset=start_offset)
                    for partition, start_offset in partitions.items()
                ],
            )
            for topic_id, partitions in starts.items()
        ],
    )


def _check_epoch(member: ShareGroupMember, received: int) -> None:
    known, previous = member.member_epoch, member.previous_member_epoch
    if received > known:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The share group member has a greater member epoch ({received}) than the one known by the group "
            f"coordinator ({known}). The member must abandon all its partitions and rejoin.",
        )
    # With the previous epoch comes a member that the answer with the new one didn't reach.
    if received < known and received != previous:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The share group member has a smaller member epoch ({received}) than the one known by the group "
            f"coordinator ({known}), and it does not match the previous member epoch ({previous}). The member must "
            "abandon all its partitions and rejoin.",
        )


def _wire_assignment(assignment: Assignment) -> HeartbeatAssignment:
    return HeartbeatAssignment(
        topic_partitions=[
            TopicPartitions(topic_id=topic_id, partitions=sorted(assignment[topic_id]))
            for topic_id in sorted(assignment)
        ]
    )
