"""What a change of a member means for its consumer group: a new epoch, a new target assignment, the member's next step.

Nothing is changed here: records are added, and a group shows the change when these are replayed.

Apache: org.apache.kafka.coordinator.group.GroupMetadataManager, updateSubscriptionMetadata, updateTargetAssignment,
maybeReconcile; TargetAssignmentBuilder.
"""

import logging
from collections.abc import Iterable, Mapping

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.consumer_group import ConsumerGroup, subscription_type
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.consumer_group_reconciliation import Target, reconciled
from ottla.groups.consumer_group_sessions import ConsumerGroupSessions
from ottla.groups.group_types import GroupParts
from ottla.groups.modern_group import NOTHING_ASSIGNED, MemberState, is_reconciled_to
from ottla.groups.range_assignor import RangeAssignor
from ottla.groups.target_assignment import Assignor, AssignorError, GroupSpec, MemberSpec, SubscriptionType
from ottla.groups.uniform_assignor import UniformAssignor
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.types import Uuid

ASSIGNORS: Mapping[str, Assignor] = {each.name: each for each in (UniformAssignor(), RangeAssignor())}

_log = logging.getLogger(__name__)


class ConsumerGroupRebalance:
    """Works the changes of one coordinator's consumer groups out."""

    def __init__(self, parts: GroupParts, sessions: ConsumerGroupSessions) -> None:
        self._parts = parts
        self._sessions = sessions
        self.count = 0
        """Group epochs raised for a change of members, subscriptions or topics."""

    def member_changed(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        records: list[CoordinatorRecord],
    ) -> bool:
        """Note what it asks for; whether it subscribes to other topics by name than before."""
        if updated == member:
            return False
        records.append(records_of.member_record(group.group_id, updated))
        return updated.subscribed_topic_names != member.subscribed_topic_names

    def next_epoch(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        records: list[CoordinatorRecord],
        *,
        bumps: bool,
    ) -> tuple[int, SubscriptionType]:
        """The group epoch, raised if it `bumps` or the topics look different, and how alike the subscriptions are."""
        topics = group.topics_with(member, updated)
        metadata_hash = self._parts.topics.hash_of(topics)
        epoch = group.group_epoch
        if bumps or metadata_hash != group.metadata_hash:
            epoch += 1
            self.count += 1
            records.append(records_of.group_epoch_record(group.group_id, epoch, metadata_hash))
        group.metadata_refreshed(epoch)
        if group.has_partition_metadata_record:
            records.append(records_of.partition_metadata_tombstone(group.group_id))
        is_new = updated.member_id not in group.members and group.static_member(updated.instance_id) is None
        member_count = len(group.members) + is_new
        return epoch, subscription_type(group.regexes_with(member, updated), topics, member_count)

    def settle(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        records: list[CoordinatorRecord],
        *,
        bumps: bool,
        owned: Iterable[TopicPartitions] | None,
        now_ms: int,
    ) -> ConsumerGroupMember:
        """All that follows for the group, and for the member: as it is after its next step."""
        epoch, kind = group.group_epoch, group.subscription_type
        if bumps or group.needs_metadata_refresh:
            epoch, kind = self.next_epoch(group, member, updated, records, bumps=bumps)
        if epoch > group.target_assignment_epoch:
            target = self._new_target(group, epoch, member, updated, kind, records)
        else:
            target = Target(group.target_assignment_epoch, group.target_of_member(updated))
        return self.reconcile(group, updated, target, records, owned=owned, now_ms=now_ms)

    def reconcile(
        self,
        group: ConsumerGroup,
        member: ConsumerGroupMember,
        target: Target,
        records: list[CoordinatorRecord],
        *,
        owned: Iterable[TopicPartitions] | None,
        now_ms: int,
    ) -> ConsumerGroupMember:
        """The member after its next step towards the target."""
        if is_reconciled_to(member, target.epoch):
            return member
        updated = reconciled(member, target, group.is_free, owned)
        if updated == member:
            return member
        records.append(records_of.current_assignment_record(group.group_id, updated))
        if not updated.uses_classic_protocol:
            if updated.state is MemberState.UNREVOKED_PARTITIONS:
                self._sessions.must_revoke(group.group_id, updated, now_ms)
            else:
                self._sessions.has_revoked(group.group_id, updated.member_id)
        return updated

    # The target assignment.

    def _new_target(
        self,
        group: ConsumerGroup,
        epoch: int,
        member: ConsumerGroupMember,
        updated: ConsumerGroupMember,
        kind: SubscriptionType,
        records: list[CoordinatorRecord],
    ) -> Target:
        name = group.preferred_assignor(member, updated) or self._parts.settings.consumer.assignors[0]
        members = self._specs(group, updated)
        spec = GroupSpec(members, kind, group.target_owners)
        try:
            assignments = ASSIGNORS[name].assign(spec, self._parts.topics.partition_count)
        except AssignorError as error:
            message = f"Failed to compute a new target assignment for epoch {epoch}: {error}"
            _log.error("Group %s: %s", group.group_id, message)
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, message) from error
        for member_id in members:
            assignment = assignments.get(member_id, NOTHING_ASSIGNED)
            if assignment != group.target_assignment.get(member_id):
                records.append(records_of.target_assignment_record(group.group_id, member_id, assignment))
        records.append(records_of.target_assignment_epoch_record(group.group_id, epoch))
        _log.info("Group %s: target assignment for epoch %d by %s", group.group_id, epoch, name)
        return Target(epoch, assignments.get(updated.member_id, NOTHING_ASSIGNED))

    def _specs(self, group: ConsumerGroup, updated: ConsumerGroupMember) -> Mapping[str, MemberSpec]:
        """All members as they will be, in the order of joining. Who takes a static member's place takes its target."""
        replaced = group.static_member(updated.instance_id)
        ids_of: dict[frozenset[str], list[Uuid]] = {}
        members: dict[str, MemberSpec] = {}
        for member in (*group.members.values(), updated):
            if member.member_id == updated.member_id:
                member = updated  # noqa: PLW2901
            elif replaced is not None and member.member_id == replaced.member_id:
                continue
            names = member.subscribed_topic_names
            if member.subscribed_topic_regex:
                resolved = group.regexes.get(member.subscribed_topic_regex)
                names = names if resolved is None else names | resolved.topics
            topic_ids = ids_of.get(names)
            if topic_ids is None:
                topic_ids = ids_of[names] = self._parts.topics.topic_ids(names)
            source = member.member_id
            if member is updated and replaced is not None:
                source = replaced.member_id
            members[member.member_id] = MemberSpec(member.instance_id, topic_ids, group.target_of(source))
        return members
