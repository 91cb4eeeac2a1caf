"""The records of consumer groups become state.

Apache: the replay methods of org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

import logging
from collections.abc import Mapping

from ottla.groups.assigned_group import LEAVE_GROUP_EPOCH
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup, ResolvedRegex
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.consumer_group_records import assignment_of, with_metadata
from ottla.groups.group_types import Replay
from ottla.groups.modern_group import NOTHING_ASSIGNED, MemberState
from ottla.groups.registry import Groups, Undo
from ottla.protocol.codec import decode, decode_versioned
from ottla.protocol.messages.consumer_group_current_member_assignment_record import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.messages.consumer_group_member_metadata_record import (
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
)
from ottla.protocol.messages.consumer_group_metadata_record import (
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
)
from ottla.protocol.messages.consumer_group_partition_metadata_record import ConsumerGroupPartitionMetadataKey
from ottla.protocol.messages.consumer_group_regular_expression_record import (
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
)
from ottla.protocol.messages.consumer_group_target_assignment_member_record import (
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue,
)
from ottla.protocol.messages.consumer_group_target_assignment_metadata_record import (
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)

_NO_TARGET = -1

_log = logging.getLogger(__name__)


class ConsumerGroupReplaying:
    """Applies them to the groups of one coordinator.

    A group comes to be by its first record. A simple classic group, which exists only by its offsets, gives way to it;
    records that meet any other group are passed over: the one change of types, between classic and consumer, is made
    with all its records by whoever decides on it (group_conversion.py).
    """

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def replays(self) -> Mapping[int, Replay]:
        return {
            3: self._group,
            4: self._partition_metadata,
            5: self._member,
            6: self._target_assignment_epoch,
            7: self._target_assignment,
            8: self._current_assignment,
            16: self._regex,
        }

    def _get(self, group_id: str, *, create: bool, undo: Undo | None) -> ConsumerGroup | None:
        group = self._groups.find(group_id)
        if isinstance(group, ConsumerGroup):
            return group
        if not create:
            return None
        if group is not None and not (isinstance(group, ClassicGroup) and group.is_simple):
            if undo is None:
                _log.warning(
                    "Group %s: a record of a consumer group for a %s one", group_id, group.type.value
                )
            return None
        group = ConsumerGroup(group_id)
        self._groups.put(group, undo)
        return group

    def _group(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group_id = decode(ConsumerGroupMetadataKey, 0, memoryview(key)[2:]).group_id
        group = self._get(group_id, create=value is not None, undo=undo)
        if group is None:
            return
        if value is None:
            self._groups.remove(group_id, undo)
            return
        parsed = decode_versioned(ConsumerGroupMetadataValue, value)
        group.set_group_epoch(parsed.epoch, parsed.metadata_hash, undo)

    def _partition_metadata(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group_id = decode(ConsumerGroupPartitionMetadataKey, 0, memoryview(key)[2:]).group_id
        group = self._get(group_id, create=value is not None, undo=undo)
        if group is None:
            return
        before = group.has_partition_metadata_record
        group.has_partition_metadata_record = value is not None
        if undo is not None:
            undo.append(lambda: setattr(group, "has_partition_metadata_record", before))

    def _member(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        parsed_key = decode(ConsumerGroupMemberMetadataKey, 0, memoryview(key)[2:])
        group = self._get(parsed_key.group_id, create=value is not None, undo=undo)
        if group is None:
            return
        member_id = parsed_key.member_id
        if value is None:
            group.remove_member(member_id, undo)
            return
        member = group.members.get(member_id) or ConsumerGroupMember(member_id)
        group.put_member(
            with_metadata(member, decode_versioned(ConsumerGroupMemberMetadataValue, value)), undo
        )

    def _target_assignment_epoch(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group_id = decode(ConsumerGroupTargetAssignmentMetadataKey, 0, memoryview(key)[2:]).group_id
        group = self._get(group_id, create=value is not None, undo=undo)
        if group is None:
            return
        epoch = _NO_TARGET
        if value is not None:
            epoch = decode_versioned(ConsumerGroupTargetAssignmentMetadataValue, value).assignment_epoch
        group.set_target_assignment_epoch(epoch, undo)

    def _target_assignment(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        parsed_key = decode(ConsumerGroupTargetAssignmentMemberKey, 0, memoryview(key)[2:])
        group = self._get(parsed_key.group_id, create=value is not None, undo=undo)
        if group is None:
            return
        assignment = None
        if value is not None:
            parsed = decode_versioned(ConsumerGroupTargetAssignmentMemberValue, value)
            assignment = assignment_of(parsed.topic_partitions)
        group.set_target(parsed_key.member_id, assignment, undo)

    def _current_assignment(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        parsed_key = decode(ConsumerGroupCurrentMemberAssignmentKey, 0, memoryview(key)[2:])
        group = self._get(parsed_key.group_id, create=value is not None, undo=undo)
        if group is None:
            return
        member = group.members.get(parsed_key.member_id)
        if value is None:
            if member is not None:
                group.put_member(_stripped(member), undo)
            return
        parsed = decode_versioned(ConsumerGroupCurrentMemberAssignmentValue, value)
        member = (member or ConsumerGroupMember(parsed_key.member_id))._replace(
            member_epoch=parsed.member_epoch,
            previous_member_epoch=parsed.previous_member_epoch,
            state=MemberState.of(parsed.state),
            assigned_partitions=assignment_of(parsed.assigned_partitions),
            partitions_pending_revocation=assignment_of(parsed.partitions_pending_revocation),
        )
        group.put_member(member, undo)

    def _regex(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        parsed_key = decode(ConsumerGroupRegularExpressionKey, 0, memoryview(key)[2:])
        group = self._get(parsed_key.group_id, create=value is not None, undo=undo)
        if group is None:
            return
        resolved = None
        if value is not None:
            parsed = decode_versioned(ConsumerGroupRegularExpressionValue, value)
            resolved = ResolvedRegex(frozenset(parsed.topics), parsed.version, parsed.timestamp)
        group.set_regex(parsed_key.regular_expression, resolved, undo)


def _stripped(member: ConsumerGroupMember) -> ConsumerGroupMember:
    """The member as it is between its first tombstone and the last."""
    return member._replace(
        member_epoch=LEAVE_GROUP_EPOCH,
        previous_member_epoch=LEAVE_GROUP_EPOCH,
        assigned_partitions=NOTHING_ASSIGNED,
        partitions_pending_revocation=NOTHING_ASSIGNED,
    )
