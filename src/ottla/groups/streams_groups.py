"""The streams groups of one coordinator (KIP-1071): replaying, and what requests ask of them.

    streams_topology, streams_configuration   what an application is made of, and whether the topics fit it
    streams_assignor, streams_target_assignment   who shall run what
    streams_reconciliation   how a member gets there
    streams_heartbeats       the rules of the one request that does all this
    streams_timeouts         how long members are waited for
    streams_answers          what is told of a group
    streams_requests         what the handlers call

Apache: the streams parts of org.apache.kafka.coordinator.group.GroupMetadataManager.
"""

from collections.abc import Callable, Mapping

from ottla.groups.group_types import GroupParts, GroupTypeMachine, Replay
from ottla.groups.registry import Undo
from ottla.groups.streams_answers import described_group
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_heartbeats import StreamsHeartbeats
from ottla.groups.streams_member import LEAVE_MEMBER_EPOCH, StreamsMember, StreamsMemberState
from ottla.groups.streams_records import (
    StreamsRecordType,
    parse_current_assignment,
    parse_group_epoch,
    parse_member_metadata,
    parse_streams_key,
    parse_target_assignment,
    parse_target_epoch,
    parse_topology,
)
from ottla.groups.streams_tasks import NO_TASKS
from ottla.groups.streams_timeouts import StreamsTimeouts
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.protocol.messages.streams_group_describe import DescribedGroup

_Put = Callable[[StreamsGroup, str, bytes, Undo | None], None]
"""What a record with a value does: group, member id, value."""

_Remove = Callable[[StreamsGroup, str, Undo | None], None]
"""What a tombstone does, to a group that is there."""

DELETED_EPOCH = -1
"""The target assignment's epoch when it was deleted."""


class StreamsGroups(GroupTypeMachine):
    """The machine of the type."""

    def __init__(self, parts: GroupParts) -> None:
        self._groups = parts.groups
        self.timeouts = StreamsTimeouts(parts)
        self.heartbeats = StreamsHeartbeats(parts, self.timeouts)

    def replays(self) -> Mapping[int, Replay]:
        kinds: dict[StreamsRecordType, tuple[_Put, _Remove]] = {
            StreamsRecordType.METADATA: (_put_epoch, self._remove_group),
            StreamsRecordType.MEMBER_METADATA: (_put_member_metadata, self._remove_member),
            StreamsRecordType.TARGET_ASSIGNMENT_METADATA: (_put_target_epoch, _remove_target_epoch),
            StreamsRecordType.TARGET_ASSIGNMENT_MEMBER: (_put_target, _remove_target),
            StreamsRecordType.CURRENT_MEMBER_ASSIGNMENT: (_put_current, _remove_current),
            StreamsRecordType.TOPOLOGY: (_put_topology, _remove_topology),
        }
        return {record_type: self._replay(put, remove) for record_type, (put, remove) in kinds.items()}

    def begin(self, now_ms: int) -> None:
        for group in self._groups:
            if isinstance(group, StreamsGroup):
                self.timeouts.begin(group, now_ms)

    def topics_changed(self, names: frozenset[str]) -> None:
        for group in self._groups:
            if (
                isinstance(group, StreamsGroup)
                and group.topology is not None
                and not names.isdisjoint(group.topology.required_topics())
            ):
                group.request_metadata_refresh()

    def describe(self, group_id: str) -> DescribedGroup:
        """Raises KafkaError GROUP_ID_NOT_FOUND, also for a group of another type."""
        return described_group(self.heartbeats.group(group_id))

    # Replaying.

    def _replay(self, put: _Put, remove: _Remove) -> Replay:
        def replay(key: bytes, value: bytes | None, undo: Undo | None) -> None:
            whose = parse_streams_key(key)
            group = self._groups.find(whose.group_id)
            if value is None:
                if isinstance(group, StreamsGroup):
                    remove(group, whose.member_id, undo)
                return
            if not isinstance(group, StreamsGroup):
                # A committed offset that compaction left in front of its group made a classic group of it.
                group = StreamsGroup(whose.group_id)
                self._groups.put(group, undo)
            try:
                put(group, whose.member_id, value, undo)
            except KafkaError as error:
                raise ProtocolError(
                    f"a record of streams group {whose.group_id} can't be: {error}"
                ) from error

        return replay

    def _remove_group(self, group: StreamsGroup, _member_id: str, undo: Undo | None) -> None:
        self._groups.remove(group.group_id, undo)

    def _remove_member(self, group: StreamsGroup, member_id: str, undo: Undo | None) -> None:
        if member_id not in group.members:
            return
        group.remove_member(member_id, undo)
        if undo is not None:
            undo.append(lambda: self.timeouts.fencing_failed(group.group_id, member_id))


def _put_epoch(group: StreamsGroup, _member_id: str, value: bytes, undo: Undo | None) -> None:
    group.set_group_epoch(*parse_group_epoch(value), undo)


def _put_member_metadata(group: StreamsGroup, member_id: str, value: bytes, undo: Undo | None) -> None:
    group.put_member(parse_member_metadata(_member_or_new(group, member_id), value), undo)


def _put_target_epoch(group: StreamsGroup, _member_id: str, value: bytes, undo: Undo | None) -> None:
    group.set_target_assignment_epoch(parse_target_epoch(value), undo)


def _remove_target_epoch(group: StreamsGroup, _member_id: str, undo: Undo | None) -> None:
    group.set_target_assignment_epoch(DELETED_EPOCH, undo)


def _put_target(group: StreamsGroup, member_id: str, value: bytes, undo: Undo | None) -> None:
    group.set_target(member_id, parse_target_assignment(value), undo)


def _remove_target(group: StreamsGroup, member_id: str, undo: Undo | None) -> None:
    group.set_target(member_id, None, undo)


def _put_current(group: StreamsGroup, member_id: str, value: bytes, undo: Undo | None) -> None:
    group.put_member(parse_current_assignment(_member_or_new(group, member_id), value), undo)


def _remove_current(group: StreamsGroup, member_id: str, undo: Undo | None) -> None:
    member = group.members.get(member_id)
    if member is not None:
        left = member.advanced(StreamsMemberState.STABLE, LEAVE_MEMBER_EPOCH, NO_TASKS)
        group.put_member(left, undo)


def _put_topology(group: StreamsGroup, _member_id: str, value: bytes, undo: Undo | None) -> None:
    group.set_topology(parse_topology(value), undo)


def _remove_topology(group: StreamsGroup, _member_id: str, undo: Undo | None) -> None:
    group.set_topology(None, undo)


def _member_or_new(group: StreamsGroup, member_id: str) -> StreamsMember:
    return group.members.get(member_id, StreamsMember(member_id))
