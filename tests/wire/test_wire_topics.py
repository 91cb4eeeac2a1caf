"""Topics: made, grown, deleted and described, as tools depend on it."""

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from ottla.protocol.messages.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from ottla.protocol.messages.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from ottla.protocol.messages.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse
from ottla.protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.types import ZERO_UUID
from ottla.records.record import Record, build_batch

TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)


def create(wire: WireClient, topic: CreatableTopic, *, validate_only: bool = False) -> CreatableTopicResult:
    request = CreateTopicsRequest(topics=[topic], validate_only=validate_only)
    [result] = wire.ask(request, CreateTopicsResponse, 7).topics
    return result


def delete(wire: WireClient, state: DeleteTopicState) -> DeletableTopicResult:
    [result] = wire.ask(
        DeleteTopicsRequest(topics=[state], timeout_ms=10_000), DeleteTopicsResponse, 6
    ).responses
    return result


def grow(
    wire: WireClient, topic: str, count: int, *, validate_only: bool = False
) -> CreatePartitionsTopicResult:
    asked = CreatePartitionsTopic(name=topic, count=count, assignments=None)
    request = CreatePartitionsRequest(topics=[asked], timeout_ms=10_000, validate_only=validate_only)
    [result] = wire.ask(request, CreatePartitionsResponse, 3).results
    return result


def test_a_new_topic_is_in_metadata_at_once(wire: WireClient, topic: str) -> None:
    """CreateTopics' answer tells what was made, and Metadata knows it."""
    result = create(wire, CreatableTopic(name=topic, num_partitions=3, replication_factor=1))
    assert (result.error_code, result.num_partitions, result.replication_factor) == (ErrorCode.NONE, 3, 1)
    assert result.topic_id != ZERO_UUID
    assert {config.name: config.value for config in result.configs or ()}["retention.ms"] == "604800000"
    seen = until(lambda: wire.topic(topic), lambda each: each.error_code == ErrorCode.NONE)
    assert seen.topic_id == result.topic_id
    assert sorted(partition.partition_index for partition in seen.partitions) == [0, 1, 2]


def test_a_topic_deleted_and_made_again_has_a_new_id(wire: WireClient, topic: str) -> None:
    """And nothing of the old one's records."""
    wire.create_topic(topic)
    wire.produce_records(topic, Record(0, 1, b"k", b"v"))
    before = wire.topic(topic).topic_id
    assert delete(wire, DeleteTopicState(name=topic)).error_code == ErrorCode.NONE
    until(lambda: wire.topic(topic), lambda each: each.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    wire.create_topic(topic)
    assert wire.topic(topic).topic_id != before
    batch = build_batch([Record(0, 1, b"k", b"v")])
    written = until(lambda: wire.produce(topic, batch), lambda answer: answer.error_code == ErrorCode.NONE)
    assert written.base_offset == 0


def test_deleting_by_id_and_wrongly(wire: WireClient, topic: str) -> None:
    """By id the answer names the topic; unknown ids and names, both or neither have their own errors."""
    wire.create_topic(topic)
    topic_id = wire.topic(topic).topic_id
    both = delete(wire, DeleteTopicState(name=topic, topic_id=topic_id))
    assert both.error_code == ErrorCode.INVALID_REQUEST
    assert delete(wire, DeleteTopicState(name=None)).error_code == ErrorCode.INVALID_REQUEST
    done = delete(wire, DeleteTopicState(name=None, topic_id=topic_id))
    assert (done.error_code, done.name, done.topic_id) == (ErrorCode.NONE, topic, topic_id)
    until(lambda: wire.topic(topic), lambda each: each.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    again = delete(wire, DeleteTopicState(name=None, topic_id=topic_id))
    assert again.error_code == ErrorCode.UNKNOWN_TOPIC_ID
    unknown = delete(wire, DeleteTopicState(name=topic))
    assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"num_partitions": 0}, ErrorCode.INVALID_PARTITIONS),
        ({"replication_factor": 0}, ErrorCode.INVALID_REPLICATION_FACTOR),
        ({"replication_factor": 2}, ErrorCode.INVALID_REPLICATION_FACTOR),
        ({"name": "no spaces"}, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ({"name": "x" * 250}, ErrorCode.INVALID_TOPIC_EXCEPTION),
        ({"configs": [CreatableTopicConfig(name="retention.ms", value="soon")]}, ErrorCode.INVALID_CONFIG),
        ({"configs": [CreatableTopicConfig(name="no.such.thing", value="1")]}, ErrorCode.INVALID_CONFIG),
        ({"configs": [CreatableTopicConfig(name="retention.ms", value=None)]}, ErrorCode.INVALID_CONFIG),
        (
            {"assignments": [CreatableReplicaAssignment(partition_index=0, broker_ids=[1])]},
            ErrorCode.INVALID_REQUEST,
        ),
        (
            {
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": [CreatableReplicaAssignment(partition_index=0, broker_ids=[77])],
            },
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        ),
    ],
)
def test_topics_that_cannot_be_made(
    wire: WireClient, topic: str, change: dict[str, object], error: ErrorCode
) -> None:
    """Each with the error that tools look for; nothing is made."""
    asked: dict[str, object] = {"name": topic, "num_partitions": 1, "replication_factor": 1, **change}
    result = create(wire, CreatableTopic(**asked))  # type: ignore[arg-type]
    assert ErrorCode(result.error_code) is error, result.error_message
    assert result.name == asked["name"]
    assert result.error_message


