"""The topic `_schemas`: read from its beginning into the state, written one group of records after the other.

The topic of the encryption keys is one of the same kind (`dek/opening.py`): what follows from the records is the state's matter.

    append ─▶ librdkafka ─▶ broker, all replicas ─▶ offset ─▶ applied at its place ─▶ answered
                                 └─▶ consumer's thread ─▶ records of others, and ours again

A write is answered when it has been applied, and it is applied at its offset: after every record before it. What comes
back by the consumer though it was applied already is passed over. The only thread that changes the state is the loop's.

Source: Confluent's KafkaStore and KafkaStoreReaderThread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

from ottla.registry.errors import RegistryError, schema_too_large, store_failed, timed_out
from ottla.registry.records import MalformedRecordError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, Producer
    from confluent_kafka.admin import AdminClient

POLL_S: Final = 0.5
"""How long a thread waits in librdkafka before it looks whether it is to end."""
BATCH_RECORDS: Final = 500
"""Records that are applied at once; then the loop serves others."""
MAX_BATCHES_WAITING: Final = 20
"""Batches read and not applied; then the consumer waits."""
MAX_UNCLAIMED_CONFLICTS: Final = 1_000
RETRY_S: Final = 0.25
TOPIC_TIMEOUT_S: Final = 10.0
LOOK_TIMEOUT_S: Final = 3.0
"""How long a look for the topic takes at most before the next: so long may a stop during the start be held up."""
MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
"""Larger than the broker takes unless it is told to: it is the broker that refuses."""

_log = logging.getLogger("ottla.registry")


_Record = TypeVar("_Record")
_Conflict = TypeVar("_Conflict")
_Record_contra = TypeVar("_Record_contra", contravariant=True)
_Conflict_co = TypeVar("_Conflict_co", covariant=True)


class TopicState(Protocol[_Record_contra, _Conflict_co]):
    """What follows from the records of a topic."""

    def apply(self, record: _Record_contra, key: bytes) -> _Conflict_co | None:
        """Take the next one in; tells if it wanted what another one had."""


class StartError(Exception):
    """The topic can't be used; the message says why and what to do."""


class Place(NamedTuple):
    """Which topic, and how it is made if there is none."""

    topic: str
    replication_factor: int
    init_timeout_s: float
    write_timeout_s: float


class _Read(NamedTuple, Generic[_Record]):
    offset: int
    key: bytes
    record: _Record | None


@dataclass(slots=True)
class _Append(Generic[_Conflict]):
    """Records on their way, of one call of `append`."""

    left: int
    done: asyncio.Future[list[_Conflict]]
    conflicts: list[_Conflict]


