"""The records of `__consumer_offsets` that share groups use, in the versions Apache Kafka 4.1.1 writes (all are 0).

    10  member: rack, client, subscription          13  what a member shall have
    11  group: epoch, hash of the metadata          14  what a member has, and its epoch
    12  the epoch of the target assignment          15  share partitions whose state is begun, made or being deleted

A key is an int16 of that number, the group's id and, for 10, 13 and 14, the member's id. No value (a tombstone): it is
gone. Topics stand in the order of their ids here and partitions in their own; Apache's order is its hash maps'.

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers.
"""

from collections.abc import Callable, Mapping

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.modern_group import Assignment
from ottla.groups.share_group_member import ShareGroupMember
from ottla.groups.share_group_state_partitions import InitializedTopic, StatePartitions
from ottla.protocol.codec import encode_versioned
from ottla.protocol.messages.share_group_current_member_assignment_record import (
    ShareGroupCurrentMemberAssignmentKey,
    ShareGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.messages.share_group_current_member_assignment_record import (
    TopicPartitions as CurrentTopicPartitions,
)
from ottla.protocol.messages.share_group_member_metadata_record import (
    ShareGroupMemberMetadataKey,
    ShareGroupMemberMetadataValue,
)
from ottla.protocol.messages.share_group_metadata_record import ShareGroupMetadataKey, ShareGroupMetadataValue
from ottla.protocol.messages.share_group_state_partition_metadata_record import (
    ShareGroupStatePartitionMetadataKey,
    ShareGroupStatePartitionMetadataValue,
    TopicInfo,
    TopicPartitionsInfo,
)
from ottla.protocol.messages.share_group_target_assignment_member_record import (
    ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMemberValue,
)
from ottla.protocol.messages.share_group_target_assignment_member_record import (
    TopicPartition as TargetTopicPartitions,
)
from ottla.protocol.messages.share_group_target_assignment_metadata_record import (
    ShareGroupTargetAssignmentMetadataKey,
    ShareGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.types import Uuid

UNKNOWN_TOPIC_NAME = "<UNKNOWN>"


def member_record(group_id: str, member: ShareGroupMember) -> CoordinatorRecord:
    value = ShareGroupMemberMetadataValue(
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.subscribed_topic_names),
    )
    return CoordinatorRecord(_member_key(group_id, member.member_id), encode_versioned(value))


def member_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_member_key(group_id, member_id), None)


def group_record(group_id: str, group_epoch: int, metadata_hash: int) -> CoordinatorRecord:
    value = ShareGroupMetadataValue(epoch=group_epoch, metadata_hash=metadata_hash)
    return CoordinatorRecord(_group_key(group_id), encode_versioned(value))


def group_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_group_key(group_id), None)


def target_epoch_record(group_id: str, assignment_epoch: int) -> CoordinatorRecord:
    value = ShareGroupTargetAssignmentMetadataValue(assignment_epoch=assignment_epoch)
    return CoordinatorRecord(_target_epoch_key(group_id), encode_versioned(value))


def target_epoch_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_target_epoch_key(group_id), None)


def target_assignment_record(group_id: str, member_id: str, partitions: Assignment) -> CoordinatorRecord:
    value = ShareGroupTargetAssignmentMemberValue(
        topic_partitions=[
            TargetTopicPartitions(topic_id=topic_id, partitions=sorted(partitions[topic_id]))
            for topic_id in sorted(partitions)
        ]
    )
    return CoordinatorRecord(_target_assignment_key(group_id, member_id), encode_versioned(value))


def target_assignment_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_target_assignment_key(group_id, member_id), None)


def current_assignment_record(group_id: str, member: ShareGroupMember) -> CoordinatorRecord:
    value = ShareGroupCurrentMemberAssignmentValue(
        member_epoch=member.member_epoch,
        previous_member_epoch=member.previous_member_epoch,
        state=member.state.value,
        assigned_partitions=[
            CurrentTopicPartitions(topic_id=topic_id, partitions=sorted(member.assigned_partitions[topic_id]))
            for topic_id in sorted(member.assigned_partitions)
        ],
    )
    return CoordinatorRecord(_current_assignment_key(group_id, member.member_id), encode_versioned(value))


def current_assignment_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_current_assignment_key(group_id, member_id), None)


def state_partitions_record(
    group_id: str, state: StatePartitions, topic_name: Callable[[Uuid], str | None]
) -> CoordinatorRecord:
    """`topic_name` gives the names of topics that are being deleted from the group; None where there is no such topic."""
    value = ShareGroupStatePartitionMetadataValue(
        initializing_topics=_topic_partitions(state.initializing),
        initialized_topics=_topic_partitions(state.initialized),
        deleting_topics=[
            TopicInfo(topic_id=topic_id, topic_name=topic_name(topic_id) or UNKNOWN_TOPIC_NAME)
            for topic_id in sorted(state.deleting)
        ],
    )
    return CoordinatorRecord(_state_partitions_key(group_id), encode_versioned(value))


def state_partitions_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_state_partitions_key(group_id), None)


def _topic_partitions(topics: Mapping[Uuid, InitializedTopic]) -> list[TopicPartitionsInfo]:
    return [
        TopicPartitionsInfo(topic_id=topic_id, topic_name=topic.name, partitions=sorted(topic.partitions))
        for topic_id, topic in sorted(topics.items())
    ]


def _member_key(group_id: str, member_id: str) -> bytes:
    return encode_versioned(ShareGroupMemberMetadataKey(group_id=group_id, member_id=member_id))


def _group_key(group_id: str) -> bytes:
    return encode_versioned(ShareGroupMetadataKey(group_id=group_id))


def _target_epoch_key(group_id: str) -> bytes:
    return encode_versioned(ShareGroupTargetAssignmentMetadataKey(group_id=group_id))


def _target_assignment_key(group_id: str, member_id: str) -> bytes:
    return encode_versioned(ShareGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id))


def _current_assignment_key(group_id: str, member_id: str) -> bytes:
    return encode_versioned(ShareGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id))


def _state_partitions_key(group_id: str) -> bytes:
    return encode_versioned(ShareGroupStatePartitionMetadataKey(group_id=group_id))
