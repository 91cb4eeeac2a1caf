"""The records of `__consumer_offsets` that streams groups use, in the versions Apache Kafka 4.1.1 writes (KIP-1071).

    17 StreamsGroupMetadata                  group                the group's epoch and the hash of its topics
    19 StreamsGroupMemberMetadata            group, member        what the member said of itself
    20 StreamsGroupTargetAssignmentMetadata  group                the epoch of the target assignment
    21 StreamsGroupTargetAssignmentMember    group, member        the tasks that the member shall have
    22 StreamsGroupCurrentMemberAssignment   group, member        the tasks that it has, and its epoch
    23 StreamsGroupTopology                  group                the topology

18 was given up before the first release. Lists stand sorted, so that equal contents are equal bytes.

Apache: org.apache.kafka.coordinator.group.streams.StreamsCoordinatorRecordHelpers.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.streams_member import Endpoint, StreamsMember, StreamsMemberState
from ottla.groups.streams_tasks import Tasks, TasksTuple, sorted_tasks, tasks_of
from ottla.groups.streams_topology import StreamsTopology, TopicInfo, topology_of
from ottla.protocol.codec import decode, decode_versioned, encode_versioned
from ottla.protocol.messages import streams_group_current_member_assignment_record as current_record
from ottla.protocol.messages import streams_group_member_metadata_record as member_record
from ottla.protocol.messages import streams_group_target_assignment_member_record as target_record
from ottla.protocol.messages import streams_group_topology_record as topology_record
from ottla.protocol.messages.streams_group_current_member_assignment_record import (
    StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupCurrentMemberAssignmentValue,
)
from ottla.protocol.messages.streams_group_member_metadata_record import (
    StreamsGroupMemberMetadataKey,
    StreamsGroupMemberMetadataValue,
)
from ottla.protocol.messages.streams_group_metadata_record import (
    StreamsGroupMetadataKey,
    StreamsGroupMetadataValue,
)
from ottla.protocol.messages.streams_group_target_assignment_member_record import (
    StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMemberValue,
)
from ottla.protocol.messages.streams_group_target_assignment_metadata_record import (
    StreamsGroupTargetAssignmentMetadataKey,
    StreamsGroupTargetAssignmentMetadataValue,
)
from ottla.protocol.messages.streams_group_topology_record import (
    StreamsGroupTopologyKey,
    StreamsGroupTopologyValue,
)

VALUE_VERSION = 0


class StreamsRecordType(IntEnum):
    """The first two bytes of a key."""

    METADATA = 17
    MEMBER_METADATA = 19
    TARGET_ASSIGNMENT_METADATA = 20
    TARGET_ASSIGNMENT_MEMBER = 21
    CURRENT_MEMBER_ASSIGNMENT = 22
    TOPOLOGY = 23


class StreamsKey(NamedTuple):
    """Whose record it is."""

    type: StreamsRecordType
    group_id: str
    member_id: str
    """Empty for the records of the group itself."""


_GroupKey = StreamsGroupMetadataKey | StreamsGroupTargetAssignmentMetadataKey | StreamsGroupTopologyKey
_MemberKey = (
    StreamsGroupMemberMetadataKey
    | StreamsGroupTargetAssignmentMemberKey
    | StreamsGroupCurrentMemberAssignmentKey
)

_GROUP_KEYS: Mapping[StreamsRecordType, type[_GroupKey]] = {
    StreamsRecordType.METADATA: StreamsGroupMetadataKey,
    StreamsRecordType.TARGET_ASSIGNMENT_METADATA: StreamsGroupTargetAssignmentMetadataKey,
    StreamsRecordType.TOPOLOGY: StreamsGroupTopologyKey,
}

_MEMBER_KEYS: Mapping[StreamsRecordType, type[_MemberKey]] = {
    StreamsRecordType.MEMBER_METADATA: StreamsGroupMemberMetadataKey,
    StreamsRecordType.TARGET_ASSIGNMENT_MEMBER: StreamsGroupTargetAssignmentMemberKey,
    StreamsRecordType.CURRENT_MEMBER_ASSIGNMENT: StreamsGroupCurrentMemberAssignmentKey,
}

STREAMS_RECORD_TYPES = frozenset(StreamsRecordType)


def parse_streams_key(key: bytes) -> StreamsKey:
    """Whose record it is; the key's type is one of STREAMS_RECORD_TYPES. Raises ProtocolError for a broken key."""
    record_type = StreamsRecordType(int.from_bytes(key[:2], "big"))
    body = memoryview(key)[2:]
    if record_type in _GROUP_KEYS:
        return StreamsKey(record_type, decode(_GROUP_KEYS[record_type], 0, body).group_id, "")
    member_key = decode(_MEMBER_KEYS[record_type], 0, body)
    return StreamsKey(record_type, member_key.group_id, member_key.member_id)


