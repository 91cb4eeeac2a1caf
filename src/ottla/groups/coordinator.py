"""The group coordinator of one partition of `__consumer_offsets`.

Every operation answers with a `CoordinatorResult`: records to append to the partition, and a reply. How they
get into the log, and what is undone when they do not, is told in coordination/coordinator.py.

What is undone are offsets and the coming and going of groups. Members, generations and waiting requests of a classic
group are soft state, as in Apache: its record is written after the change, and what follows if it can't be is each
operation's own (an assignment that was not stored leads to another rebalance, a replaced static member gets its old
id back).

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorShard and coordinator.common.runtime.CoordinatorRuntime.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

from ottla.coordination.coordinator import PartitionCoordinator
from ottla.coordination.results import NO_PRODUCER_ID, CoordinatorRecord, CoordinatorResult, Replies, Reply
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_classic_members import ClassicMembers
from ottla.groups.consumer_groups import ConsumerGroups
from ottla.groups.description import described_group, unknown_group
from ottla.groups.error_responses import delete_groups_errors, offset_commit_error, txn_offset_commit_error
from ottla.groups.group_conversion import GroupConversion
from ottla.groups.group_types import Decision, Elsewhere, GroupParts, GroupTypeMachine, Then, Undoable
from ottla.groups.joining import Joining
from ottla.groups.membership import Membership
from ottla.groups.offset_requests import OffsetRequests
from ottla.groups.offsets import Offsets
from ottla.groups.rebalance import Rebalances
from ottla.groups.registry import Groups, Undo
from ottla.groups.replaying import Replaying
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.share_groups import ShareGroups
from ottla.groups.states import ClassicGroupState, GroupType
from ottla.groups.streams_groups import StreamsGroups
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.delete_groups import DeletableGroupResult
from ottla.protocol.messages.describe_groups import DescribedGroup
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListedGroup
from ottla.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequestGroup, OffsetFetchResponseGroup
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from ottla.protocol.types import TopicPartition

T = TypeVar("T")

MAX_OFFSETS_EXPIRED_AT_ONCE = 5_000
"""Offsets looked at before other work is let in: a few milliseconds."""

EXPIRATION_STAGGER_MS = 20
"""By how much later each partition's first check for expired offsets is than that of the partition before."""

_EXPIRATION = "expiration"
_TOPIC = "__consumer_offsets"


