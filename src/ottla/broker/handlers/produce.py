"""Produce (key 0), versions 3 to 13; announced from version 0, because old librdkafka wants to see it (KAFKA-18659).

7: zstd. 8: errors of single records. 10: the current leader and its address beside NOT_LEADER_OR_FOLLOWER (KIP-951).
11, 12: transactions verified, partitions added to them (KIP-890). 13: topic ids.

A partition's records are one batch, checked, given its offsets in place and written from the memory it was received in. With
acks=0 nothing is answered, and an error closes the connection, as the only way to tell (Apache's `handleProduceRequest`).

Hot path; budget 5 µs a partition besides `Partition.append`. A request that takes longer than 2 ms goes on in the loop's
next turns, with its remaining batches copied, for the memory it came in is used by others then.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

from ottla.broker.access import TRANSACTIONAL_ID, TopicsInHand, may, topics_to_write
from ottla.broker.context import RequestContext
from ottla.broker.delayed import DelayedProduce
from ottla.broker.dispatch import CloseConnection, handles
from ottla.broker.internal_topics import ADMIN_CLIENT_ID, INTERNAL_TOPICS
from ottla.broker.pending import Pending
from ottla.broker.produce_heads import produce_shortcut
from ottla.broker.transactional_writes import BatchProducer, RequestGuards, transactional_producer
from ottla.broker.turns import PIECE_SECONDS, now
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.produce import (
    BatchIndexAndErrorMessage,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from ottla.replication.partition import ACKS_ALL, Partition
from ottla.security.acl import AclOperation
from ottla.storage.append_result import AppendOrigin
from ottla.storage.record_walk import InvalidRecordsError, is_short_walk, needs_walk, walk

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.broker.topic_counters import TopicCounters

_log = logging.getLogger(__name__)

_ATTRIBUTES_AT = 22
"""Low byte of a batch's attributes."""
_CODEC_BITS, _ZSTD, _TRANSACTIONAL_BIT = 0x07, 4, 0x10
_LOOKED_AT = _ZSTD | _TRANSACTIONAL_BIT

_FIRST_WITH_LEADERS, _FIRST_WITH_TOPIC_IDS = 10, 13
_CLIENT = AppendOrigin.CLIENT
_NOTHING: Pending[ProduceResponse | None] = Pending()
_NOTHING.complete(None)


def _every_partition(request: ProduceRequest, code: ErrorCode, message: str) -> ProduceResponse:
    return ProduceResponse(
        responses=[
            TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=[
                    PartitionProduceResponse(
                        index=each.index, error_code=code, base_offset=-1, error_message=message
                    )
                    for each in topic.partition_data
                ],
            )
            for topic in request.topic_data
        ]
    )


@handles(
    ProduceRequest,
    ProduceResponse,
    versions=(3, 13),
    announced_from=0,
    on_error=_every_partition,
    shortcut=produce_shortcut,
)
def produce(
    broker: "BrokerServer", request: ProduceRequest, context: RequestContext
) -> ProduceResponse | Pending[ProduceResponse | None] | None:
    """Append the request's batches; answer when they are as safe as `acks` asks."""
    acks = request.acks
    if acks not in (ACKS_ALL, 0, 1):
        return _every_partition(
            request,
            ErrorCode.INVALID_REQUIRED_ACKS,
            f"acks is {acks}; it has to be -1, 0 or 1",
        )
    return _ProduceInHand(broker, request, context).run()


