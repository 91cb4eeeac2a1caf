"""All group coordinators of a broker behind one face: requests in, replies out, appends asked for.

The shell around it (broker/) has no rule of Kafka's. It gives one function, `append(partition, result)`, and calls:

1. `elected(partition, epoch)` when this broker becomes leader of `__consumer_offsets-<partition>`; then `replay(...)` for
   each record of that log from its start to its end, in order; then `loaded(partition, now_ms)`. Until then requests for
   the partition are answered COORDINATOR_LOAD_IN_PROGRESS. `load_failed(partition)` if the log can't be read.
2. `resigned(partition, now_ms)` when it leads no more or the log's directory went offline: waiting requests get
   NOT_COORDINATOR, all state goes.
3. a request method for each request; `run_timers(now_ms)` at or after `next_timer_ms()` (ask again after each call: a
   request may have made it earlier).

Each call of 3 may call `append(partition, result)`. The state already shows the result's records when it does; `append`
writes them in ONE batch (several where `result.atomic` is False and it has to) to that partition's log with the usual
acks=all rules, and then, within that very call or later,

- `append_committed(partition, result, now_ms)` when the high watermark has passed the batch, in the order of the appends;
- `append_failed(partition, result, error, now_ms)` when it was not written. State is rolled back: this result and
  every later one of the partition not committed yet, newest first, each answered with the error. (An append refused at
  once is always the newest. When a queued write fails, its directory is offline: call `resigned` instead.);
- `append_timed_out(partition, result, now_ms)` when `offset_commit_timeout_ms` passed first: the waiting request is
  answered, the state stays, and one of the calls above still follows.

Listeners of replies run at the end of each of these calls, never in their middle; they may call the service again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

from ottla.groups import error_responses
from ottla.groups.coordinator import GroupCoordinator
from ottla.groups.partitioning import partition_for
from ottla.groups.results import NO_PRODUCER_ID, CoordinatorResult, Replies, Reply
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.states import CoordinatorState
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
R = TypeVar("R")

Append = Callable[[int, CoordinatorResult[object]], None]

_PROTOCOL_NEEDED_VERSION = 5
_MAX_RECORD_STRING_BYTES = 32_767
"""What a string of a group's record can hold (an int16 length)."""


