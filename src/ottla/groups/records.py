"""The records of `__consumer_offsets` that classic groups and offsets use, in the versions Apache Kafka 4.1.1 writes.

    key    int16 type │ fields of OffsetCommitKey (1) or GroupMetadataKey (2); 0 is the offset key of old brokers
    value  int16 version │ fields of OffsetCommitValue or GroupMetadataValue; no value (a tombstone): it is gone

Offsets are written in value version 4 (1 where a commit of API versions 2 to 4 set its own retention), groups in
version 3, which older brokers read as well (KIP-915). Every version is read. Records of other group types are known by
their key's type and left to those types.

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers and GroupCoordinatorRecordSerde.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.member import ClassicMember, Protocol
from ottla.groups.states import ClassicGroupState
from ottla.protocol.codec import decode, decode_versioned, encode_versioned
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.group_metadata_record import GroupMetadataKey, GroupMetadataValue, MemberMetadata
from ottla.protocol.messages.legacy_offset_commit_record import LegacyOffsetCommitValue
from ottla.protocol.messages.offset_commit_record import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.types import ZERO_UUID, Uuid

GROUP_METADATA_VALUE_VERSION = 3
OFFSET_COMMIT_VALUE_VERSION = 4
OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRE_TIMESTAMP = 1


class RecordType(IntEnum):
    """The first two bytes of a key. Types from 3 on belong to the other group types."""

    LEGACY_OFFSET_COMMIT = 0
    OFFSET_COMMIT = 1
    GROUP_METADATA = 2


@dataclass(slots=True)
class OffsetAndMetadata:
    """A committed offset as the coordinator keeps it."""

    committed_offset: int
    leader_epoch: int
    """Of the last consumed record; -1: not known."""
    metadata: str
    commit_timestamp_ms: int
    expire_timestamp_ms: int = -1
    """When it expires whatever the group does; -1: by the group's rules."""
    topic_id: Uuid = ZERO_UUID
    position: int = -1
    """Of its record among all of the coordinator's: of two commits the one further on wins."""


class OffsetKey(NamedTuple):
    """Whose offset a record is."""

    group_id: str
    topic: str
    partition: int


class GroupKey(NamedTuple):
    """Whose group record it is."""

    group_id: str


def offset_commit_record(
    group_id: str, topic: str, partition: int, offset: OffsetAndMetadata
) -> CoordinatorRecord:
    value = OffsetCommitValue(
        offset=offset.committed_offset,
        leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
        commit_timestamp=offset.commit_timestamp_ms,
        expire_timestamp=offset.expire_timestamp_ms,
        topic_id=offset.topic_id,
    )
    if offset.expire_timestamp_ms == -1:
        version = OFFSET_COMMIT_VALUE_VERSION
    else:
        version = OFFSET_COMMIT_VALUE_VERSION_WITH_EXPIRE_TIMESTAMP
    return CoordinatorRecord(_offset_key(group_id, topic, partition), encode_versioned(value, version))


def offset_commit_tombstone(group_id: str, topic: str, partition: int) -> CoordinatorRecord:
    return CoordinatorRecord(_offset_key(group_id, topic, partition), None)


def group_metadata_record(group: ClassicGroup, assignments: Mapping[str, bytes]) -> CoordinatorRecord:
    """The record of a generation; `assignments` has one for each member."""
    return _group_record(
        group.group_id,
        GroupMetadataValue(
            protocol_type=group.protocol_type or "",
            generation=group.generation_id,
            protocol=group.protocol_name,
            leader=group.leader_id,
            current_state_timestamp=group.state_timestamp_ms,
            members=[
                MemberMetadata(
                    member_id=member.member_id,
                    group_instance_id=member.group_instance_id,
                    client_id=member.client_id,
                    client_host=member.client_host,
                    rebalance_timeout=member.rebalance_timeout_ms,
                    session_timeout=member.session_timeout_ms,
                    subscription=member.metadata(group.protocol_name),
                    assignment=assignments[member.member_id],
                )
                for member in group.members.values()
            ],
        ),
    )


