"""Quotas in a broker: who is held back, what is lost by it (nothing), and what it costs without one (nothing)."""

import select
import time

import pytest

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    EntityData,
    EntryData,
    OpData,
)
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch


def set_quota(client, **limits):
    """For the client id `greedy`; None takes a quota away."""
    ops = [OpData(key=key, value=value or 0.0, remove=value is None) for key, value in limits.items()]
    entry = EntryData(entity=[EntityData(entity_type="client-id", entity_name="greedy")], ops=ops)
    answer = client.ask(AlterClientQuotasRequest(entries=[entry]), AlterClientQuotasResponse, 1)
    assert answer.entries[0].error_code == ErrorCode.NONE


def create(client, name):
    topics = [CreatableTopic(name=name, num_partitions=1, replication_factor=1)]
    answer = client.ask(CreateTopicsRequest(topics=topics), CreateTopicsResponse, 5)
    assert answer.topics[0].error_code == ErrorCode.NONE


def produce_request(size, acks=-1):
    batch = build_batch([Record(0, int(time.time() * 1000), None, b"x" * size)])
    data = TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch)])
    return ProduceRequest(acks=acks, timeout_ms=10_000, topic_data=[data])


def produce(client, size):
    return client.ask(produce_request(size), ProduceResponse, 9)


def fetch(client, *, session_id=0, session_epoch=0, offset=0, named=True):
    partition = FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
    topics = [FetchTopic(topic="t", partitions=[partition])] if named else []
    request = FetchRequest(
        max_wait_ms=0,
        max_bytes=1 << 20,
        session_id=session_id,
        session_epoch=session_epoch,
        topics=topics,
    )
    return client.ask(request, FetchResponse, 11)


def records_in(answer):
    return [bytes(each.records) for row in answer.responses for each in row.partitions if each.records]


def is_silent(client, seconds):
    return not select.select([client.socket], [], [], seconds)[0]


def test_without_a_quota_there_is_nothing(broker, connect):
    """And nothing is left when the last one is taken away."""
    client = connect(broker)
    listeners = lambda server: [each.throttling for each in server.listeners]  # noqa: E731 - asked three times
    assert broker.call(listeners) == [None]
    set_quota(client, producer_byte_rate=1e6)
    assert broker.call(listeners) == [broker.call(lambda server: server.throttling)]
    assert broker.call(lambda server: server.throttling) is not None
    set_quota(client, producer_byte_rate=None)
    assert broker.call(listeners) == [None]


def test_a_producer_that_asks_for_no_answer_is_held_back_too(broker, connect):
    """acks=0: there is nothing to tell it by, but what it sends next waits."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    set_quota(admin, producer_byte_rate=20_000)
    greedy.send(produce_request(208_000, acks=0), 9)
    greedy.send(MetadataRequest(topics=[]), 9)
    assert is_silent(greedy, 0.15)
    greedy.receive(MetadataResponse, 9)
    assert produce(admin, 10).throttle_time_ms == 0


def test_what_is_pipelined_waits_as_well(broker, connect):
    """The answer leaves at once; the requests behind it are not looked at before the time is over."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    set_quota(admin, producer_byte_rate=20_000)
    for _ in range(2):
        greedy.send(produce_request(104_000), 9)
    greedy.send(produce_request(10), 9)
    assert greedy.receive(ProduceResponse, 9)[1].throttle_time_ms == 0
    second = greedy.receive(ProduceResponse, 9)[1]
    assert second.throttle_time_ms > 100
    assert is_silent(greedy, second.throttle_time_ms / 1000 - 0.1)
    assert (
        greedy.receive(ProduceResponse, 9)[1].responses[0].partition_responses[0].error_code == ErrorCode.NONE
    )


def test_a_session_loses_nothing_by_being_held_back(broker, connect):
    """The answer has no records and the time; the next fetch of the session has them all."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    first = fetch(greedy)
    assert first.session_id
    produce(admin, 100_000)
    set_quota(admin, consumer_byte_rate=9_500)
    held = fetch(greedy, session_id=first.session_id, session_epoch=1, named=False)
    assert (held.error_code, held.session_id, records_in(held)) == (ErrorCode.NONE, first.session_id, [])
    assert 0 < held.throttle_time_ms < 2_000
    set_quota(admin, consumer_byte_rate=None)
    again = fetch(greedy, session_id=first.session_id, session_epoch=2, named=False)
    assert [len(each) > 100_000 for each in records_in(again)] == [True]


def test_a_fetch_asks_for_no_more_than_its_quota_can_ever_give(broker, connect):
    """Or it would be held back for ever: a small quota is filled batch by batch."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    for _ in range(5):
        produce(admin, 4_000)
    set_quota(admin, consumer_byte_rate=1_000)
    assert len(b"".join(records_in(fetch(greedy)))) <= 10_000


@pytest.mark.parametrize("version", [3, 8, 9, 12])
def test_the_time_is_told_in_answers_that_are_kept_encoded(broker, connect, version):
    """Metadata's bodies are shared between clients; who is held back gets one of its own."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    request = MetadataRequest(topics=[MetadataRequestTopic(name="t")])
    before = admin.ask(request, MetadataResponse, version)
    set_quota(admin, request_percentage=0.00001)
    greedy.ask(request, MetadataResponse, version)
    told = greedy.ask(request, MetadataResponse, version)
    assert told.throttle_time_ms > 0
    told.throttle_time_ms = 0
    assert told == before
    assert admin.ask(request, MetadataResponse, version) == before


def test_a_held_back_client_may_hang_up(broker, connect):
    """Nothing is left of it."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    set_quota(admin, producer_byte_rate=100)
    assert produce(greedy, 100_000).throttle_time_ms > 0
    greedy.socket.close()
    until(lambda: broker.call(lambda server: server.connections) == 1)


def test_the_page_shows_who_uses_how_much(broker, connect):
    """By user and client id, under the names of Apache's."""
    admin, greedy = connect(broker), connect(broker, client_id="greedy")
    create(admin, "t")
    set_quota(admin, producer_byte_rate=1e6, consumer_byte_rate=1e6, request_percentage=100.0)
    produce(greedy, 10_000)

    def samples(server):
        return {
            family.name: [sample for source in sources for sample in source()]
            for family, sources in server.metrics.families()
            if family.name.startswith(("kafka_server_produce_", "kafka_server_request_"))
        }

    seen = broker.call(samples)
    [(labels, rate)] = seen["kafka_server_produce_byte_rate"]
    assert labels == ("", "greedy")
    assert 900 < rate < 1_200
    [(_, percentage)] = seen["kafka_server_request_request_time"]
    assert 0 < percentage < 100
