"""Produce requests that are answered by what is known of the one before: the same answers as the long way gives."""

import struct
from dataclasses import dataclass

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.broker.produce_heads import HEADS_MAX, LOWEST_VERSION, ProduceHeads
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.batch import Codec
from ottla.records.record import Record, build_batch
from ottla.storage import log_directory

NOW_MS = 1_700_000_000_000
NEWEST = 13
TOPICS = {"t": {}, "a-longer-name": {}, "compacted": {"cleanup.policy": "compact"}}
PARTITIONS = 2


def batch(*values: bytes, key: bytes | None = b"k", **options) -> bytes:
    """One batch of records with these values."""
    return bytes(build_batch([Record(0, NOW_MS, key, value) for value in values], **options))


def with_byte(content: bytes, position: int, change: int) -> bytes:
    """`content` with one byte changed."""
    changed = bytearray(content)
    changed[position] ^= change
    return bytes(changed)


def produce_frame(
    request: ProduceRequest, version: int, *, client_id: bytes | None = b"c", correlation_id: int = 1
) -> bytes:
    """The request in a frame."""
    head = struct.pack(">hhi", ApiKey.PRODUCE, version, correlation_id)
    head += struct.pack(">h", -1) if client_id is None else struct.pack(">h", len(client_id)) + client_id
    if version in request.flexible:
        head += b"\0"
    body = head + encode(request, version)
    return struct.pack(">i", len(body)) + body


def one_partition(
    records: bytes | None, *, topic: str = "t", index: int = 0, acks: int = 1, **fields
) -> ProduceRequest:
    """A request for one partition."""
    data = TopicProduceData(
        name=topic, partition_data=[PartitionProduceData(index=index, records=records)], **fields
    )
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=[data])


def make_topics(broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.address})
    made = admin.create_topics(
        [NewTopic(name, PARTITIONS, 1, config=config) for name, config in TOPICS.items()]
    )
    for future in made.values():
        future.result(10)


def shortcut_of(broker, version: int) -> ProduceHeads:
    return broker.call(lambda server: server.routes.by_number[ApiKey.PRODUCE << 16 | version].shortcut)


def forbid_the_long_way(broker) -> None:
    """From now on a produce request that is decoded and handled fails."""

    def refuse(*_: object) -> None:
        raise RuntimeError("this request went the long way")

    def forbid(server) -> None:
        for number, route in server.routes.by_number.items():
            if number >> 16 == ApiKey.PRODUCE:
                route.handler = refuse

    broker.call(forbid)


@pytest.mark.parametrize("version", range(LOWEST_VERSION, NEWEST))
@pytest.mark.parametrize("size", [1, 60, 300, 20_000, 300_000])
def test_the_second_request_of_a_kind_goes_the_short_way(start_broker, connect, version, size):
    """In every version from 7 on, for sizes whose length takes one to three bytes: its own offset and correlation id."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    request = one_partition(batch(b"x" * size))
    client.ask(request, ProduceResponse, version)
    forbid_the_long_way(broker)
    for offset in (1, 2):
        row = client.ask(request, ProduceResponse, version).responses[0].partition_responses[0]
        assert (row.error_code, row.base_offset, row.log_start_offset) == (ErrorCode.NONE, offset, 0)
    counted = broker.call(lambda server: server.topic_counters("t"))
    assert (counted.produces, counted.messages_in) == (3, 3)


def test_another_partition_or_setting_has_a_head_of_its_own(start_broker, connect):
    """What differs in anything but records and correlation id is not what is known."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    for index in (0, 1):
        for acks in (1, -1):
            client.ask(one_partition(batch(b"v"), index=index, acks=acks), ProduceResponse, 9)
    forbid_the_long_way(broker)
    for index in (0, 1):
        request = one_partition(batch(b"v"), index=index)
        row = client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]
        assert (row.index, row.error_code, row.base_offset) == (index, ErrorCode.NONE, 2)
    other = ProduceRequest(acks=1, timeout_ms=77, topic_data=one_partition(batch(b"v")).topic_data)
    row = client.ask(other, ProduceResponse, 9).responses[0].partition_responses[0]
    assert row.error_code == ErrorCode.UNKNOWN_SERVER_ERROR


