"""Produce, as clients see it: acks, errors by partition, idempotence, what a compacted topic takes."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.types import Uuid
from ottla.records.batch import Codec
from ottla.records.record import Record, build_batch
from ottla.replication.partition import Role

NOW_MS = 1_700_000_000_000


def batch(*values: bytes, key: bytes | None = b"k", **options) -> bytes:
    """One batch of records with these values."""
    return bytes(build_batch([Record(0, NOW_MS, key, value) for value in values], **options))


def produce(
    client,
    topic: str,
    *records: bytes,
    acks: int = 1,
    version: int = 9,
    topic_id: Uuid | None = None,
    timeout_ms: int = 30_000,
):
    """Send one batch to each of the partitions 0, 1, …; the rows of the answer."""
    data = [PartitionProduceData(index=index, records=each) for index, each in enumerate(records)]
    topic_data = TopicProduceData(partition_data=data)
    if topic_id is None:
        topic_data.name = topic
    else:
        topic_data.topic_id = topic_id
    answer = client.ask(
        ProduceRequest(acks=acks, timeout_ms=timeout_ms, topic_data=[topic_data]), ProduceResponse, version
    )
    return answer.responses[0].partition_responses


def make_topic(broker, name: str, partitions: int = 1, **configs: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.address})
    new = NewTopic(
        name, partitions, 1, config={key.replace("_", "."): value for key, value in configs.items()}
    )
    for future in admin.create_topics([new]).values():
        future.result(10)


@pytest.mark.parametrize("version", range(3, 13))
def test_every_version_appends_and_tells_the_offset(broker, connect, version):
    """Three records, then two: base offsets 0 and 3."""
    make_topic(broker, "t")
    client = connect(broker)
    (first,) = produce(client, "t", batch(b"a", b"b", b"c"), version=version)
    (second,) = produce(client, "t", batch(b"d", b"e"), version=version, acks=-1)
    assert (first.error_code, first.base_offset) == (ErrorCode.NONE, 0)
    assert (second.error_code, second.base_offset) == (ErrorCode.NONE, 3)
    assert second.log_append_time_ms == -1


def test_version_13_names_topics_by_id(broker, connect):
    """KIP-516; an id nobody knows is UNKNOWN_TOPIC_ID."""
    make_topic(broker, "t")
    client = connect(broker)
    described = client.ask(MetadataRequest(topics=[MetadataRequestTopic(name="t")]), MetadataResponse, 13)
    (row,) = produce(client, "", batch(b"a"), version=13, topic_id=described.topics[0].topic_id)
    assert row.error_code == ErrorCode.NONE
    (row,) = produce(client, "", batch(b"a"), version=13, topic_id=Uuid(b"x" * 16))
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_each_partition_has_its_own_outcome(broker, connect):
    """One good batch, one broken, one partition that isn't there."""
    make_topic(broker, "t", 2)
    broken = bytearray(batch(b"a"))
    broken[-1] ^= 1
    rows = produce(connect(broker), "t", batch(b"a"), bytes(broken), batch(b"b"))
    assert [row.error_code for row in rows] == [
        ErrorCode.NONE,
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert [row.base_offset for row in rows] == [0, -1, -1]


def test_acks_that_mean_nothing_are_refused(broker, connect):
    """acks=2 was dropped long ago."""
    make_topic(broker, "t")
    (row,) = produce(connect(broker), "t", batch(b"a"), acks=2)
    assert row.error_code == ErrorCode.INVALID_REQUIRED_ACKS


def test_acks_0_is_not_answered(broker, connect):
    """The next answer on the connection is the next request's."""
    make_topic(broker, "t")
    client = connect(broker)
    data = [TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch(b"a"))])]
    client.send(ProduceRequest(acks=0, timeout_ms=30_000, topic_data=data), 9)
    assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    (row,) = produce(client, "t", batch(b"b"))
    assert row.base_offset == 1


def test_acks_0_that_fails_closes_the_connection(broker, connect):
    """There is no other way to tell."""
    client = connect(broker)
    data = [
        TopicProduceData(name="none", partition_data=[PartitionProduceData(index=0, records=batch(b"a"))])
    ]
    client.send(ProduceRequest(acks=0, timeout_ms=30_000, topic_data=data), 9)
    assert client.is_closed()


@pytest.mark.parametrize("records", [b"", None, b"short", batch(b"a") + batch(b"b")])
def test_a_partition_takes_exactly_one_batch(broker, connect, records):
    """None, less and more are refused, as Apache's ProduceRequest.validateRecords does."""
    make_topic(broker, "t")
    (row,) = produce(connect(broker), "t", records)
    assert row.error_code in (ErrorCode.INVALID_RECORD, ErrorCode.CORRUPT_MESSAGE)
    assert row.base_offset == -1


def test_zstd_needs_version_7(broker, connect):
    """Older clients could not read it back."""
    make_topic(broker, "t")
    client = connect(broker)
    records = batch(b"a" * 1000, codec=Codec.ZSTD)
    (row,) = produce(client, "t", records, version=6)
    assert row.error_code == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    (row,) = produce(client, "t", records, version=7)
    assert row.error_code == ErrorCode.NONE


def test_min_insync_replicas_counts_for_acks_all_only(broker, connect):
    """One replica can't be two."""
    make_topic(broker, "t", min_insync_replicas="2")
    client = connect(broker)
    assert produce(client, "t", batch(b"a"), acks=-1)[0].error_code == ErrorCode.NOT_ENOUGH_REPLICAS
    assert produce(client, "t", batch(b"a"), acks=1)[0].error_code == ErrorCode.NONE


