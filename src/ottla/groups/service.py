"""All group coordinators of a broker behind one face: requests in, replies out, appends asked for.

The shell around it (broker/) has no rule of Kafka's. It gives one function, `append(partition, result)`, and calls:

1. `elected(partition, epoch)` when this broker becomes leader of `__consumer_offsets-<partition>`; then `replay(...)` for
   each record of that log from its start to its end, in order; then `loaded(partition, now_ms)`. Until then requests for
   the partition are answered COORDINATOR_LOAD_IN_PROGRESS. `load_failed(partition)` if the log can't be read.
2. `resigned(partition, now_ms)` when it leads no more or the log's directory went offline: waiting requests get
   NOT_COORDINATOR, all state goes.
3. a request method for each request; `run_timers(now_ms)` at or after `next_timer_ms()` (ask again after each call).

Each call of 3 may call `append(partition, result)`. The state already shows the result's records when it does; `append`
writes them all in ONE batch to that partition's log with the usual acks=all rules, and then, at once or later,

- `append_committed(partition, result, now_ms)` when the high watermark has passed the batch, in the order of the appends;
- `append_failed(partition, result, error, now_ms)` when it was not written. State is rolled back: this result and
  every later one of the partition not committed yet, newest first, each answered with the error. (An append refused at
  once is always the newest. When a queued write fails, its directory is offline: call `resigned` instead.);
- `append_timed_out(partition, result, now_ms)` when `offset_commit_timeout_ms` passed first: the waiting request is
  answered, the state stays, and one of the calls above still follows.

Listeners of replies run at the end of each of these calls, never in their middle; they may call the service again.
"""

from collections.abc import Callable

from ottla.groups.results import CoordinatorResult, Reply
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.types import TopicPartition

Append = Callable[[int, CoordinatorResult[object]], None]


class GroupCoordinatorService:
    """Every method that takes `now_ms` wants milliseconds since 1970, as they go into the records."""

    def __init__(
        self, settings: GroupSettings, partition_count: int, new_uuid: Callable[[], str], append: Append
    ) -> None:
        """`partition_count` is that of `__consumer_offsets`; `new_uuid` gives the text of a random UUID for member ids."""
        raise NotImplementedError

    def partition_for(self, group_id: str) -> int:
        """The partition of `__consumer_offsets` whose leader coordinates the group (FindCoordinator)."""
        raise NotImplementedError

    def elected(self, partition: int, leader_epoch: int) -> None:
        raise NotImplementedError

    def replay(
        self, partition: int, offset: int, key: bytes, value: bytes | None, producer_id: int = -1
    ) -> None:
        raise NotImplementedError

    def replay_end_transaction_marker(self, partition: int, producer_id: int, *, committed: bool) -> None:
        raise NotImplementedError

    def loaded(self, partition: int, now_ms: int) -> None:
        raise NotImplementedError

    def load_failed(self, partition: int) -> None:
        raise NotImplementedError

    def resigned(self, partition: int, now_ms: int) -> None:
        raise NotImplementedError

    def append_committed(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        raise NotImplementedError

    def append_failed(
        self, partition: int, result: CoordinatorResult[object], error: ErrorCode, now_ms: int
    ) -> None:
        raise NotImplementedError

    def append_timed_out(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        raise NotImplementedError

    def next_timer_ms(self) -> int | None:
        """When `run_timers` is due next; None: nothing waits."""
        raise NotImplementedError

    def run_timers(self, now_ms: int) -> None:
        raise NotImplementedError

    def topics_deleted(self, partitions: list[TopicPartition], now_ms: int) -> None:
        """Partitions that exist no more: their committed offsets are removed from every group."""
        raise NotImplementedError

    def join_group(
        self, request: JoinGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[JoinGroupResponse]:
        raise NotImplementedError

    def sync_group(
        self, request: SyncGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[SyncGroupResponse]:
        raise NotImplementedError

    def heartbeat(
        self, request: HeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[HeartbeatResponse]:
        raise NotImplementedError

    def leave_group(
        self, request: LeaveGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[LeaveGroupResponse]:
        raise NotImplementedError

    def offset_commit(
        self, request: OffsetCommitRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[OffsetCommitResponse]:
        """Topics that do not exist (UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID) are the handler's to take out
        before; of version 10 it fills the topics' names beside their ids."""
        raise NotImplementedError

    def offset_fetch(
        self, request: OffsetFetchRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[OffsetFetchResponse]:
        """All versions; of version 10 the handler fills the topics' names before and answers unknown ids itself."""
        raise NotImplementedError

    def offset_delete(
        self, request: OffsetDeleteRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[OffsetDeleteResponse]:
        raise NotImplementedError

    def describe_groups(
        self, request: DescribeGroupsRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[DescribeGroupsResponse]:
        raise NotImplementedError

    def list_groups(
        self, request: ListGroupsRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[ListGroupsResponse]:
        raise NotImplementedError

    def delete_groups(
        self, request: DeleteGroupsRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[DeleteGroupsResponse]:
        raise NotImplementedError