class GroupCoordinatorService:
    """Every method that takes `now_ms` wants milliseconds since 1970, as they go into the records.

    The request methods are all called alike: request, who asks, and the time.
    """

    def __init__(
        self, settings: GroupSettings, partition_count: int, new_uuid: Callable[[], str], append: Append
    ) -> None:
        """`partition_count` is that of `__consumer_offsets`; `new_uuid` gives a random UUID's text, for member ids."""
        self.settings = settings
        self.partition_count = partition_count
        self._new_uuid = new_uuid
        self._append = append
        self._replies = Replies()
        self._coordinators: dict[int, GroupCoordinator] = {}
        self._leader_epochs: dict[int, int] = {}
        self._next_timer_ms: int | None = None

    def partition_for(self, group_id: str) -> int:
        """The partition of `__consumer_offsets` whose leader coordinates the group (FindCoordinator)."""
        return partition_for(group_id, self.partition_count)

    # Leading partitions.

    def elected(self, partition: int, leader_epoch: int) -> bool:
        """Begin to load the partition. False if that leadership is known already, or a later one."""
        known_epoch = self._leader_epochs.get(partition, -1)
        if leader_epoch < known_epoch or (leader_epoch == known_epoch and partition in self._coordinators):
            return False
        self._leader_epochs[partition] = leader_epoch
        self._dismiss(partition)
        self._coordinators[partition] = GroupCoordinator(
            partition, self.settings, self._new_uuid, self._replies
        )
        self._replies.deliver()
        return True

    def replay(
        self,
        partition: int,
        offset: int,
        key: bytes,
        value: bytes | None,
        producer_id: int = NO_PRODUCER_ID,
    ) -> None:
        """One record of the log being loaded; `producer_id` where it is part of a transaction.

        Raises ProtocolError for one that can't be read: call `load_failed` then.
        """
        self._coordinators[partition].replay(offset, key, value, producer_id)

    def replay_end_transaction_marker(self, partition: int, producer_id: int, *, committed: bool) -> None:
        """A control record of the log, found while loading or written later by the transaction coordinator."""
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.replay_end_transaction_marker(producer_id, committed=committed)

    def loaded(self, partition: int, now_ms: int) -> None:
        for result in self._coordinators[partition].on_loaded(now_ms):
            self._hand_over(partition, result)
        self._settle(partition)

    def load_failed(self, partition: int) -> None:
        self._coordinators[partition].on_load_failed()

    def resigned(self, partition: int, _now_ms: int) -> None:
        self._dismiss(partition)
        self._replies.deliver()

    def _dismiss(self, partition: int) -> None:
        coordinator = self._coordinators.pop(partition, None)
        if coordinator is not None:
            coordinator.on_resigned()

    # Records on their way.

    def append_committed(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_committed(result, now_ms)
            self._settle(partition)

    def append_failed(
        self, partition: int, result: CoordinatorResult[object], error: ErrorCode, now_ms: int
    ) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_failed(result, error, now_ms)
            self._settle(partition)

    def append_timed_out(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_timed_out(result, now_ms)
            self._settle(partition)

    def _hand_over(self, partition: int, result: CoordinatorResult[T]) -> None:
        if result.records:
            self._append(partition, cast("CoordinatorResult[object]", result))

    def _settle(self, partition: int) -> None:
        """At the end of a call: note when the next timer is due, and let waiting requests have their replies."""
        coordinator = self._coordinators.get(partition)
        due_ms = None if coordinator is None else coordinator.next_timer_ms()
        if due_ms is not None and (self._next_timer_ms is None or due_ms < self._next_timer_ms):
            self._next_timer_ms = due_ms
        self._replies.deliver()

    # Time.

    def next_timer_ms(self) -> int | None:
        """When to call `run_timers` next; None: nothing waits. It may prove too early, never too late."""
        return self._next_timer_ms

    def run_timers(self, now_ms: int) -> None:
        self._next_timer_ms = None
        for partition, coordinator in list(self._coordinators.items()):
            for result in coordinator.run_timers(now_ms):
                self._hand_over(partition, result)
            self._settle(partition)

    def topics_deleted(self, partitions: Sequence[TopicPartition], _now_ms: int) -> None:
        """Partitions that exist no more: their committed offsets are removed from every group."""
        for partition, coordinator in list(self._coordinators.items()):
            if coordinator.state is CoordinatorState.ACTIVE:
                self._hand_over(partition, coordinator.on_topics_deleted(partitions))
                self._settle(partition)

    # What the metrics show.

    def group_counts(self) -> Counter[str]:
        """Groups by the name of their state."""
        return Counter(
            group.state_name for coordinator in self._coordinators.values() for group in coordinator.groups
        )

    def committed_offsets(self) -> Iterator[tuple[str, str, int, int]]:
        """Group, topic, partition and offset of everything committed, for lag."""
        for coordinator in list(self._coordinators.values()):
            for group_id in coordinator.groups.ids():
                for topic, offsets in coordinator.offsets.committed_of_group(group_id).items():
                    for partition, offset in offsets.items():
                        yield group_id, topic, partition, offset.committed_offset

    def coordinators(self) -> Sequence[GroupCoordinator]:
        """Those of the partitions led here, for their counts."""
        return list(self._coordinators.values())

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
        self, request: SyncGroupRequest, context: GroupRequestContext, _now_ms: int
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
            lambda coordinator: coordinator.handle_sync_group(request),
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
        self, request: TxnOffsetCommitRequest, _context: GroupRequestContext, now_ms: int
    ) -> Reply[TxnOffsetCommitResponse]:
        """The result handed to `append` has a producer id: its batch belongs to that producer's transaction."""
        if not request.group_id:
            code = ErrorCode.INVALID_GROUP_ID
            return self._answered(error_responses.txn_offset_commit_error(request, code))
        return self._perform(
            request.group_id,
            lambda coordinator: coordinator.handle_txn_offset_commit(request, now_ms),
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

    # Routing.

    def _coordinator(self, partition: int) -> GroupCoordinator:
        coordinator = self._coordinators.get(partition)
        if coordinator is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        return coordinator

    def _by_partition(self, group_ids: Sequence[str]) -> dict[int, list[str]]:
        grouped: dict[int, list[str]] = {}
        for group_id in group_ids:
            grouped.setdefault(self.partition_for(group_id), []).append(group_id)
        return grouped

    def _perform(
        self,
        group_id: str,
        operation: Callable[[GroupCoordinator], CoordinatorResult[T]],
        error_response: Callable[[ErrorCode], T],
        adapt: Callable[[T], T] | None = None,
    ) -> Reply[T]:
        """Run an operation of the group's coordinator, hand its records over and settle. `adapt` changes the response
        to what the request's version can say."""
        partition = self.partition_for(group_id)
        try:
            result = operation(self._coordinator(partition))
        except KafkaError as error:
            response = error_response(error.code)
            return self._answered(response if adapt is None else adapt(response))
        self._hand_over(partition, result)
        self._settle(partition)
        if adapt is None:
            return result.reply
        adapted: Reply[T] = Reply(self._replies)
        result.reply.on_complete(lambda response: _then(adapted, adapt(response)))
        return adapted

    def _answered(self, response: R) -> Reply[R]:
        reply: Reply[R] = Reply(self._replies)
        reply.complete(response)
        return reply


def _then(reply: Reply[T], response: T) -> None:
    reply.complete(response)


def _fits_record(request: JoinGroupRequest, context: GroupRequestContext) -> bool:
    """Whether a group's record can hold what it would say of the member. Only a hostile client's can't."""
    texts = [request.group_id, context.client_id, request.member_id, request.protocol_type]
    texts.append(request.group_instance_id or "")
    texts.extend(protocol.name for protocol in request.protocols)
    longest = _MAX_RECORD_STRING_BYTES - len("-00000000-0000-0000-0000-000000000000")
    return all(len(text) * 4 <= longest or len(text.encode()) <= longest for text in texts)