class _ProduceInHand:
    """One produce request on its way through its partitions."""

    __slots__ = (
        "_acks",
        "_broker",
        "_context",
        "_failed",
        "_guards",
        "_moved_leaders",
        "_partitions",
        "_request",
        "_response",
        "_validates",
        "_waits",
        "_writable",
    )

    def __init__(self, broker: "BrokerServer", request: ProduceRequest, context: RequestContext) -> None:
        self._broker = broker
        self._partitions = broker.replicas.partitions
        self._writable = topics_to_write(broker, context)
        self._request = request
        self._context = context
        self._acks = request.acks
        self._validates = broker.config.ottla_validate_records
        self._response = ProduceResponse()
        self._waits: list[tuple[Partition, int, PartitionProduceResponse]] = []
        self._failed: ErrorCode | None = None
        self._moved_leaders: set[int] = set()
        self._guards: RequestGuards | None = None

    def run(self) -> ProduceResponse | Pending[ProduceResponse | None] | None:
        if self._request.transactional_id is not None:
            asking = self._begin_transaction()
            if asking is not None:
                return asking
        started, appended = now(), 0
        topics = self._response.responses
        for topic_number, topic in enumerate(self._request.topic_data):
            name, answer = self._topic(topic)
            topics.append(answer)
            rows = answer.partition_responses
            counters = self._broker.topic_counters(name)
            for number, data in enumerate(topic.partition_data):
                row = self._partition(name, data, counters)
                if row is None:
                    return self._go_on_later(topic_number, number)
                rows.append(row)
                appended += 1
                if not appended & 15 and now() - started > PIECE_SECONDS:
                    return self._go_on_later(topic_number, number + 1)
        return self._finish()

    def _begin_transaction(self) -> Pending[ProduceResponse | None] | None:
        """Ask the transaction's coordinator where that has to be; None: it has answered."""
        request = self._request if self._writable is None else self._writable_part(self._writable)
        names = [self._name_of(topic) for topic in request.topic_data]
        guards = self._broker.transactional_writes.begin(
            request, names, self._context.api_version, self._context.now_ms
        )
        if not isinstance(guards, Pending):
            self._guards = guards
            return None
        self._response.responses.append(self._topic(self._request.topic_data[0])[1])
        return self._go_on_later(0, 0, guards)

    def _writable_part(self, writable: TopicsInHand) -> ProduceRequest:
        """What of a transactional request may become part of the transaction."""
        request = self._request
        transactional = any(
            transactional_producer(data.records) is not None
            for topic in request.topic_data
            for data in topic.partition_data
        )
        name = request.transactional_id or ""
        if transactional and not may(self._broker, self._context, AclOperation.WRITE, TRANSACTIONAL_ID, name):
            if self._acks == 0:
                raise CloseConnection("a produce request with acks=0 is not the transactional id's owner's")
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        return ProduceRequest(
            transactional_id=request.transactional_id,
            topic_data=[
                each for each in request.topic_data if self._may_write(writable, self._name_of(each))
            ],
        )

    def _may_write(self, writable: TopicsInHand, name: str) -> bool:
        return writable.remembers(name) or writable.ask(name, self._topic_of_each_partition())

    def _topic_of_each_partition(self) -> Iterator[str]:
        for topic in self._request.topic_data:
            yield from repeat(self._name_of(topic), len(topic.partition_data))

    def _name_of(self, topic: TopicProduceData) -> str:
        """Empty for an id that is not known."""
        if self._context.api_version >= _FIRST_WITH_TOPIC_IDS:
            return self._broker.metadata.image.topic_names.get(topic.topic_id, "")
        return topic.name

    def _topic(self, topic: TopicProduceData) -> tuple[str, TopicProduceResponse]:
        name = self._name_of(topic)
        return name, TopicProduceResponse(name=name, topic_id=topic.topic_id, partition_responses=[])

    def _partition(
        self, name: str, data: PartitionProduceData, counters: "TopicCounters", *, walked: bool = False
    ) -> PartitionProduceResponse | None:
        """The partition's row; None, and nothing done, when a thread has to look at the records first."""
        index, writable = data.index, self._writable
        try:
            if writable is not None and not self._may_write(writable, name):
                raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
            records = data.records
            if not isinstance(records, memoryview) or len(records) <= _ATTRIBUTES_AT:
                raise self._no_batch(name, index)
            attributes = records[_ATTRIBUTES_AT]
            producer = None
            if attributes & _LOOKED_AT:
                self._refuse_by_attributes(attributes)
                if attributes & _TRANSACTIONAL_BIT:
                    producer = transactional_producer(records)
            if name in INTERNAL_TOPICS and self._context.client_id != ADMIN_CLIENT_ID:
                raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Cannot append to internal topic {name}")
            partition = self._partitions.get((name, index))
            if partition is None:
                raise self._missing(name, index)
            log = partition.log
            if (
                not walked
                and log is not None
                and (self._validates or not log.takes_as_is)
                and self._wants_thread(records, log.config)
            ):
                return None
            if producer is not None:
                self._check_transaction(partition, producer)
            result = partition.append(records, self._acks, self._context.now_ms, _CLIENT, walked)
            if producer is not None and self._guards is not None:
                self._guards.written(partition, producer)
        except KafkaError as error:
            counters.produces += 1
            counters.failed_produces += 1
            return self._error_row(name, index, error)
        counters.produces += 1
        counters.bytes_in += len(records)
        base_offset, last_offset, log_append_time_ms, _, log_start_offset, _ = result
        counters.messages_in += last_offset - base_offset + 1
        row = PartitionProduceResponse(
            index=index,
            base_offset=base_offset,
            log_append_time_ms=log_append_time_ms,
            log_start_offset=log_start_offset,
        )
        # With acks=0 nobody waits for the answer, but the connection does: or it could fill a slow directory's queue.
        if last_offset >= partition.high_watermark and not partition.is_acknowledged(
            last_offset, self._acks or 1
        ):
            self._waits.append((partition, last_offset, row))
        return row

    def _refuse_by_attributes(self, attributes: int) -> None:
        if attributes & _CODEC_BITS == _ZSTD and self._context.api_version < 7:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
                f"zstd needs Produce version 7, this request has {self._context.api_version}",
            )
        if attributes & _TRANSACTIONAL_BIT and self._request.transactional_id is None:
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)

    def _check_transaction(self, partition: Partition, producer: BatchProducer) -> None:
        """Raises `KafkaError` for a batch whose transaction the coordinator does not know of."""
        assert self._guards is not None, "a request with a transactional id asks before it appends"
        verifies = self._broker.transactional_writes.is_verification_enabled
        self._guards.check(partition, producer, is_verification_enabled=verifies)

    def _no_batch(self, name: str, index: int) -> KafkaError:
        if self._broker.replicas.partitions.get((name, index)) is None:
            missing = self._missing(name, index)
            if missing.code is not ErrorCode.NOT_LEADER_OR_FOLLOWER:
                return missing
        return KafkaError(
            ErrorCode.INVALID_RECORD,
            f"Produce requests with version {self._context.api_version} must have exactly one record batch per partition",
        )

    def _missing(self, name: str, index: int) -> KafkaError:
        if not name:
            known_by_id = self._context.api_version >= _FIRST_WITH_TOPIC_IDS
            return KafkaError(
                ErrorCode.UNKNOWN_TOPIC_ID if known_by_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            )
        image = self._broker.metadata.image.topic(name)
        if image is None or index not in image.partitions:
            return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def _error_row(self, name: str, index: int, error: KafkaError) -> PartitionProduceResponse:
        code = error.code
        self._failed = code
        row = PartitionProduceResponse(
            index=index,
            error_code=code,
            base_offset=-1,
            error_message=error.message if error.message != code.message else None,
        )
        if isinstance(error, InvalidRecordsError):
            row.record_errors = [
                BatchIndexAndErrorMessage(batch_index=place, batch_index_error_message=reason)
                for place, reason in error.record_errors
            ]
        if code is ErrorCode.NOT_LEADER_OR_FOLLOWER and self._context.api_version >= _FIRST_WITH_LEADERS:
            state = self._broker.metadata.image.partition(name, index)
            if state is not None:
                row.current_leader = LeaderIdAndEpoch(leader_id=state.leader, leader_epoch=state.leader_epoch)
                self._moved_leaders.add(state.leader)
        return row

    def _wants_thread(self, records: memoryview, config: TopicConfig) -> bool:
        """Whether the batch's records have to be looked at, and that takes too long for the loop."""
        if config.validates_schemas:
            return True  # the registry may have to be asked
        return (self._validates or needs_walk(records, config)) and not is_short_walk(records)

    def _go_on_later(
        self, topic_number: int, partition_number: int, guards: Pending[RequestGuards] | None = None
    ) -> Pending[ProduceResponse | None]:
        """Give the loop to others, then go on from the given place; with `guards` once these are there."""
        rest = deque(self._rest(topic_number, partition_number))
        pending: Pending[ProduceResponse | None] = Pending()

        def go_on() -> None:
            started = now()
            while rest:
                if now() - started > PIECE_SECONDS:
                    self._broker.turns.put_off(go_on)
                    return
                name, data, rows = rest.popleft()
                row = self._partition(name, data, self._broker.topic_counters(name))
                if row is None:
                    self._walk(name, data, rows, go_on)
                    return
                rows.append(row)
            try:
                finished = self._finish()
            except CloseConnection as error:
                pending.fail(error)
                return
            if isinstance(finished, Pending):
                finished.then(pending.follow)
            else:
                pending.complete(finished)

        def begin(guarded: Pending[RequestGuards]) -> None:
            self._guards = guarded.result()
            go_on()

        if guards is None:
            self._broker.turns.put_off(go_on)
        else:
            guards.then(begin)
        return pending

    def _rest(
        self, topic_number: int, partition_number: int
    ) -> Iterator[tuple[str, PartitionProduceData, list[PartitionProduceResponse]]]:
        """What is left from that place on, the batches copied out of the frame; the answer's topics are made."""
        answers = self._response.responses
        for number, topic in enumerate(self._request.topic_data[topic_number:], topic_number):
            name, answer = self._topic(topic)
            if number == topic_number:
                answer = answers[-1]
            else:
                answers.append(answer)
            for data in topic.partition_data[partition_number:]:
                if isinstance(data.records, memoryview):
                    data.records = memoryview(bytearray(data.records))
                yield name, data, answer.partition_responses
            partition_number = 0

    def _walk(
        self,
        name: str,
        data: PartitionProduceData,
        rows: list[PartitionProduceResponse],
        go_on: Callable[[], None],
    ) -> None:
        """Look at the batch's records on a thread, append what comes of it, then go on."""
        config = self._broker.topic_config(name)
        limit = self._broker.config.ottla_decompressed_batch_max_bytes
        records = data.records
        assert isinstance(records, memoryview)

        def refuse(error: KafkaError) -> None:
            rows.append(self._error_row(name, data.index, error))
            go_on()

        def append(rebuilt: bytearray | None) -> None:
            if rebuilt is not None:
                data.records = memoryview(rebuilt)
            row = self._partition(name, data, self._broker.topic_counters(name), walked=True)
            assert row is not None
            rows.append(row)
            go_on()

        def walked(outcome: bytearray | Exception | None) -> None:
            if isinstance(outcome, KafkaError):
                refuse(outcome)
            elif isinstance(outcome, Exception):
                _log.error("A batch for %s-%d could not be looked at", name, data.index, exc_info=outcome)
                refuse(KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR))
            elif schemas is not None:
                rebuilt = outcome
                self._broker.schema_validation.check(
                    name,
                    config,
                    schemas.named,
                    lambda refusal: append(rebuilt) if refusal is None else refuse(refusal),
                )
            else:
                append(outcome)

        schemas = self._broker.schema_validation.reader(config) if config.validates_schemas else None

        def look_at_all() -> bytearray | None:
            if schemas is None:
                return walk(records, config, max_decompressed_bytes=limit)
            rebuilt = walk(records, config, max_decompressed_bytes=limit, look=schemas.look)
            schemas.check()
            return rebuilt

        self._broker.threads.run(look_at_all, walked)

    def _finish(self) -> ProduceResponse | Pending[ProduceResponse | None] | None:
        if self._acks == 0:
            if self._failed is not None:
                raise CloseConnection(
                    f"a produce request with acks=0 failed with {self._failed.name}, and there is no answer to say so"
                )
            return self._after_waits() if self._waits else None
        if self._moved_leaders:
            self._response.node_endpoints = [
                NodeEndpoint(node_id=broker_id, host=address[0], port=address[1])
                for broker_id in sorted(self._moved_leaders)
                if (address := self._broker.address_of(broker_id, self._context)) is not None
            ]
        return self._delayed().pending if self._waits else self._response

    def _delayed(self) -> DelayedProduce:
        return DelayedProduce(
            self._response,
            self._waits,
            self._acks or 1,
            self._request.timeout_ms,
            self._broker.timers,
            self._broker.loop,
        )

    def _after_waits(self) -> Pending[ProduceResponse | None]:
        """Settles without an answer once the batches are written."""
        silent: Pending[ProduceResponse | None] = Pending()
        self._delayed().pending.then(lambda _: silent.follow(_NOTHING))
        return silent
