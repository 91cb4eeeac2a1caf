"""Records: written with the acknowledgement of each, and read from any place on."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ottla.cli.connection import Connection, Property
from ottla.cli.errors import CommandError
from ottla.cli.explanations import REMEDIES, explain
from ottla.cli.output import counted
from ottla.cli.requests.offsets import Partition

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message, Producer

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

POLL_S = 0.1
"""How long a reader sleeps at most before it looks whether it should stop."""
BATCH_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A record to write. `partition` None lets the key decide, `timestamp_ms` None means now."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveredRecord:
    """Where an acknowledged record lies. `offset` is -1 with acks=0, when nobody says."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class IncomingRecord:
    """A record as read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    is_log_append_time: bool
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Delivery:
    """How many records were acknowledged, how many refused, and why the first was."""

    delivered: int = 0
    failed: int = 0
    first_fault: "KafkaError | None" = None


def produce_records(
    connection: Connection,
    topic: str,
    records: Iterable[OutgoingRecord],
    properties: Mapping[str, Property],
    on_delivered: Callable[[DeliveredRecord], None] | None,
) -> Delivery:
    """Write records and wait for every acknowledgement; raises if any record was refused."""
    # Java's default partitioner: a key's partition is the same whoever produces it.
    producer = connection.producer({"partitioner": "murmur2_random", "linger.ms": 5, **properties})
    delivery = Delivery()

    def report(error: "KafkaError | None", message: "Message") -> None:
        if error is not None:
            delivery.failed += 1
            delivery.first_fault = delivery.first_fault or error
            return
        delivery.delivered += 1
        if on_delivered is not None:
            on_delivered(_delivered(message))

    with connection.explained("produce", subject=f"topic {topic}"):
        for record in records:
            _send(producer, topic, record, report)
            if delivery.first_fault is not None:
                break
        while len(producer):
            producer.poll(POLL_S)
    if delivery.first_fault is not None:
        raise _refused(delivery, topic, connection)
    return delivery


def _delivered(message: "Message") -> DeliveredRecord:
    return DeliveredRecord(
        message.topic() or "",
        _number(message.partition()),
        _number(message.offset()),
        _timestamp(message)[0],
    )


def _send(
    producer: "Producer",
    topic: str,
    record: OutgoingRecord,
    report: "Callable[[KafkaError | None, Message], None]",
) -> None:
    while True:
        try:
            producer.produce(
                topic,
                value=record.value,
                key=record.key,
                partition=-1 if record.partition is None else record.partition,
                on_delivery=report,
                timestamp=record.timestamp_ms or 0,
                headers=list(record.headers),
            )
        except BufferError:
            producer.poll(POLL_S)
        else:
            producer.poll(0)
            return


def _refused(delivery: Delivery, topic: str, connection: Connection) -> CommandError:
    fault = delivery.first_fault
    if fault is None:
        raise AssertionError("a refusal without a fault")
    if fault.name() == "_MSG_TIMED_OUT":
        complaint = f" ({connection.complaints[-1]})" if connection.complaints else ""
        return CommandError(
            f"{delivery.failed} records were not acknowledged within {connection.timeout_s:g} s, "
            f"{delivery.delivered} were",
            where=f"topic {topic} on {connection.bootstrap}{complaint}",
            remedy=f"`ottla topic describe {topic}` shows whether its partitions have leaders",
        )
    error = explain(fault, "produce", f"topic {topic}", connection)
    error.what = f"{counted(delivery.failed, 'record')} refused, {delivery.delivered} written: {error.what}"
    error.remedy = error.remedy or REMEDIES.get(fault.name())
    return error


@dataclass(slots=True)
class Reading:
    """What to read. Either `starts` says where in which partitions, or `group` and `topics` let the group say.

    `ends`: stop a partition before that offset; `stop_at_end`: stop a partition where it has no more records;
    `count`: stop after so many records.
    """

    topics: tuple[str, ...]
    starts: Mapping[Partition, int] = field(default_factory=dict)
    ends: Mapping[Partition, int] = field(default_factory=dict)
    group: str | None = None
    stop_at_end: bool = False
    count: int | None = None
    properties: Mapping[str, Property] = field(default_factory=dict)


def consume_records(connection: Connection, reading: Reading) -> Generator[list[IncomingRecord]]:
    """Read records in runs, as they come; an empty run says that none came for `POLL_S`.

    In a group, a run is committed when the next one is asked for: what was handled before a crash may come again,
    nothing is left out.
    """
    consumer = connection.consumer(
        {
            "group.id": reading.group or "ottla-cli",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            **reading.properties,
        }
    )
    finished: set[Partition] = {
        one for one, end in reading.ends.items() if reading.starts.get(one, end) >= end
    }
    try:
        with connection.explained("consume", subject=f"topic {', '.join(reading.topics)}"):
            _begin(consumer, reading, finished)
            wanted = reading.count
            while wanted != 0 and not _is_done(consumer, reading, finished):
                at_most = BATCH_RECORDS if wanted is None else min(wanted, BATCH_RECORDS)
                run = _read_run(consumer, reading, finished, connection, at_most)
                wanted = None if wanted is None else wanted - len(run)
                yield run
                if reading.group and run:
                    _commit(consumer, run)
    finally:
        consumer.close()


def _begin(consumer: "Consumer", reading: Reading, finished: set[Partition]) -> None:
    from confluent_kafka import TopicPartition

    if reading.group is None:
        consumer.assign(
            [TopicPartition(*one, offset) for one, offset in reading.starts.items() if one not in finished]
        )
        return

    def forget(_consumer: "Consumer", partitions: list[TopicPartition]) -> None:
        finished.difference_update((one.topic, one.partition) for one in partitions)

    consumer.subscribe(list(reading.topics), on_assign=forget)


def _is_done(consumer: "Consumer", reading: Reading, finished: set[Partition]) -> bool:
    if reading.group is None:
        return finished.issuperset(reading.starts)
    if not reading.stop_at_end or not finished:
        return False
    return all((one.topic, one.partition) in finished for one in consumer.assignment())


def _read_run(
    consumer: "Consumer", reading: Reading, finished: set[Partition], connection: Connection, at_most: int
) -> list[IncomingRecord]:
    run: list[IncomingRecord] = []
    for message in consumer.consume(at_most, POLL_S):
        fault = message.error()
        topic, partition = message.topic() or "", _number(message.partition())
        if fault is not None:
            if fault.name() == "_PARTITION_EOF":
                if reading.stop_at_end:
                    finished.add((topic, partition))
            elif not fault.retriable():
                raise explain(fault, "consume", f"topic {topic}" if topic else None, connection)
            continue
        record = _incoming(message, topic, partition)
        end = reading.ends.get((topic, partition))
        if end is None or record.offset < end:
            run.append(record)
        if end is not None and record.offset >= end - 1:
            finished.add((topic, partition))
    return run


def _commit(consumer: "Consumer", run: list[IncomingRecord]) -> None:
    from confluent_kafka import TopicPartition

    positions = {(record.topic, record.partition): record.offset + 1 for record in run}
    consumer.commit(
        offsets=[TopicPartition(*one, offset) for one, offset in positions.items()], asynchronous=False
    )


def _incoming(message: "Message", topic: str, partition: int) -> IncomingRecord:
    timestamp_ms, is_log_append_time = _timestamp(message)
    return IncomingRecord(
        topic=topic,
        partition=partition,
        offset=_number(message.offset()),
        timestamp_ms=timestamp_ms,
        is_log_append_time=is_log_append_time,
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
    )


def _headers(message: "Message") -> Headers:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in pairs)


def _timestamp(message: "Message") -> tuple[int | None, bool]:
    from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE

    kind, timestamp_ms = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms, kind == TIMESTAMP_LOG_APPEND_TIME


def _number(value: int | None) -> int:
    return -1 if value is None else value
