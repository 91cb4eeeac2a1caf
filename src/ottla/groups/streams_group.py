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
from ottla.groups.assigned_group import AssignedGroup
from ottla.groups.registry import Undo
from ottla.groups.states import GroupType
from ottla.groups.streams_configuration import ConfiguredTopology
from ottla.groups.streams_member import StreamsMember
from ottla.groups.streams_records import StreamsRecordType, tombstone
from ottla.groups.streams_tasks import NO_TASKS, TaskId, Tasks, TasksTuple
from ottla.groups.streams_topology import StreamsTopology
from ottla.protocol.errors import ErrorCode, KafkaError

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


class StreamsGroup(AssignedGroup[StreamsMember, TasksTuple]):
    """One group."""

    type = GroupType.STREAMS
    protocol_type = "streams"
    nothing_assigned = NO_TASKS

    def __init__(self, group_id: str) -> None:
        super().__init__(group_id)
        self.topology: StreamsTopology | None = None
        self.configured_topology: ConfiguredTopology | None = None
        self.endpoint_information_epoch = -1
        """Rises when an assignment was handed out: then members ask who has which partitions."""
        self.shutdown_requested_by: str | None = None
        """The member that wants the whole application to stop."""
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

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether it reads the topic; a group that can't run at all reads none, so that its offsets may go."""
        configured = self.configured_topology
        if self.is_empty or configured is None or not configured.is_ready or configured.subtopologies is None:
            return False
        return any(
            topic in subtopology.source_topics or topic in subtopology.repartition_source_topics
            for subtopology in configured.subtopologies.values()
        )

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

    # Replaying.

    def set_topology(self, topology: StreamsTopology | None, undo: Undo | None) -> None:
        before = self.topology
        self.topology = topology
        if undo is not None:
            undo.append(lambda: self.set_topology(before, None))

    def _member_changed(self, old: StreamsMember | None, new: StreamsMember | None) -> None:
        if old is not None:
            self._take_tasks(old)
        if new is not None:
            self._give_tasks(new)
        if self.is_empty:
            self.shutdown_requested_by = None

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
