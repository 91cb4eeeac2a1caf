"""A share partition with a log below and a share coordinator behind it, and what a reader of KIP-932 expects of them.

The expectation is kept offset by offset, naively; the real things keep ranges. `ShareWorld` does to both what a test says and
compares them. Time is a number, the log of `__share_group_state` a list.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from ottla.coordination.results import CoordinatorRecord, CoordinatorResult
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.types import Uuid
from ottla.shares.in_flight import RecordState
from ottla.shares.records import SharePartitionKey
from ottla.shares.service import ShareCoordinatorService
from ottla.shares.settings import ShareCoordinatorSettings, SharePartitionSettings
from ottla.shares.share_partition import (
    Acknowledgement,
    AcknowledgeType,
    LogBatch,
    OffsetRange,
    SharePartition,
    StateWrite,
)
from ottla.shares.state_batches import StateBatch

TOPIC = Uuid(b"topic-0123456789")
GROUP = "g"
KEY = SharePartitionKey(GROUP, TOPIC, 0)
LOCK_MS = 100
NOBODY = ""


class StateLog:
    """The share coordinator over a log in memory, whose appends may be made to fail or to be late."""

    def __init__(self, settings: ShareCoordinatorSettings | None = None) -> None:
        self.settings = settings or ShareCoordinatorSettings(snapshot_update_records_per_snapshot=3)
        self.records: list[CoordinatorRecord] = []
        self.start_offset = 0
        self.exists = True
        self.appends = "stand"
        """`stand`; `fail`: nothing is written; `late`: written, and told when nobody waits any more."""
        self.service = self._new()

    def _new(self) -> ShareCoordinatorService:
        return ShareCoordinatorService(self.settings, 1, lambda *_: self.exists, self._append)

    def load(self) -> None:
        """Begin anew with what the log holds."""
        self.service = self._new()
        self.service.elected(0, 1)
        for offset in range(self.start_offset, len(self.records)):
            record = self.records[offset]
            self.service.replay(0, offset, record.key, record.value)
        self.service.loaded(0, 0)

    def prune(self) -> None:
        """Delete the log's beginning as far as that may be done."""
        self.start_offset = max(self.start_offset, self.service.redundant_offsets().get(0, 0))

    def _append(self, partition: int, result: CoordinatorResult[object]) -> None:
        if self.appends == "fail":
            self.service.append_failed(partition, result, ErrorCode.NOT_LEADER_OR_FOLLOWER, 0)
            return
        self.records.extend(result.records)
        if self.appends == "late":
            self.service.append_timed_out(partition, result, 0)
        self.service.append_committed(partition, result, 0)

    def initialize(self, start_offset: int, state_epoch: int = 0) -> initializing.PartitionResult:
        row = initializing.PartitionData(partition=0, state_epoch=state_epoch, start_offset=start_offset)
        topic = initializing.InitializeStateData(topic_id=TOPIC, partitions=[row])
        request = initializing.InitializeShareGroupStateRequest(group_id=GROUP, topics=[topic])
        return self.service.initialize(request, 0).value.results[0].partitions[0]

    def read(self, leader_epoch: int) -> reading.PartitionResult:
        row = reading.PartitionData(partition=0, leader_epoch=leader_epoch)
        topic = reading.ReadStateData(topic_id=TOPIC, partitions=[row])
        request = reading.ReadShareGroupStateRequest(group_id=GROUP, topics=[topic])
        return self.service.read(request, 0).value.results[0].partitions[0]

    def write(self, share: SharePartition, write: StateWrite) -> ErrorCode:
        return self.write_batches(write.start_offset, write.batches, share.leader_epoch, share.state_epoch)

    def write_batches(
        self, start_offset: int, batches: tuple[StateBatch, ...], leader_epoch: int, state_epoch: int = 0
    ) -> ErrorCode:
        row = writing.PartitionData(
            partition=0,
            state_epoch=state_epoch,
            leader_epoch=leader_epoch,
            start_offset=start_offset,
            state_batches=[
                writing.StateBatch(
                    first_offset=each.first_offset,
                    last_offset=each.last_offset,
                    delivery_state=each.delivery_state,
                    delivery_count=each.delivery_count,
                )
                for each in batches
            ],
        )
        topic = writing.WriteStateData(topic_id=TOPIC, partitions=[row])
        request = writing.WriteShareGroupStateRequest(group_id=GROUP, topics=[topic])
        return ErrorCode(self.service.write(request, 0).value.results[0].partitions[0].error_code)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one offset in flight."""

    state: RecordState
    count: int
    member: str = NOBODY
    deadline_ms: int = 0
    before: Expected | None = None
    """What it goes back to while its change is being written."""

    @property
    def is_done(self) -> bool:
        return self.before is None and self.state in (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)


@dataclass(slots=True)
class Unwritten:
    """A change on its way to the share coordinator."""

    write: StateWrite
    offsets: tuple[int, ...]
    confirmed: frozenset[int]
    """Offsets that a member has acknowledged for good with it."""


class ShareWorld:
    """See the module. Every method checks what it was told against the expectation."""

    def __init__(self, *, max_record_locks: int = 12, delivery_count_limit: int = 3) -> None:
        self.settings = SharePartitionSettings(delivery_count_limit, max_record_locks)
        self.now_ms = 0
        self.log: list[LogBatch] = []
        self.log_start = self.log_end = 0
        self.largest_batch = 0
        self.aborted: set[int] = set()
        self.state_log = StateLog()
        self.state_log.load()
        assert self.state_log.initialize(0).error_code == ErrorCode.NONE
        self.leader_epoch = 0
        self.unwritten: deque[Unwritten] = deque()
        self.expected: dict[int, Expected] = {}
        self.start = self.next = 0
        self.done: set[int] = set()
        """Offsets whose acknowledgement was confirmed: never to be seen again, whatever happens."""
        self.persisted: dict[int, tuple[int, int]] = {}
        """Offset → delivery count and state, as written."""
        self.persisted_start = 0
        self.share = self._loaded()

    # The log.

    def produce(self, count: int) -> None:
        self.log.append(LogBatch(self.log_end, self.log_end + count - 1))
        self.log_end += count
        self.largest_batch = max(self.largest_batch, count)

    def compact(self, index: int) -> None:
        """A batch vanishes from the middle of the log."""
        if len(self.log) > 2:
            del self.log[1 + index % (len(self.log) - 2)]

    def delete_records(self, offset: int) -> None:
        self.log_start = max(self.log_start, min(offset, self.log_end))
        self.log = [each for each in self.log if each.last_offset >= self.log_start]

    # What members do.

    def fetch(
        self, member: str, max_records: int, batch_size: int, batch_count: int, *, committed: bool
    ) -> None:
        share = self.share
        if not share.can_acquire:
            assert len(self.expected) and self.next - self.start >= self.settings.partition_max_record_locks
            assert not any(self._available(offset) for offset in self.expected)
            return
        available = [offset for offset in sorted(self.expected) if self._available(offset)]
        offset = share.next_fetch_offset
        assert offset == (available[0] if available else self.next)
        if offset < self.log_start:
            self._catch_up()
            return
        batches = [each for each in self.log if each.last_offset >= offset][:batch_count]
        aborted = [OffsetRange(*each) for each in batches if committed and each.base_offset in self.aborted]
        got = share.acquire(
            member,
            batches,
            fetch_offset=offset,
            batch_size=batch_size,
            max_records=max_records,
            lock_deadline_ms=self.now_ms + LOCK_MS,
            aborted=aborted,
        )
        self._expect_acquired(member, got, offset, batches, max_records, aborted)

    def _expect_acquired(
        self,
        member: str,
        got: list,
        offset: int,
        batches: list[LogBatch],
        max_records: int,
        aborted: list[OffsetRange],
    ) -> None:
        if not batches:
            assert got == []
            return
        for lost in [each for each in self.expected if offset <= each < batches[0].base_offset]:
            if self._available(lost):
                self.expected[lost] = replace(self.expected[lost], state=RecordState.ARCHIVED)
        if batches[0].base_offset > offset and self.expected:
            self._advance()
        was_empty = not self.expected
        acquired: dict[int, int] = {}
        for first, last, count in got:
            for each in range(first, last + 1):
                assert each not in acquired, "handed out twice in one answer"
                assert batches[0].base_offset <= each <= batches[-1].last_offset
                acquired[each] = count
        if len(acquired) > max_records:
            beyond = sorted(acquired)[max_records - 1 :]
            assert any(each.base_offset <= beyond[0] <= beyond[-1] <= each.last_offset for each in batches)
        for each, count in acquired.items():
            known = self.expected.get(each)
            assert known is None or self._available(each), "somebody else has it"
            assert known is not None or each >= self.next, "it was given up"
            assert each not in self.done, "it was acknowledged"
            assert count == (0 if known is None else known.count) + 1
            self.expected[each] = Expected(RecordState.ACQUIRED, count, member, self.now_ms + LOCK_MS)
        self._expect_aborted(offset, batches, aborted, acquired)
        if acquired:
            self.next = max(self.next, max(acquired) + 1)
        self.next = max(self.next, self.share.next_offset if aborted else 0)
        if was_empty and self.expected:
            self.start = min(self.expected)
        if aborted:
            self._advance()

    def _expect_aborted(
        self, offset: int, batches: list[LogBatch], aborted: list[OffsetRange], acquired: dict[int, int]
    ) -> None:
        """Aborted records that would have been acquired are archived: which those are, the share partition says."""
        kept = {
            each: found
            for found in self.share.ranges()
            for each in range(found.first_offset, found.last_offset + 1)
        }
        first = min(offset, batches[0].base_offset)
        for low, high in aborted:
            for each in range(max(low, first), high + 1):
                assert each not in acquired, "its transaction was aborted"
                known = self.expected.get(each)
                if known is None and self.next <= each < self.share.next_offset:
                    self.expected[each] = Expected(RecordState.ARCHIVED, 1)
                elif known is not None and self._available(each):
                    found = kept.get(each)
                    if found is None or found.state is RecordState.ARCHIVED:
                        self.expected[each] = Expected(RecordState.ARCHIVED, known.count + 1)

    def _available(self, offset: int) -> bool:
        known = self.expected[offset]
        return known.state is RecordState.AVAILABLE and known.before is None

    def acknowledge(self, member: str, first: int, last: int, types: list[int]) -> None:
        try:
            write = self.share.acknowledge(member, [Acknowledgement(first, last, types)])
        except KafkaError as error:
            assert not self._may_acknowledge(member, first, last), error
            return
        assert last < self.start or self._may_acknowledge(member, first, last)
        becomes = {}
        for offset in range(max(first, self.start), last + 1):
            if offset in self.expected:
                kind = AcknowledgeType(types[offset - first] if len(types) > 1 else types[0])
                becomes[offset] = self._begin(offset, kind)
        self.expected.update(becomes)
        confirmed = frozenset(
            offset
            for offset, each in becomes.items()
            if each.state in (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)
        )
        self._written_later(write, tuple(becomes), confirmed)

    def _may_acknowledge(self, member: str, first: int, last: int) -> bool:
        concerned = [offset for offset in range(max(first, self.start), last + 1) if offset in self.expected]
        in_window = bool(self.expected) and last < self.next and max(self.expected) >= last
        holes_only_within = in_window and any(offset <= max(first, self.start) for offset in self.expected)
        last_known = max((offset for offset in self.expected if offset <= last), default=-1)
        return (
            holes_only_within
            and last_known == last
            and all(
                self.expected[offset].state is RecordState.ACQUIRED and self.expected[offset].member == member
                for offset in concerned
            )
        )

    def _begin(self, offset: int, kind: AcknowledgeType) -> Expected:
        known = self.expected[offset]
        state = {
            AcknowledgeType.ACCEPT: RecordState.ACKNOWLEDGED,
            AcknowledgeType.RELEASE: RecordState.AVAILABLE,
        }.get(kind, RecordState.ARCHIVED)
        if state is RecordState.AVAILABLE and known.count >= self.settings.delivery_count_limit:
            state = RecordState.ARCHIVED
        return Expected(state, known.count, before=known)

    def close_session(self, member: str) -> None:
        write = self.share.release(member)
        mine = [offset for offset, each in self.expected.items() if each.member == member]
        for offset in mine:
            known = self.expected[offset]
            self.expected[offset] = Expected(RecordState.AVAILABLE, known.count - 1, before=known)
        assert (write is None) == (not mine)
        self._written_later(write, tuple(mine), frozenset())

    def _written_later(
        self, write: StateWrite | None, offsets: tuple[int, ...], done: frozenset[int]
    ) -> None:
        if write is not None:
            self.unwritten.append(Unwritten(write, offsets, done))

    # Time.

    def pass_time(self, duration_ms: int) -> None:
        self.now_ms += duration_ms
        due = [
            offset
            for offset, each in self.expected.items()
            if each.state is RecordState.ACQUIRED and each.deadline_ms <= self.now_ms
        ]
        if due:
            assert self.share.next_lock_ms is not None
            assert self.share.next_lock_ms <= min(self.expected[offset].deadline_ms for offset in due)
        write = self.share.expire_locks(self.now_ms)
        for offset in due:
            known = self.expected[offset]
            given_up = known.count >= self.settings.delivery_count_limit
            state = RecordState.ARCHIVED if given_up else RecordState.AVAILABLE
            self.expected[offset] = Expected(state, known.count)
        assert (write is None) == (not due)
        self._written_later(write, (), frozenset())

    # The share coordinator.

    def persist(self, outcome: str) -> None:
        """What the oldest change becomes: `stand`, `fail`, or `late` (kept, but answered with an error before)."""
        if not self.unwritten:
            return
        each = self.unwritten.popleft()
        self.state_log.appends = outcome
        error = self.state_log.write(self.share, each.write)
        self.state_log.appends = "stand"
        assert (error is ErrorCode.NONE) == (outcome == "stand"), error
        if outcome != "fail":
            self._expect_persisted(each.write)
        if outcome == "stand":
            self.share.written(each.write)
            self.done |= each.confirmed
        else:
            self.share.write_failed(each.write)
        for offset in each.offsets:
            known = self.expected.get(offset)
            if known is not None and known.before is not None:
                self.expected[offset] = replace(known, before=None) if outcome == "stand" else known.before
        self._advance()

    def _expect_persisted(self, write: StateWrite) -> None:
        self.persisted_start = max(self.persisted_start, write.start_offset)
        for batch in write.batches:
            for offset in range(batch.first_offset, batch.last_offset + 1):
                rank = (batch.delivery_count, batch.delivery_state)
                self.persisted[offset] = max(self.persisted.get(offset, rank), rank)
        self.persisted = {
            offset: rank for offset, rank in self.persisted.items() if offset >= self.persisted_start
        }

    def restart(self) -> None:
        """The broker is killed and comes back, with what its log of share state holds."""
        self.unwritten.clear()
        self.state_log.load()
        self.leader_epoch += 1
        self.share = self._loaded()

    def _loaded(self) -> SharePartition:
        state = self.state_log.read(self.leader_epoch)
        assert state.error_code == ErrorCode.NONE, state
        batches = [
            StateBatch(each.first_offset, each.last_offset, each.delivery_count, each.delivery_state)
            for each in state.state_batches
        ]
        assert state.start_offset == self.persisted_start
        assert {
            offset: (batch.delivery_count, batch.delivery_state)
            for batch in batches
            for offset in range(batch.first_offset, batch.last_offset + 1)
        } == self.persisted
        share = SharePartition(KEY, self.leader_epoch, self.settings)
        share.begin_loading()
        share.loaded(state.state_epoch, state.start_offset, batches)
        self.start = self.persisted_start
        self.next = max(self.persisted, default=self.start - 1) + 1
        self.expected = {}
        for offset in range(self.start, self.next):
            count, number = self.persisted.get(offset, (0, 0))
            self.expected[offset] = Expected(RecordState(number), count)
        self.share = share
        self._advance()
        return share

    def _catch_up(self) -> None:
        self.share.log_start_moved(self.log_start)
        self.expected = {offset: each for offset, each in self.expected.items() if offset >= self.log_start}
        self.next = max(self.next, self.log_start)
        self.start = max(self.start, self.log_start) if self.expected else self.next
        self._advance()

    def _advance(self) -> None:
        """The start offset goes to the first offset that is not done with."""
        for offset in sorted(self.expected):
            if not self.expected[offset].is_done:
                self.start = max(self.start, offset)
                break
            del self.expected[offset]
            self.start = max(self.start, offset + 1)
        if not self.expected:
            self.start = self.next = max(self.next, self.start)

    # What must hold at any time.

    def check(self) -> None:
        share = self.share
        seen: dict[int, tuple[RecordState, int, str, bool]] = {}
        previous_last = share.start_offset - 1
        for each in share.ranges():
            assert previous_last < each.first_offset <= each.last_offset < share.next_offset
            previous_last = each.last_offset
            for offset in range(each.first_offset, each.last_offset + 1):
                seen[offset] = (each.state, each.delivery_count, each.member_id, each.in_transition)
        assert seen == {
            offset: (each.state, each.count, each.member, each.before is not None)
            for offset, each in self.expected.items()
        }
        assert share.next_offset == self.next
        first = min(self.expected, default=self.next)
        assert share.start_offset <= first
        assert share.start_offset == self.start
        locked = sum(state is RecordState.ACQUIRED for state, *_ in seen.values())
        assert locked < self.settings.partition_max_record_locks + MOST_RECORDS + self.largest_batch


MOST_RECORDS = 8
"""The largest `max_records` that the tests use."""
