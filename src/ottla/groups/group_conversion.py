"""A group with members changes its type: classic to consumer and back, without anybody losing partitions (KIP-848).

    upgrade     a member of the new protocol joins a classic group of consumers: all classic members go on as members of the
                consumer group with what they had assigned; the newcomer makes the group's next rebalance
    downgrade   the last member of the new protocol leaves: the others are a classic group again with what they were to
                have, and rejoin

`group.consumer.migration.policy` allows either or forbids it. All is written in one batch, the old type's tombstones first.

Apache: GroupMetadataManager#convertToConsumerGroup, #convertToClassicGroup; ConsumerGroup#fromClassicGroup;
ClassicGroup#fromConsumerGroup.
"""

import logging
from collections.abc import Collection

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.classic_group import CONSUMER_PROTOCOL_TYPE, ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_member import ClassicMembership, ConsumerGroupMember
from ottla.groups.group_types import GroupParts
from ottla.groups.member import EMPTY_ASSIGNMENT, ClassicMember
from ottla.groups.modern_group import Assignment
from ottla.groups.rebalance import Rebalances
from ottla.groups.records import group_metadata_record
from ottla.groups.registry import Undo
from ottla.groups.states import ClassicGroupState
from ottla.groups.subscription import assignment_of, encoded_assignment, protocol_version, subscription_of
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupResponse

_log = logging.getLogger(__name__)


class GroupConversion:
    """Converts groups of one coordinator."""

    def __init__(self, parts: GroupParts, rebalances: Rebalances) -> None:
        self._parts = parts
        self._rebalances = rebalances

    # To a consumer group.

    def upgrade(self, classic: ClassicGroup, records: list[CoordinatorRecord]) -> ConsumerGroup:
        """What the classic group would be as a consumer group; the records make it one. Raises GROUP_ID_NOT_FOUND with
        the reason if it can't be."""
        self._check_upgrade(classic)
        try:
            group = self._consumer_group(classic)
        except ProtocolError as error:
            _log.warning("Group %s: a member's consumer protocol is malformed: %s", classic.group_id, error)
            raise _not_upgraded(classic, "the embedded consumer protocol is malformed") from error
        records.extend(classic.tombstones())
        records.extend(_records(group))
        _log.info("Group %s becomes a consumer group", classic.group_id)
        return group

    def _check_upgrade(self, classic: ClassicGroup) -> None:
        settings = self._parts.settings.consumer
        if not settings.upgrade_enabled:
            raise _not_upgraded(classic, "online upgrade is disabled")
        if not classic.uses_consumer_protocol:
            raise _not_upgraded(classic, "the group does not use the consumer embedded protocol")
        if len(classic.members) > settings.max_size:
            raise _not_upgraded(classic, "the group size exceeds the consumer group maximum size")

    def _consumer_group(self, classic: ClassicGroup) -> ConsumerGroup:
        topics = self._parts.topics
        group = ConsumerGroup(classic.group_id)
        protocol_name = _protocol_name(classic)
        for each in classic.members.values():
            assigned: Assignment = {}
            if each.assignment != EMPTY_ASSIGNMENT:
                assignment = assignment_of(each.assignment)
                if assignment.user_data:
                    raise _not_upgraded(
                        classic,
                        "an unsupported custom assignor is in use. Please refer to the documentation or switch to a"
                        " default assignor before re-attempting the upgrade",
                    )
                assigned = {
                    topics.image.topics[part.topic].topic_id: frozenset(part.partitions)
                    for part in assignment.assigned_partitions
                    if part.topic in topics.image.topics and part.partitions
                }
            subscription = subscription_of(each.metadata(protocol_name))
            group.set_target(each.member_id, assigned)
            group.put_member(
                ConsumerGroupMember(
                    member_id=each.member_id,
                    member_epoch=classic.generation_id,
                    previous_member_epoch=classic.generation_id,
                    instance_id=each.group_instance_id,
                    rack_id=subscription.rack_id or None,
                    rebalance_timeout_ms=each.rebalance_timeout_ms,
                    client_id=each.client_id,
                    client_host=each.client_host,
                    subscribed_topic_names=frozenset(subscription.topics),
                    assigned_partitions=assigned,
                    classic=ClassicMembership(each.session_timeout_ms, each.protocols),
                )
            )
        group.set_target_assignment_epoch(classic.generation_id)
        group.set_group_epoch(classic.generation_id, topics.hash_of(group.subscribed_topic_names))
        return group

    def retire(self, classic: ClassicGroup) -> None:
        """It is a consumer group from here on: members that wait for a join or a sync are sent to begin again."""
        for member in classic.members.values():
            error = ErrorCode.REBALANCE_IN_PROGRESS
            classic.complete_join(member, JoinGroupResponse(member_id=member.member_id, error_code=error))
            classic.complete_sync(member, SyncGroupResponse(error_code=error))

    # To a classic group.

    def can_downgrade(self, group: ConsumerGroup, leaving: Collection[ConsumerGroupMember]) -> bool:
        """Whether only classic members are left without these."""
        remaining = len(group.members) - len(leaving)
        return remaining > 0 and self._can_be_classic(group, leaving, remaining)

    def can_downgrade_by_replacing(self, group: ConsumerGroup, replaced: ConsumerGroupMember) -> bool:
        """Likewise when a classic member takes the place of this one."""
        return not replaced.uses_classic_protocol and self._can_be_classic(
            group, [replaced], len(group.members)
        )

    def _can_be_classic(
        self, group: ConsumerGroup, leaving: Collection[ConsumerGroupMember], size: int
    ) -> bool:
        if not group.all_are_classic_but(leaving):
            return False
        settings = self._parts.settings
        if not settings.consumer.downgrade_enabled or size > settings.group_max_size:
            _log.info("Group %s stays a consumer group: the policy or group.max.size says so", group.group_id)
            return False
        return True

    def downgrade(
        self,
        group: ConsumerGroup,
        leaving: Collection[ConsumerGroupMember],
        now_ms: int,
        records: list[CoordinatorRecord],
        undo: Undo,
    ) -> None:
        """Make it a classic group without those who leave. The others rejoin."""
        remaining = [member for member in group.members.values() if member not in leaving]
        targets = {member.member_id: group.target_of(member.member_id) for member in remaining}
        classic = self._classic_group(group, remaining, targets, now_ms)
        records.extend(group.tombstones())
        self._take_over(classic, now_ms, records, undo)
        self._rebalances.prepare(classic, "downgrade from consumer group: a member left", now_ms)

    def downgrade_by_replacing(
        self,
        group: ConsumerGroup,
        replaced: ConsumerGroupMember,
        joining: ConsumerGroupMember,
        now_ms: int,
        records: list[CoordinatorRecord],
        undo: Undo,
        *,
        rebalances: bool,
    ) -> None:
        """Make it a classic group in which `joining` has the place of `replaced`; the records so far have put it there
        in the consumer group already."""
        remaining = [member for member in group.members.values() if member.instance_id != joining.instance_id]
        targets = {member.member_id: group.target_of(member.member_id) for member in remaining}
        targets[joining.member_id] = group.target_of(replaced.member_id)
        classic = self._classic_group(group, [*remaining, joining], targets, now_ms)
        records.extend(group.tombstones({replaced.member_id: joining.member_id}))
        self._take_over(classic, now_ms, records, undo)
        if rebalances:
            reason = "downgrade from consumer group: a static member came back with another subscription"
            self._rebalances.prepare(classic, reason, now_ms)

    def _take_over(
        self, classic: ClassicGroup, now_ms: int, records: list[CoordinatorRecord], undo: Undo
    ) -> None:
        assignments = {member.member_id: member.assignment for member in classic.members.values()}
        records.append(group_metadata_record(classic, assignments))
        # It stands in the consumer group's place at once: the records that end that one don't touch it.
        self._parts.groups.put(classic, undo)
        for member in classic.members.values():
            self._rebalances.heartbeats.expect(classic, member, now_ms)
        _log.info("Group %s becomes a classic group", classic.group_id)

    def _classic_group(
        self,
        group: ConsumerGroup,
        members: Collection[ConsumerGroupMember],
        targets: dict[str, Assignment],
        now_ms: int,
    ) -> ClassicGroup:
        classic = ClassicGroup(
            group.group_id,
            ClassicGroupState.STABLE,
            now_ms=now_ms,
            generation_id=group.group_epoch,
            protocol_type=CONSUMER_PROTOCOL_TYPE,
        )
        for member in members:
            classic.add(_classic_member(member), None)
        classic.protocol_name = classic.select_protocol()
        classic.compute_subscribed_topics()
        for each in classic.members.values():
            target = targets[each.member_id]
            metadata = each.metadata(classic.protocol_name)
            try:
                each.assignment = classic_assignment(target, metadata, self._parts.topics)
            except ProtocolError:
                # Only its first protocol was read when it joined. Without an assignment it still rejoins.
                each.assignment = EMPTY_ASSIGNMENT
        return classic


