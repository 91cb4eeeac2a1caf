"""The share partitions of one broker, running: loaded, kept by the persister, freed of locks that are over, fenced.

A share partition exists from the first fetch of its group until its topic's partition is no longer led here, its state
has become somebody else's, or the group has no session left on this broker; then the next fetch loads it anew.

One request about a share partition is with the persister at a time, the others wait behind it: a write that had to be tried
again must not overtake a later one, which would move the start offset back, and what is loaded must hold what was written.

Apache: kafka.server.share.SharePartitionManager, SharePartitionCache.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import write_share_group_state as writing
from ottla.replication.partition import Partition
from ottla.shares.offset_reset import OffsetReset, parse_offset_reset
from ottla.shares.persister import Persister
from ottla.shares.records import SharePartitionKey
from ottla.shares.settings import SharePartitionSettings
from ottla.shares.share_partition import (
    Acknowledgement,
    AcknowledgeType,
    SharePartition,
    SharePartitionState,
    StateWrite,
)
from ottla.shares.state_batches import StateBatch
from ottla.storage.read_result import TimestampOffset

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

LATE_MS: Final = 250
"""A timer that runs so late says that the loop was held: acknowledgements sent in time wait in their sockets, and get as
long to be heard."""

NO_OFFSET: Final = -1

_FENCING: Final = frozenset(
    (
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.FENCED_STATE_EPOCH,
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
)
"""After these the share partition in memory is no longer what the group's state is."""

_PERSISTER_ERRORS: Final = {
    ErrorCode.NOT_COORDINATOR: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_NOT_AVAILABLE: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.GROUP_ID_NOT_FOUND: ErrorCode.GROUP_ID_NOT_FOUND,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.FENCED_LEADER_EPOCH: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.FENCED_STATE_EPOCH: ErrorCode.NOT_LEADER_OR_FOLLOWER,
}
"""What a consumer is told when the persister said so; UNKNOWN_SERVER_ERROR for everything else."""


class Waiter(Protocol):
    """A share fetch that waits for records."""

    def wake(self) -> None: ...


Done = Callable[[KafkaError | None], None]
"""Told once: None when the change is kept, else why it is not."""


class RunningSharePartition:
    """A share partition and what the broker has around it."""

    __slots__ = ("excused", "load_error", "partition", "share", "timer", "timer_ms", "waiters")

    def __init__(self, share: SharePartition, partition: Partition) -> None:
        self.share = share
        self.partition = partition
        """The topic's."""
        self.waiters: dict[Waiter, None] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.timer_ms = 0
        self.excused = False
        """Whether a late timer has been put off once already."""
        self.load_error: KafkaError | None = None
        """Why it could not be loaded."""

    def wake(self) -> None:
        """There may be records to acquire now, or none ever more."""
        for waiter in tuple(self.waiters):
            waiter.wake()