def tombstone(record_type: StreamsRecordType, group_id: str, member_id: str = "") -> CoordinatorRecord:
    """The record that takes another one back. `member_id` for the types that have one."""
    if record_type in _GROUP_KEYS:
        return CoordinatorRecord(encode_versioned(_GROUP_KEYS[record_type](group_id=group_id)), None)
    key = _MEMBER_KEYS[record_type](group_id=group_id, member_id=member_id)
    return CoordinatorRecord(encode_versioned(key), None)


# The group.


def group_epoch_record(group_id: str, group_epoch: int, metadata_hash: int) -> CoordinatorRecord:
    value = StreamsGroupMetadataValue(epoch=group_epoch, metadata_hash=metadata_hash)
    key = encode_versioned(StreamsGroupMetadataKey(group_id=group_id))
    return CoordinatorRecord(key, encode_versioned(value, VALUE_VERSION))


def parse_group_epoch(value: bytes) -> tuple[int, int]:
    """Group epoch and metadata hash."""
    parsed = decode_versioned(StreamsGroupMetadataValue, value)
    return parsed.epoch, parsed.metadata_hash


def target_epoch_record(group_id: str, assignment_epoch: int) -> CoordinatorRecord:
    value = StreamsGroupTargetAssignmentMetadataValue(assignment_epoch=assignment_epoch)
    key = encode_versioned(StreamsGroupTargetAssignmentMetadataKey(group_id=group_id))
    return CoordinatorRecord(key, encode_versioned(value, VALUE_VERSION))


def parse_target_epoch(value: bytes) -> int:
    return decode_versioned(StreamsGroupTargetAssignmentMetadataValue, value).assignment_epoch


def topology_record_of(group_id: str, topology: StreamsTopology) -> CoordinatorRecord:
    """The topology's record, its subtopologies in the order in which the member told them."""
    value = StreamsGroupTopologyValue(
        epoch=topology.topology_epoch,
        subtopologies=[
            topology_record.Subtopology(
                subtopology_id=each.subtopology_id,
                source_topics=list(each.source_topics),
                source_topic_regex=list(each.source_topic_regex),
                state_changelog_topics=[_topic_info(topic) for topic in each.state_changelog_topics],
                repartition_sink_topics=list(each.repartition_sink_topics),
                repartition_source_topics=[_topic_info(topic) for topic in each.repartition_source_topics],
                copartition_groups=[
                    topology_record.CopartitionGroup(
                        source_topics=list(group.source_topics),
                        source_topic_regex=list(group.source_topic_regex),
                        repartition_source_topics=list(group.repartition_source_topics),
                    )
                    for group in each.copartition_groups
                ],
            )
            for each in topology.subtopologies.values()
        ],
    )
    key = encode_versioned(StreamsGroupTopologyKey(group_id=group_id))
    return CoordinatorRecord(key, encode_versioned(value, VALUE_VERSION))


def _topic_info(topic: TopicInfo) -> topology_record.TopicInfo:
    return topology_record.TopicInfo(
        name=topic.name,
        partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        topic_configs=[
            topology_record.TopicConfig(key=key, value=value) for key, value in topic.configs.items()
        ],
    )


def parse_topology(value: bytes) -> StreamsTopology:
    return topology_of(decode_versioned(StreamsGroupTopologyValue, value))


# Members.


def member_metadata_record(group_id: str, member: StreamsMember) -> CoordinatorRecord:
    endpoint = member.user_endpoint
    value = StreamsGroupMemberMetadataValue(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=(
            None if endpoint is None else member_record.Endpoint(host=endpoint.host, port=endpoint.port)
        ),
        client_tags=[
            member_record.KeyValue(key=key, value=member.client_tags[key])
            for key in sorted(member.client_tags)
        ],
    )
    key = StreamsGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id)
    return CoordinatorRecord(encode_versioned(key), encode_versioned(value, VALUE_VERSION))


