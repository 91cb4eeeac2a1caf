"""All group coordinators of a broker behind one face: requests in, replies out.

How the shell around it appends their records, loads them and wakes them is told in coordination/service.py.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ottla.cluster.image import MetadataDelta, MetadataImage
from ottla.coordination.results import Reply
from ottla.coordination.service import Append, CoordinatorService
from ottla.coordination.states import CoordinatorState
from ottla.groups import error_responses
from ottla.groups.coordinator import GroupCoordinator
from ottla.groups.group_types import Decision, Task, Then
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.states import GroupType
from ottla.groups.topic_metadata import TopicMetadata
from ottla.groups.versions import (
    joined_response,
    left_response,
    offset_fetch_groups,
    offset_fetch_response,
    with_members,
    with_rebalance_timeout,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)
from ottla.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from ottla.protocol.types import TopicPartition

T = TypeVar("T")

RunTask = Callable[[Task, Callable[[object, int], None]], None]
"""Runs a task in a thread, and then calls back with what it gave (or the exception it ended in) and now_ms."""

_log = logging.getLogger(__name__)

_PROTOCOL_NEEDED_VERSION = 5
_MAX_RECORD_STRING_BYTES = 32_767
"""What a string of a group's record can hold (an int16 length)."""


class GroupCoordinatorService(CoordinatorService[GroupCoordinator]):
    """The request methods are all called alike: request, who asks, and the time."""

    def __init__(
        self,
        settings: GroupSettings,
        partition_count: int,
        new_uuid: Callable[[], str],
        append: Append,
        *,
        run_task: RunTask,
        topics: TopicMetadata | None = None,
    ) -> None:
        """`partition_count` is that of `__consumer_offsets`; `new_uuid` gives a random UUID's text, for member ids;
        `run_task` does what takes long somewhere else, and never calls back before it has returned."""
        super().__init__(partition_count, append)
        self.settings = settings
        self.topics = topics or TopicMetadata()
        self._new_uuid = new_uuid
        self._run_task = run_task

    def _new_coordinator(self, partition: int, _leader_epoch: int) -> GroupCoordinator:
        def elsewhere(task: Task, then: Then) -> None:
            def done(outcome: object, now_ms: int) -> None:
                if self._coordinators.get(partition) is coordinator:
                    self._task_done(partition, coordinator, then, outcome, now_ms)

            self._run_task(task, done)

        coordinator = GroupCoordinator(
            partition, self.settings, self._new_uuid, self._replies, self.topics, elsewhere
        )
        return coordinator

    def _task_done(
        self, partition: int, coordinator: GroupCoordinator, then: Then, outcome: object, now_ms: int
    ) -> None:
        try:
            self._hand_over(partition, coordinator.on_task_done(then, outcome, now_ms))
        except KafkaError as error:
            _log.warning("What was found out for a group is dropped, to be tried again: %s", error)
        self._settle(partition)

    def metadata_changed(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """The topics of now. Groups see at their next heartbeat what that means for them."""
        changed = self.topics.advance(image, delta)
        if changed:
            for partition, coordinator in list(self._coordinators.items()):
                coordinator.topics_changed(changed)
                self._settle(partition)

    # Requests of groups that are not classic (group_types.py).

    def perform_write(
        self,
        group_id: str,
        decide: Callable[[GroupCoordinator], Decision[T]],
        refuse: Callable[[KafkaError], T],
    ) -> Reply[T]:
        """Have the group's coordinator decide; the reply comes when the decision's records are committed. `refuse`
        makes a response of an error."""
        partition = self.partition_for(group_id)
        try:
            result = self._coordinator(partition).perform_write(decide, refuse)
        except KafkaError as error:
            return self._answered(refuse(error))
        self._hand_over(partition, result)
        self._settle(partition)
        return result.reply

    def perform_read(
        self, group_id: str, read: Callable[[GroupCoordinator], T], refuse: Callable[[KafkaError], T]
    ) -> T:
        try:
            return self._coordinator(self.partition_for(group_id)).perform_read(read)
        except KafkaError as error:
            return refuse(error)

    def perform_read_each(
        self,
        group_ids: Sequence[str],
        read: Callable[[GroupCoordinator, str], T],
        refuse: Callable[[str, KafkaError], T],
    ) -> list[T]:
        """Read of each group in turn, wherever it is coordinated."""
        return [
            self.perform_read(
                group_id,
                lambda coordinator, group_id=group_id: read(coordinator, group_id),  # type: ignore[misc]
                lambda error, group_id=group_id: refuse(group_id, error),  # type: ignore[misc]
            )
            for group_id in group_ids
        ]

    def topics_deleted(self, partitions: Sequence[TopicPartition], _now_ms: int) -> None:
        """Partitions that exist no more: their committed offsets are removed from every group."""
        for partition, coordinator in list(self._coordinators.items()):
            if coordinator.state is CoordinatorState.ACTIVE:
                self._hand_over(partition, coordinator.on_topics_deleted(partitions))
                self._settle(partition)

    # What the metrics show.

    def group_counts(self, group_type: GroupType) -> Counter[str]:
        """Groups of a type by the name of their state."""
        return Counter(
            group.state_name
            for coordinator in self._coordinators.values()
            for group in coordinator.groups
            if group.type is group_type
        )

    def committed_offsets(self) -> Iterator[tuple[str, str, int, int]]:
        """Group, topic, partition and offset of everything committed, for lag."""
        for coordinator in list(self._coordinators.values()):
            for group_id in coordinator.groups.ids():
                for topic, offsets in coordinator.offsets.committed_of_group(group_id).items():
                    for partition, offset in offsets.items():
                        yield group_id, topic, partition, offset.committed_offset

    # Requests: membership.

    def join_group(
        self, request: JoinGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[JoinGroupResponse]:
        """The reply waits until the group's next generation begins, if the join leads to one."""

        def refuse(code: ErrorCode) -> JoinGroupResponse:
            return JoinGroupResponse(member_id=request.member_id, error_code=code)

        if not request.group_id:
            return self._answered(refuse(ErrorCode.INVALID_GROUP_ID))
        settings = self.settings
        longest_ms = settings.group_max_session_timeout_ms
        if not settings.group_min_session_timeout_ms <= request.session_timeout_ms <= longest_ms:
            return self._answered(refuse(ErrorCode.INVALID_SESSION_TIMEOUT))
        if not _fits_record(request, context):
            return self._answered(refuse(ErrorCode.INVALID_REQUEST))
        version = context.api_version
        normalised = with_rebalance_timeout(request, version)
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_join_group(normalised, context, now_ms),
            lambda code: JoinGroupResponse(error_code=code),
            lambda response: joined_response(response, version),
        )

    def sync_group(
        self, request: SyncGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[SyncGroupResponse]:
        """The reply waits until the leader's assignment is stored."""
        if not request.group_id:
            return self._answered(SyncGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        if context.api_version >= _PROTOCOL_NEEDED_VERSION and None in (
            request.protocol_type,
            request.protocol_name,
        ):
            return self._answered(SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_sync_group(request, now_ms),
            lambda code: SyncGroupResponse(error_code=code),
        )

    def heartbeat(
        self, request: HeartbeatRequest, _context: GroupRequestContext, now_ms: int
    ) -> Reply[HeartbeatResponse]:
        if not request.group_id:
            return self._answered(HeartbeatResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        partition = self.partition_for(request.group_id)
        try:
            response = self._coordinator(partition).handle_heartbeat(request, now_ms)
        except KafkaError as error:
            # While loading, nobody's session is counted: the member need not be disturbed.
            loading = error.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
            response = HeartbeatResponse(error_code=ErrorCode.NONE if loading else error.code)
        return self._answered(response)

    def leave_group(
        self, request: LeaveGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[LeaveGroupResponse]:
        version = context.api_version
        if not request.group_id:
            return self._answered(LeaveGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        normalised = with_members(request, version)
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_leave_group(normalised, now_ms),
            lambda code: error_responses.leave_group_error(normalised, code),
            lambda response: left_response(response, version),
        )

    # Requests: offsets.

    def offset_commit(
        self, request: OffsetCommitRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[OffsetCommitResponse]:
        """Topics that do not exist (UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID) are the handler's to take out
        before; of version 10 it fills the topics' names beside their ids, before and never after."""
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_offset_commit(request, context, now_ms),
            lambda code: error_responses.offset_commit_error(request, code),
        )

    def txn_offset_commit(
        self, request: TxnOffsetCommitRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[TxnOffsetCommitResponse]:
        """The result handed to `append` has a producer id: its batch belongs to that producer's transaction."""
        if not request.group_id:
            code = ErrorCode.INVALID_GROUP_ID
            return self._answered(error_responses.txn_offset_commit_error(request, code))
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_txn_offset_commit(request, context, now_ms),
            lambda code: error_responses.txn_offset_commit_error(request, code),
        )

    def offset_fetch(
        self, request: OffsetFetchRequest, context: GroupRequestContext, _now_ms: int
    ) -> Reply[OffsetFetchResponse]:
        """All versions; of version 10 the handler fills the topics' names before and answers unknown ids itself."""
        version = context.api_version
        answered = [
            self._fetch_group(group, version, require_stable=request.require_stable)
            for group in offset_fetch_groups(request, version)
        ]
        return self._answered(offset_fetch_response(answered, version))

    def _fetch_group(
        self, group: OffsetFetchRequestGroup, version: int, *, require_stable: bool
    ) -> OffsetFetchResponseGroup:
        try:
            coordinator = self._coordinator(self.partition_for(group.group_id))
            return coordinator.handle_offset_fetch(group, require_stable=require_stable)
        except KafkaError as error:
            return error_responses.offset_fetch_error(group, version, error.code)

    def offset_delete(
        self, request: OffsetDeleteRequest, _context: GroupRequestContext, _now_ms: int
    ) -> Reply[OffsetDeleteResponse]:
        if not request.group_id:
            return self._answered(OffsetDeleteResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_offset_delete(request),
            lambda code: OffsetDeleteResponse(error_code=code),
        )

    # Requests: groups.

    def describe_groups(
        self, request: DescribeGroupsRequest, context: GroupRequestContext, _now_ms: int
    ) -> Reply[DescribeGroupsResponse]:
        described: list[DescribedGroup] = []
        for partition, group_ids in self._by_partition(request.groups).items():
            try:
                coordinator = self._coordinator(partition)
                described.extend(coordinator.handle_describe_groups(group_ids, context.api_version))
            except KafkaError as error:
                described.extend(error_responses.describe_groups_errors(group_ids, error.code))
        return self._answered(DescribeGroupsResponse(groups=described))

    def list_groups(
        self, request: ListGroupsRequest, _context: GroupRequestContext, _now_ms: int
    ) -> Reply[ListGroupsResponse]:
        """The groups of all partitions led here; an error if one is still loading."""
        groups: list[ListedGroup] = []
        for coordinator in self._coordinators.values():
            try:
                groups.extend(coordinator.handle_list_groups(request.states_filter, request.types_filter))
            except KafkaError as error:
                if error.code is not ErrorCode.NOT_COORDINATOR:
                    return self._answered(ListGroupsResponse(error_code=error.code))
        return self._answered(ListGroupsResponse(groups=groups))

    def delete_groups(
        self, request: DeleteGroupsRequest, _context: GroupRequestContext, _now_ms: int
    ) -> Reply[DeleteGroupsResponse]:
        by_partition = self._by_partition(request.groups_names)
        combined: Reply[DeleteGroupsResponse] = Reply(self._replies)
        results: list[DeletableGroupResult] = []
        waiting = len(by_partition)

        def answered(part: list[DeletableGroupResult]) -> None:
            nonlocal waiting
            results.extend(part)
            waiting -= 1
            if not waiting:
                combined.complete(DeleteGroupsResponse(results=results))

        for group_ids in by_partition.values():
            self._delete_groups_of(group_ids).on_complete(answered)
        if not by_partition:
            combined.complete(DeleteGroupsResponse())
        self._replies.deliver()
        return combined

    def _delete_groups_of(self, group_ids: list[str]) -> Reply[list[DeletableGroupResult]]:
        return self._perform(
            group_ids[0],
            lambda coordinator: coordinator.handle_delete_groups(group_ids),
            lambda code: error_responses.delete_groups_errors(group_ids, code),
        )


def _fits_record(request: JoinGroupRequest, context: GroupRequestContext) -> bool:
    """Whether a group's record can hold what it would say of the member. Only a hostile client's can't."""
    texts = [request.group_id, context.client_id, request.member_id, request.protocol_type]
    texts.append(request.group_instance_id or "")
    texts.extend(protocol.name for protocol in request.protocols)
    longest = _MAX_RECORD_STRING_BYTES - len("-00000000-0000-0000-0000-000000000000")
    return all(len(text) * 4 <= longest or len(text.encode()) <= longest for text in texts)
