"""StreamsGroupHeartbeat: a member joins, stays in or leaves a streams group (KIP-1071).

    1  the member is made or updated                      its record, if something changed: then the group epoch rises
    2  the topology is taken from the first that tells it  its record
    3  the topology is measured against the topics         if they changed, the group epoch rises; the status says what is
                                                           missing, internal topics are named to be made
    4  group epoch past the target assignment's?           the target assignment is made anew
    5  the member goes one step towards its target         its current assignment's record

Decides and answers; the group changes when the records are replayed. What is no record's (the configured topology, the
endpoints' epoch, a shutdown asked for) is set here at once, on the group as it is before: one that is only about to be
made keeps nothing of it, as in Apache, and measures its topology again with the next heartbeat.

Apache: GroupMetadataManager#streamsGroupHeartbeat, #streamsGroupLeave and what they call.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.group_types import GroupParts
from ottla.groups.settings import GroupRequestContext
from ottla.groups.streams_answers import heartbeat_task_ids, partitions_by_endpoint
from ottla.groups.streams_configuration import (
    ConfiguredSubtopology,
    ConfiguredTopology,
    InternalTopic,
    StreamsStatus,
    configure_topics,
)
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_member import (
    LEAVE_MEMBER_EPOCH,
    LEAVE_STATIC_MEMBER_EPOCH,
    Endpoint,
    StreamsMember,
    StreamsMemberState,
)
from ottla.groups.streams_reconciliation import reconcile
from ottla.groups.streams_records import (
    current_assignment_record,
    group_epoch_record,
    member_metadata_record,
    topology_record_of,
)
from ottla.groups.streams_target_assignment import new_target_assignment
from ottla.groups.streams_tasks import Tasks, TasksTuple, tasks_of
from ottla.groups.streams_timeouts import StreamsTimeouts
from ottla.groups.streams_topology import StreamsTopology, topology_of
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.streams_group_heartbeat import (
    Status,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
)

_log = logging.getLogger(__name__)


class StreamsHeartbeatAnswer(NamedTuple):
    """What a member is answered, and which topics its group needs that do not exist: to be made by whoever answers, with
    the rights of the client that asked."""

    response: StreamsGroupHeartbeatResponse
    missing_topics: Mapping[str, InternalTopic]


class StreamsHeartbeats:
    """The rules of a heartbeat, for the streams groups of one coordinator."""

    def __init__(self, parts: GroupParts, timeouts: StreamsTimeouts) -> None:
        self._settings = parts.settings.streams
        self._groups = parts.groups
        self._topics = parts.topics
        self._timeouts = timeouts

    # Requests. They raise KafkaError for what is refused.

    def handle(
        self, request: StreamsGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> tuple[list[CoordinatorRecord], StreamsHeartbeatAnswer]:
        """The request has passed streams_validation.check_heartbeat."""
        if request.member_epoch in (LEAVE_MEMBER_EPOCH, LEAVE_STATIC_MEMBER_EPOCH):
            return self._leave(request, now_ms)
        return self._heartbeat(request, context, now_ms)

    def _leave(
        self, request: StreamsGroupHeartbeatRequest, now_ms: int
    ) -> tuple[list[CoordinatorRecord], StreamsHeartbeatAnswer]:
        group = self.group(request.group_id)
        if request.shutdown_application:
            group.request_shutdown(request.member_id)
        member = group.member(request.member_id)
        _log.info(
            "[GroupId %s][MemberId %s] Member left the streams group.", group.group_id, member.member_id
        )
        response = StreamsGroupHeartbeatResponse(
            member_id=request.member_id, member_epoch=request.member_epoch
        )
        return self._timeouts.fence(group, member, now_ms), StreamsHeartbeatAnswer(response, {})

    def group(self, group_id: str) -> StreamsGroup:
        """The group; KafkaError GROUP_ID_NOT_FOUND, also if a group of another type has the id."""
        return _as_streams_group(self._groups.get(group_id))

    def _heartbeat(
        self, request: StreamsGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> tuple[list[CoordinatorRecord], StreamsHeartbeatAnswer]:
        joins = request.member_epoch == 0
        group = self._group_to_join(request.group_id) if joins else self._group_of(request.group_id)
        member = group.members.get(request.member_id, StreamsMember(request.member_id)) if joins else None
        member = member or group.member(request.member_id)
        _check_epoch(member, request)
        records: list[CoordinatorRecord] = []

        updated = _updated_member(member, request, context)
        bump = updated != member
        if bump:
            records.append(member_metadata_record(group.group_id, updated))
        topology = _topology(group, request, records)
        statuses = _stale_status(group, updated)
        configured, metadata_hash = self._configure(group, topology)
        if configured.problem is None and configured.subtopologies is not None:
            _check_tasks(configured.subtopologies, request)

        group_epoch = group.group_epoch
        if bump or metadata_hash != group.metadata_hash:
            group_epoch += 1
            records.append(group_epoch_record(group.group_id, group_epoch, metadata_hash))
            group.metadata_refreshed(group_epoch)
        target_epoch, target = group.target_assignment_epoch, group.target_of(updated.member_id)
        if group_epoch > target_epoch:
            assignment = new_target_assignment(
                group,
                group_epoch,
                updated,
                configured,
                self._timeouts.settings_of(group.group_id).num_standby_replicas,
            )
            records += assignment.records
            target_epoch, target = group_epoch, assignment.tasks[updated.member_id]
        updated = self._reconcile(group, updated, target_epoch, target, request, records, now_ms)

        self._timeouts.expect_heartbeat(group.group_id, updated.member_id, now_ms)
        if request.shutdown_application:
            group.request_shutdown(updated.member_id)
        if configured.problem is not None:
            statuses.append(
                Status(status_code=configured.problem.status, status_detail=configured.problem.detail)
            )
        statuses += _shutdown_status(group)
        response = self._response(group, member, updated, request)
        response.status = statuses or None
        missing = {} if configured.problem is None else configured.missing_internal_topics
        return records, StreamsHeartbeatAnswer(response, missing)

    # 1 The member.

    def _group_of(self, group_id: str) -> StreamsGroup:
        group = self._groups.find(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Streams group {group_id} not found.")
        return _as_streams_group(group)

    def _group_to_join(self, group_id: str) -> StreamsGroup:
        found = self._groups.find(group_id)
        group = StreamsGroup(group_id) if found is None else _as_streams_group(found)
        if len(group.members) >= self._settings.max_size:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The streams group has reached its maximum capacity of {self._settings.max_size} members.",
            )
        return group

    # 3 The topics.

    def _configure(self, group: StreamsGroup, topology: StreamsTopology) -> tuple[ConfiguredTopology, int]:
        """The topology measured against the topics there are, anew if they may have changed; and their hash."""
        configured, metadata_hash = group.configured_topology, group.metadata_hash
        if group.topology is not None and configured is not None and not group.needs_metadata_refresh:
            return configured, metadata_hash
        metadata_hash = self._topics.hash_of(topology.required_topics())
        if group.topology is None or configured is None or metadata_hash != group.metadata_hash:
            configured = configure_topics(topology, metadata_hash, self._partition_count)
            group.configure(configured)
        return configured, metadata_hash

    def _partition_count(self, topic: str) -> int | None:
        found = self._topics.image.topics.get(topic)
        return None if found is None else len(found.partitions)

    # 5 The step towards the target.

    def _reconcile(
        self,
        group: StreamsGroup,
        member: StreamsMember,
        target_epoch: int,
        target: TasksTuple,
        request: StreamsGroupHeartbeatRequest,
        records: list[CoordinatorRecord],
        now_ms: int,
    ) -> StreamsMember:
        if member.is_reconciled_to(target_epoch):
            return member
        reconciled = reconcile(member, target_epoch, target, group, _owned_tasks(request))
        if reconciled == member:
            return member
        records.append(current_assignment_record(group.group_id, reconciled))
        if reconciled.state is StreamsMemberState.UNREVOKED_TASKS:
            self._timeouts.expect_revocation(group.group_id, reconciled, now_ms)
        else:
            self._timeouts.revoked(group.group_id, member.member_id)
        return reconciled

    def _response(
        self,
        group: StreamsGroup,
        before: StreamsMember,
        after: StreamsMember,
        request: StreamsGroupHeartbeatRequest,
    ) -> StreamsGroupHeartbeatResponse:
        """With the assignment where it is new to the member, and the endpoints where they are.

        A member that says it owns something else is told its assignment again: the answer that told it may have been lost.
        Apache Kafka 4.1.1 does not, and such a member never runs what it was given, or is put out when it gives nothing up.
        """
        interval_ms = self._timeouts.settings_of(group.group_id).heartbeat_interval_ms
        response = StreamsGroupHeartbeatResponse(
            member_id=after.member_id, member_epoch=after.member_epoch, heartbeat_interval_ms=interval_ms
        )
        joins = request.member_epoch == 0
        tasks = after.assigned_tasks
        is_new = joins or before.assigned_tasks != tasks
        if is_new or _owned_tasks(request) not in (None, tasks):
            response.active_tasks = heartbeat_task_ids(tasks.active)
            response.standby_tasks = heartbeat_task_ids(tasks.standby)
            response.warmup_tasks = heartbeat_task_ids(tasks.warmup)
        if is_new and not (joins and tasks.is_empty):
            group.endpoint_information_epoch += 1
        if group.endpoint_information_epoch != request.endpoint_information_epoch:
            response.partitions_by_user_endpoint = partitions_by_endpoint(group, after, self._partition_count)
        response.endpoint_information_epoch = group.endpoint_information_epoch
        return response


def _as_streams_group(group: object) -> StreamsGroup:
    if not isinstance(group, StreamsGroup):
        raise KafkaError(
            ErrorCode.GROUP_ID_NOT_FOUND, f"Group {getattr(group, 'group_id', '')} is not a streams group."
        )
    return group


def _check_epoch(member: StreamsMember, request: StreamsGroupHeartbeatRequest) -> None:
    """A member may be one epoch behind if it has nothing that it should not have: the answer that told it of the epoch may
    have been lost."""
    received = request.member_epoch
    if received > member.member_epoch:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The streams group member has a greater member epoch ({received}) than the one known by the group "
            f"coordinator ({member.member_epoch}). The member must abandon all its partitions and rejoin.",
        )
    assigned = member.assigned_tasks
    if received < member.member_epoch and not (
        received == member.previous_member_epoch
        and _is_within(request.active_tasks, assigned.active)
        and _is_within(request.standby_tasks, assigned.standby)
        and _is_within(request.warmup_tasks, assigned.warmup)
    ):
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The streams group member has a smaller member epoch ({received}) than the one known by the group "
            f"coordinator ({member.member_epoch}). The member must abandon all its partitions and rejoin.",
        )


def _is_within(owned: Sequence[TaskIds] | None, assigned: Tasks) -> bool:
    return owned is not None and all(
        each.subtopology_id in assigned and assigned[each.subtopology_id].issuperset(each.partitions)
        for each in owned
    )


def _updated_member(
    member: StreamsMember, request: StreamsGroupHeartbeatRequest, context: GroupRequestContext
) -> StreamsMember:
    """The member with what the request tells of it; what it leaves out stays. The same one when nothing is new, as in
    nearly every heartbeat."""
    if _tells_nothing(request) and (member.client_id, member.client_host) == (
        context.client_id,
        context.client_host,
    ):
        return member
    endpoint, tags = request.user_endpoint, request.client_tags
    return replace(
        member,
        rack_id=member.rack_id if request.rack_id is None else request.rack_id,
        rebalance_timeout_ms=(
            member.rebalance_timeout_ms
            if request.rebalance_timeout_ms == -1
            else request.rebalance_timeout_ms
        ),
        topology_epoch=member.topology_epoch if request.topology is None else request.topology.epoch,
        client_id=context.client_id,
        client_host=context.client_host,
        process_id=member.process_id if request.process_id is None else request.process_id,
        client_tags=member.client_tags if tags is None else {tag.key: tag.value for tag in tags},
        user_endpoint=member.user_endpoint if endpoint is None else Endpoint(endpoint.host, endpoint.port),
    )


def _tells_nothing(request: StreamsGroupHeartbeatRequest) -> bool:
    return (
        request.topology is None
        and request.process_id is None
        and request.client_tags is None
        and request.user_endpoint is None
        and request.rack_id is None
        and request.rebalance_timeout_ms == -1
    )


def _topology(
    group: StreamsGroup, request: StreamsGroupHeartbeatRequest, records: list[CoordinatorRecord]
) -> StreamsTopology:
    """The group's topology, that of the request if there is none yet. An older one may join, to be told so; a newer or
    another one is refused: Apache Kafka 4.1.1 does not change topologies yet."""
    if request.topology is None:
        if group.topology is None:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        return group.topology
    told = topology_of(request.topology)
    if group.topology is None:
        records.append(topology_record_of(group.group_id, told))
        return told
    if group.topology.topology_epoch <= told.topology_epoch and group.topology != told:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Topology updates are not supported yet.")
    return group.topology


def _stale_status(group: StreamsGroup, member: StreamsMember) -> list[Status]:
    if group.topology is None or member.topology_epoch >= group.topology.topology_epoch:
        return []
    detail = (
        f"The member's topology epoch {member.topology_epoch} is behind the group's topology epoch "
        f"{group.topology.topology_epoch}."
    )
    return [Status(status_code=StreamsStatus.STALE_TOPOLOGY, status_detail=detail)]


def _shutdown_status(group: StreamsGroup) -> list[Status]:
    if group.shutdown_requested_by is None:
        return []
    detail = (
        f"Streams group member {group.shutdown_requested_by} encountered a fatal error and requested a shutdown for "
        "the entire application."
    )
    return [Status(status_code=StreamsStatus.SHUTDOWN_APPLICATION, status_detail=detail)]


def _check_tasks(
    subtopologies: Mapping[str, ConfiguredSubtopology], request: StreamsGroupHeartbeatRequest
) -> None:
    """Whether the tasks that the member says it has exist."""
    for task_ids in (request.active_tasks, request.standby_tasks, request.warmup_tasks):
        for each in task_ids or ():
            subtopology = subtopologies.get(each.subtopology_id)
            if subtopology is None:
                raise KafkaError(
                    ErrorCode.INVALID_REQUEST,
                    f"Subtopology {each.subtopology_id} does not exist in the topology.",
                )
            for partition in each.partitions:
                if not 0 <= partition < subtopology.number_of_tasks:
                    raise KafkaError(
                        ErrorCode.INVALID_REQUEST,
                        f"Task {partition} for subtopology {each.subtopology_id} is invalid. Number of tasks for this "
                        f"subtopology: {subtopology.number_of_tasks}",
                    )


def _owned_tasks(request: StreamsGroupHeartbeatRequest) -> TasksTuple | None:
    """What the member says it has; None if it did not say."""
    if request.active_tasks is None or request.standby_tasks is None or request.warmup_tasks is None:
        return None
    return TasksTuple(
        tasks_of(request.active_tasks), tasks_of(request.standby_tasks), tasks_of(request.warmup_tasks)
    )
