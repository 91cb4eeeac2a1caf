"""One ShareFetch from its acknowledgements to its answer: waiting, looking at partitions, acquiring.

It waits at share partitions (loaded, records released) and at the topics' partitions (records written, leaders changed), and
holds nothing until there is enough to answer: then, in one go, it acquires, so that no other fetch comes in between.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.access import topics_to_read
from ottla.broker.context import RequestContext
from ottla.broker.pending import Pending
from ottla.broker.share_acknowledgements import Outcomes, acknowledge
from ottla.broker.share_leaders import Leaders
from ottla.broker.share_partitions import RunningSharePartition
from ottla.broker.slice_batches import aborted_batches, batches_in, cut
from ottla.broker.turns import PIECE_SECONDS, now
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.share_fetch import (
    AcquiredRecords,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchRequest,
    ShareFetchResponse,
)
from ottla.protocol.types import Uuid
from ottla.records.errors import RecordsError
from ottla.replication.partition import IsolationLevel, Partition, PartitionFetch, Role
from ottla.shares.records import SharePartitionKey
from ottla.shares.sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    ShareSession,
    ShareSessionKey,
    TopicIdPartition,
)
from ottla.shares.share_partition import LogBatch, OffsetRange, SharePartitionState
from ottla.storage.file_slice import FileSlice, SliceGone

if TYPE_CHECKING:
    from ottla.broker.delayed import Timer
    from ottla.broker.server import BrokerServer

_LEADER = Role.LEADER


def brings_acknowledgements(request: ShareFetchRequest) -> bool:
    """Whether the request says anything of records acquired before."""
    return any(each.acknowledgement_batches for topic in request.topics for each in topic.partitions)


class _Readable(NamedTuple):
    """A share partition that something may be acquired of, and what the log has for it."""

    name: TopicIdPartition
    running: RunningSharePartition
    fetch_offset: int
    found: PartitionFetch | None
    """None: there is nothing behind the offset."""


class ShareFetchInHand:
    """One share fetch from its acknowledgements to its answer."""

    __slots__ = (
        "_broker",
        "_context",
        "_epoch",
        "_fetched",
        "_isolation",
        "_lock_ms",
        "_max_bytes",
        "_member",
        "_min_bytes",
        "_must_answer",
        "_outcomes",
        "_pending",
        "_request",
        "_response",
        "_rows",
        "_running",
        "_scheduled",
        "_session",
        "_timer",
        "_topics",
        "_warmed",
        "_warming",
    )

    def __init__(
        self,
        broker: "BrokerServer",
        request: ShareFetchRequest,
        context: RequestContext,
        member: ShareSessionKey,
        session: ShareSession | None,
    ) -> None:
        self._broker = broker
        self._request = request
        self._context = context
        self._member = member
        self._session = session
        self._topics = topics_to_read(broker, context)
        self._epoch = 0 if session is None else session.epoch
        config = broker.configs.group(member.group_id)
        self._lock_ms = config.share_record_lock_duration_ms
        committed = config.share_isolation_level == "read_committed"
        self._isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        self._max_bytes = min(request.max_bytes, broker.config.fetch_max_bytes)
        if broker.throttling is not None:
            self._max_bytes = int(min(self._max_bytes, broker.throttling.fetch_max_bytes(context)))
        self._min_bytes = min(request.min_bytes, self._max_bytes)
        self._must_answer = request.max_wait_ms <= 0
        self._rows: dict[TopicIdPartition, PartitionData] = {}
        self._running: dict[TopicIdPartition, RunningSharePartition] = {}
        self._outcomes: Outcomes | None = None
        self._fetched = False
        self._response: ShareFetchResponse | None = None
        self._pending: Pending[ShareFetchResponse] | None = None
        self._timer: Timer | None = None
        self._scheduled = False
        self._warming = False
        self._warmed: TopicIdPartition | None = None

    def begin(self) -> ShareFetchResponse | Pending[ShareFetchResponse]:
        if brings_acknowledgements(self._request):
            asked = [
                (TopicIdPartition(topic.topic_id, each.partition_index), each.acknowledgement_batches)
                for topic in self._request.topics
                for each in topic.partitions
            ]
            acknowledge(self._broker, self._may_read, self._member, asked, self._acknowledged)
        else:
            self._outcomes = {}
        self._open()
        if not self._running or self._visit():
            self._fetch_over()
        if self._response is not None:
            return self._response
        self._pending = Pending(self._let_go)
        if not self._fetched:
            self._wait()
        return self._pending

    def _acknowledged(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._finish()

    def _may_read(self, topic: str) -> bool:
        topics = self._topics
        return topics is None or topics.remembers(topic) or topics.ask(topic, self._topic_of_each_partition())

    def _topic_of_each_partition(self) -> Iterator[str]:
        """Of those that it reads or acknowledges."""
        names = self._broker.metadata.image.topic_names
        named = {
            TopicIdPartition(topic.topic_id, each.partition_index): None
            for topic in self._request.topics
            for each in topic.partitions
        }
        read = {} if self._session is None else self._session.partitions
        return (names.get(each.topic_id, "") for each in {**named, **dict.fromkeys(read)})

    # Opening share partitions.

    def _open(self) -> None:
        if self._session is None:
            return
        for name in self._session.rotated(self._request.share_session_epoch):
            try:
                self._running[name] = self._share_partition(name, self._session.partitions[name].topic)
            except KafkaError as error:
                self._rows[name] = _error_row(name, error.code)

    def _share_partition(self, name: TopicIdPartition, topic: str) -> RunningSharePartition:
        if not topic:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        if not self._may_read(topic):
            raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        state = self._broker.metadata.image.partition(topic, name.partition)
        if state is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        key = SharePartitionKey(self._member.group_id, *name)
        return self._broker.shares.partitions.open(key, topic)

    # Waiting.

    def _wait(self) -> None:
        if not self._must_answer:
            self._timer = self._broker.timers.after(self._request.max_wait_ms, self._timed_out)
        for running in self._running.values():
            running.waiters[self] = None
            running.partition.watch(self)
        if not self._warming:
            # A share partition may have been loaded, and told so, before this waited for it.
            self.wake()

    def partition_moved(self, partition: Partition) -> None:
        """Of `PartitionWatcher`."""
        del partition
        self.wake()

    def wake(self) -> None:
        """Something moved: look again in a turn of the loop of our own."""
        if not self._scheduled:
            self._scheduled = True
            self._broker.turns.put_off(self._look_again)

    def _timed_out(self) -> None:
        self._must_answer = True
        self.wake()

    def _look_again(self) -> None:
        self._scheduled = False
        pending = self._pending
        if pending is None or pending.settled or self._warming or self._fetched:
            return
        try:
            if self._visit():
                self._fetch_over()
        except Exception as error:  # noqa: BLE001 - as if the handler had raised it
            self._let_go()
            pending.fail(error)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for running in self._running.values():
            running.waiters.pop(self, None)
            running.partition.unwatch(self)

    # Acquiring.

    def _visit(self) -> bool:
        """Acquire, if there is enough or the time is over; false if it has to be gone on with later."""
        if self._is_superseded():
            return True
        try:
            readable, enough = self._readable()
            if not enough and not self._must_answer:
                return False
            self._acquire(readable)
        except BlockingIOError:
            return False
        return True

    def _is_superseded(self) -> bool:
        """Whether the member has gone on without the answer: what was acquired now would be lost on it."""
        session = self._session
        return session is not None and (
            session.epoch != self._epoch or self._broker.shares.sessions.get(self._member) is not session
        )

    def _readable(self) -> tuple[list[_Readable], bool]:
        """What may be acquired of, and whether that is reason enough to answer."""
        started = now()
        candidates = []
        for name, running in list(self._running.items()):
            if running.share.state is SharePartitionState.FENCED:
                self._lose(name, running)
            elif running.share.can_acquire:
                candidates.append((name, running))
        if not candidates:
            return [], not self._running
        readable: list[_Readable] = []
        max_bytes = self._max_bytes // len(candidates)
        size = 0
        failed = False
        for name, running in candidates:
            offset = running.share.next_fetch_offset
            if running.partition.role is _LEADER and offset == running.partition.high_watermark:
                readable.append(_Readable(name, running, offset, None))
                continue
            try:
                found = self._read(name, running, offset, max_bytes, min_one_batch=size == 0)
            except KafkaError as error:
                if error.code is ErrorCode.OFFSET_OUT_OF_RANGE:
                    if self._catch_up(running):
                        self.wake()
                    else:  # a log that was cut has to grow again, as in Apache
                        readable.append(_Readable(name, running, offset, None))
                    continue
                self._rows[name] = _error_row(name, error.code)
                failed = True
                continue
            readable.append(_Readable(name, running, offset, found))
            if found.slice is not None:
                size += found.slice.size_in_bytes
                if size >= self._min_bytes and now() - started > PIECE_SECONDS:
                    break  # the others come first another time
        return readable, failed or (bool(readable) and size >= self._min_bytes)

    def _lose(self, name: TopicIdPartition, running: RunningSharePartition) -> None:
        """The share partition is no longer what it was: the client learns why, or finds it anew with its next fetch."""
        running.waiters.pop(self, None)
        running.partition.unwatch(self)
        del self._running[name]
        error = running.load_error
        if error is None:
            try:
                running.partition.leading_log()
            except KafkaError as not_leading:
                error = not_leading
        if error is not None:
            self._rows[name] = _error_row(name, error.code)

    def _catch_up(self, running: RunningSharePartition) -> bool:
        """Records were deleted from the log's beginning: false if it does not begin behind the share partition."""
        log = running.partition.log
        if log is None or log.log_start_offset <= running.share.start_offset:
            return False
        running.share.log_start_moved(log.log_start_offset)
        return True

    def _read(
        self,
        name: TopicIdPartition,
        running: RunningSharePartition,
        offset: int,
        max_bytes: int,
        *,
        min_one_batch: bool,
    ) -> PartitionFetch:
        try:
            return running.partition.fetch(
                offset,
                max_bytes,
                isolation=self._isolation,
                min_one_batch=min_one_batch,
                nowait=name != self._warmed,
            )
        except BlockingIOError:
            self._warm(name, running, offset, max_bytes)
            raise

    def _acquire(self, readable: list[_Readable]) -> None:
        left = self._request.max_records
        for each in readable:
            row = PartitionData(partition_index=each.name.partition, records=b"")
            self._rows[each.name] = row
            found = each.found
            if found is None or found.slice is None or left <= 0:
                continue
            try:
                left -= self._acquire_of(each, found, found.slice, left, row)
            except (SliceGone, RecordsError):
                row.error_code = ErrorCode.KAFKA_STORAGE_ERROR
            except BlockingIOError:
                self._warm(each.name, each.running, each.fetch_offset, found.slice.size_in_bytes)
                if left == self._request.max_records:
                    raise  # nothing is acquired yet: later, then
                return

    def _acquire_of(
        self, each: _Readable, found: PartitionFetch, piece: FileSlice, left: int, row: PartitionData
    ) -> int:
        """Acquire records of one partition; how many."""
        share = each.running.share
        nowait = each.name != self._warmed
        # A client may ask for any number: it would get as many ranges, found by as many headers, in one go.
        left = min(left, self._broker.shares.partitions.max_record_locks)
        # The records in flight may all be passed over.
        last_offset = max(share.next_offset, each.fetch_offset) + left
        batches = batches_in(piece, last_offset, nowait=nowait)
        aborted = [
            OffsetRange(*both)
            for both in aborted_batches(piece, batches, found.aborted_transactions or (), nowait=nowait)
        ]
        acquired = share.acquire(
            self._member.member_id,
            [LogBatch(batch.base_offset, batch.last_offset) for batch in batches],
            fetch_offset=each.fetch_offset,
            batch_size=self._request.batch_size,
            max_records=left,
            lock_deadline_ms=self._broker.shares.partitions.now_ms() + self._lock_ms,
            aborted=aborted,
        )
        self._broker.shares.partitions.acquired(each.running)
        if not acquired:
            return 0
        row.records = cut(piece, batches, acquired[0].first_offset, acquired[-1].last_offset)
        row.acquired_records = [
            AcquiredRecords(
                first_offset=part.first_offset,
                last_offset=part.last_offset,
                delivery_count=part.delivery_count,
            )
            for part in acquired
        ]
        return sum(part.last_offset - part.first_offset + 1 for part in acquired)

    def _warm(
        self, name: TopicIdPartition, running: RunningSharePartition, offset: int, max_bytes: int
    ) -> None:
        """Have a thread read what the look-up needs from the disk, then look at it here."""
        self._warming = True
        log = running.partition.log
        most = min(self._request.max_records, self._broker.shares.partitions.max_record_locks)
        last_offset = max(running.share.next_offset, offset) + most

        def read() -> None:
            found = None if log is None else log.read(offset, max_bytes)
            if found is not None and found.slice is not None:
                batches_in(found.slice, last_offset, nowait=False)

        def warmed(outcome: object) -> None:
            del outcome  # an error comes again when the loop looks
            self._warming = False
            self._warmed = name
            self._look_again()

        self._broker.threads.run(read, warmed)

    # Answering.

    def _fetch_over(self) -> None:
        self._fetched = True
        self._let_go()
        self._finish()

    def _finish(self) -> None:
        if not self._fetched or self._outcomes is None:
            return
        response = self._made(self._outcomes)
        if self._request.share_session_epoch == FINAL_EPOCH:
            self._broker.shares.end_session(self._member)
        if self._pending is None:
            self._response = response
        else:
            self._pending.complete(response)

    def _made(self, outcomes: Outcomes) -> ShareFetchResponse:
        session = self._session
        subsequent = session is not None and self._request.share_session_epoch != INITIAL_EPOCH
        if self._is_superseded():
            return ShareFetchResponse(error_code=ErrorCode.INVALID_SHARE_SESSION_EPOCH)
        leaders = Leaders(self._broker, self._context)
        by_topic: dict[Uuid, dict[int, PartitionData]] = {}
        for name, row in self._rows.items():
            if subsequent and session is not None and not _must_be_told(session, name, row):
                continue
            self._count(name, row)
            moved = leaders.of(name, ErrorCode(row.error_code))
            if moved is not None:
                row.current_leader = LeaderIdAndEpoch(leader_id=moved.leader, leader_epoch=moved.leader_epoch)
            by_topic.setdefault(name.topic_id, {})[name.partition] = row
        for name, outcome in outcomes.items():
            rows = by_topic.setdefault(name.topic_id, {})
            if name.partition not in rows:
                rows[name.partition] = PartitionData(partition_index=name.partition, records=b"")
            rows[name.partition].acknowledge_error_code = outcome.code
        return ShareFetchResponse(
            throttle_time_ms=self._throttle_ms(),
            acquisition_lock_timeout_ms=self._lock_ms,
            responses=[
                ShareFetchableTopicResponse(topic_id=topic_id, partitions=list(rows.values()))
                for topic_id, rows in by_topic.items()
            ],
            node_endpoints=[
                NodeEndpoint(node_id=each.node_id, host=each.host, port=each.port)
                for each in leaders.endpoints()
            ],
        )

    def _throttle_ms(self) -> int:
        """The quota of the client holds it back after what it has acquired; Apache keeps it locked and sends nothing."""
        throttling = self._broker.throttling
        size = sum(
            row.records.size_in_bytes for row in self._rows.values() if isinstance(row.records, FileSlice)
        )
        return throttling.sent(self._context, size) if throttling is not None and size else 0

    def _count(self, name: TopicIdPartition, row: PartitionData) -> None:
        topic = self._broker.metadata.image.topic_names.get(name.topic_id, "")
        if isinstance(row.records, FileSlice):
            self._broker.topic_counters(topic).bytes_out += row.records.size_in_bytes


def _error_row(name: TopicIdPartition, code: ErrorCode) -> PartitionData:
    return PartitionData(partition_index=name.partition, error_code=code, records=b"")


def _must_be_told(session: ShareSession, name: TopicIdPartition, row: PartitionData) -> bool:
    """Whether an answer in a session has to speak of the partition."""
    entry = session.partitions.get(name)
    if entry is None:
        return bool(row.error_code or row.records)
    told = bool(row.records) or entry.must_be_told or bool(row.error_code)
    entry.must_be_told = bool(row.error_code)
    return told