def test_a_topic_deleted_and_made_anew_is_the_new_one(start_broker, connect):
    """The head's partition no longer leads: the request goes the long way, and finds the new topic's."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    request = one_partition(batch(b"v"))
    for _ in range(3):
        client.ask(request, ProduceResponse, 9)
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.delete_topics(["t"])["t"].result(10)
    row = client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(10)
    for offset in (0, 1):
        row = client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]
        assert (row.error_code, row.base_offset) == (ErrorCode.NONE, offset)


def test_a_topic_that_becomes_compacted_refuses_records_without_a_key(start_broker, connect):
    """A head is known under the topic's settings as they were."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    keyless = one_partition(batch(b"v", key=None))
    for _ in range(2):
        client.ask(keyless, ProduceResponse, 9)
    change = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, "t", incremental_configs=[change])
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.incremental_alter_configs([resource])[resource].result(10)
    row = client.ask(keyless, ProduceResponse, 9).responses[0].partition_responses[0]
    assert row.error_code == ErrorCode.INVALID_RECORD


def test_requests_in_one_packet_are_answered_in_order(start_broker, connect):
    """The first goes the long way, the others the short one."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    request = one_partition(batch(b"v"))
    client.socket.sendall(b"".join(produce_frame(request, 9, correlation_id=number) for number in range(300)))
    for number in range(300):
        correlation_id, answer = client.receive(ProduceResponse, 9)
        assert correlation_id == number
        assert answer.responses[0].partition_responses[0].base_offset == number


def test_heads_are_bounded(start_broker, connect):
    """A client that never repeats itself makes the broker forget, not grow."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    heads = shortcut_of(broker, 9)
    known = dict.fromkeys(range(HEADS_MAX))
    broker.call(lambda server: setattr(heads, "_settings", server.config) or heads._heads.update(known))
    client.ask(one_partition(batch(b"v")), ProduceResponse, 9)
    assert broker.call(lambda _: len(heads._heads)) == 1


@dataclass(frozen=True)
class Sent:
    """A frame but for the topic's id, which is each broker's own."""

    frame: bytes
    topic: str


BATCHES = {
    "plain": batch(b"v"),
    "three": batch(b"v", b"w", b"x" * 200),
    "keyless": batch(b"v", key=None),
    "lz4": batch(b"v" * 100, codec=Codec.LZ4),
    "zstd": batch(b"v" * 100, codec=Codec.ZSTD),
    "sequence 0": batch(b"v", producer_id=5, producer_epoch=0, base_sequence=0),
    "sequence 1": batch(b"v", producer_id=5, producer_epoch=0, base_sequence=1),
    "later epoch": batch(b"v", producer_id=5, producer_epoch=1, base_sequence=0),
    "bad crc": with_byte(batch(b"v"), 63, 1),
    "control": with_byte(batch(b"v"), 22, 0x20),
    "transactional": with_byte(batch(b"v"), 22, 0x10),
    "unknown codec": with_byte(batch(b"v"), 22, 0x06),
    "base offset": with_byte(batch(b"v"), 7, 1),
    "magic": with_byte(batch(b"v"), 16, 1),
    "two batches": batch(b"v") * 2,
    "trailing": batch(b"v") + b"rest",
    "short": batch(b"v")[:50],
    "empty": b"",
    "none": None,
}


@st.composite
def sent(draw) -> Sent:
    """A request: often one that repeats another, now and then one with a byte changed or something behind its end."""
    version = draw(st.sampled_from((3, 7, 8, 9, 9, 12, 12, 13)))
    topic = draw(st.sampled_from(("t", "t", "a-longer-name", "compacted", "missing", "__consumer_offsets")))
    acks = draw(st.sampled_from((1, 1, 1, -1, 0, 2)))
    kind = draw(st.sampled_from((*["plain"] * 6, *BATCHES)))
    fields = {"topic_id": topic.encode().ljust(16, b"\0")} if version == NEWEST else {}
    request = one_partition(
        BATCHES[kind], topic=topic, index=draw(st.integers(0, PARTITIONS)), acks=acks, **fields
    )
    if draw(st.integers(0, 9)) == 0:
        request.topic_data *= 2
    client_id = draw(st.sampled_from((b"c", b"c", b"", None, b"client-\xc3\xa9")))
    frame = produce_frame(request, version, client_id=client_id)
    change = draw(st.integers(0, 12))
    if change == 0:
        position = draw(st.integers(12, len(frame) - 1))
        frame = with_byte(frame, position, draw(st.integers(1, 255)))
    elif change == 1:
        frame = struct.pack(">i", len(frame) - 3) + frame[4:] + b"\0"
    return Sent(frame, topic)