def parse_member_metadata(member: StreamsMember, value: bytes) -> StreamsMember:
    """The member with what the record says it said of itself."""
    parsed = decode_versioned(StreamsGroupMemberMetadataValue, value)
    endpoint = parsed.user_endpoint
    return StreamsMember(
        member_id=member.member_id,
        member_epoch=member.member_epoch,
        previous_member_epoch=member.previous_member_epoch,
        state=member.state,
        assigned_tasks=member.assigned_tasks,
        tasks_pending_revocation=member.tasks_pending_revocation,
        instance_id=parsed.instance_id,
        rack_id=parsed.rack_id,
        client_id=parsed.client_id,
        client_host=parsed.client_host,
        rebalance_timeout_ms=parsed.rebalance_timeout_ms,
        topology_epoch=parsed.topology_epoch,
        process_id=parsed.process_id,
        user_endpoint=None if endpoint is None else Endpoint(endpoint.host, endpoint.port),
        client_tags={tag.key: tag.value for tag in parsed.client_tags},
    )


def target_assignment_record(group_id: str, member_id: str, tasks: TasksTuple) -> CoordinatorRecord:
    value = StreamsGroupTargetAssignmentMemberValue(
        active_tasks=_target_task_ids(tasks.active),
        standby_tasks=_target_task_ids(tasks.standby),
        warmup_tasks=_target_task_ids(tasks.warmup),
    )
    key = StreamsGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id)
    return CoordinatorRecord(encode_versioned(key), encode_versioned(value, VALUE_VERSION))


def _target_task_ids(tasks: Tasks) -> list[target_record.TaskIds]:
    return [
        target_record.TaskIds(subtopology_id=subtopology_id, partitions=partitions)
        for subtopology_id, partitions in sorted_tasks(tasks)
    ]


def parse_target_assignment(value: bytes) -> TasksTuple:
    parsed = decode_versioned(StreamsGroupTargetAssignmentMemberValue, value)
    return TasksTuple(
        tasks_of(parsed.active_tasks), tasks_of(parsed.standby_tasks), tasks_of(parsed.warmup_tasks)
    )


def current_assignment_record(group_id: str, member: StreamsMember) -> CoordinatorRecord:
    assigned, pending = member.assigned_tasks, member.tasks_pending_revocation
    value = StreamsGroupCurrentMemberAssignmentValue(
        member_epoch=member.member_epoch,
        previous_member_epoch=member.previous_member_epoch,
        state=member.state,
        active_tasks=_current_task_ids(assigned.active),
        standby_tasks=_current_task_ids(assigned.standby),
        warmup_tasks=_current_task_ids(assigned.warmup),
        active_tasks_pending_revocation=_current_task_ids(pending.active),
        standby_tasks_pending_revocation=_current_task_ids(pending.standby),
        warmup_tasks_pending_revocation=_current_task_ids(pending.warmup),
    )
    key = StreamsGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id)
    return CoordinatorRecord(encode_versioned(key), encode_versioned(value, VALUE_VERSION))


def _current_task_ids(tasks: Tasks) -> list[current_record.TaskIds]:
    return [
        current_record.TaskIds(subtopology_id=subtopology_id, partitions=partitions)
        for subtopology_id, partitions in sorted_tasks(tasks)
    ]


def parse_current_assignment(member: StreamsMember, value: bytes) -> StreamsMember:
    """The member with the tasks and the epoch that the record tells."""
    parsed = decode_versioned(StreamsGroupCurrentMemberAssignmentValue, value)
    return StreamsMember(
        member_id=member.member_id,
        member_epoch=parsed.member_epoch,
        previous_member_epoch=parsed.previous_member_epoch,
        state=StreamsMemberState.of(parsed.state),
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=member.user_endpoint,
        client_tags=member.client_tags,
        assigned_tasks=TasksTuple(
            tasks_of(parsed.active_tasks), tasks_of(parsed.standby_tasks), tasks_of(parsed.warmup_tasks)
        ),
        tasks_pending_revocation=TasksTuple(
            tasks_of(parsed.active_tasks_pending_revocation),
            tasks_of(parsed.standby_tasks_pending_revocation),
            tasks_of(parsed.warmup_tasks_pending_revocation),
        ),
    )