def test_making_a_topic_twice(wire: WireClient, topic: str) -> None:
    """TOPIC_ALREADY_EXISTS, in Apache's words; a name twice in one request is INVALID_REQUEST."""
    asked = CreatableTopic(name=topic, num_partitions=1, replication_factor=1)
    twice = wire.ask(CreateTopicsRequest(topics=[asked, asked]), CreateTopicsResponse, 7).topics
    assert {each.error_code for each in twice} == {ErrorCode.INVALID_REQUEST}
    assert create(wire, asked).error_code == ErrorCode.NONE
    again = create(wire, asked)
    assert again.error_code == ErrorCode.TOPIC_ALREADY_EXISTS
    assert again.error_message == f"Topic '{topic}' already exists."


def test_validate_only_answers_name_their_topics(wire: WireClient, topic: str) -> None:
    """And make nothing."""
    asked = CreatableTopic(name=topic, num_partitions=2, replication_factor=1)
    result = create(wire, asked, validate_only=True)
    assert (result.name, result.error_code, result.num_partitions) == (topic, ErrorCode.NONE, 2)
    assert wire.topic(topic).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_partitions_are_added(wire: WireClient, topic: str) -> None:
    """The answer names the topic, with validate-only too; fewer or as many are refused."""
    wire.create_topic(topic, partitions=2)
    checked = grow(wire, topic, 5, validate_only=True)
    assert (checked.name, checked.error_code) == (topic, ErrorCode.NONE)
    assert len(wire.topic(topic).partitions) == 2
    done = grow(wire, topic, 5)
    assert (done.name, done.error_code) == (topic, ErrorCode.NONE)
    until(lambda: wire.topic(topic), lambda each: len(each.partitions) == 5)
    for count in (5, 3, 0):
        assert grow(wire, topic, count).error_code == ErrorCode.INVALID_PARTITIONS
    missing = grow(wire, "no-such-topic", 3)
    assert (missing.name, missing.error_code) == ("no-such-topic", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def describe(wire: WireClient, kind: int, name: str, keys: list[str] | None = None) -> DescribeConfigsResult:
    request = DescribeConfigsRequest(
        resources=[DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=keys)],
        include_synonyms=True,
        include_documentation=True,
    )
    [result] = wire.ask(request, DescribeConfigsResponse, 4).results
    return result


def alter(
    wire: WireClient, kind: int, name: str, *changes: tuple[str, int, str | None]
) -> AlterConfigsResourceResponse:
    configs = [AlterableConfig(name=key, config_operation=what, value=value) for key, what, value in changes]
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)
    request = IncrementalAlterConfigsRequest(resources=[resource])
    [result] = wire.ask(request, IncrementalAlterConfigsResponse, 1).responses
    return result