def test_the_brokers_own_topics_are_closed_to_producers(broker, connect):
    """Writing to __consumer_offsets would be writing to the coordinator's mind."""
    client = connect(broker)
    client.ask(MetadataRequest(topics=[MetadataRequestTopic(name="__consumer_offsets")]), MetadataResponse, 9)
    (row,) = produce(client, "__consumer_offsets", batch(b"a"))
    assert row.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert row.error_message is None or "internal" in row.error_message


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.LZ4])
@pytest.mark.parametrize("size", [10, 20_000])
def test_a_compacted_topic_refuses_records_without_a_key(broker, connect, codec, size):
    """With the record's place in the batch; small batches on the loop, large ones on a thread."""
    make_topic(broker, "t", cleanup_policy="compact")
    client = connect(broker)
    (row,) = produce(client, "t", batch(b"x" * size, key=None, codec=codec))
    assert row.error_code == ErrorCode.INVALID_RECORD
    assert [(each.batch_index, bool(each.batch_index_error_message)) for each in row.record_errors] == [
        (0, True)
    ]
    (row,) = produce(client, "t", batch(b"x" * size, codec=codec))
    assert (row.error_code, row.base_offset) == (ErrorCode.NONE, 0)


def test_a_topics_own_codec_is_put_in_place_of_the_producers(broker, connect):
    """compression.type=zstd; the answer waits for the thread that does it, and so do later requests."""
    make_topic(broker, "t", compression_type="zstd")
    client = connect(broker)
    for number in range(5):
        (row,) = produce(client, "t", batch(b"x" * 50_000, codec=Codec.GZIP))
        assert (row.error_code, row.base_offset) == (ErrorCode.NONE, number)

    def codecs(server) -> set[int]:
        log = server.replicas.partition("t", 0).leading_log()
        content = log.read(0, 1 << 20).slice.read_all()
        return {content[22] & 7}

    assert broker.call(codecs) == {Codec.ZSTD}


def test_an_idempotent_producer_is_recognised(broker, connect):
    """A batch sent twice has the first one's offset; a gap in the sequence is out of order."""
    make_topic(broker, "t")
    client = connect(broker)
    producer = client.ask(InitProducerIdRequest(transactional_id=None), InitProducerIdResponse, 4)
    assert producer.producer_epoch == 0
    assert producer.producer_id >= 0

    def send(sequence: int):
        options = {"producer_id": producer.producer_id, "producer_epoch": 0, "base_sequence": sequence}
        return produce(client, "t", batch(b"a", b"b", **options), acks=-1)[0]

    assert (send(0).base_offset, send(2).base_offset) == (0, 2)
    assert send(2).base_offset == 2
    assert send(0).base_offset == 0
    assert send(8).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_producer_ids_are_given_once(broker, connect):
    """Over more than one block of a thousand."""
    client = connect(broker)
    request = InitProducerIdRequest(transactional_id=None)
    ids = [client.ask(request, InitProducerIdResponse, 2).producer_id for _ in range(2_100)]
    assert len(set(ids)) == len(ids)


def test_a_batch_over_max_message_bytes_is_refused(broker, connect):
    """MESSAGE_TOO_LARGE."""
    make_topic(broker, "t", max_message_bytes="1000")
    (row,) = produce(connect(broker), "t", batch(b"x" * 2000))
    assert row.error_code == ErrorCode.MESSAGE_TOO_LARGE


def test_a_request_over_many_partitions_is_answered_in_order(broker, connect):
    """It takes several turns of the loop; its batches are kept meanwhile, though others use the memory."""
    make_topic(broker, "many", 800)
    clients = [connect(broker) for _ in range(3)]
    batches = [batch(f"value-{index}".encode() * 20) for index in range(800)]
    data = [
        TopicProduceData(
            name="many",
            partition_data=[
                PartitionProduceData(index=index, records=each) for index, each in enumerate(batches)
            ],
        )
    ]
    request = ProduceRequest(acks=1, timeout_ms=30_000, topic_data=data)
    for client in clients:
        client.send(request, 9)
    for client in clients:
        rows = client.receive(ProduceResponse, 9)[1].responses[0].partition_responses
        assert [row.index for row in rows] == list(range(800))
        assert {row.error_code for row in rows} == {ErrorCode.NONE}

    def values(server) -> list[bool]:
        return [
            f"value-{index}".encode() * 20
            in bytes(server.replicas.partition("many", index).leading_log().read(0, 1 << 20).slice.read_all())
            for index in range(800)
        ]

    assert all(broker.call(values))


@pytest.mark.parametrize("version", [3, 9, 10, 12])
def test_who_leads_instead_is_told_where_the_version_has_a_place_for_it(broker, connect, version):
    """KIP-951: id and epoch beside the error, the address beside the partitions."""
    make_topic(broker, "t")

    def follow(server) -> None:
        server.replicas.partition("t", 0).role = Role.FOLLOWER

    broker.call(follow)
    data = [TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch(b"a"))])]
    request = ProduceRequest(acks=1, timeout_ms=30_000, topic_data=data)
    answer = connect(broker).ask(request, ProduceResponse, version)
    row = answer.responses[0].partition_responses[0]
    assert row.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert row.current_leader.leader_id == (1 if version >= 10 else -1)
    assert [each.port for each in answer.node_endpoints] == ([broker.port] if version >= 10 else [])
