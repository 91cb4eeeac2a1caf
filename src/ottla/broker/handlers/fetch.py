"""Fetch (key 1), versions 4 to 18.

4: isolation level, aborted transactions. 5: log start offset. 7: sessions (KIP-227). 9: leader epochs checked (KIP-320).
11: rack. 12: diverging epochs (KIP-595). 13: topic ids. 15: replica state. 16: leaders' endpoints (KIP-951).
17: directory ids. 18: the follower's high watermark.

How much comes back (KIP-74): partitions are read in the request's order until `max_bytes` is used up; the first batch of the
first partition that has any comes whole, however large; no partition gives more than its own limit otherwise.

When it is answered: at once if `min_bytes` are there, a partition has an error or has diverged, or nothing may be waited for;
else when records arrive, or after `max_wait_ms` with what there is.

Hot path: a fetch visits the partitions of its session's dirty set, 5 µs each, and reads no file. Where an index or a header
is not in the page cache, a thread touches it first.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.broker.access import TopicsInHand, may_cluster, topics_to_read
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.fetch_sessions import FINAL_EPOCH, FetchSession, SessionPartition
from ottla.broker.pending import Pending
from ottla.broker.turns import PIECE_SECONDS, now
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.fetch import (
    AbortedTransaction,
    EpochEndOffset,
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)
from ottla.protocol.types import ZERO_UUID, Uuid
from ottla.replication.partition import IsolationLevel, PartitionFetch
from ottla.security.acl import AclOperation
from ottla.storage.file_slice import FileSlice

if TYPE_CHECKING:
    from ottla.broker.delayed import Timer
    from ottla.broker.server import BrokerServer


_FIRST_WITH_LEADERS, _FIRST_WITH_ENDPOINTS = 12, 16
_LEADER_ERRORS = frozenset((ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH))


def _whole_request_error(request: FetchRequest, code: ErrorCode, message: str) -> FetchResponse:
    del message
    return FetchResponse(error_code=code, session_id=request.session_id)


@handles(FetchRequest, FetchResponse, versions=(4, 18), on_error=_whole_request_error, has_slices=True)
def fetch(
    broker: "BrokerServer", request: FetchRequest, context: RequestContext
) -> FetchResponse | Pending[FetchResponse]:
    """Answer what is there, or wait for more."""
    session, full = _session(broker, request, context)
    if broker.authorizer is not None:
        session.read_by(context.connection.principal, context.connection.host, broker.authorizer.version)
    return _FetchInHand(broker, request, context, session, full=full).begin()


def _session(
    broker: "BrokerServer", request: FetchRequest, context: RequestContext
) -> tuple[FetchSession, bool]:
    """The session that this fetch belongs to with the request's changes in it; whether all of it is to be told."""
    uses_topic_ids = context.api_version >= 13
    cache = broker.fetch_sessions
    if request.session_epoch > 0:
        session = cache.take(
            request.session_id, request.session_epoch, context.now_ms, uses_topic_ids=uses_topic_ids
        )
        before = len(session.partitions)
        for forgotten in request.forgotten_topics_data:
            topic_key = forgotten.topic_id if uses_topic_ids else forgotten.topic
            for partition in forgotten.partitions:
                session.forget((topic_key, partition))
        _enter_partitions(broker, request, session)
        cache.resized(len(session.partitions) - before)
        if not session.partitions:
            cache.remove(session.identity)
        return session, False
    if request.session_id:
        cache.remove(request.session_id)
    session = FetchSession(uses_topic_ids=uses_topic_ids, privileged=_follower(request) >= 0)
    _enter_partitions(broker, request, session)
    return session, True


def _enter_partitions(broker: "BrokerServer", request: FetchRequest, session: FetchSession) -> None:
    for topic in request.topics:
        if session.uses_topic_ids:
            key: str | Uuid = topic.topic_id
            name = broker.metadata.image.topic_names.get(topic.topic_id, "")
        else:
            key = name = topic.topic
        for each in topic.partitions:
            session.put(
                (key, each.partition),
                name,
                topic.topic_id,
                each.fetch_offset,
                each.partition_max_bytes,
                each.current_leader_epoch,
                each.last_fetched_epoch,
            )