def test_describing_a_topic_lists_every_setting_with_its_source(wire: WireClient, topic: str) -> None:
    """Defaults included, with the broker's settings behind them as synonyms."""
    wire.create_topic(topic, retention_ms="1000")
    described = until(lambda: describe(wire, TOPIC, topic), lambda seen: seen.error_code == ErrorCode.NONE)
    by_name = {each.name: each for each in described.configs}
    assert len(by_name) > 30
    own = by_name["retention.ms"]
    assert (own.value, own.config_source) == ("1000", 1)
    assert (own.synonyms[0].name, own.synonyms[0].source) == ("retention.ms", 1)
    default = by_name["segment.bytes"]
    assert (default.value, default.config_source) == ("1073741824", 5)
    assert [(s.name, s.source) for s in default.synonyms] == [("log.segment.bytes", 5)]
    assert all(each.documentation for each in by_name.values())
    assert [each.name for each in describe(wire, TOPIC, topic, ["segment.bytes"]).configs] == [
        "segment.bytes"
    ]
    assert describe(wire, TOPIC, "no-such-topic").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_describing_the_broker(wire: WireClient) -> None:
    """Hundreds of settings; read-only ones say so, given ones say where from; another broker's are not to be had."""
    by_name = {each.name: each for each in describe(wire, BROKER, "1").configs}
    assert len(by_name) > 200
    assert (by_name["offsets.topic.num.partitions"].config_source, by_name["log.dirs"].read_only) == (4, True)
    assert not by_name["log.retention.ms"].read_only
    assert by_name["ssl.key.password"].is_sensitive
    assert describe(wire, BROKER, "99").error_code == ErrorCode.INVALID_REQUEST
    assert describe(wire, 77, "x").error_code == ErrorCode.INVALID_REQUEST


def test_settings_are_changed_one_by_one(wire: WireClient, topic: str) -> None:
    """Set, append, subtract, delete; each change is seen at once, and the others stay."""
    wire.create_topic(topic, segment_bytes="1048576")

    def values() -> dict[str, str | None]:
        return {
            each.name: each.value for each in describe(wire, TOPIC, topic).configs if each.config_source == 1
        }

    assert alter(wire, TOPIC, topic, ("retention.ms", SET, "5000")).error_code == ErrorCode.NONE
    until(values, lambda seen: seen == {"segment.bytes": "1048576", "retention.ms": "5000"})
    assert alter(wire, TOPIC, topic, ("cleanup.policy", APPEND, "compact")).error_code == ErrorCode.NONE
    until(values, lambda seen: seen.get("cleanup.policy") == "delete,compact")
    assert alter(wire, TOPIC, topic, ("cleanup.policy", SUBTRACT, "delete")).error_code == ErrorCode.NONE
    until(values, lambda seen: seen.get("cleanup.policy") == "compact")
    assert alter(wire, TOPIC, topic, ("retention.ms", DELETE, None)).error_code == ErrorCode.NONE
    until(values, lambda seen: "retention.ms" not in seen)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("retention.ms", SET, "soon"), ErrorCode.INVALID_CONFIG),
        (("no.such.thing", SET, "1"), ErrorCode.INVALID_CONFIG),
        (("retention.ms", APPEND, "1"), ErrorCode.INVALID_CONFIG),
        (("retention.ms", SET, None), ErrorCode.INVALID_REQUEST),
        (("segment.bytes", SET, "1"), ErrorCode.INVALID_CONFIG),
    ],
)
def test_changes_that_are_refused(
    wire: WireClient, topic: str, change: tuple[str, int, str | None], error: ErrorCode
) -> None:
    """With a reason in words."""
    wire.create_topic(topic)
    result = alter(wire, TOPIC, topic, change)
    assert ErrorCode(result.error_code) is error, result.error_message
    assert result.error_message
    assert result.resource_name == topic


def test_dynamic_broker_settings(wire: WireClient) -> None:
    """Set for all brokers, then for this one, then taken away: the value and its source follow."""

    def value() -> tuple[str | None, int]:
        [each] = describe(wire, BROKER, "1", ["log.cleaner.backoff.ms"]).configs
        return each.value, each.config_source

    before = value()
    assert alter(wire, BROKER, "", ("log.cleaner.backoff.ms", SET, "14000")).error_code == ErrorCode.NONE
    until(value, lambda seen: seen == ("14000", 3))
    assert alter(wire, BROKER, "1", ("log.cleaner.backoff.ms", SET, "13000")).error_code == ErrorCode.NONE
    until(value, lambda seen: seen == ("13000", 2))
    assert alter(wire, BROKER, "1", ("log.cleaner.backoff.ms", DELETE, None)).error_code == ErrorCode.NONE
    assert alter(wire, BROKER, "", ("log.cleaner.backoff.ms", DELETE, None)).error_code == ErrorCode.NONE
    until(value, lambda seen: seen == before)
    assert alter(wire, BROKER, "1", ("log.dirs", SET, "/elsewhere")).error_code == ErrorCode.INVALID_REQUEST