class GroupCoordinator(PartitionCoordinator):
    """The groups whose id hashes to one partition."""

    def __init__(
        self,
        partition: int,
        settings: GroupSettings,
        new_uuid: Callable[[], str],
        replies: Replies,
        topics: TopicMetadata,
        elsewhere: Elsewhere,
    ) -> None:
        super().__init__(partition, _TOPIC, replies)
        self.groups = Groups()
        self.offsets = Offsets()
        self.offset_commit_count = 0
        self.offset_deletion_count = 0
        self.offset_expiration_count = 0
        self._settings = settings
        self._rebalances = Rebalances(settings, self.groups, self._timers)
        self._joining = Joining(settings, self.groups, self._rebalances, new_uuid)
        self._membership = Membership(self.groups, self._rebalances)
        heartbeats = self._rebalances.heartbeats
        self._offset_requests = OffsetRequests(settings, self.groups, self.offsets, heartbeats)
        self._parts = GroupParts(settings, self.groups, self._timers, topics, new_uuid, elsewhere)
        conversion = GroupConversion(self._parts, self._rebalances)
        self.consumer_groups = ConsumerGroups(self._parts, conversion)
        self._classic_members = ClassicMembers(self._parts, self.consumer_groups, conversion)
        self.share_groups = ShareGroups(self._parts)
        self.streams_groups = StreamsGroups(self._parts)
        self._machines: list[GroupTypeMachine] = [
            self.consumer_groups,
            self.share_groups,
            self.streams_groups,
        ]
        replays = {
            record_type: replay
            for machine in self._machines
            for record_type, replay in machine.replays().items()
        }
        self._replaying = Replaying(self.groups, self.offsets, heartbeats, replays)
        self._keep(self._replaying)

    @property
    def completed_rebalance_count(self) -> int:
        return self._rebalances.completed

    # Becoming and ceasing to be the coordinator.

    def replay(self, offset: int, key: bytes, value: bytes | None, producer_id: int = NO_PRODUCER_ID) -> None:
        self._replaying.load(CoordinatorRecord(key, value), offset, producer_id)

    def replay_end_transaction_marker(self, producer_id: int, *, committed: bool) -> None:
        self.offsets.end_transaction(producer_id, committed=committed)

    def _begin(self, now_ms: int) -> list[CoordinatorResult[None]]:
        """Each member has one session timeout to be heard from."""
        results: list[CoordinatorResult[None]] = []
        for group in self.groups:
            if not isinstance(group, ClassicGroup):
                continue
            for member in group.members.values():
                self._rebalances.heartbeats.expect(group, member, now_ms)
            if len(group.members) > self._settings.group_max_size:
                reason = f"freshly loaded with {len(group.members)} members, more than group.max.size"
                results.append(self._background(self._rebalances.prepare(group, reason, now_ms)))
        for machine in self._machines:
            machine.begin(now_ms)
        # All partitions are loaded together at a start; their checks shall not come together ever after.
        self._schedule_expiration(now_ms + self.partition * EXPIRATION_STAGGER_MS)
        return results

    def _dismiss(self) -> None:
        for group in self.groups:
            if isinstance(group, ClassicGroup):
                _dismiss(group)
        for machine in self._machines:
            machine.dismiss()

    def _forget(self) -> None:
        self.groups.clear()
        self.offsets.clear()

    # Time.

    def _background(
        self, records: Sequence[CoordinatorRecord], *, atomic: bool = True
    ) -> CoordinatorResult[None]:
        reply: Reply[None] = Reply(self._replies)
        reply.complete(None)
        result = CoordinatorResult(reply, records, atomic=atomic)
        if isinstance(records, Undoable):
            result.undo.extend(records.undo)
        return self._submit(result)

    def _schedule_expiration(self, now_ms: int) -> None:
        self._timers.schedule(
            _EXPIRATION,
            now_ms + self._settings.offsets_retention_check_interval_ms,
            lambda then_ms: self._expire(self.groups.ids(), then_ms),
        )

    def _expire(self, group_ids: list[str], now_ms: int) -> list[CoordinatorRecord]:
        """Tombstones for expired offsets, and for empty groups that have none left.

        Looks at so many at a time that nobody waits for it, and goes on with the rest of `group_ids` in the next
        millisecond.
        """
        records: list[CoordinatorRecord] = []
        looked_at = 0
        while group_ids and looked_at < MAX_OFFSETS_EXPIRED_AT_ONCE:
            group_id = group_ids.pop()
            looked_at += 1 + self.offsets.count_of_group(group_id)
            group = self.groups.find(group_id)
            if group is None:
                continue
            if not group.expires:
                continue
            before = len(records)
            all_expired = self._offset_requests.expire(group_id, now_ms, records)
            self.offset_expiration_count += len(records) - before
            if all_expired and group.is_empty:
                records.extend(group.tombstones())
        if group_ids:
            self._timers.schedule(_EXPIRATION, now_ms + 1, lambda then_ms: self._expire(group_ids, then_ms))
        else:
            self._schedule_expiration(now_ms)
        return records

    # Requests of groups that are not classic, and what these have done elsewhere.

    def perform_write(
        self, decide: Callable[["GroupCoordinator"], Decision[T]], refuse: Callable[[KafkaError], T]
    ) -> CoordinatorResult[T]:
        self._check_can_write()
        decision = decide(self)
        return self._answered_when_committed(
            decision.records,
            decision.response,
            lambda code: refuse(KafkaError(code)),
            undo=decision.undo,
        )

    def perform_read(self, read: Callable[["GroupCoordinator"], T]) -> T:
        self._check_active()
        return read(self)

    def on_task_done(self, then: Then, outcome: object, now_ms: int) -> CoordinatorResult[None]:
        records = list(then(outcome, now_ms))
        self._check_can_write()
        return self._background(records)

    def topics_changed(self, names: frozenset[str]) -> None:
        for machine in self._machines:
            machine.topics_changed(names)

    # Requests: membership.

    def handle_join_group(
        self, request: JoinGroupRequest, context: GroupRequestContext, now_ms: int
    ) -> CoordinatorResult[JoinGroupResponse]:
        self._check_can_write()
        reply: Reply[JoinGroupResponse] = Reply(self._replies)
        group = self.groups.find(request.group_id)
        if isinstance(group, ConsumerGroup) and not group.is_empty:
            result = self._classic_members.join(group, request, context, reply, now_ms)
            if result.records:
                return self._submit(result)
            if result.on_committed is not None and not self._appends.follow(
                cast("CoordinatorResult[object]", result)
            ):
                result.on_committed(now_ms)
            return result
        return self._submit(self._joining.join(request, context, reply, now_ms))

    def handle_sync_group(
        self, request: SyncGroupRequest, now_ms: int
    ) -> CoordinatorResult[SyncGroupResponse]:
        self._check_can_write()
        reply: Reply[SyncGroupResponse] = Reply(self._replies)
        group = self.groups.find(request.group_id)
        if isinstance(group, ConsumerGroup) and not group.is_empty:
            reply.complete(self._classic_members.sync(group, request, now_ms))
            return CoordinatorResult(reply)
        return self._submit(self._membership.sync(request, reply))

    def handle_heartbeat(self, request: HeartbeatRequest, now_ms: int) -> HeartbeatResponse:
        self._check_active()
        group = self.groups.find(request.group_id)
        if isinstance(group, ConsumerGroup):
            return self._classic_members.heartbeat(group, request, now_ms)
        return self._membership.heartbeat(request, now_ms)

    def handle_leave_group(
        self, request: LeaveGroupRequest, now_ms: int
    ) -> CoordinatorResult[LeaveGroupResponse]:
        """All versions; members by `members`, as of version 3."""
        self._check_can_write()
        undo: Undo = []
        group = self.groups.find(request.group_id)
        records: Sequence[CoordinatorRecord]
        if isinstance(group, ConsumerGroup):
            records, response = self._classic_members.leave(group, request, now_ms, undo)
        else:
            records, response = self._membership.leave(request, now_ms)
        return self._answered_when_committed(
            records, response, lambda code: LeaveGroupResponse(error_code=code), undo=undo
        )

    # Requests: offsets.

    def handle_offset_commit(
        self, request: OffsetCommitRequest, context: GroupRequestContext, now_ms: int
    ) -> CoordinatorResult[OffsetCommitResponse]:
        self._check_can_write()
        undo: Undo = []
        records, response = self._offset_requests.commit(request, context, now_ms, undo)
        self.offset_commit_count += len(records)
        return self._answered_when_committed(
            records, response, lambda code: offset_commit_error(request, code), undo=undo
        )

    def handle_txn_offset_commit(
        self, request: TxnOffsetCommitRequest, context: GroupRequestContext, now_ms: int
    ) -> CoordinatorResult[TxnOffsetCommitResponse]:
        """Offsets that belong to the producer's transaction: the shell writes the result's batch as part of it."""
        self._check_can_write()
        undo: Undo = []
        records, response = self._offset_requests.commit_transactional(request, context, now_ms, undo)
        self.offset_commit_count += len(records)
        return self._answered_when_committed(
            records,
            response,
            lambda code: txn_offset_commit_error(request, code),
            undo=undo,
            producer_id=request.producer_id,
            producer_epoch=request.producer_epoch,
        )

    def handle_offset_fetch(
        self, request: OffsetFetchRequestGroup, *, require_stable: bool
    ) -> OffsetFetchResponseGroup:
        self._check_active()
        return self._offset_requests.fetch(request, require_stable=require_stable)

    def handle_offset_delete(self, request: OffsetDeleteRequest) -> CoordinatorResult[OffsetDeleteResponse]:
        self._check_can_write()
        records, response = self._offset_requests.delete(request)
        self.offset_deletion_count += len(records)
        return self._answered_when_committed(
            records, response, lambda code: OffsetDeleteResponse(error_code=code)
        )

    def on_topics_deleted(self, partitions: Iterable[TopicPartition]) -> CoordinatorResult[None]:
        """Remove the offsets of partitions that exist no more."""
        self._check_can_write()
        by_topic: dict[str, set[int]] = {}
        for topic, partition in partitions:
            by_topic.setdefault(topic, set()).add(partition)
        return self._background(self._offset_requests.delete_partitions(by_topic), atomic=False)

    # Requests: groups.

    def handle_describe_groups(self, group_ids: Sequence[str], api_version: int) -> list[DescribedGroup]:
        self._check_active()
        described = []
        for group_id in group_ids:
            try:
                described.append(described_group(self.groups.get_classic(group_id)))
            except KafkaError as error:
                described.append(unknown_group(group_id, api_version, error))
        return described

    def handle_list_groups(self, states: Sequence[str], types: Sequence[str]) -> list[ListedGroup]:
        """Groups in any of these states and of any of these types; an empty list takes all. Case does not matter."""
        self._check_active()
        state_names = {state.lower().strip() for state in states}
        group_types = {GroupType.parse(name) for name in types}
        return [
            group.listed()
            for group in self.groups
            if (not states or group.state_name.lower() in state_names)
            and (not types or group.type in group_types)
        ]

    def handle_delete_groups(self, group_ids: Sequence[str]) -> CoordinatorResult[list[DeletableGroupResult]]:
        self._check_can_write()
        records: list[CoordinatorRecord] = []
        results: dict[str, DeletableGroupResult] = {}
        for group_id in dict.fromkeys(group_ids):
            code = ErrorCode.NONE
            try:
                group = self.groups.get(group_id)
                group.check_delete()
                records.extend(self._offset_requests.delete_all(group_id))
                records.extend(group.tombstones())
            except KafkaError as error:
                code = error.code
            results[group_id] = DeletableGroupResult(group_id=group_id, error_code=code)
        return self._answered_when_committed(
            records, list(results.values()), lambda code: delete_groups_errors(group_ids, code)
        )


def _dismiss(group: ClassicGroup) -> None:
    group.transition_to(ClassicGroupState.DEAD, group.state_timestamp_ms)
    for member in group.members.values():
        group.complete_join(
            member, JoinGroupResponse(member_id=member.member_id, error_code=ErrorCode.NOT_COORDINATOR)
        )
        group.complete_sync(member, SyncGroupResponse(error_code=ErrorCode.NOT_COORDINATOR))
