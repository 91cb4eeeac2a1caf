"""What a coordinator lives in: the logs of its internal topic, the clock and the loop.

The coordinators (`groups/`, `transactions/`, `shares/`) decide; this appends their records, tells them when these are
committed, replays a partition when this broker begins to lead it, and wakes them when a timer is due. There is no rule of
Kafka's in here.

    request → service → append(partition, result) → Partition.append → … high watermark passes → append_committed → reply

Loading: one task per partition reads the log in pieces of 1 MB off the loop and replays it in slices of 5 ms, so that a
coordinator with a million records does not hold the loop. Meanwhile the service answers COORDINATOR_LOAD_IN_PROGRESS.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from ottla.broker.pending import Pending
from ottla.coordination.results import CoordinatorRecord, CoordinatorResult, Reply
from ottla.coordination.service import Append, CoordinatorService
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.records.batch import BatchHeader, Codec, iterate_batches
from ottla.records.control import ControlType, control_type
from ottla.records.errors import RecordsError
from ottla.records.record import Record, build_batch, iterate_records
from ottla.replication.partition import ACKS_ALL, Partition, Role
from ottla.replication.replicas import Replicas
from ottla.storage.append_result import AppendOrigin
from ottla.storage.file_slice import SliceGone

LOAD_READ_BYTES: Final = 1 << 20
LOAD_SLICE_S: Final = 0.005
LATE_MS: Final = 250
"""A timer that runs so late says that the loop was held; members get as long to be heard before any is expired."""
RECORD_OVERHEAD_BYTES: Final = 64
"""More than a record's own lengths and deltas take: enough to keep a batch below `max.message.bytes`."""

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Service = TypeVar("Service", bound=CoordinatorService[Any])


@dataclass(slots=True)
class _Uncommitted:
    """A batch that is written, and waits for the high watermark. Bounded by the requests in hand and the timers."""

    result: CoordinatorResult[object]
    last_offset: int
    timeout: asyncio.TimerHandle