def test_a_changed_setting_takes_effect(wire: WireClient, topic: str) -> None:
    """A topic's new max.message.bytes holds for the next batch."""
    wire.create_topic(topic)
    batch = build_batch([Record(0, 1, b"k", bytes(5_000))])
    assert wire.produce(topic, batch).error_code == ErrorCode.NONE
    assert alter(wire, TOPIC, topic, ("max.message.bytes", SET, "1000")).error_code == ErrorCode.NONE
    until(lambda: wire.produce(topic, batch).error_code, lambda code: code == ErrorCode.MESSAGE_TOO_LARGE)


def test_the_cluster_is_described(wire: WireClient) -> None:
    """Brokers, cluster id, and the error for controllers' endpoints."""
    seen = wire.ask(
        DescribeClusterRequest(include_cluster_authorized_operations=True), DescribeClusterResponse, 1
    )
    assert [(each.broker_id, each.host) for each in seen.brokers] == [(1, "127.0.0.1")]
    assert len(seen.cluster_id) == 22
    assert seen.cluster_authorized_operations == 8096
    refused = wire.ask(DescribeClusterRequest(endpoint_type=2), DescribeClusterResponse, 1)
    assert refused.error_code == ErrorCode.MISMATCHED_ENDPOINT_TYPE


def test_topics_are_described_page_by_page(wire: WireClient, topic: str) -> None:
    """The cursor leads through all partitions, each once."""
    wire.create_topic(topic, partitions=5)
    seen, cursor = [], None
    while True:
        request = DescribeTopicPartitionsRequest(
            topics=[TopicRequest(name=topic)], response_partition_limit=2, cursor=cursor
        )
        page = wire.ask(request, DescribeTopicPartitionsResponse, 0)
        seen += [each.partition_index for each in page.topics[0].partitions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [0, 1, 2, 3, 4]
    request = DescribeTopicPartitionsRequest(topics=[TopicRequest(name="no-such-topic")])
    [missing] = wire.ask(request, DescribeTopicPartitionsResponse, 0).topics
    assert missing.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_log_directories_are_described(wire: WireClient, topic: str) -> None:
    """Size of the partition, and of the volume."""
    wire.create_topic(topic)
    wire.produce_records(topic, Record(0, 1, b"k", bytes(1_000)))
    answer = wire.ask(DescribeLogDirsRequest(topics=None), DescribeLogDirsResponse, 4)
    [directory] = answer.results
    [described] = [each for each in directory.topics if each.name == topic]
    assert described.partitions[0].partition_size > 1_000
    assert directory.total_bytes >= directory.usable_bytes > 0


def test_resources_with_settings_are_listed(wire: WireClient, topic: str) -> None:
    """By kind; a kind that doesn't exist is UNSUPPORTED_VERSION."""
    wire.create_topic(topic)
    answer = wire.ask(
        ListConfigResourcesRequest(resource_types=[TOPIC, BROKER]), ListConfigResourcesResponse, 1
    )
    listed = [(each.resource_type, each.resource_name) for each in answer.config_resources]
    assert (TOPIC, topic) in listed
    assert (BROKER, "1") in listed
    assert wire.ask(ListConfigResourcesRequest(), ListConfigResourcesResponse, 0).config_resources == []
    refused = wire.ask(ListConfigResourcesRequest(resource_types=[99]), ListConfigResourcesResponse, 1)
    assert refused.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_metadata_by_name_by_id_and_of_all(wire: WireClient, topic: str) -> None:
    """A topic is made by asking for it only where that is allowed; an unknown id has its own error."""
    request = MetadataRequest(topics=[MetadataRequestTopic(name=topic)], allow_auto_topic_creation=True)
    until(
        lambda: wire.ask(request, MetadataResponse, 12).topics[0],
        lambda each: each.error_code == ErrorCode.NONE,
    )
    topic_id = wire.topic(topic).topic_id
    by_id = MetadataRequest(topics=[MetadataRequestTopic(name=None, topic_id=topic_id)])
    assert wire.ask(by_id, MetadataResponse, 12).topics[0].name == topic
    unknown = MetadataRequest(topics=[MetadataRequestTopic(name=None, topic_id=topic_id[::-1])])
    assert wire.ask(unknown, MetadataResponse, 12).topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    every = wire.ask(MetadataRequest(topics=None), MetadataResponse, 12)
    assert topic in [each.name for each in every.topics]
    assert wire.ask(MetadataRequest(topics=[]), MetadataResponse, 12).topics == []
    internal = MetadataRequest(topics=[MetadataRequestTopic(name="bad name")])
    assert wire.ask(internal, MetadataResponse, 12).topics[0].error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
