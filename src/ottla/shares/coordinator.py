"""The share coordinator of one partition of `__share_group_state`: the state of the share partitions that belong there.

Most writes become an update record. A snapshot record takes its place at the first write, when the state epoch rises, after
`snapshot.update.records.per.snapshot` updates, and for a partition that was not written to for
`cold.partition.snapshot.interval.ms`: so the log's beginning can be deleted, and loading stays short.

Who may write: the latest leader of the topic's partition (leader epochs only rise: FENCED_LEADER_EPOCH) on the latest
generation of the state (an administrator's reset raises the state epoch: FENCED_STATE_EPOCH). Both are remembered beside
the state, because an update may carry -1 for "as before".

Apache: org.apache.kafka.coordinator.share.ShareCoordinatorShard, ShareCoordinatorOffsetsManager.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ottla.coordination.coordinator import PartitionCoordinator
from ottla.coordination.results import (
    NO_PRODUCER_ID,
    CoordinatorRecord,
    CoordinatorResult,
    Replies,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.types import Uuid
from ottla.shares.records import (
    SharePartitionKey,
    ShareState,
    StateUpdate,
    parse_record,
    snapshot_record,
    tombstone,
    update_record,
)
from ottla.shares.settings import ShareCoordinatorSettings
from ottla.shares.state_batches import StateBatch, combine

SHARE_GROUP_STATE_TOPIC = "__share_group_state"

PartitionExists = Callable[[Uuid, int], bool]
"""Whether the cluster has this partition of the topic of this id."""

T = TypeVar("T")

_NO_EPOCH = -1


@dataclass(frozen=True, slots=True)
class _Entry:
    """One share partition. Replaced, never changed, so that an operation is undone by putting the older one back."""

    state: ShareState
    leader_epoch: int
    """The highest that was seen."""
    state_epoch: int
    """The highest that a snapshot had; -1 before the first."""
    updates: int | None = None
    """Updates since the count began, less one (Apache's counting); None before the first."""
    snapshot_offset: int = -1
    """Where its latest snapshot stands in the log; -1 without one."""


class ShareCoordinator(PartitionCoordinator):
    """See the module. An operation concerns one share partition and answers with that partition's row."""

    def __init__(
        self,
        partition: int,
        settings: ShareCoordinatorSettings,
        replies: Replies,
        partition_exists: PartitionExists,
    ) -> None:
        super().__init__(partition, SHARE_GROUP_STATE_TOPIC, replies)
        self._settings = settings
        self._partition_exists = partition_exists
        self._entries: dict[SharePartitionKey, _Entry] = {}
        self._next_offset = 0
        self._tombstone_offset = -1
        self._keep(self)

    def __len__(self) -> int:
        """How many share partitions have state here."""
        return len(self._entries)

    # Records become state.

    def replay(self, offset: int, key: bytes, value: bytes | None, producer_id: int = NO_PRODUCER_ID) -> None:
        del producer_id
        self._next_offset = offset + 1
        self._take(CoordinatorRecord(key, value), offset)

    def apply(self, result: CoordinatorResult[object]) -> None:
        for record in result.records:
            parsed = parse_record(*record)
            if parsed is not None:
                result.undo.append(self._way_back(parsed.key))
            self._take(record, self._next_offset)
            self._next_offset += 1

    def commit(self, result: CoordinatorResult[object]) -> None:
        """Nothing: reads see the latest state, and are answered when all of that is written."""

    def revert(self, result: CoordinatorResult[object]) -> None:
        """Nothing besides the result's own `undo`."""

    def _way_back(self, key: SharePartitionKey) -> Callable[[], None]:
        before, next_offset, tombstone_offset = (
            self._entries.get(key),
            self._next_offset,
            self._tombstone_offset,
        )

        def put_back() -> None:
            self._next_offset, self._tombstone_offset = next_offset, tombstone_offset
            if before is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = before

        return put_back

    def _take(self, record: CoordinatorRecord, offset: int) -> None:
        parsed = parse_record(*record)
        if parsed is None:
            return
        entry = self._entries.get(parsed.key)
        content = parsed.content
        if content is None:
            self._entries.pop(parsed.key, None)
            self._tombstone_offset = offset
        elif isinstance(content, ShareState):
            self._entries[parsed.key] = self._after_snapshot(entry, content, offset)
        else:
            self._entries[parsed.key] = _after_update(entry, content)

    def _after_snapshot(self, entry: _Entry | None, state: ShareState, offset: int) -> _Entry:
        if entry is None:
            return _Entry(state, state.leader_epoch, state.state_epoch, snapshot_offset=offset)
        updates = entry.updates
        if updates is not None and updates >= self._settings.snapshot_update_records_per_snapshot:
            updates = 0
        return _Entry(
            state,
            max(entry.leader_epoch, state.leader_epoch),
            max(entry.state_epoch, state.state_epoch),
            updates,
            offset,
        )

    def _begin(self, now_ms: int) -> Sequence[CoordinatorResult[None]]:
        self._schedule_cold_snapshots(now_ms)
        return ()

    def _forget(self) -> None:
        self._entries.clear()

    # Operations.

    def initialize(
        self, key: SharePartitionKey, asked: initializing.PartitionData, now_ms: int
    ) -> CoordinatorResult[initializing.PartitionResult]:
        self._check_can_write()
        entry = self._entries.get(key)
        state_epoch = _NO_EPOCH if entry is None else entry.state_epoch
        if asked.state_epoch != _NO_EPOCH and state_epoch > asked.state_epoch:
            raise KafkaError(ErrorCode.FENCED_STATE_EPOCH)
        self._check_exists(key)
        state = ShareState(
            snapshot_epoch=0 if entry is None else entry.state.snapshot_epoch + 1,
            state_epoch=asked.state_epoch,
            leader_epoch=0,
            start_offset=asked.start_offset,
            create_timestamp_ms=now_ms,
            write_timestamp_ms=now_ms,
        )
        return self._answered_when_committed(
            [snapshot_record(key, state)],
            initializing.PartitionResult(partition=key.partition),
            lambda code: initializing.PartitionResult(
                partition=key.partition, error_code=code, error_message=failed_to("initialize", code)
            ),
        )

    def write(
        self, key: SharePartitionKey, asked: writing.PartitionData, now_ms: int
    ) -> CoordinatorResult[writing.PartitionResult]:
        self._check_can_write()
        entry = self._entry(key, "Write operation on uninitialized share partition not allowed.")
        if asked.leader_epoch != _NO_EPOCH and entry.leader_epoch > asked.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
        if asked.state_epoch != _NO_EPOCH and entry.state_epoch > asked.state_epoch:
            raise KafkaError(ErrorCode.FENCED_STATE_EPOCH)
        self._check_exists(key)
        return self._answered_when_committed(
            [self._record_of(key, entry, asked, now_ms)],
            writing.PartitionResult(partition=key.partition),
            lambda code: writing.PartitionResult(
                partition=key.partition, error_code=code, error_message=failed_to("write", code)
            ),
        )

    def read(
        self, key: SharePartitionKey, leader_epoch: int, now_ms: int
    ) -> CoordinatorResult[reading.PartitionResult]:
        """A leader epoch higher than the last one is recorded: from then on earlier leaders are fenced."""
        self._check_can_write()
        entry = self._entry(key, "Read operation on uninitialized share partition not allowed.")
        if entry.leader_epoch > leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
        self._check_exists(key)
        state = entry.state
        records = []
        if leader_epoch not in (_NO_EPOCH, entry.leader_epoch):
            touched = writing.PartitionData(
                partition=key.partition,
                state_epoch=state.state_epoch,
                leader_epoch=leader_epoch,
                start_offset=state.start_offset,
            )
            records.append(self._record_of(key, entry, touched, now_ms))
        return self._answered_when_committed(
            records,
            reading.PartitionResult(
                partition=key.partition,
                state_epoch=state.state_epoch,
                start_offset=state.start_offset,
                state_batches=[
                    reading.StateBatch(
                        first_offset=batch.first_offset,
                        last_offset=batch.last_offset,
                        delivery_state=batch.delivery_state,
                        delivery_count=batch.delivery_count,
                    )
                    for batch in state.batches
                ],
            ),
            lambda code: reading.PartitionResult(
                partition=key.partition, error_code=code, error_message=failed_to("read", code)
            ),
        )

    def read_summary(self, key: SharePartitionKey) -> CoordinatorResult[summarizing.PartitionResult]:
        self._check_active()
        self._check_exists(key)
        entry = self._entries.get(key)
        row = summarizing.PartitionResult(partition=key.partition, start_offset=-1)
        if entry is not None:
            row.start_offset = entry.state.start_offset
            row.leader_epoch = entry.state.leader_epoch
            row.state_epoch = entry.state.state_epoch
        return self._answered_when_committed([], row, lambda _: row)

    def delete(self, key: SharePartitionKey) -> CoordinatorResult[deleting.PartitionResult]:
        self._check_can_write()
        self._check_exists(key)
        return self._answered_when_committed(
            [tombstone(key)] if key in self._entries else [],
            deleting.PartitionResult(partition=key.partition),
            lambda code: deleting.PartitionResult(
                partition=key.partition, error_code=code, error_message=failed_to("delete", code)
            ),
        )

    def topics_deleted(self, topic_ids: Collection[Uuid]) -> CoordinatorResult[None]:
        """The state of their partitions goes."""
        return self._background(
            [tombstone(key) for key in self._entries if key.topic_id in topic_ids], atomic=False
        )

    def _entry(self, key: SharePartitionKey, otherwise: str) -> _Entry:
        if key.partition < 0:
            self._check_exists(key)
        entry = self._entries.get(key)
        if entry is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, otherwise)
        return entry

    def _check_exists(self, key: SharePartitionKey) -> None:
        if key.partition < 0:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "The partition id cannot be a negative number.")
        if not self._partition_exists(key.topic_id, key.partition):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def _record_of(
        self, key: SharePartitionKey, entry: _Entry, asked: writing.PartitionData, now_ms: int
    ) -> CoordinatorRecord:
        """The record that a write becomes."""
        state = entry.state
        newer = [
            StateBatch(batch.first_offset, batch.last_offset, batch.delivery_count, batch.delivery_state)
            for batch in asked.state_batches
        ]
        enough_updates = (entry.updates or 0) >= self._settings.snapshot_update_records_per_snapshot
        if not enough_updates and asked.state_epoch <= state.state_epoch:
            batches = combine((), newer, asked.start_offset)
            return update_record(
                key, StateUpdate(state.snapshot_epoch, asked.leader_epoch, asked.start_offset, batches)
            )
        start_offset = state.start_offset if asked.start_offset == -1 else asked.start_offset
        snapshot = ShareState(
            snapshot_epoch=state.snapshot_epoch + 1,
            state_epoch=state.state_epoch if asked.state_epoch == _NO_EPOCH else asked.state_epoch,
            leader_epoch=state.leader_epoch if asked.leader_epoch == _NO_EPOCH else asked.leader_epoch,
            start_offset=start_offset,
            batches=combine(state.batches, newer, start_offset),
            create_timestamp_ms=now_ms,
            write_timestamp_ms=now_ms,
        )
        return snapshot_record(key, snapshot)

    # Keeping the log short.

    @property
    def redundant_offset(self) -> int | None:
        """Nothing below it is needed to load the partition again; None when that is nothing at all."""
        if self._entries:
            offset = min(entry.snapshot_offset for entry in self._entries.values())
        else:
            offset = self._tombstone_offset
        return offset if offset > 0 else None

    def _schedule_cold_snapshots(self, now_ms: int) -> None:
        interval_ms = self._settings.cold_partition_snapshot_interval_ms
        self._timers.schedule("cold", now_ms + interval_ms, self._snapshot_cold_partitions)

    def _snapshot_cold_partitions(self, now_ms: int) -> Sequence[CoordinatorRecord]:
        """Snapshots of what was not snapshotted for long. When all have been, nothing has changed since: leave them."""
        self._schedule_cold_snapshots(now_ms)
        states = {key: entry.state for key, entry in self._entries.items()}
        if all(state.create_timestamp_ms != state.write_timestamp_ms for state in states.values()):
            return ()
        interval_ms = self._settings.cold_partition_snapshot_interval_ms
        return [
            snapshot_record(
                key, replace(state, snapshot_epoch=state.snapshot_epoch + 1, write_timestamp_ms=now_ms)
            )
            for key, state in states.items()
            if now_ms - state.write_timestamp_ms >= interval_ms
        ]


def _after_update(entry: _Entry | None, update: StateUpdate) -> _Entry:
    if entry is None:  # its snapshot has been deleted from the log, which never happens while it counts
        state = ShareState(update.snapshot_epoch, 0, update.leader_epoch, update.start_offset, update.batches)
        return _Entry(state, update.leader_epoch, _NO_EPOCH, updates=0)
    return replace(
        entry,
        state=entry.state.updated(update),
        leader_epoch=max(entry.leader_epoch, update.leader_epoch),
        updates=0 if entry.updates is None else entry.updates + 1,
    )


def failed_to(verb: str, code: ErrorCode) -> str:
    """What a row says beside an error that is not its own fault."""
    return f"Unable to {verb} share group state: {code.message}"
