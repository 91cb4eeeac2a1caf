"""Records of share groups become state. Records and their state: share_group_records.py, share_group.py.

Apache: the `replay` methods of org.apache.kafka.coordinator.group.GroupMetadataManager with ShareGroup keys.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ottla.groups.group_types import Replay
from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment, MemberState
from ottla.groups.registry import Groups, Undo
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_member import ShareGroupMember
from ottla.groups.share_group_state_partitions import InitializedTopic, StatePartitions, Topics
from ottla.protocol.codec import decode_versioned
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.share_group_current_member_assignment_record import (
    ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.messages.share_group_member_metadata_record import (
    ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue,
)
from ottla.protocol.messages.share_group_metadata_record import ShareGroupMetadataKey, ShareGroupMetadataValue
from ottla.protocol.messages.share_group_state_partition_metadata_record import (
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
    TopicPartitionsInfo,
)
from ottla.protocol.messages.share_group_target_assignment_member_record import (
    ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMemberValue,
)
from ottla.protocol.messages.share_group_target_assignment_metadata_record import (
    ShareGroupTargetAssignmentMetadataKey,
    ShareGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.types import Uuid

NO_TARGET_EPOCH = -1
"""Of a group whose target assignment is gone, as it is before the group itself goes."""


class _TopicPartitions(Protocol):
    @property
    def topic_id(self) -> Uuid: ...
    @property
    def partitions(self) -> list[int]: ...


class ShareGroupReplaying:
    """What becomes of the records of share groups."""

    def __init__(self, groups: Groups, member_is_back: Callable[[str, str], None]) -> None:
        """`member_is_back` is told the group and the member whose removal was undone: it is to be waited for again."""
        self._groups = groups
        self._member_is_back = member_is_back
        self.now_ms = 0
        """The time of the latest operation: since when partitions are being initialized."""

    def by_type(self) -> Mapping[int, Replay]:
        return {
            ShareGroupMemberMetadataKey.record_type: self._member,
            ShareGroupMetadataKey.record_type: self._group_epoch,
            ShareGroupTargetAssignmentMetadataKey.record_type: self._target_epoch,
            ShareGroupTargetAssignmentMemberKey.record_type: self._target_assignment,
            ShareGroupCurrentMemberAssignmentKey.record_type: self._current_assignment,
            ShareGroupStatePartitionMetadataKey.record_type: self._state_partitions,
        }

    def _member(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        whose = decode_versioned(ShareGroupMemberMetadataKey, key)
        group = self._group(whose.group_id, value, undo)
        if group is None:
            return
        if value is None:
            group.remove_member(whose.member_id, undo)
            if undo is not None:
                undo.append(lambda: self._member_is_back(whose.group_id, whose.member_id))
            return
        told = decode_versioned(ShareGroupMemberMetadataValue, value)
        member = group.members.get(whose.member_id) or ShareGroupMember(whose.member_id)
        group.put_member(
            member._replace(
                rack_id=told.rack_id,
                client_id=told.client_id,
                client_host=told.client_host,
                subscribed_topic_names=frozenset(told.subscribed_topic_names),
            ),
            undo,
        )

    def _group_epoch(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group_id = decode_versioned(ShareGroupMetadataKey, key).group_id
        group = self._group(group_id, value, undo)
        if group is None:
            return
        if value is None:
            self._groups.remove(group_id, undo)
            return
        told = decode_versioned(ShareGroupMetadataValue, value)
        group.set_group_epoch(told.epoch, told.metadata_hash, undo)

    def _target_epoch(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group = self._group(
            decode_versioned(ShareGroupTargetAssignmentMetadataKey, key).group_id, value, undo
        )
        if group is None:
            return
        if value is None:
            group.set_target_assignment_epoch(NO_TARGET_EPOCH, undo)
            return
        told = decode_versioned(ShareGroupTargetAssignmentMetadataValue, value)
        group.set_target_assignment_epoch(told.assignment_epoch, undo)

    def _target_assignment(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        whose = decode_versioned(ShareGroupTargetAssignmentMemberKey, key)
        group = self._group(whose.group_id, value, undo)
        if group is None:
            return
        target = None
        if value is not None:
            told = decode_versioned(ShareGroupTargetAssignmentMemberValue, value)
            target = _assignment(told.topic_partitions)
        group.set_target(whose.member_id, target, undo)

    def _current_assignment(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        whose = decode_versioned(ShareGroupCurrentMemberAssignmentKey, key)
        group = self._group(whose.group_id, value, undo)
        if group is None:
            return
        member = group.members.get(whose.member_id)
        if value is not None:
            told = decode_versioned(ShareGroupCurrentMemberAssignmentValue, value)
            member = (member or ShareGroupMember(whose.member_id))._replace(
                member_epoch=told.member_epoch,
                previous_member_epoch=told.previous_member_epoch,
                state=MemberState.of(told.state),
                assigned_partitions=_assignment(told.assigned_partitions),
            )
        elif member is not None:
            member = member._replace(
                member_epoch=-1, previous_member_epoch=-1, assigned_partitions=NOTHING_ASSIGNED
            )
        if member is not None:
            group.put_member(member, undo)

    def _state_partitions(self, key: bytes, value: bytes | None, undo: Undo | None) -> None:
        group_id = decode_versioned(ShareGroupStatePartitionMetadataKey, key).group_id
        group = self._group(group_id, value, undo)
        if group is None:
            return
        state = None
        if value is not None:
            told = decode_versioned(ShareGroupStatePartitionMetadataValue, value)
            state = StatePartitions(
                self._topics(told.initializing_topics),
                self._topics(told.initialized_topics),
                frozenset(topic.topic_id for topic in told.deleting_topics),
            )
        group.set_state_partitions(state, undo)

    def _topics(self, topics: Iterable[TopicPartitionsInfo]) -> Topics:
        return {
            topic.topic_id: InitializedTopic(topic.topic_name, frozenset(topic.partitions), self.now_ms)
            for topic in topics
        }

    def _group(self, group_id: str, value: bytes | None, undo: Undo | None) -> ShareGroup | None:
        """The group of a record, made by its first one. None: the record is a tombstone, and there is no such group."""
        group = self._groups.find(group_id)
        if group is None and value is not None:
            group = ShareGroup(group_id)
            self._groups.put(group, undo)
        if group is not None and not isinstance(group, ShareGroup):
            raise ProtocolError(
                f"a record of a share group, but group {group_id} is a {group.type.value} group"
            )
        return group


def _assignment(topics: Iterable[_TopicPartitions]) -> Assignment:
    return {topic.topic_id: frozenset(topic.partitions) for topic in topics}