def classic_assignment(assignment: Assignment, metadata: bytes, topics: TopicMetadata) -> bytes:
    """As a consumer of the classic protocol with this metadata reads it. Raises ProtocolError for unreadable metadata."""
    by_name = {
        name: assignment[topic_id]
        for topic_id in sorted(assignment)
        if (name := topics.topic_name(topic_id)) is not None
    }
    return encoded_assignment(by_name, protocol_version(metadata))


def _protocol_name(classic: ClassicGroup) -> str:
    """A protocol that all of its members have: while they rejoin, that of the last generation need not be one."""
    name = classic.protocol_name
    if name is not None and all(
        any(protocol.name == name for protocol in member.protocols) for member in classic.members.values()
    ):
        return name
    return classic.select_protocol()


def _classic_member(member: ConsumerGroupMember) -> ClassicMember:
    if member.classic is None:
        raise RuntimeError(f"member {member.member_id} cannot be in a classic group")
    return ClassicMember(
        member_id=member.member_id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        session_timeout_ms=member.classic.session_timeout_ms,
        protocol_type=CONSUMER_PROTOCOL_TYPE,
        protocols=member.classic.protocols,
    )


def _records(group: ConsumerGroup) -> list[CoordinatorRecord]:
    """All that makes the group in the log."""
    group_id, members = group.group_id, group.members.values()
    return [
        *(records_of.member_record(group_id, member) for member in members),
        records_of.group_epoch_record(group_id, group.group_epoch, group.metadata_hash),
        *(
            records_of.target_assignment_record(group_id, member.member_id, group.target_of(member.member_id))
            for member in members
        ),
        records_of.target_assignment_epoch_record(group_id, group.group_epoch),
        *(records_of.current_assignment_record(group_id, member) for member in members),
    ]


def _not_upgraded(classic: ClassicGroup, reason: str) -> KafkaError:
    message = f"Cannot upgrade classic group {classic.group_id} to consumer group because {reason}."
    _log.info("%s", message)
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, message)
