"""Produce requests that begin like one before: a client repeats itself.

    size │ api key │ version │ correlation id │ client id … acks, timeout … topic, partition │ size of records │ records │ end
                                              └────────────────── the head ─────────────────┘

What a producer sends for a partition differs from the last time in its correlation id and its records. So the head of a
request that was read, handled and answered the long way is remembered with what came of it: the partition, and the answer
with gaps for its numbers. The next request with the same bytes in that place goes straight to `Partition.append`.

What this leaves out is the same by construction: the decoding, since equal bytes mean equal fields (a head is remembered only
if encoding the decoded request gives these bytes); the look-up, since a partition that is gone no longer leads; the answer's
encoding, since it is the codec's own but for four numbers. Left to the long way is all that is not one plain batch for one
partition with acks of 1 or all:

- records of transactions, control records (the answer depends on more than the log), codecs that are not known;
- topics that the connection was not allowed to write to yet, or before a rule changed: its handler asks;
- topics that look at each record or change the codec, `ottla.validate.records`: known by the settings they had;
- whatever fails: the request goes the long way then, from its start, which says why. But for what the disk refuses: the batch
  has its offsets in it by then, and the long way would take it for a bad one, which clients don't send again.

Hot path: 2 µs besides `Partition.append` for a request that would take 13 µs.

Bounds: HEADS_MAX heads of at most HEAD_BYTES_MAX bytes each, all forgotten when there are more.
"""

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.delayed import DelayedProduce
from ottla.broker.internal_topics import INTERNAL_TOPICS
from ottla.broker.pending import Pending
from ottla.broker.topic_counters import TopicCounters
from ottla.config.topic_config import TopicConfig
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from ottla.protocol.types import Uuid
from ottla.records.batch import HEADER_BYTES
from ottla.replication.partition import ACKS_ALL, Partition

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

HEADS_MAX: Final = 8_192
HEAD_BYTES_MAX: Final = 512

LOWEST_VERSION: Final = 7
"""Below it zstd is refused."""
_FIRST_FLEXIBLE, _FIRST_WITH_TOPIC_IDS = 9, 13

_HEAD_AT: Final = 8
"""Behind the correlation id."""
_ATTRIBUTES_AT: Final = 22
"""Low byte of a batch's attributes, of which plain ones have a codec and nothing else."""
_LAST_CODEC: Final = 4


class _Head:
    """What came of the first request with this head."""

    __slots__ = (
        "acks",
        "after",
        "before",
        "config",
        "counters",
        "pack",
        "partition",
        "size",
        "timeout_ms",
        "topic",
        "topic_id",
    )

    def __init__(
        self,
        partition: Partition,
        config: TopicConfig,
        counters: TopicCounters,
        request: ProduceRequest,
        api_version: int,
    ) -> None:
        topic = request.topic_data[0]
        self.partition = partition
        self.config = config
        self.counters = counters
        self.acks = request.acks
        self.timeout_ms = request.timeout_ms
        self.topic = topic.name
        self.topic_id: Uuid = topic.topic_id
        self.pack: Callable[..., bytes]
        self._make_answer(api_version)

    def _make_answer(self, api_version: int) -> None:
        """Split the answer at its numbers: base offset, log append time and log start offset, one after the other."""
        zero, one = (encode(self.response(offset), api_version) for offset in (0, -1))
        at = next(place for place, (left, right) in enumerate(zip(zero, one, strict=True)) if left != right)
        self.before = (bytes(1) if api_version >= _FIRST_FLEXIBLE else b"") + zero[:at]
        self.after = zero[at + 24 :]
        self.pack = Struct(f">ii{len(self.before)}sqqq{len(self.after)}s").pack
        self.size = 4 + len(self.before) + 24 + len(self.after)

    def response(
        self, base_offset: int, log_append_time_ms: int = -1, log_start_offset: int = -1
    ) -> ProduceResponse:
        """The answer, the long way."""
        row = PartitionProduceResponse(
            index=self.partition.topic_partition.partition,
            base_offset=base_offset,
            log_append_time_ms=log_append_time_ms,
            log_start_offset=log_start_offset,
        )
        return ProduceResponse(
            responses=[
                TopicProduceResponse(name=self.topic, topic_id=self.topic_id, partition_responses=[row])
            ]
        )