class SharePartitions:
    """Used on the loop's thread. Bounded by the groups that have state: a partition whose state can't be read goes."""

    def __init__(
        self, broker: "BrokerServer", persister: Persister, settings: SharePartitionSettings
    ) -> None:
        self._broker = broker
        self._persister = persister
        self._settings = settings
        self.max_record_locks = settings.partition_max_record_locks
        """More than so many records of a partition are never handed out at once."""
        self._loop = asyncio.get_running_loop()
        self._running: dict[SharePartitionKey, RunningSharePartition] = {}
        self._by_partition: dict[Partition, set[RunningSharePartition]] = {}
        self._asking: dict[SharePartitionKey, deque[Callable[[], None]]] = {}
        """What asks the persister, the first one at the moment. Bounded by the requests in hand, the sessions that close
        and the deadlines of locks."""
        self.acknowledged_records = [0] * len(AcknowledgeType)
        """By type."""
        self.expired_records = 0
        """Whose lock was over."""
        broker.replicas.on_leadership(self._leadership_changed)

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[RunningSharePartition]:
        return iter(self._running.values())

    def now_ms(self) -> int:
        """The clock of the locks: it does not go back."""
        return int(self._loop.time() * 1000)

    def close(self) -> None:
        """Nothing is told and no timer runs from now on."""
        for running in self._running.values():
            running.share.fence()
            self._disarm(running)
        self._running.clear()
        self._by_partition.clear()

    # Coming and going.

    def find(self, key: SharePartitionKey) -> RunningSharePartition | None:
        return self._running.get(key)

    def open(self, key: SharePartitionKey, topic: str) -> RunningSharePartition:
        """The share partition, loaded or being loaded. Raises `KafkaError` if this broker does not lead the partition."""
        running = self._running.get(key)
        if running is None:
            if not key.group_id:
                raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "Group id must be specified and non-empty.")
            partition = self._broker.replicas.partition(topic, key.partition)
            partition.leading_log()
            share = SharePartition(key, partition.leader_epoch, self._settings)
            share.begin_loading()
            running = self._running[key] = RunningSharePartition(share, partition)
            self._by_partition.setdefault(partition, set()).add(running)
            # A group may begin with thousands of partitions at once.
            self._broker.turns.put_off(lambda: self._load(running))
        return running

    def drop(self, running: RunningSharePartition) -> None:
        """Forget it; the next fetch loads it anew."""
        if self._running.get(running.share.key) is running:
            del self._running[running.share.key]
            same = self._by_partition[running.partition]
            same.discard(running)
            if not same:
                del self._by_partition[running.partition]
        running.share.fence()
        self._disarm(running)
        running.wake()

    def drop_group(self, group_id: str) -> None:
        """The group has no member here any more."""
        for running in [each for key, each in self._running.items() if key.group_id == group_id]:
            self.drop(running)

    def _leadership_changed(self, partition: Partition, leads: bool) -> None:
        for running in list(self._by_partition.get(partition, ())):
            if not leads or partition.leader_epoch > running.share.leader_epoch:
                self.drop(running)

    # Loading.

    def _load(self, running: RunningSharePartition) -> None:
        share = running.share
        if share.state is not SharePartitionState.INITIALIZING:
            return  # dropped before its turn came
        row = reading.PartitionData(partition=share.key.partition, leader_epoch=share.leader_epoch)
        topic = reading.ReadStateData(topic_id=share.key.topic_id, partitions=[row])
        request = reading.ReadShareGroupStateRequest(group_id=share.key.group_id, topics=[topic])
        self._in_turn(
            share.key,
            lambda: self._persister.read(request).on_complete(lambda response: self._read(running, response)),
        )

    def _read(self, running: RunningSharePartition, response: reading.ReadShareGroupStateResponse) -> None:
        self._next_turn(running.share.key)
        row = response.results[0].partitions[0]
        if row.error_code:
            self._load_failed(running, _persister_error(row.error_code, row.error_message))
            return
        if row.start_offset != NO_OFFSET:
            self._loaded(running, row, row.start_offset)
            return
        try:
            self._find_start(running, lambda offset: self._loaded(running, row, offset))
        except KafkaError as error:
            self._load_failed(running, error)

    def _find_start(self, running: RunningSharePartition, found: Callable[[int], None]) -> None:
        """Where the group begins, by `share.auto.offset.reset`."""
        partition = running.partition
        log = partition.leading_log()
        config = self._broker.configs.group(running.share.key.group_id)
        reset = parse_offset_reset(config.share_auto_offset_reset)
        if reset.kind is OffsetReset.LATEST:
            found(partition.high_watermark)
        elif reset.kind is OffsetReset.EARLIEST:
            found(log.log_start_offset)
        else:
            timestamp_ms = self._broker.now_ms() - reset.duration_ms

            def take(outcome: TimestampOffset | Exception | None) -> None:
                if isinstance(outcome, Exception):
                    error = outcome if isinstance(outcome, KafkaError) else None
                    self._load_failed(running, error or KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR))
                else:
                    found(partition.high_watermark if outcome is None else outcome.offset)

            self._broker.threads.run(lambda: log.offset_for_timestamp(timestamp_ms), take)

    def _loaded(
        self, running: RunningSharePartition, row: reading.PartitionResult, start_offset: int
    ) -> None:
        try:
            running.share.loaded(
                row.state_epoch,
                start_offset,
                [
                    StateBatch(each.first_offset, each.last_offset, each.delivery_count, each.delivery_state)
                    for each in row.state_batches
                ],
            )
        except KafkaError as error:
            self._load_failed(running, error)
            return
        running.wake()

    def _load_failed(self, running: RunningSharePartition, error: KafkaError) -> None:
        running.load_error = error
        running.share.load_failed()
        self.drop(running)

    # Changes.

    def acknowledge(
        self,
        running: RunningSharePartition,
        member_id: str,
        acknowledgements: Sequence[Acknowledgement],
        done: Done,
    ) -> None:
        """Take a member's acknowledgements; `done` is told when they are kept, or why they are refused."""
        try:
            write = running.share.acknowledge(member_id, acknowledgements)
        except KafkaError as error:
            done(error)
            return

        def kept(error: KafkaError | None) -> None:
            if error is None:
                self._count(acknowledgements)
            done(error)

        self._keep(running, write, kept)

    def _count(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        for each in acknowledgements:
            if len(each.types) == 1:
                self.acknowledged_records[each.types[0]] += each.last_offset - each.first_offset + 1
            else:
                for kind in AcknowledgeType:
                    self.acknowledged_records[kind.value] += each.types.count(kind.value)

    def release(self, running: RunningSharePartition, member_id: str) -> None:
        """Give back what the member has acquired."""
        self._keep(running, running.share.release(member_id), _nobody_asks)

    def acquired(self, running: RunningSharePartition) -> None:
        """Records were acquired: their locks are over one day."""
        self._arm(running)

    def _keep(self, running: RunningSharePartition, write: StateWrite | None, done: Done) -> None:
        if write is None:
            done(None)
            return
        self._in_turn(running.share.key, lambda: self._write(running, write, done))

    def _write(self, running: RunningSharePartition, write: StateWrite, done: Done) -> None:
        share = running.share
        row = writing.PartitionData(
            partition=share.key.partition,
            state_epoch=share.state_epoch,
            leader_epoch=share.leader_epoch,
            start_offset=write.start_offset,
            state_batches=[
                writing.StateBatch(
                    first_offset=each.first_offset,
                    last_offset=each.last_offset,
                    delivery_state=each.delivery_state,
                    delivery_count=each.delivery_count,
                )
                for each in write.batches
            ],
        )
        topic = writing.WriteStateData(topic_id=share.key.topic_id, partitions=[row])
        request = writing.WriteShareGroupStateRequest(group_id=share.key.group_id, topics=[topic])
        self._persister.write(request).on_complete(
            lambda response: self._written(running, write, done, response)
        )

    def _written(
        self,
        running: RunningSharePartition,
        write: StateWrite,
        done: Done,
        response: writing.WriteShareGroupStateResponse,
    ) -> None:
        self._next_turn(running.share.key)
        row = response.results[0].partitions[0]
        error: KafkaError | None = None
        if row.error_code:
            error = _persister_error(row.error_code, row.error_message)
            running.share.write_failed(write)
        else:
            running.share.written(write)
        if error is not None and error.code in _FENCING:
            self.drop(running)
        else:
            self._arm(running)
            running.wake()
        done(error)

    # One request at a time.

    def _in_turn(self, key: SharePartitionKey, ask: Callable[[], None]) -> None:
        waiting = self._asking.setdefault(key, deque())
        waiting.append(ask)
        if len(waiting) == 1:
            ask()

    def _next_turn(self, key: SharePartitionKey) -> None:
        waiting = self._asking[key]
        waiting.popleft()
        if waiting:
            # In a turn of the loop of its own: a thousand that waited for the coordinator must not nest.
            self._loop.call_soon(waiting[0])
        else:
            del self._asking[key]

    # Locks.

    def _arm(self, running: RunningSharePartition) -> None:
        due_ms = running.share.next_lock_ms
        if due_ms is None or running.share.state is not SharePartitionState.ACTIVE:
            self._disarm(running)
        elif running.timer is None or due_ms < running.timer_ms:
            self._disarm(running)
            self._wait(running, due_ms)

    def _wait(self, running: RunningSharePartition, due_ms: int) -> None:
        running.timer_ms = due_ms
        delay_ms = max(due_ms - self.now_ms(), 0)
        running.timer = self._loop.call_later(delay_ms / 1000, self._lock_due, running)

    def _disarm(self, running: RunningSharePartition) -> None:
        if running.timer is not None:
            running.timer.cancel()
            running.timer = None

    def _lock_due(self, running: RunningSharePartition) -> None:
        now_ms = self.now_ms()
        if not running.excused and now_ms - running.timer_ms > LATE_MS:
            running.excused = True
            self._wait(running, now_ms + LATE_MS)
            return
        running.excused = False
        running.timer = None
        write = running.share.expire_locks(now_ms)
        self._keep(running, write, _nobody_asks)
        self._arm(running)
        if write is not None:
            self.expired_records += sum(each.last_offset - each.first_offset + 1 for each in write.batches)
            running.wake()


def _nobody_asks(error: KafkaError | None) -> None:
    """What becomes of a lock that is over, or of a closed session's records, is told to nobody."""


def _persister_error(error_code: int, message: str | None) -> KafkaError:
    code = _PERSISTER_ERRORS.get(ErrorCode(error_code), ErrorCode.UNKNOWN_SERVER_ERROR)
    return KafkaError(code, message)
