"""The records of consumer groups in `__consumer_offsets`, as Apache Kafka 4.1.1 writes them: value version 0 throughout.

    type  key             value
      3   group           its epoch, metadata hash
      4   group           its topics (before 4.1; only tombstones are written)
      5   group, member   what the member asked for
      6   group           epoch of the target assignment
      7   group, member   its part of the target assignment
      8   group, member   its epoch, state and partitions
     16   group, regex    topics that the regular expression matched

Topics and partitions are written in ascending order.

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers.
"""

from collections.abc import Iterable

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.consumer_group_member import ClassicMembership, ConsumerGroupMember
from ottla.groups.member import Protocol
from ottla.groups.modern_group import Assignment
from ottla.protocol.codec import encode_versioned
from ottla.protocol.declare import RecordKey, RecordValue
from ottla.protocol.messages import consumer_group_current_member_assignment_record as current
from ottla.protocol.messages import consumer_group_member_metadata_record as member_metadata
from ottla.protocol.messages import consumer_group_target_assignment_member_record as target
from ottla.protocol.messages.consumer_group_metadata_record import (
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
)
from ottla.protocol.messages.consumer_group_partition_metadata_record import ConsumerGroupPartitionMetadataKey
from ottla.protocol.messages.consumer_group_regular_expression_record import (
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
)
from ottla.protocol.messages.consumer_group_target_assignment_metadata_record import (
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)

_VERSION = 0


def group_epoch_record(group_id: str, epoch: int, metadata_hash: int) -> CoordinatorRecord:
    return _record(
        ConsumerGroupMetadataKey(group_id=group_id),
        ConsumerGroupMetadataValue(epoch=epoch, metadata_hash=metadata_hash),
    )


def group_epoch_tombstone(group_id: str) -> CoordinatorRecord:
    return _tombstone(ConsumerGroupMetadataKey(group_id=group_id))


def partition_metadata_tombstone(group_id: str) -> CoordinatorRecord:
    return _tombstone(ConsumerGroupPartitionMetadataKey(group_id=group_id))


def member_record(group_id: str, member: ConsumerGroupMember) -> CoordinatorRecord:
    """What it asked for."""
    return _record(
        member_metadata.ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id),
        member_metadata.ConsumerGroupMemberMetadataValue(
            instance_id=member.instance_id,
            rack_id=member.rack_id,
            client_id=member.client_id,
            client_host=member.client_host,
            subscribed_topic_names=sorted(member.subscribed_topic_names),
            subscribed_topic_regex=member.subscribed_topic_regex,
            rebalance_timeout_ms=member.rebalance_timeout_ms,
            server_assignor=member.server_assignor_name,
            classic_member_metadata=_classic_metadata(member.classic),
        ),
    )


def member_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return _tombstone(member_metadata.ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member_id))


def with_metadata(
    member: ConsumerGroupMember, value: member_metadata.ConsumerGroupMemberMetadataValue
) -> ConsumerGroupMember:
    """The member as its `member_record` tells it, where it stands left as it is."""
    classic = value.classic_member_metadata
    return member._replace(
        instance_id=value.instance_id,
        rack_id=value.rack_id,
        client_id=value.client_id,
        client_host=value.client_host,
        subscribed_topic_names=frozenset(value.subscribed_topic_names),
        subscribed_topic_regex=value.subscribed_topic_regex,
        rebalance_timeout_ms=value.rebalance_timeout_ms,
        server_assignor_name=value.server_assignor,
        classic=None
        if classic is None
        else ClassicMembership(
            classic.session_timeout_ms,
            tuple(Protocol(each.name, each.metadata) for each in classic.supported_protocols),
        ),
    )


def _classic_metadata(classic: ClassicMembership | None) -> member_metadata.ClassicMemberMetadata | None:
    if classic is None:
        return None
    return member_metadata.ClassicMemberMetadata(
        session_timeout_ms=classic.session_timeout_ms,
        supported_protocols=[
            member_metadata.ClassicProtocol(name=each.name, metadata=each.metadata)
            for each in classic.protocols
        ],
    )


def target_assignment_epoch_record(group_id: str, epoch: int) -> CoordinatorRecord:
    return _record(
        ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id),
        ConsumerGroupTargetAssignmentMetadataValue(assignment_epoch=epoch),
    )


def target_assignment_epoch_tombstone(group_id: str) -> CoordinatorRecord:
    return _tombstone(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id))


def target_assignment_record(group_id: str, member_id: str, assignment: Assignment) -> CoordinatorRecord:
    return _record(
        target.ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id),
        target.ConsumerGroupTargetAssignmentMemberValue(
            topic_partitions=[
                target.TopicPartition(topic_id=topic_id, partitions=sorted(assignment[topic_id]))
                for topic_id in sorted(assignment)
            ]
        ),
    )


def target_assignment_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return _tombstone(target.ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id))


def current_assignment_record(group_id: str, member: ConsumerGroupMember) -> CoordinatorRecord:
    """Where it stands."""
    return _record(
        current.ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id),
        current.ConsumerGroupCurrentMemberAssignmentValue(
            member_epoch=member.member_epoch,
            previous_member_epoch=member.previous_member_epoch,
            state=member.state,
            assigned_partitions=_topic_partitions(member.assigned_partitions),
            partitions_pending_revocation=_topic_partitions(member.partitions_pending_revocation),
        ),
    )


def current_assignment_tombstone(group_id: str, member_id: str) -> CoordinatorRecord:
    return _tombstone(current.ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id))


def regex_record(
    group_id: str, regex: str, topics: Iterable[str], version: int, timestamp_ms: int
) -> CoordinatorRecord:
    return _record(
        ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=regex),
        ConsumerGroupRegularExpressionValue(topics=sorted(topics), version=version, timestamp=timestamp_ms),
    )


def regex_tombstone(group_id: str, regex: str) -> CoordinatorRecord:
    return _tombstone(ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=regex))


def assignment_of(
    topic_partitions: Iterable[current.TopicPartitions | target.TopicPartition],
) -> Assignment:
    return {each.topic_id: frozenset(each.partitions) for each in topic_partitions if each.partitions}


def _topic_partitions(assignment: Assignment) -> list[current.TopicPartitions]:
    return [
        current.TopicPartitions(topic_id=topic_id, partitions=sorted(assignment[topic_id]))
        for topic_id in sorted(assignment)
    ]


def _record(key: RecordKey, value: RecordValue) -> CoordinatorRecord:
    return CoordinatorRecord(encode_versioned(key), encode_versioned(value, _VERSION))


def _tombstone(key: RecordKey) -> CoordinatorRecord:
    return CoordinatorRecord(encode_versioned(key), None)