class ProduceHeads:
    """The heads of one version of Produce."""

    __slots__ = ("_flexible", "_heads", "_name_at", "_rest", "_settings", "_version")

    def __init__(self, api_version: int) -> None:
        self._version = api_version
        self._flexible = api_version >= _FIRST_FLEXIBLE
        self._heads: dict[bytes, _Head] = {}
        self._settings: object = None
        """The broker's settings that all heads were remembered under."""
        # Where a head ends: the topic's name is all that varies in length in it besides the client id, and the byte at
        # `_name_at` behind that tells how much. Wrong for what isn't plain, whose bytes are then not found.
        if api_version >= _FIRST_WITH_TOPIC_IDS:
            self._name_at, self._rest = -1, 41
        elif self._flexible:
            self._name_at, self._rest = 19, 5
        else:
            self._name_at, self._rest = 23, 9

    def answer(
        self,
        broker: "BrokerServer",
        connection: ConnectionInfo,
        frame: memoryview,
        client_id_length: int,
        correlation_id: int,
        now_ms: int,
    ) -> bytes | Pending[ProduceResponse | None] | None:
        """The whole answer, a pending one, or None and nothing done: go the long way. `frame` is without its size."""
        client_id_length = max(client_id_length, 0)
        size = len(frame)
        at = self._name_at
        if at < 0:
            at = client_id_length + self._rest
        else:
            at += client_id_length
            if at >= size:
                return None
            at += frame[at] + self._rest
        if at + HEADER_BYTES >= size:
            return None
        head = self._heads.get(bytes(frame[_HEAD_AT:at]))
        if head is None or self._settings is not broker.config:
            return None
        records = self._records(frame, at, size)
        if records is None or records[_ATTRIBUTES_AT] > _LAST_CODEC:
            return None
        partition = head.partition
        authorizer = broker.authorizer
        if authorizer is not None:
            writable = connection.writable
            if writable is None or not writable.remembers(authorizer, partition.topic_partition.topic):
                return None
        log = partition.log
        if log is None or log.config is not head.config:
            self._heads.clear()
            return None
        try:
            result = partition.append(records, head.acks, now_ms)
        except KafkaError as error:
            return _refused(head, error) if error.code is ErrorCode.KAFKA_STORAGE_ERROR else None
        base_offset, last_offset, log_append_time_ms, _, log_start_offset, _ = result
        counters = head.counters
        counters.produces += 1
        counters.bytes_in += len(records)
        counters.messages_in += last_offset - base_offset + 1
        if last_offset >= partition.high_watermark and not partition.is_acknowledged(last_offset, head.acks):
            response = head.response(base_offset, log_append_time_ms, log_start_offset)
            return _delayed(broker, head, response, last_offset)
        return head.pack(
            head.size,
            correlation_id,
            head.before,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            head.after,
        )

    def _records(self, frame: memoryview, at: int, end: int) -> memoryview | None:
        """The batch, whose size stands at `at`, if behind it nothing but the end of the request follows."""
        if not self._flexible:
            stop = at + 4 + int.from_bytes(frame[at : at + 4], "big")
            return frame[at + 4 : stop] if stop == end and stop - at - 4 >= HEADER_BYTES else None
        low, middle = frame[at], frame[at + 1]
        if low < 128:
            size, at = low, at + 1
        elif middle < 128:
            size, at = low & 127 | middle << 7, at + 2
        elif frame[at + 2] < 128:
            size, at = low & 127 | (middle & 127) << 7 | frame[at + 2] << 14, at + 3
        else:
            return None
        stop = at + size - 1
        # Three sections of tagged fields, of the partition, the topic and the request, all empty.
        if stop + 3 != end or size <= HEADER_BYTES or frame[stop] or frame[stop + 1] or frame[stop + 2]:
            return None
        return frame[at:stop]

    def learn(
        self, broker: "BrokerServer", frame: memoryview, request: ProduceRequest, context: RequestContext
    ) -> None:
        """Remember the head of a request that was handled the long way, if the next one may go the short one."""
        topics = request.topic_data
        if (
            len(topics) != 1
            or len(topics[0].partition_data) != 1
            or request.transactional_id is not None
            or request.acks not in (1, ACKS_ALL)
            or broker.config.ottla_validate_records
        ):
            return
        topic, index = topics[0], topics[0].partition_data[0].index
        name = topic.name
        if self._version >= _FIRST_WITH_TOPIC_IDS:
            name = broker.metadata.image.topic_names.get(topic.topic_id, "")
        partition = broker.replicas.partitions.get((name, index))
        if name in INTERNAL_TOPICS or partition is None or partition.log is None:
            return
        if not partition.log.takes_as_is:
            return
        head = self._head_of(frame, request, context)
        if head is None or head in self._heads:
            return
        if self._settings is not broker.config or len(self._heads) >= HEADS_MAX:
            self._heads.clear()
            self._settings = broker.config
        config = partition.log.config
        self._heads[head] = _Head(partition, config, broker.topic_counters(name), request, self._version)

    def _head_of(self, frame: memoryview, request: ProduceRequest, context: RequestContext) -> bytes | None:
        """The frame's head, if it is what encoding the request would give; whatever can be said otherwise goes the long way."""
        topic = request.topic_data[0]
        without_records = ProduceRequest(
            acks=request.acks,
            timeout_ms=request.timeout_ms,
            topic_data=[
                TopicProduceData(
                    name=topic.name,
                    topic_id=topic.topic_id,
                    partition_data=[PartitionProduceData(index=topic.partition_data[0].index, records=b"")],
                )
            ],
        )
        encoded = encode_request(without_records, self._version, context.correlation_id, context.client_id)
        # Behind the head stand no records: four bytes of their size, or one of it and three ends of tagged fields.
        head = bytes(encoded[4 + _HEAD_AT : -4])
        same = len(head) <= HEAD_BYTES_MAX and frame[_HEAD_AT : _HEAD_AT + len(head)] == head
        return head if same else None


def produce_shortcut(api_version: int) -> ProduceHeads | None:
    """The `dispatch.Shortcut` of a version of Produce."""
    return ProduceHeads(api_version) if api_version >= LOWEST_VERSION else None


def _delayed(
    broker: "BrokerServer", head: _Head, response: ProduceResponse, last_offset: int
) -> Pending[ProduceResponse | None]:
    """The batch is in the log, but not yet as safe as `acks` asks."""
    row = response.responses[0].partition_responses[0]
    return DelayedProduce(
        response,
        [(head.partition, last_offset, row)],
        head.acks,
        head.timeout_ms,
        broker.timers,
        broker.loop,
    ).pending


def _refused(head: _Head, error: KafkaError) -> Pending[ProduceResponse | None]:
    """The disk takes nothing now."""
    head.counters.produces += 1
    head.counters.failed_produces += 1
    response = head.response(-1)
    row = response.responses[0].partition_responses[0]
    row.error_code = error.code
    row.error_message = error.message if error.message != error.code.message else None
    refused: Pending[ProduceResponse | None] = Pending()
    refused.complete(response)
    return refused