class StateTopic(Generic[_Record, _Conflict]):
    """Belongs to one event loop. `client` are librdkafka's properties: bootstrap servers and security.

    `decode` makes a record of a key, a value and the time in milliseconds when it was written; it raises MalformedRecordError.
    """

    def __init__(
        self,
        state: TopicState[_Record, _Conflict],
        decode: Callable[[bytes, bytes | None, int], _Record],
        place: Place,
        client: Mapping[str, str],
    ) -> None:
        self.state = state
        self.on_conflict: Callable[[_Conflict], None] = lambda _conflict: None
        """Called for a record that wants what another one has, if it seems to be somebody else's."""
        self._decode = decode
        self._place = place
        self._client = dict(client)
        self._position = 0
        """The offset of the record to be applied next."""
        self._end: int | None = None
        """Where the topic ended when it was asked at the start."""
        self._reached_end = asyncio.Event()
        self._appends: dict[int, _Append[_Conflict]] = {}
        """Our records on their way back, by offset."""
        self._unclaimed: deque[tuple[int, _Conflict]] = deque(maxlen=MAX_UNCLAIMED_CONFLICTS)
        """Conflicts of records that the consumer brought before the producer told that they are ours."""
        self._reports: deque[Callable[[], None]] = deque()
        """What the producer's thread tells of our records; as many as are on their way."""
        self._reports_announced = False
        self._ending = False
        self._room = threading.Semaphore(MAX_BATCHES_WAITING)
        self._threads: list[threading.Thread] = []
        self._loop = asyncio.get_running_loop()

    @property
    def position(self) -> int:
        """The offset up to which the state has been read."""
        return self._position

    async def start(self) -> None:
        """Make the topic if there is none, and read it to its end. Raises StartError."""
        # librdkafka takes longer to load than all else here together.
        from confluent_kafka import Consumer, Producer  # noqa: PLC0415

        await asyncio.to_thread(self._make_topic)
        consumer = Consumer(
            {
                **self._client,
                "group.id": "schema-registry-reader",
                "enable.auto.commit": "false",
                "enable.partition.eof": "true",
                "auto.offset.reset": "earliest",
                "fetch.message.max.bytes": str(MAX_RECORD_BYTES),
                "allow.auto.create.topics": "false",
                "socket.nagle.disable": "true",
                "reconnect.backoff.max.ms": "1000",
            }
        )
        self._producer = Producer(
            {
                **self._client,
                "acks": "all",
                # The order of records counts, and a group of them goes while the one before is under way.
                "max.in.flight.requests.per.connection": "1",
                "linger.ms": "0",
                "message.max.bytes": str(MAX_RECORD_BYTES),
                "message.timeout.ms": str(int(self._place.write_timeout_s * 1000)),
                "socket.nagle.disable": "true",
                "reconnect.backoff.max.ms": "1000",
                "compression.type": "none",
            }
        )
        for run, client in ((self._read, consumer), (self._deliver, self._producer)):
            thread = threading.Thread(
                target=run, args=(client,), name=f"ottla-{run.__name__[1:]}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        try:
            async with asyncio.timeout(self._place.init_timeout_s):
                await self._reached_end.wait()
        except TimeoutError:
            raise StartError(
                f"topic {self._place.topic} could not be read to its end within {self._place.init_timeout_s:g} s "
                "(kafkastore.init.timeout.ms); is its leader up?"
            ) from None

    async def stop(self) -> None:
        """End the threads; what is not answered yet fails."""
        self._ending = True
        self._room.release()
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in self._threads))
        for append in {id(each): each for each in self._appends.values()}.values():
            _fail(append, store_failed("The registry is stopping"))

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[_Conflict]:
        """Write records and answer when all are durable and applied; tells which came second.

        Raises 42209 for a record the broker finds too large, 50002 when it does not answer in time, 50001 else.
        """
        if not writes:
            return []
        append: _Append[_Conflict] = _Append(len(writes), self._loop.create_future(), [])
        for key, value in writes:
            try:
                self._producer.produce(
                    self._place.topic,
                    value,
                    key,
                    partition=0,
                    on_delivery=self._on_delivery(append, key, value),
                )
            except BufferError:
                _fail(append, store_failed("Too many writes are waiting for the Kafka cluster"))
                break
            except Exception as error:  # noqa: BLE001 - KafkaException, whose module is loaded by `start`
                _fail(append, _as_registry_error(error.args[0] if error.args else error))
                break
        return await append.done

    # The topic

    def _make_topic(self) -> None:
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        deadline_s = time.monotonic() + self._place.init_timeout_s
        admin = AdminClient({**self._client, "reconnect.backoff.max.ms": "500"})
        while not self._ending:
            try:
                if self._topic_is_there(admin) or self._create(admin):
                    return
            except StartError:
                raise
            except Exception as error:  # noqa: BLE001 - KafkaException: not reachable yet
                if time.monotonic() > deadline_s:
                    raise StartError(
                        f"the Kafka cluster at {self._client.get('bootstrap.servers')} could not be asked for topic "
                        f"{self._place.topic} within {self._place.init_timeout_s:g} s: {error}"
                    ) from None
            time.sleep(RETRY_S)

    def _topic_is_there(self, admin: AdminClient) -> bool:
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415

        topic = self._place.topic
        # Asked for by its name, the broker would make it, with settings that are not ours.
        found = admin.list_topics(timeout=LOOK_TIMEOUT_S).topics.get(topic)
        if found is None or found.error is not None or not found.partitions:
            return False
        if len(found.partitions) != 1:
            raise StartError(
                f"topic {topic} has {len(found.partitions)} partitions; the registry needs it to have one, so that "
                "all registries read the same order. Name another one with kafkastore.topic"
            )
        resource = ConfigResource(ResourceType.TOPIC, topic)
        policy = admin.describe_configs([resource])[resource].result(TOPIC_TIMEOUT_S).get("cleanup.policy")
        if policy is not None and policy.value != "compact":
            raise StartError(
                f"topic {topic} has cleanup.policy={policy.value}, with which records would be lost; set it to "
                f"compact: ottla config set --topic {topic} cleanup.policy=compact"
            )
        return True

    def _create(self, admin: AdminClient) -> bool:
        """Make the topic; False if somebody else just did, with whatever settings."""
        from confluent_kafka.admin import NewTopic  # noqa: PLC0415

        brokers = len(admin.list_topics(timeout=TOPIC_TIMEOUT_S).brokers)
        replicas = max(1, min(self._place.replication_factor, brokers))
        if replicas < self._place.replication_factor:
            _log.warning(
                "Topic %s gets %d replicas instead of %d: there are no more brokers",
                self._place.topic,
                replicas,
                self._place.replication_factor,
            )
        new = NewTopic(self._place.topic, 1, replicas, config={"cleanup.policy": "compact"})
        future = admin.create_topics([new], operation_timeout=TOPIC_TIMEOUT_S)[self._place.topic]
        error = future.exception(TOPIC_TIMEOUT_S)
        if error is not None and "TOPIC_ALREADY_EXISTS" not in str(error):
            raise error
        return error is None

    # The consumer's thread

    def _read(self, consumer: Consumer) -> None:
        from confluent_kafka import TopicPartition  # noqa: PLC0415

        begin, until = self._watermarks(consumer)
        self._loop.call_soon_threadsafe(self._expect_end, begin, until)
        # At a number, not at "the beginning", which librdkafka would ask for in vain and again half a second later.
        consumer.assign([TopicPartition(self._place.topic, 0, begin)])
        while not self._ending:
            # A batch is waited for until it is full or its time is over; one message, until it is there.
            first = consumer.poll(POLL_S)
            if first is None:
                continue
            read, end = self._decoded([first, *consumer.consume(BATCH_RECORDS - 1, 0)])
            if not read and (end is None or end <= self._position):
                # Mostly our own, applied when the producer told of them: the loop need not know.
                continue
            self._room.acquire()
            if not self._ending:
                self._loop.call_soon_threadsafe(self._apply_read, read, end)
        consumer.close()

    def _watermarks(self, consumer: Consumer) -> tuple[int, int]:
        """Where the topic begins and ends. That it has been met a fetch tells only after half a second in vain."""
        from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415

        while not self._ending:
            try:
                return consumer.get_watermark_offsets(TopicPartition(self._place.topic, 0), TOPIC_TIMEOUT_S)
            except KafkaException as error:
                _log.info("Topic %s does not tell its end yet: %s", self._place.topic, error)
                time.sleep(RETRY_S)
        return 0, 0

    def _decoded(self, messages: Sequence[Message]) -> tuple[list[_Read[_Record]], int | None]:
        """The records among the messages that are not applied yet, and the end of the topic if it was met."""
        from confluent_kafka import KafkaError  # noqa: PLC0415

        read: list[_Read[_Record]] = []
        end = None
        for message in messages:
            error = message.error()
            if error is None:
                # The position may be behind, and never ahead of what has been applied.
                if (message.offset() or 0) >= self._position:
                    read.append(self._decoded_one(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                end = message.offset()
            else:
                _log.warning("Topic %s: %s", self._place.topic, error.str())
        return read, end

    def _decoded_one(self, message: Message) -> _Read[_Record]:
        key, value = message.key() or b"", message.value()
        offset = message.offset() or 0
        try:
            return _Read(offset, key, self._decode(key, value, max(message.timestamp()[1], 0)))
        except MalformedRecordError as error:
            _log.info("Record %d of topic %s is left as it is: %s", offset, self._place.topic, error)
            return _Read(offset, key, None)

    # The producer's thread

    def _deliver(self, producer: Producer) -> None:
        while not self._ending:
            producer.poll(POLL_S)
        producer.purge()
        producer.poll(0)

    def _on_delivery(
        self, append: _Append[_Conflict], key: bytes, value: bytes | None
    ) -> Callable[[object, Message], None]:
        def delivered(error: object, message: Message) -> None:
            if error is not None:
                self._report(partial(_fail, append, _as_registry_error(error)))
                return
            _, timestamp_ms = message.timestamp()
            record = self._decode(key, value, max(timestamp_ms, 0))
            self._report(partial(self._apply_own, append, message.offset() or 0, key, record))

        return delivered

    def _report(self, report: Callable[[], None]) -> None:
        """Have the loop called once for all records that became durable together."""
        self._reports.append(report)
        if not self._reports_announced:
            self._reports_announced = True
            self._loop.call_soon_threadsafe(self._take_reports)

    # The loop's thread

    def _take_reports(self) -> None:
        # Before they are taken: one that comes after the last was taken announces itself anew.
        self._reports_announced = False
        try:
            while self._reports:
                self._reports.popleft()()
        finally:
            if self._reports:
                # One has failed; the others' writers are waiting all the same.
                self._loop.call_soon(self._take_reports)

    def _apply_own(self, append: _Append[_Conflict], offset: int, key: bytes, record: _Record) -> None:
        """Ours is durable at `offset`: apply it if all before it are, else the consumer brings it at its turn."""
        if offset == self._position:
            self._position += 1
            self._applied(append, self.state.apply(record, key))
        elif offset > self._position:
            self._appends[offset] = append
        else:
            # The consumer was quicker, and took it for another's.
            unclaimed = (conflict for place, conflict in self._unclaimed if place == offset)
            self._applied(append, next(unclaimed, None))

    def _apply_read(self, read: list[_Read[_Record]], end: int | None) -> None:
        self._room.release()
        for offset, key, record in read:
            if offset < self._position:
                continue
            self._position = offset + 1
            conflict = None if record is None else self.state.apply(record, key)
            append = self._appends.pop(offset, None)
            if append is not None:
                self._applied(append, conflict)
            elif conflict is not None:
                self._unclaimed.append((offset, conflict))
                self.on_conflict(conflict)
        if end is not None:
            self._position = max(self._position, end)
        self._look_for_end()

    def _expect_end(self, begin: int, end: int) -> None:
        self._end = end
        if begin == end:
            self._position = end
        self._look_for_end()

    def _look_for_end(self) -> None:
        if self._end is not None and self._position >= self._end:
            self._reached_end.set()

    def _applied(self, append: _Append[_Conflict], conflict: _Conflict | None) -> None:
        append.left -= 1
        if conflict is not None:
            append.conflicts.append(conflict)
        if append.left <= 0 and not append.done.done():
            append.done.set_result(append.conflicts)


def _fail(append: _Append[_Conflict], error: RegistryError) -> None:
    if not append.done.done():
        append.done.set_exception(error)


def _as_registry_error(error: object) -> RegistryError:
    """A KafkaError of librdkafka's in the registry's codes."""
    from confluent_kafka import KafkaError  # noqa: PLC0415

    code = error.code() if isinstance(error, KafkaError) else None
    if code in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE}:
        return schema_too_large()
    if code in {KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT, KafkaError._TIMED_OUT}:
        return timed_out("Register operation timed out")
    return store_failed(f"Register schema operation failed while writing to the Kafka store: {error}")
