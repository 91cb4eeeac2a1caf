"""A streams group (KIP-1071): members of a Kafka Streams application whose tasks the broker assigns.

    Empty       no members
    NotReady    the topology is not told yet, or its topics do not fit it
    Assigning   the group epoch is ahead of the target assignment's
    Reconciling some member is not where its target assignment has it
    Stable      every member is

What records tell changes by the `set_…`, `put_member` and `remove_member` methods only, when they are replayed; these note
in `undo` how they are taken back. The configured topology and what follows it here is no record's: it is made again from
the topics after a start.

Apache: org.apache.kafka.coordinator.group.streams.StreamsGroup.
"""

import logging
from collections.abc import Set as AbstractSet
from enum import Enum

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.classic_group import OffsetExpiration
from ottla.groups.registry import Undo
from ottla.groups.states import GroupType
from ottla.groups.streams_configuration import ConfiguredTopology
from ottla.groups.streams_member import StreamsMember
from ottla.groups.streams_records import StreamsRecordType, tombstone
from ottla.groups.streams_tasks import NO_TASKS, TaskId, Tasks, TasksTuple
from ottla.groups.streams_topology import StreamsTopology
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.list_groups import ListedGroup

FIRST_OFFSET_COMMIT_VERSION = 9
"""Members of streams groups commit offsets by OffsetCommit of this version or a later one."""

_NOBODY: frozenset[str] = frozenset()

_log = logging.getLogger(__name__)


class StreamsGroupState(Enum):
    """The value is the name that ListGroups and StreamsGroupDescribe show."""

    EMPTY = "Empty"
    NOT_READY = "NotReady"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


