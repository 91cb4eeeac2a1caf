"""What a change of a member means for its consumer group: a new epoch, a new target assignment, the member's next step.

Nothing is changed here: records are added, and a group shows the change when these are replayed.

Apache: org.apache.kafka.coordinator.group.GroupMetadataManager, updateSubscriptionMetadata, updateTargetAssignment,
maybeReconcile; TargetAssignmentBuilder.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.consumer_group import ConsumerGroup, subscription_type
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.consumer_group_reconciliation import Target, reconciled
from ottla.groups.consumer_group_sessions import ConsumerGroupSessions
from ottla.groups.group_types import GroupParts
from ottla.groups.modern_group import MemberState, is_reconciled_to
from ottla.groups.range_assignor import RangeAssignor
from ottla.groups.target_assignment import Assignor, AssignorError, GroupSpec, SubscriptionType
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
        spec = self._spec(group, updated, kind)
        try:
            assignments = ASSIGNORS[name].assign(spec, self._parts.topics.partition_count)
        except AssignorError as error:
            message = f"Failed to compute a new target assignment for epoch {epoch}: {error}"
            _log.error("Group %s: %s", group.group_id, message)
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, message) from error
        mine = assignments.get(updated.member_id)
        if mine is None:
            mine = spec.assignments[updated.member_id]
        changed = {**assignments, updated.member_id: mine}
        for member_id in filter(changed.__contains__, spec.member_ids):
            assignment = changed[member_id]
            if assignment != group.target_assignment.get(member_id):
                records.append(records_of.target_assignment_record(group.group_id, member_id, assignment))
        records.append(records_of.target_assignment_epoch_record(group.group_id, epoch))
        _log.info("Group %s: target assignment for epoch %d by %s", group.group_id, epoch, name)
        return Target(epoch, mine)

    def _spec(self, group: ConsumerGroup, updated: ConsumerGroupMember, kind: SubscriptionType) -> GroupSpec:
        """All members as they will be. Who takes a static member's place takes its target."""
        order, assignments, sizes = group.member_order, group.target_assignment, group.target_sizes
        if updated.member_id not in group.members:
            order = order.copy()
            order.add(updated.member_id)
        replaced = group.static_member(updated.instance_id)
        if replaced is not None and replaced.member_id != updated.member_id:
            order = order.copy()
            order.discard(replaced.member_id)
            assignments = {**assignments, updated.member_id: group.target_of(replaced.member_id)}
            sizes = {**sizes, updated.member_id: sizes.get(replaced.member_id, 0)}
        ids_of: dict[frozenset[str], Sequence[Uuid]] = {}

        def member(member_id: str) -> ConsumerGroupMember:
            return updated if member_id == updated.member_id else group.members[member_id]

        def topic_ids_of(member_id: str) -> Sequence[Uuid]:
            names = _subscribed_topics(group, member(member_id))
            topic_ids = ids_of.get(names)
            if topic_ids is None:
                topic_ids = ids_of[names] = self._parts.topics.topic_ids(names)
            return topic_ids

        return GroupSpec(
            list(order),
            topic_ids_of,
            lambda member_id: member(member_id).instance_id,
            assignments,
            sizes,
            kind,
            group.target_owners,
        )


def _subscribed_topics(group: ConsumerGroup, member: ConsumerGroupMember) -> frozenset[str]:
    """By name, and by regular expression as far as that is resolved."""
    names = member.subscribed_topic_names
    if not member.subscribed_topic_regex:
        return names
    resolved = group.regexes.get(member.subscribed_topic_regex)
    return names if resolved is None else names | resolved.topics
