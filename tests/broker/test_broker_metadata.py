"""Metadata, FindCoordinator, DescribeProducers: what clients learn about the cluster."""

import pytest
from confluent_kafka.admin import AdminClient
from test_broker_produce import batch, make_topic, produce

from ottla.broker.dispatch import REGISTRATIONS
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    TopicRequest,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.types import ZERO_UUID, Uuid


def ask(client, *names: str, version: int = 9, **options) -> MetadataResponse:
    topics = [MetadataRequestTopic(name=name) for name in names]
    return client.ask(MetadataRequest(topics=topics, **options), MetadataResponse, version)


@pytest.mark.parametrize("version", range(14))
def test_a_topic_made_is_in_metadata_at_once(broker, connect, version):
    """In every version, with a leader."""
    make_topic(broker, "t", 3)
    answer = ask(connect(broker), "t", version=version)
    (topic,) = answer.topics
    assert (topic.error_code, topic.name) == (ErrorCode.NONE, "t")
    assert [each.partition_index for each in topic.partitions] == [0, 1, 2]
    assert {(each.error_code, each.leader_id, *each.isr_nodes) for each in topic.partitions} == {(0, 1, 1)}
    assert [(each.node_id, each.host, each.port) for each in answer.brokers] == [
        (1, "127.0.0.1", broker.port)
    ]
    if version >= 1:
        assert answer.controller_id == 1
    if version >= 10:
        assert topic.topic_id != ZERO_UUID


def test_missing_topics_are_made_where_that_is_allowed(start_broker, connect):
    """By the client and by the broker; the answer names the leader already."""
    broker = start_broker({"num.partitions": "4"})
    client = connect(broker)
    (topic,) = ask(client, "new", allow_auto_topic_creation=False).topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    (topic,) = ask(client, "new").topics
    assert (topic.error_code, len(topic.partitions)) == (ErrorCode.NONE, 4)
    (topic,) = ask(client, "bad name!").topics
    assert topic.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_a_broker_may_forbid_it(start_broker, connect):
    """auto.create.topics.enable=false."""
    broker = start_broker({"auto.create.topics.enable": "false"})
    (topic,) = ask(connect(broker), "new").topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_all_topics_or_none(broker, connect):
    """Null asks for all from version 1 on, an empty list for none; in version 0 an empty list for all."""
    make_topic(broker, "a")
    make_topic(broker, "b")
    client = connect(broker)
    names = lambda answer: sorted(each.name for each in answer.topics)  # noqa: E731
    assert names(client.ask(MetadataRequest(topics=None), MetadataResponse, 1)) == ["a", "b"]
    assert names(ask(client, version=1)) == []
    assert names(ask(client, version=0)) == ["a", "b"]


def test_topics_by_id(broker, connect):
    """From version 12 on; one deleted and made again has another id, and the old one is unknown."""
    make_topic(broker, "t")
    client = connect(broker)

    def by_id(topic_id: Uuid):
        request = MetadataRequest(topics=[MetadataRequestTopic(name=None, topic_id=topic_id)])
        return client.ask(request, MetadataResponse, 12).topics[0]

    old = ask(client, "t", version=12).topics[0].topic_id
    assert by_id(old).name == "t"
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.delete_topics(["t"])["t"].result(10)
    make_topic(broker, "t")
    new = ask(client, "t", version=12).topics[0].topic_id
    assert new != old
    assert (by_id(old).error_code, by_id(old).name) == (ErrorCode.UNKNOWN_TOPIC_ID, None)
    assert by_id(new).error_code == ErrorCode.NONE


def test_ids_before_their_time_are_refused(broker, connect):
    """Versions 10 and 11 have the field, and no meaning for it."""
    request = MetadataRequest(topics=[MetadataRequestTopic(name="t", topic_id=Uuid(b"x" * 16))])
    answer = connect(broker).ask(request, MetadataResponse, 10)
    assert answer.topics[0].error_code == ErrorCode.INVALID_REQUEST


def test_what_a_client_may_do_is_told_when_it_asks(broker, connect):
    """Without an authorizer, everything that there is to do."""
    make_topic(broker, "t")
    client = connect(broker)
    answer = ask(
        client, "t", include_topic_authorized_operations=True, include_cluster_authorized_operations=True
    )
    assert (answer.topics[0].topic_authorized_operations, answer.cluster_authorized_operations) == (
        3576,
        8096,
    )
    answer = ask(client, "t")
    assert answer.topics[0].topic_authorized_operations == -(2**31)


def test_a_kept_answer_is_not_older_than_the_metadata(broker, connect):
    """It is encoded once for each image."""
    make_topic(broker, "a")
    client = connect(broker)
    assert len(client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics) == 1
    assert len(client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics) == 1
    make_topic(broker, "b")
    assert len(client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics) == 2