class CoordinatorShell(Generic[Service]):
    """The coordinators of one kind, running. Belongs to the loop that made it."""

    def __init__(
        self,
        replicas: Replicas,
        topic: str,
        make_service: Callable[[Append], Service],
        *,
        now_ms: Callable[[], int],
        commit_timeout_ms: int,
        codec: Codec = Codec.NONE,
        max_decompressed_bytes: int = 1 << 28,
    ) -> None:
        """`topic`: the internal topic. `commit_timeout_ms`: how long an operation waits for its records to be committed
        before its request is answered with an error."""
        self._replicas = replicas
        self._topic = topic
        self._now_ms = now_ms
        self._commit_timeout_ms = commit_timeout_ms
        self._codec = codec
        self._max_decompressed_bytes = max_decompressed_bytes
        self._loop = asyncio.get_running_loop()
        self._uncommitted: dict[int, deque[_Uncommitted]] = {}
        self._loading: dict[int, asyncio.Task[None]] = {}
        self._draining: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._excused = False
        self.service = make_service(self._append)
        replicas.on_leadership(self._leadership_changed)

    def close(self) -> None:
        """Stop loading and timers; requests that wait are the connections' to end."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._loading.values():
            task.cancel()
        for waiting in self._uncommitted.values():
            for each in waiting:
                each.timeout.cancel()

    def answer(self, reply: Reply[Answer]) -> Answer | Pending[Answer]:
        """What a handler returns for a reply of the service."""
        self.arm()
        if reply.done:
            return reply.value
        pending: Pending[Answer] = Pending()

        def complete(response: Answer) -> None:
            pending.complete(response)

        reply.on_complete(complete)
        return pending

    # Timers.

    def arm(self) -> None:
        """See to it that the service is woken in time; after every call of its that did not go through `answer`."""
        due_ms = self.service.next_timer_ms()
        if due_ms is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        if self._timer is not None:
            if self._timer_ms == due_ms:
                return
            self._timer.cancel()
        self._timer_ms = due_ms
        self._timer = self._loop.call_later(max(0, due_ms - self._now_ms()) / 1000, self._timer_due)

    def _timer_due(self) -> None:
        if not self._excused and self._now_ms() - self._timer_ms > LATE_MS:
            # The loop stood still. Heartbeats sent in time wait in their sockets; timers run before sockets are read.
            self._excused = True
            self._timer = self._loop.call_later(LATE_MS / 1000, self._timer_due)
            return
        self._excused = False
        self._timer = None
        try:
            self.service.run_timers(self._now_ms())
        finally:
            self.arm()

    # Appending.

    def _append(self, number: int, result: CoordinatorResult[object]) -> None:
        now_ms = self._now_ms()
        try:
            partition = self._replicas.partition(self._topic, number)
            last_offset = self._write(partition, result, now_ms)
            committed = partition.is_acknowledged(last_offset, ACKS_ALL)
        except KafkaError as error:
            self.service.append_failed(number, result, error.code, now_ms)
            return
        waiting = self._uncommitted.get(number)
        if committed and not waiting:
            self.service.append_committed(number, result, now_ms)
            return
        timeout = self._loop.call_later(self._commit_timeout_ms / 1000, self._timed_out, number, result)
        if waiting is None:
            waiting = self._uncommitted[number] = deque()
        waiting.append(_Uncommitted(result, last_offset, timeout))
        partition.watch(self)

    def _write(self, partition: Partition, result: CoordinatorResult[object], now_ms: int) -> int:
        last_offset = -1
        for records in self._batches(partition, result):
            batch = build_batch(
                [Record(0, now_ms, record.key, record.value) for record in records],
                codec=self._codec,
                producer_id=result.producer_id,
                producer_epoch=result.producer_epoch,
                transactional=result.producer_id >= 0,
            )
            appended = partition.append(
                memoryview(batch), acks=ACKS_ALL, now_ms=now_ms, origin=AppendOrigin.COORDINATOR
            )
            last_offset = appended.last_offset
        return last_offset

    def _batches(
        self, partition: Partition, result: CoordinatorResult[object]
    ) -> list[list[CoordinatorRecord]]:
        """One batch; where the records do not depend on each other, as many as `max.message.bytes` asks for."""
        if result.atomic:
            return [result.records]
        limit = partition.leading_log().config.max_message_bytes
        batches: list[list[CoordinatorRecord]] = []
        size = limit
        for record in result.records:
            added = len(record.key) + len(record.value or b"") + RECORD_OVERHEAD_BYTES
            if size + added > limit:
                batches.append([])
                size = RECORD_OVERHEAD_BYTES
            batches[-1].append(record)
            size += added
        return batches

    def partition_moved(self, partition: Partition) -> None:
        """A watcher's call from within a change: what it means is looked at once that is through."""
        number = partition.topic_partition.partition
        if number not in self._draining:
            self._draining.add(number)
            self._loop.call_soon(self._drain, partition)

    def _drain(self, partition: Partition) -> None:
        number = partition.topic_partition.partition
        self._draining.discard(number)
        waiting = self._uncommitted.get(number)
        while waiting and partition.role is Role.LEADER:
            first = waiting[0]
            if not partition.is_acknowledged(first.last_offset, ACKS_ALL):
                return
            waiting.popleft()
            first.timeout.cancel()
            self.service.append_committed(number, first.result, self._now_ms())
        if not waiting:
            self._uncommitted.pop(number, None)
            partition.unwatch(self)
        self.arm()

    def _timed_out(self, number: int, result: CoordinatorResult[object]) -> None:
        self.service.append_timed_out(number, result, self._now_ms())
        self.arm()

    # Leading.

    def _leadership_changed(self, partition: Partition, leads: bool) -> None:
        if partition.topic_partition.topic != self._topic:
            return
        if not self.service.coordinators():
            # An administrator may have made the topic, with as many partitions as he liked. More of them later change
            # nothing before the next start, as in Apache: what hashes elsewhere then would be lost meanwhile.
            self.service.partition_count = self._replicas.partition_count(self._topic)
        number = partition.topic_partition.partition
        if leads and not self.service.elected(number, partition.leader_epoch):
            return  # Word of it came before: its coordinator stands, or is being loaded.
        task = self._loading.pop(number, None)
        if task is not None:
            task.cancel()
        for each in self._uncommitted.pop(number, ()):
            each.timeout.cancel()
        if not leads:
            self.service.resigned(number, self._now_ms())
            return
        log = partition.leading_log()
        if log.log_end_offset == log.log_start_offset:
            self.service.loaded(number, self._now_ms())
            self.arm()
            return
        self._loading[number] = self._loop.create_task(self._load(partition))

    async def _load(self, partition: Partition) -> None:
        number = partition.topic_partition.partition
        started = time.monotonic()
        try:
            records = await self._replay(partition)
        except (KafkaError, RecordsError, ProtocolError, SliceGone, OSError) as error:
            _log.error(
                "%s cannot be read, what it coordinates stays unavailable: %s",
                partition.topic_partition,
                error,
            )
            self._loading.pop(number, None)
            self.service.load_failed(number)
            return
        self._loading.pop(number, None)
        self.service.loaded(number, self._now_ms())
        self.arm()
        _log.info(
            "Finished loading %s in %d milliseconds: %d records",
            partition.topic_partition,
            (time.monotonic() - started) * 1000,
            records,
        )

    async def _replay(self, partition: Partition) -> int:
        log = partition.leading_log()
        offset, count = log.log_start_offset, 0
        slice_ends = time.monotonic() + LOAD_SLICE_S
        while offset < log.log_end_offset:
            read = await asyncio.to_thread(log.read, offset, LOAD_READ_BYTES)
            if read.slice is None:
                break
            content = await asyncio.to_thread(read.slice.read_all)
            for header, batch in iterate_batches(content):
                offset = header.last_offset + 1
                for record in self._records(partition, header, batch):
                    self.service.replay(
                        partition.topic_partition.partition,
                        record.offset,
                        record.key or b"",
                        record.value,
                        header.producer_id if header.is_transactional else -1,
                    )
                    count += 1
                    if time.monotonic() > slice_ends:
                        await asyncio.sleep(0)
                        slice_ends = time.monotonic() + LOAD_SLICE_S
        return count

    def _records(self, partition: Partition, header: BatchHeader, batch: memoryview) -> list[Record]:
        """The records of a batch; a transaction's end is told to the service and gives none."""
        records = list(iterate_records(batch, max_decompressed_bytes=self._max_decompressed_bytes))
        if not header.is_control:
            return records
        for record in records:
            kind = control_type(record)
            if kind in (ControlType.COMMIT, ControlType.ABORT):
                self.service.replay_end_transaction_marker(
                    partition.topic_partition.partition,
                    header.producer_id,
                    committed=kind is ControlType.COMMIT,
                )
        return []