def _follower(request: FetchRequest) -> int:
    """The replica that asks, negative for a consumer."""
    return request.replica_id if request.replica_id >= 0 else request.replica_state.replica_id


class _FetchInHand:
    """One fetch from its first look at the partitions to its answer."""

    __slots__ = (
        "_broker",
        "_context",
        "_epoch",
        "_found",
        "_full",
        "_isolation",
        "_max_bytes",
        "_may_follow",
        "_min_bytes",
        "_moved_leaders",
        "_must_answer",
        "_pending",
        "_readable",
        "_request",
        "_scheduled",
        "_session",
        "_size",
        "_timer",
        "_warmed",
        "_warming",
    )

    def __init__(
        self,
        broker: "BrokerServer",
        request: FetchRequest,
        context: RequestContext,
        session: FetchSession,
        *,
        full: bool,
    ) -> None:
        self._broker = broker
        self._request = request
        self._context = context
        self._session = session
        self._epoch = session.epoch
        self._readable = topics_to_read(broker, context)
        self._may_follow: bool | None = None
        self._full = full
        self._max_bytes = min(request.max_bytes, broker.config.fetch_max_bytes)
        throttling = broker.throttling
        if throttling is not None and _follower(request) < 0:
            self._max_bytes = int(min(self._max_bytes, throttling.fetch_max_bytes(context)))
        self._min_bytes = min(request.min_bytes, self._max_bytes)
        if _follower(request) >= 0:
            self._isolation = IsolationLevel.LOG_END
        elif request.isolation_level == 1:
            self._isolation = IsolationLevel.READ_COMMITTED
        else:
            self._isolation = IsolationLevel.READ_UNCOMMITTED
        self._found: dict[SessionPartition, PartitionData] = {}
        self._moved_leaders: set[int] = set()
        self._size = 0
        self._must_answer = request.max_wait_ms <= 0 or not session.partitions
        self._pending: Pending[FetchResponse] | None = None
        self._timer: Timer | None = None
        self._scheduled = False
        self._warming = False
        self._warmed: SessionPartition | None = None

    def begin(self) -> FetchResponse | Pending[FetchResponse]:
        finished = self._visit()
        if finished and (self._must_answer or self._size >= self._min_bytes):
            return self._response()
        self._pending = Pending(self._let_go)
        self._session.watch()
        self._session.waiter = self
        if not self._must_answer:
            self._timer = self._broker.timers.after(self._request.max_wait_ms, self._timed_out)
        if not finished and not self._warming:
            self.wake()
        return self._pending

    def wake(self) -> None:
        """Something moved: look again in a turn of the loop of our own."""
        if not self._scheduled:
            self._scheduled = True
            self._broker.turns.put_off(self._look_again)

    def _look_again(self) -> None:
        self._scheduled = False
        pending = self._pending
        if pending is None or pending.settled or self._warming:
            return
        try:
            if not self._visit():
                if not self._warming:
                    self.wake()
                return
            if self._must_answer or self._size >= self._min_bytes:
                self._complete()
        except Exception as error:  # noqa: BLE001 - as if the handler had raised it
            self._let_go()
            pending.fail(error)

    def _timed_out(self) -> None:
        self._must_answer = True
        self.wake()

    def _complete(self) -> None:
        pending = self._pending
        assert pending is not None
        response = self._response()
        self._let_go()
        pending.complete(response)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._session.waiter is self:
            self._session.waiter = None
        if not self._session.identity:
            self._session.close()

    # Looking at partitions.

    def _visit(self) -> bool:
        """Look at what is dirty; false if it has to be gone on with later."""
        session = self._session
        started = now()
        visited = 0
        for entry in list(session.dirty):
            known = self._found.get(entry)
            left = self._max_bytes - self._size
            if known is not None and known.records is not None:
                continue
            if left <= 0 and not self._full:
                break
            try:
                self._look_at(entry, max(left, 0), nowait=entry is not self._warmed)
            except BlockingIOError:
                self._warm(entry)
                return False
            visited += 1
            if not visited & 63 and now() - started > PIECE_SECONDS:
                return False
        return True

    def _look_at(self, entry: SessionPartition, left: int, *, nowait: bool) -> None:
        """Fill the entry's row of the answer, if it has one."""
        session = self._session
        try:
            found = self._read(entry, left, nowait=nowait)
        except KafkaError as error:
            self._found[entry] = self._error_row(entry, error.code)
            self._must_answer = True
            return
        diverging = found.diverging_epoch
        limited = found.slice is None and self._has_more(entry, found)
        if diverging is not None:
            self._must_answer = True
        elif (
            not self._full
            and found.slice is None
            and not limited
            and found.high_watermark == entry.high_watermark
            and found.log_start_offset == entry.log_start_offset
        ):
            session.served(entry, again=False)
            self._found.pop(entry, None)
            return
        aborted = found.aborted_transactions
        row = PartitionData(
            partition_index=entry.key[1],
            high_watermark=found.high_watermark,
            last_stable_offset=found.last_stable_offset,
            log_start_offset=found.log_start_offset,
            aborted_transactions=None
            if aborted is None
            else [
                AbortedTransaction(producer_id=each.producer_id, first_offset=each.first_offset)
                for each in aborted
            ],
            records=found.slice,
        )
        if diverging is not None:
            row.diverging_epoch = EpochEndOffset(
                epoch=diverging.leader_epoch, end_offset=diverging.end_offset
            )
        self._found[entry] = row
        if found.slice is not None:
            self._size += found.slice.size_in_bytes
        elif not limited:
            session.dirty.pop(entry, None)

    def _has_more(self, entry: SessionPartition, found: PartitionFetch) -> bool:
        """Whether there are records that the limits alone kept out."""
        if self._isolation is IsolationLevel.READ_COMMITTED:
            return entry.fetch_offset < found.last_stable_offset
        return entry.fetch_offset < found.high_watermark

    def _read(self, entry: SessionPartition, left: int, *, nowait: bool) -> PartitionFetch:
        broker = self._broker
        if not entry.topic:
            entry.topic = broker.metadata.image.topic_names.get(entry.topic_id, "")
        if self._readable is not None and not self._may_read(self._readable, entry.topic):
            raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        partition = broker.replicas.partitions.get((entry.topic, entry.key[1]))
        if partition is not entry.source:
            self._session.resolved(entry, partition)
        if partition is None or (entry.topic_id not in (ZERO_UUID, partition.topic_id)):
            raise self._missing(entry)
        if self._isolation is IsolationLevel.LOG_END and _follower(self._request) not in partition.isr:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        return partition.fetch(
            entry.fetch_offset,
            max(min(entry.max_bytes, left), 0),
            isolation=self._isolation,
            min_one_batch=self._size == 0,
            current_leader_epoch=entry.current_leader_epoch,
            last_fetched_epoch=entry.last_fetched_epoch,
            nowait=nowait,
        )

    def _may_read(self, readable: TopicsInHand, topic: str) -> bool:
        """Followers may read everything or nothing."""
        if _follower(self._request) < 0:
            return readable.remembers(topic) or readable.ask(topic, self._topic_of_each_partition())
        if self._may_follow is None:
            self._may_follow = may_cluster(self._broker, self._context, AclOperation.CLUSTER_ACTION)
        return self._may_follow

    def _topic_of_each_partition(self) -> Iterator[str]:
        names = self._broker.metadata.image.topic_names
        return (each.topic or names.get(each.topic_id, "") for each in self._session.partitions.values())

    def _missing(self, entry: SessionPartition) -> KafkaError:
        image = self._broker.metadata.image
        if entry.topic_id != ZERO_UUID:
            topic = image.topic_by_id(entry.topic_id)
            if topic is None:
                entry.topic = ""
                return KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        else:
            topic = image.topic(entry.topic)
        if topic is None or entry.key[1] not in topic.partitions:
            return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def _error_row(self, entry: SessionPartition, code: ErrorCode) -> PartitionData:
        row = PartitionData(
            partition_index=entry.key[1],
            error_code=code,
            high_watermark=-1,
            last_stable_offset=-1,
            log_start_offset=-1,
            aborted_transactions=None,
            records=b"",
        )
        if code in _LEADER_ERRORS and self._context.api_version >= _FIRST_WITH_LEADERS:
            state = self._broker.metadata.image.partition(entry.topic, entry.key[1])
            if state is not None:
                row.current_leader = LeaderIdAndEpoch(leader_id=state.leader, leader_epoch=state.leader_epoch)
                self._moved_leaders.add(state.leader)
        return row

    def _warm(self, entry: SessionPartition) -> None:
        """Have a thread read what the partition's look-up needs from the disk, then look at it here."""
        self._warming = True
        source = entry.source
        log = None if source is None else source.log

        def read() -> None:
            if log is not None:
                log.read(entry.fetch_offset, entry.max_bytes)

        def warmed(outcome: object) -> None:
            del outcome  # an error comes again when the loop looks
            self._warming = False
            self._warmed = entry
            self._look_again()

        self._broker.threads.run(read, warmed)

    # Answering.

    def _response(self) -> FetchResponse:
        session, request = self._session, self._request
        if request.session_epoch > 0 and session.identity and session.epoch != self._epoch:
            return FetchResponse(
                error_code=ErrorCode.INVALID_FETCH_SESSION_EPOCH, session_id=request.session_id
            )
        found = self._found
        throttling = self._broker.throttling
        if throttling is not None and self._size and self._isolation is not IsolationLevel.LOG_END:
            throttle_ms = throttling.fetched(self._context, self._size)
            if throttle_ms > 0:
                # Nothing of it is sent, so all of it is to be looked at again.
                session.dirty.update(dict.fromkeys(found))
                return FetchResponse(throttle_time_ms=throttle_ms, session_id=session.identity)
        if self._full and request.session_epoch != FINAL_EPOCH and self._context.api_version >= 7:
            self._broker.fetch_sessions.enter(session, self._context.now_ms)
            if session.identity:
                session.watch()
        topics: list[FetchableTopicResponse] = []
        last_topic: object = None
        counters = self._broker.topic_counters("")
        for entry, row in found.items():
            if row.records is None:
                row.records = b""
            if session.identity:
                error = row.error_code
                entry.high_watermark = row.high_watermark
                entry.log_start_offset = row.log_start_offset
                if error or row.records:
                    session.served(entry, again=True)
            topic_key = entry.key[0]
            if topic_key != last_topic:
                topics.append(FetchableTopicResponse(topic=entry.topic, topic_id=entry.topic_id))
                last_topic = topic_key
                counters = self._broker.topic_counters(entry.topic)
            counters.fetches += 1
            if isinstance(row.records, FileSlice):
                counters.bytes_out += row.records.size_in_bytes
            elif row.error_code:
                counters.failed_fetches += 1
            topics[-1].partitions.append(row)
        return FetchResponse(
            session_id=session.identity,
            responses=topics,
            node_endpoints=self._endpoints()
            if self._moved_leaders and self._context.api_version >= _FIRST_WITH_ENDPOINTS
            else [],
        )

    def _endpoints(self) -> list[NodeEndpoint]:
        endpoints = []
        for broker_id in sorted(self._moved_leaders):
            address = self._broker.address_of(broker_id, self._context)
            if address is not None:
                endpoints.append(NodeEndpoint(node_id=broker_id, host=address[0], port=address[1]))
        return endpoints