def test_an_advertised_address_is_told_in_place_of_the_sockets(start_broker, connect):
    """In every answer that names a broker."""
    broker = start_broker({"advertised.listeners": "PLAINTEXT://kafka.example:19092"})
    client = connect(broker)
    (node,) = ask(client).brokers
    assert (node.host, node.port) == ("kafka.example", 19092)
    found = client.ask(FindCoordinatorRequest(key="g"), FindCoordinatorResponse, 3)
    assert (found.host, found.port) == ("kafka.example", 19092)


def test_two_listeners_are_told_apart(start_broker, raw_client):
    """A client hears of the listener by which it came."""
    broker = start_broker(
        {
            "listeners": "INTERNAL://127.0.0.1:0,EXTERNAL://127.0.0.1:0",
            "advertised.listeners": "INTERNAL://inside:1,EXTERNAL://outside:2",
            "listener.security.protocol.map": "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
        }
    )
    for name, host in (("INTERNAL", "inside"), ("EXTERNAL", "outside")):
        with raw_client(broker.server.port(name)) as client:
            assert [each.host for each in ask(client).brokers] == [host]


@pytest.mark.parametrize("version", range(7))
def test_a_groups_coordinator_is_found_at_the_first_try(broker, connect, version):
    """__consumer_offsets is made meanwhile."""
    client = connect(broker)
    request = (
        FindCoordinatorRequest(coordinator_keys=["g", "h"])
        if version >= 4
        else FindCoordinatorRequest(key="g")
    )
    found = client.ask(request, FindCoordinatorResponse, version)
    rows = found.coordinators if version >= 4 else [found]
    assert [(each.error_code, each.node_id, each.port) for each in rows] == [(0, 1, broker.port)] * len(rows)
    internal = [
        each
        for each in client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics
        if each.is_internal
    ]
    assert [(each.name, len(each.partitions)) for each in internal] == [("__consumer_offsets", 50)]


def test_coordinators_that_are_not_there(broker, connect):
    """Of share groups, and of kinds unknown."""
    client = connect(broker)
    for key_type in (2, 7):
        request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=["x"])
        (row,) = client.ask(request, FindCoordinatorResponse, 6).coordinators
        assert (row.error_code, row.node_id) == (ErrorCode.INVALID_REQUEST, -1)


def test_producers_of_a_partition(broker, connect):
    """Their epochs and sequences; nothing for a partition that isn't there."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b", producer_id=77, producer_epoch=3, base_sequence=0))
    request = DescribeProducersRequest(topics=[TopicRequest(name="t", partition_indexes=[0, 9])])
    here, missing = client.ask(request, DescribeProducersResponse, 0).topics[0].partitions
    (producer,) = here.active_producers
    assert (producer.producer_id, producer.producer_epoch, producer.last_sequence) == (77, 3, 1)
    assert producer.current_txn_start_offset == -1
    assert missing.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


NOT_SERVED = frozenset({ApiKey.DESCRIBE_QUORUM, ApiKey.ADD_RAFT_VOTER, ApiKey.REMOVE_RAFT_VOTER})
"""What only a KRaft quorum can answer."""

ONLY_WHERE_ASKED_FOR = frozenset(
    {
        ApiKey.GET_TELEMETRY_SUBSCRIPTIONS,
        ApiKey.PUSH_TELEMETRY,
        ApiKey.STREAMS_GROUP_HEARTBEAT,
        ApiKey.STREAMS_GROUP_DESCRIBE,
    }
)
"""Telemetry needs somebody who takes the metrics, and streams groups are unstable."""

AMONG_SERVERS = frozenset(
    {
        ApiKey.LEADER_AND_ISR,
        ApiKey.STOP_REPLICA,
        ApiKey.UPDATE_METADATA,
        ApiKey.CONTROLLED_SHUTDOWN,
        ApiKey.VOTE,
        ApiKey.BEGIN_QUORUM_EPOCH,
        ApiKey.END_QUORUM_EPOCH,
        ApiKey.ALTER_PARTITION,
        ApiKey.ENVELOPE,
        ApiKey.FETCH_SNAPSHOT,
        ApiKey.BROKER_REGISTRATION,
        ApiKey.BROKER_HEARTBEAT,
        ApiKey.ALLOCATE_PRODUCER_IDS,
        ApiKey.CONTROLLER_REGISTRATION,
        ApiKey.ASSIGN_REPLICAS_TO_DIRS,
        ApiKey.UPDATE_RAFT_VOTER,
    }
)
"""Brokers and controllers talk to each other; Apache's brokers don't announce it to clients."""


def test_what_is_served_is_announced_in_apaches_versions(broker, connect):
    """All stable versions of Apache Kafka 4.1.1 of each API; Produce from version 0 (KAFKA-18659)."""
    answer = connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
    announced = {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}
    assert announced.keys() == set(ApiKey) - AMONG_SERVERS - NOT_SERVED - ONLY_WHERE_ASKED_FOR
    for key, (lowest, highest) in announced.items():
        request = REGISTRATIONS[ApiKey(key)].request_class
        stable = request.versions.high - request.latest_unstable
        assert (lowest, highest) == (0 if key == ApiKey.PRODUCE else request.versions.low, stable), request