def new_group_metadata_record(group: ClassicGroup) -> CoordinatorRecord:
    """The record that says a group exists, before its first generation."""
    value = GroupMetadataValue(
        protocol_type="",
        generation=0,
        protocol=None,
        leader=None,
        current_state_timestamp=group.state_timestamp_ms,
    )
    return _group_record(group.group_id, value)


def group_metadata_tombstone(group_id: str) -> CoordinatorRecord:
    return CoordinatorRecord(_group_key(group_id), None)


def parse_key(key: bytes) -> OffsetKey | GroupKey | None:
    """Whose record it is; None for a type that is not of classic groups. Raises ProtocolError for a broken key."""
    record_type = _record_type(key)
    body = memoryview(key)[2:]
    if record_type in (RecordType.LEGACY_OFFSET_COMMIT, RecordType.OFFSET_COMMIT):
        offset_key = decode(OffsetCommitKey, 0, body)
        return OffsetKey(offset_key.group, offset_key.topic, offset_key.partition)
    if record_type == RecordType.GROUP_METADATA:
        return GroupKey(decode(GroupMetadataKey, 0, body).group)
    return None


def parse_offset_commit(key: bytes, value: bytes, position: int) -> OffsetAndMetadata:
    """The offset that a record's value tells. Raises ProtocolError."""
    if _record_type(key) == RecordType.LEGACY_OFFSET_COMMIT:
        legacy = decode_versioned(LegacyOffsetCommitValue, value)
        return OffsetAndMetadata(
            legacy.offset, -1, legacy.metadata, legacy.commit_timestamp, position=position
        )
    parsed = decode_versioned(OffsetCommitValue, value)
    return OffsetAndMetadata(
        parsed.offset,
        parsed.leader_epoch,
        parsed.metadata,
        parsed.commit_timestamp,
        parsed.expire_timestamp,
        parsed.topic_id,
        position,
    )


def parse_group(group_id: str, value: bytes) -> ClassicGroup:
    """The group that a record's value tells: stable with its members, or empty. Raises ProtocolError."""
    parsed = decode_versioned(GroupMetadataValue, value)
    group = ClassicGroup(
        group_id,
        ClassicGroupState.STABLE if parsed.members else ClassicGroupState.EMPTY,
        now_ms=parsed.current_state_timestamp,
        generation_id=parsed.generation,
        protocol_type=parsed.protocol_type or None,
        protocol_name=parsed.protocol,
        leader_id=parsed.leader,
    )
    for member in parsed.members:
        if parsed.protocol is None or member.member_id in group.members:
            raise ProtocolError(f"the record of group {group_id} has members that can't be in one group")
        if member.group_instance_id in group.static_members:
            raise ProtocolError(f"the record of group {group_id} names {member.group_instance_id} twice")
        group.add(_member(member, parsed.protocol_type, parsed.protocol), None)
    group.compute_subscribed_topics()
    return group


def _member(member: MemberMetadata, protocol_type: str, protocol_name: str) -> ClassicMember:
    return ClassicMember(
        member_id=member.member_id,
        group_instance_id=member.group_instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        # Version 0 knew only one timeout.
        rebalance_timeout_ms=(
            member.session_timeout if member.rebalance_timeout == -1 else member.rebalance_timeout
        ),
        session_timeout_ms=member.session_timeout,
        protocol_type=protocol_type,
        protocols=(Protocol(protocol_name, member.subscription),),
        assignment=member.assignment,
    )


def _group_record(group_id: str, value: GroupMetadataValue) -> CoordinatorRecord:
    version = GROUP_METADATA_VALUE_VERSION
    return CoordinatorRecord(_group_key(group_id), encode_versioned(value, version))


def _offset_key(group_id: str, topic: str, partition: int) -> bytes:
    key = OffsetCommitKey(group=group_id, topic=topic, partition=partition)
    return encode_versioned(key)


def _group_key(group_id: str) -> bytes:
    return encode_versioned(GroupMetadataKey(group=group_id))


def _record_type(key: bytes) -> int:
    if len(key) < 2:
        raise ProtocolError(f"a coordinator's key begins with two bytes of type, found {len(key)}")
    return int.from_bytes(key[:2], "big", signed=True)