@pytest.fixture
def two_brokers(start_broker, tmp_path):
    """One that may take the short way and one that may not, with the same topics."""
    started = [start_broker({"log.dirs": str(tmp_path / name)}) for name in ("short", "long")]

    def disable(server) -> None:
        for route in server.routes.by_number.values():
            route.shortcut = None

    started[1].call(disable)
    for each in started:
        make_topics(each)
    return started


def test_both_ways_answer_the_same_bytes(two_brokers, raw_client):
    """Whatever is sent, and in whatever order."""
    ids = [
        broker.call(lambda server: {name: server.metadata.image.topics[name].topic_id for name in TOPICS})
        for broker in two_brokers
    ]
    clients = [raw_client(broker.port) for broker in two_brokers]

    def outcome(side: int, step: Sent) -> bytes | None:
        """The answer with the topic's id taken out; None when the connection was closed, or nothing is answered."""
        placeholder = step.topic.encode().ljust(16, b"\0")
        real = ids[side].get(step.topic, placeholder)
        client = clients[side]
        client.socket.sendall(step.frame.replace(placeholder, real))
        # An answer to something that is always answered, so that no answer shows.
        client.socket.sendall(struct.pack(">ihhih", 10, ApiKey.API_VERSIONS, 0, -7, -1))
        received = b""
        try:
            while True:
                frame = client.receive_frame()
                if frame[:4] == struct.pack(">i", -7):
                    return received.replace(real, placeholder)
                received += frame
        except ConnectionResetError:
            client.socket.close()
            clients[side] = raw_client(two_brokers[side].port)
            return None

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(sent(), min_size=5, max_size=40))
    def same(steps: list[Sent]) -> None:
        for step in steps:
            assert outcome(0, step) == outcome(1, step), step.frame
        ends = [broker.call(_log_ends) for broker in two_brokers]
        assert ends[0] == ends[1]

    same()
    assert sum(len(shortcut_of(two_brokers[0], version)._heads) for version in (7, 8, 9, 12, 13)) > 3
    for client in clients:
        client.socket.close()


def _log_ends(server) -> dict[tuple[str, int], tuple[int, int]]:
    return {
        key: (partition.log.log_end_offset, partition.high_watermark)
        for key, partition in server.replicas.partitions.items()
        if partition.log is not None and key[0] in TOPICS
    }


def test_a_batch_that_waits_for_a_slow_disk_is_answered_when_it_is_written(start_broker, connect):
    """The short way waits as the long one does."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    for acks in (1, -1):
        client.ask(one_partition(batch(b"v"), acks=acks), ProduceResponse, 9)
    forbid_the_long_way(broker)
    broker.call(lambda server: setattr(server.logs.directories[0], "is_slow", True))
    for offset, acks in ((2, 1), (3, -1)):
        answer = client.ask(one_partition(batch(b"v"), acks=acks), ProduceResponse, 9)
        row = answer.responses[0].partition_responses[0]
        assert (row.error_code, row.base_offset) == (ErrorCode.NONE, offset)


def test_a_disk_that_takes_no_more_is_told_as_such(start_broker, connect, monkeypatch):
    """KAFKA_STORAGE_ERROR, upon which clients try again: never that the batch is bad, which would lose it."""
    broker = start_broker()
    make_topics(broker)
    client = connect(broker)
    request = one_partition(batch(b"v"))
    client.ask(request, ProduceResponse, 9)
    broker.call(lambda server: setattr(server.logs.directories[0], "is_slow", True))
    monkeypatch.setattr(log_directory, "TASK_QUEUE_CAPACITY", 0)
    row = client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]
    monkeypatch.undo()
    assert (row.error_code, row.base_offset) == (ErrorCode.KAFKA_STORAGE_ERROR, -1)
    row = client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]
    assert (row.error_code, row.base_offset) == (ErrorCode.NONE, 1)
    counted = broker.call(lambda server: server.topic_counters("t"))
    assert (counted.produces, counted.failed_produces, counted.messages_in) == (3, 1, 2)