class StreamsGroup:
    """One group."""

    type = GroupType.STREAMS

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.group_epoch = 0
        self.metadata_hash = 0
        self.members: dict[str, StreamsMember] = {}
        self.target_assignment_epoch = 0
        self.target_assignment: dict[str, TasksTuple] = {}
        self.topology: StreamsTopology | None = None
        self.configured_topology: ConfiguredTopology | None = None
        self.endpoint_information_epoch = -1
        """Rises when an assignment was handed out: then members ask who has which partitions."""
        self.shutdown_requested_by: str | None = None
        """The member that wants the whole application to stop."""
        self._refresh_is_due = True
        self._refreshed_at_epoch = 0
        self._active_processes: dict[TaskId, str] = {}
        self._standby_processes: dict[TaskId, set[str]] = {}
        self._warmup_processes: dict[TaskId, set[str]] = {}

    # What it is.

    @property
    def state(self) -> StreamsGroupState:
        if not self.members:
            return StreamsGroupState.EMPTY
        if self.topology is None or self.configured_topology is None or not self.configured_topology.is_ready:
            return StreamsGroupState.NOT_READY
        if self.group_epoch > self.target_assignment_epoch:
            return StreamsGroupState.ASSIGNING
        if all(member.is_reconciled_to(self.target_assignment_epoch) for member in self.members.values()):
            return StreamsGroupState.STABLE
        return StreamsGroupState.RECONCILING

    @property
    def state_name(self) -> str:
        return self.state.value

    @property
    def member_count(self) -> int:
        return len(self.members)

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    def expires(self) -> bool:
        return True

    def listed(self) -> ListedGroup:
        return ListedGroup(
            group_id=self.group_id,
            protocol_type="streams",
            group_state=self.state_name,
            group_type=self.type.value,
        )

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether it reads the topic; a group that can't run at all reads none, so that its offsets may go."""
        configured = self.configured_topology
        if self.is_empty or configured is None or not configured.is_ready or configured.subtopologies is None:
            return False
        return any(
            topic in subtopology.source_topics or topic in subtopology.repartition_source_topics
            for subtopology in configured.subtopologies.values()
        )

    def offset_expiration(self) -> OffsetExpiration | None:
        return OffsetExpiration(since_ms=None)

    def member(self, member_id: str) -> StreamsMember:
        """The member; KafkaError UNKNOWN_MEMBER_ID if there is none of that id."""
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {self.group_id}."
            )
        return member

    def target_of(self, member_id: str) -> TasksTuple:
        return self.target_assignment.get(member_id, NO_TASKS)

    # What it allows.

    def check_offset_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id: int,
        *,
        transactional: bool,
        api_version: int,
    ) -> None:
        if generation_id < 0 and self.is_empty:
            return  # The admin client's, or that of a consumer without a group.
        if transactional and generation_id == -1 and not member_id and group_instance_id is None:
            return
        member = self.member(member_id)
        if not transactional and api_version < FIRST_OFFSET_COMMIT_VERSION:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                "OffsetCommit version 9 or above must be used by members using the streams group protocol",
            )
        _check_epoch(generation_id, member)

    def check_offset_fetch(self, member_id: str | None, member_epoch: int) -> None:
        if member_id is None and member_epoch < 0:
            return
        _check_epoch(member_epoch, self.member(member_id or ""))

    def check_offset_delete(self) -> None:
        """Always: whether it reads the topic is asked besides."""

    def check_delete(self) -> None:
        if not self.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def tombstones(self) -> list[CoordinatorRecord]:
        """What removes it from the log, offsets apart."""
        by_member = (
            StreamsRecordType.CURRENT_MEMBER_ASSIGNMENT,
            StreamsRecordType.TARGET_ASSIGNMENT_MEMBER,
        )
        records = [
            tombstone(record_type, self.group_id, member_id)
            for record_type in by_member
            for member_id in self.members
        ]
        records.append(tombstone(StreamsRecordType.TARGET_ASSIGNMENT_METADATA, self.group_id))
        records += [
            tombstone(StreamsRecordType.MEMBER_METADATA, self.group_id, member_id)
            for member_id in self.members
        ]
        records.append(tombstone(StreamsRecordType.METADATA, self.group_id))
        records.append(tombstone(StreamsRecordType.TOPOLOGY, self.group_id))
        return records

    # Which processes have a task (streams_reconciliation.TaskOwners).

    def active_process(self, subtopology_id: str, partition: int) -> str | None:
        return self._active_processes.get(TaskId(subtopology_id, partition))

    def standby_processes(self, subtopology_id: str, partition: int) -> AbstractSet[str]:
        return self._standby_processes.get(TaskId(subtopology_id, partition), _NOBODY)

    def warmup_processes(self, subtopology_id: str, partition: int) -> AbstractSet[str]:
        return self._warmup_processes.get(TaskId(subtopology_id, partition), _NOBODY)

    # What no record keeps.

    def configure(self, configured: ConfiguredTopology) -> None:
        self.configured_topology = configured

    def request_shutdown(self, member_id: str) -> None:
        """The first who asks is the one that is named, until the group is empty."""
        if self.shutdown_requested_by is None:
            _log.info(
                "[GroupId %s][MemberId %s] Shutdown requested for the streams application.",
                self.group_id,
                member_id,
            )
            self.shutdown_requested_by = member_id

    def request_metadata_refresh(self) -> None:
        self._refresh_is_due = True

    def metadata_refreshed(self, group_epoch: int) -> None:
        """Its topics were looked at, for this epoch; no need to again until they change, or the epoch falls back."""
        self._refresh_is_due = False
        self._refreshed_at_epoch = group_epoch

    @property
    def needs_metadata_refresh(self) -> bool:
        return self._refresh_is_due or self.group_epoch < self._refreshed_at_epoch

    # Replaying.

    def set_group_epoch(self, epoch: int, metadata_hash: int, undo: Undo | None) -> None:
        before = self.group_epoch, self.metadata_hash
        self.group_epoch, self.metadata_hash = epoch, metadata_hash
        if undo is not None:
            undo.append(lambda: self.set_group_epoch(*before, None))

    def set_target_assignment_epoch(self, epoch: int, undo: Undo | None) -> None:
        """-1: the target assignment was deleted."""
        before = self.target_assignment_epoch
        self.target_assignment_epoch = epoch
        if undo is not None:
            undo.append(lambda: self.set_target_assignment_epoch(before, None))

    def set_topology(self, topology: StreamsTopology | None, undo: Undo | None) -> None:
        before = self.topology
        self.topology = topology
        if undo is not None:
            undo.append(lambda: self.set_topology(before, None))

    def set_target(self, member_id: str, tasks: TasksTuple | None, undo: Undo | None) -> None:
        """None: the member has no target any more."""
        before = self.target_assignment.get(member_id)
        if tasks is None:
            self.target_assignment.pop(member_id, None)
        else:
            self.target_assignment[member_id] = tasks
        if undo is not None:
            undo.append(lambda: self.set_target(member_id, before, None))

    def put_member(self, member: StreamsMember, undo: Undo | None) -> None:
        self._set_member(member.member_id, member, undo)

    def remove_member(self, member_id: str, undo: Undo | None) -> None:
        self._set_member(member_id, None, undo)

    def _set_member(self, member_id: str, member: StreamsMember | None, undo: Undo | None) -> None:
        before = self.members.get(member_id)
        if before is not None:
            self._take_tasks(before)
        if member is None:
            self.members.pop(member_id, None)
        else:
            self.members[member_id] = member
            self._give_tasks(member)
        if self.is_empty:
            self.shutdown_requested_by = None
        if undo is not None:
            undo.append(lambda: self._set_member(member_id, before, None))

    def _give_tasks(self, member: StreamsMember) -> None:
        process_id = member.process_id
        for tasks in (member.assigned_tasks, member.tasks_pending_revocation):
            for task in _each(tasks.active):
                self._active_processes[task] = process_id
            for task in _each(tasks.standby):
                self._standby_processes.setdefault(task, set()).add(process_id)
            for task in _each(tasks.warmup):
                self._warmup_processes.setdefault(task, set()).add(process_id)

    def _take_tasks(self, member: StreamsMember) -> None:
        """An active task that another process has by now stays that one's: a compacted log may tell the new owner before
        it tells that the old one gave the task up."""
        process_id = member.process_id
        for tasks in (member.assigned_tasks, member.tasks_pending_revocation):
            for task in _each(tasks.active):
                if self._active_processes.get(task) == process_id:
                    del self._active_processes[task]
            _take_copies(self._standby_processes, tasks.standby, process_id)
            _take_copies(self._warmup_processes, tasks.warmup, process_id)


def _take_copies(processes: dict[TaskId, set[str]], tasks: Tasks, process_id: str) -> None:
    for task in _each(tasks):
        owners = processes.get(task)
        if owners is not None:
            owners.discard(process_id)
            if not owners:
                del processes[task]


def _each(tasks: Tasks) -> list[TaskId]:
    return [
        TaskId(subtopology_id, partition)
        for subtopology_id, partitions in tasks.items()
        for partition in partitions
    ]


def _check_epoch(received: int, member: StreamsMember) -> None:
    if received != member.member_epoch:
        raise KafkaError(
            ErrorCode.STALE_MEMBER_EPOCH,
            f"The received member epoch {received} does not match the expected member epoch {member.member_epoch}.",
        )
