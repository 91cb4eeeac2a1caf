"""confluent-kafka (librdkafka): producing, groups and administration as a Python user does them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from brokers import Broker
from conversation import (
    CODECS,
    Exchanged,
    as_exchanged,
    assert_all_came_once_in_order,
    create_topic,
    produce,
    read_topic,
)


@contextmanager
def consumer_of(broker: Broker, group: str, **settings: object) -> Iterator[Consumer]:
    """A consumer of a group that starts at the beginning and commits only when told to."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
            "fetch.wait.max.ms": 100,
            **{key.replace("_", "."): value for key, value in settings.items()},
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def poll_until(
    consumers: list[Consumer], done: Callable[[list[Exchanged]], bool], seconds: float = 40
) -> list[Exchanged]:
    """Polls the consumers in turns until what they got together satisfies `done`."""
    records: list[Exchanged] = []
    deadline = time.monotonic() + seconds
    while not done(records):
        assert time.monotonic() < deadline, f"{len(records)} records after {seconds} s"
        for consumer in consumers:
            message = consumer.poll(0.02)
            if message is not None:
                assert message.error() is None, message.error()
                records.append(as_exchanged(message))
    return records


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_records_arrive_for_each_acks_and_codec(broker: Broker, topic: str, acks: str, codec: str) -> None:
    """What is produced can be read, whole and in order.

    Without acknowledgements an error only closes the connection, and a partition that has just been made may not
    have its leader yet: so it is read first, and the end is awaited.
    """
    create_topic(broker.bootstrap_servers, topic)
    assert read_topic(broker.bootstrap_servers, topic) == []
    producer = produce(broker.bootstrap_servers, topic, 500, acks=acks, compression_type=codec, retries=0)
    deadline = time.monotonic() + 10
    while len(records := read_topic(broker.bootstrap_servers, topic)) < 500 and time.monotonic() < deadline:
        producer.poll(0)
    assert_all_came_once_in_order(records, 500)


@pytest.mark.parametrize("codec", CODECS)
def test_an_idempotent_producer_loses_and_doubles_nothing(broker: Broker, topic: str, codec: str) -> None:
    """Producer ids, epochs and sequences through a real client, five requests in flight."""
    create_topic(broker.bootstrap_servers, topic, 6)
    produce(
        broker.bootstrap_servers,
        topic,
        5000,
        enable_idempotence=True,
        compression_type=codec,
        batch_size=2000,
    )
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), 5000)


def test_a_topic_is_made_by_the_first_produce(broker: Broker, topic: str) -> None:
    """auto.create.topics.enable is true by default."""
    produce(broker.bootstrap_servers, topic, 10)
    assert_all_came_once_in_order(read_topic(broker.bootstrap_servers, topic), 10)


def test_records_without_key_value_or_with_many_headers(broker: Broker, topic: str) -> None:
    """Null and empty are different things and stay so; headers keep order and doubles."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    headers: list[tuple[str, bytes | str | None]] = [("a", b"1"), ("a", b"2"), ("é", b""), ("none", None)]
    producer.produce(topic, value=None, key=None, partition=0)
    producer.produce(topic, value=b"", key=b"", partition=0, headers=headers, timestamp=1_234_567_890_123)
    producer.flush(30)
    with consumer_of(broker, "nulls") as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        first, second = (consumer.poll(30) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.key(), first.value(), first.headers()) == (None, None, None)
    assert (second.key(), second.value()) == (b"", b"")
    assert second.headers() == [("a", b"1"), ("a", b"2"), ("é", b""), ("none", None)]
    assert second.timestamp()[1] == 1_234_567_890_123


def test_a_record_of_the_largest_size_and_one_too_large(broker: Broker, topic: str) -> None:
    """max.message.bytes is 1,048,588 by default: 1 MiB and the batch's own head."""
    create_topic(broker.bootstrap_servers, topic, 1)
    errors: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "message.max.bytes": 4_000_000})
    for size in (1_048_000, 1_100_000):
        producer.produce(topic, b"x" * size, on_delivery=lambda error, _: errors.append(error))
        producer.flush(30)
    assert errors[0] is None
    assert errors[1] is not None
    assert errors[1].code() == KafkaError.MSG_SIZE_TOO_LARGE
    with consumer_of(broker, "large", fetch_max_bytes=2_000, message_max_bytes=2_000) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(30)
    assert message is not None
    assert message.error() is None, "a batch larger than the fetch limit must come all the same"
    assert len(message.value() or b"") == 1_048_000


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_two_members_share_a_topic_and_one_takes_over(broker: Broker, topic: str, strategy: str) -> None:
    """Joining splits the partitions, leaving hands them over, the committed offsets carry on."""
    create_topic(broker.bootstrap_servers, topic, 4)
    produce(broker.bootstrap_servers, topic, 400)
    group = f"group-of-{topic}"
    with consumer_of(broker, group, partition_assignment_strategy=strategy) as first:
        first.subscribe([topic])
        with consumer_of(broker, group, partition_assignment_strategy=strategy) as second:
            second.subscribe([topic])
            deadline = time.monotonic() + 40
            before: list[Exchanged] = []
            while (len(first.assignment()), len(second.assignment())) != (2, 2):
                assert time.monotonic() < deadline
                for consumer in (first, second):
                    message = consumer.poll(0.05)
                    if message is not None and message.error() is None:
                        before.append(as_exchanged(message))
            owned = {each.partition for consumer in (first, second) for each in consumer.assignment()}
            assert owned == {0, 1, 2, 3}
            after = poll_until([first, second], lambda records: len({*before, *records}) >= 400)
            assert_all_came_once_in_order({*before, *after}, 400)
            first.commit(asynchronous=False)
            second.commit(asynchronous=False)
        produce(broker.bootstrap_servers, topic, 100)
        poll_until([first], lambda records: len(set(records)) == 100)
        assert {each.partition for each in first.assignment()} == {0, 1, 2, 3}


def test_a_static_member_comes_back_without_a_rebalance(broker: Broker, topic: str) -> None:
    """KIP-345: the same group.instance.id within the session timeout gets its partitions back."""
    create_topic(broker.bootstrap_servers, topic, 2)
    produce(broker.bootstrap_servers, topic, 50)
    group, revoked = f"group-of-{topic}", []
    with consumer_of(broker, group, group_instance_id="stays") as stays:
        stays.subscribe([topic], on_revoke=lambda _, partitions: revoked.append(partitions))
        for _ in range(2):
            with consumer_of(broker, group, group_instance_id="goes") as goes:
                goes.subscribe([topic])
                deadline = time.monotonic() + 40
                while (len(stays.assignment()), len(goes.assignment())) != (1, 1):
                    assert time.monotonic() < deadline
                    stays.poll(0.05)
                    goes.poll(0.05)
        assert len(revoked) <= 1, "the second coming of the static member moved partitions"


def test_commits_keep_offset_metadata_and_last_a_restart_of_the_consumer(broker: Broker, topic: str) -> None:
    """What is committed is what comes back, metadata string included."""
    create_topic(broker.bootstrap_servers, topic, 2)
    group = f"group-of-{topic}"
    with consumer_of(broker, group) as consumer:
        consumer.commit(
            offsets=[TopicPartition(topic, 0, 7, "seven, é"), TopicPartition(topic, 1, 8)], asynchronous=False
        )
    with consumer_of(broker, group) as consumer:
        committed = consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=30)
    assert [(each.offset, each.metadata) for each in committed] == [(7, "seven, é"), (8, None)]


def test_a_pattern_subscriber_sees_a_topic_made_later(broker: Broker, topic: str) -> None:
    """A regular expression matches topics that don't exist yet when the member joins."""
    with consumer_of(broker, f"group-of-{topic}", topic_metadata_refresh_interval_ms=200) as consumer:
        consumer.subscribe([f"^{topic}-later-.*"])
        consumer.poll(0.5)
        produce(broker.bootstrap_servers, f"{topic}-later-made", 20)
        records = poll_until([consumer], lambda records: len(records) >= 20)
    assert_all_came_once_in_order(records, 20)


def test_offsets_for_times_and_ends(broker: Broker, topic: str) -> None:
    """Earliest, latest, by time, exact inside of a batch, and the offset of the largest timestamp."""
    create_topic(broker.bootstrap_servers, topic, 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 100})
    start = int(time.time() * 1000) - 100_000
    for i, timestamp in enumerate([0, 1000, 2000, 9000, 3000]):
        producer.produce(topic, f"v{i}", timestamp=start + timestamp)
    producer.flush(30)
    with consumer_of(broker, "times") as consumer:
        assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30) == (0, 5)
        wanted = [start - 1, start, start + 1, start + 2000, start + 2001, start + 9001]
        answers = [
            consumer.offsets_for_times([TopicPartition(topic, 0, each)], timeout=30)[0].offset
            for each in wanted
        ]
    assert answers == [0, 0, 1, 2, 3, -1]
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    partition = TopicPartition(topic, 0)
    specs = {
        "earliest": OffsetSpec.earliest(),
        "latest": OffsetSpec.latest(),
        "max": OffsetSpec.max_timestamp(),
    }
    found = {
        name: admin.list_offsets({partition: spec})[partition].result(30) for name, spec in specs.items()
    }
    assert {name: result.offset for name, result in found.items()} == {"earliest": 0, "latest": 5, "max": 3}
    assert found["max"].timestamp == start + 9000


def test_topics_partitions_and_configs_by_the_admin_client(broker: Broker, topic: str) -> None:
    """Create, describe, alter, grow, shrink the log, delete: each is seen at once."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    new = NewTopic(topic, 2, 1, config={"retention.ms": "1234567"})
    with pytest.raises(KafkaException) as refused:
        admin.create_topics([NewTopic(topic, 2, 1, config={"retention.ms": "soon"})], validate_only=True)[
            topic
        ].result(30)
    assert refused.value.args[0].code() == KafkaError.INVALID_CONFIG
    admin.create_topics([new], validate_only=True)[topic].result(30)
    admin.create_topics([new])[topic].result(30)
    with pytest.raises(KafkaException) as doubled:
        admin.create_topics([new])[topic].result(30)
    assert doubled.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(30)
    assert len(admin.list_topics(topic, timeout=30).topics[topic].partitions) == 5

    resource = ConfigResource(ResourceType.TOPIC, topic)
    before = admin.describe_configs([resource])[resource].result(30)
    assert (before["retention.ms"].value, before["retention.ms"].is_default) == ("1234567", False)
    assert (before["segment.bytes"].value, before["segment.bytes"].is_default) == ("1073741824", True)
    change = ConfigResource(
        ResourceType.TOPIC,
        topic,
        incremental_configs=[
            ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
            ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
        ],
    )
    admin.incremental_alter_configs([change])[change].result(30)
    after = admin.describe_configs([resource])[resource].result(30)
    assert after["retention.ms"].value == "604800000"
    assert set(after["cleanup.policy"].value.split(",")) == {"delete", "compact"}

    admin.delete_topics([topic])[topic].result(30)
    assert topic not in admin.list_topics(timeout=30).topics


def test_a_topic_deleted_and_made_again_is_another_topic(broker: Broker, topic: str) -> None:
    """Its id differs and none of its records are left."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    ids = []
    for _ in range(2):
        create_topic(broker.bootstrap_servers, topic, 1)
        assert read_topic(broker.bootstrap_servers, topic) == []
        produce(broker.bootstrap_servers, topic, 10)
        [description] = admin.describe_topics(_topics(topic)).values()
        ids.append(str(description.result(30).topic_id))
        admin.delete_topics([topic])[topic].result(30)
    assert ids[0] != ids[1]


def test_records_deleted_up_to_an_offset(broker: Broker, topic: str) -> None:
    """DeleteRecords moves the low watermark; what is below it is out of range."""
    create_topic(broker.bootstrap_servers, topic, 1)
    produce(broker.bootstrap_servers, topic, 100, batch_size=1000)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    partition = TopicPartition(topic, 0, 40)
    [result] = admin.delete_records([partition]).values()
    assert result.result(30).low_watermark == 40
    assert [record.offset for record in read_topic(broker.bootstrap_servers, topic)] == list(range(40, 100))


def test_a_record_without_key_is_refused_by_a_compacted_topic(broker: Broker, topic: str) -> None:
    """Compaction could never tell what it replaces."""
    create_topic(broker.bootstrap_servers, topic, 1, cleanup_policy="compact")
    errors: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for key in (b"key", None):
        producer.produce(topic, b"value", key, on_delivery=lambda error, _: errors.append(error))
        producer.flush(30)
    assert errors[0] is None
    assert errors[1] is not None
    assert errors[1].code() == KafkaError.INVALID_RECORD


def test_groups_by_the_admin_client(broker: Broker, topic: str) -> None:
    """List and describe with members, alter offsets of an empty group, delete it."""
    create_topic(broker.bootstrap_servers, topic, 2)
    produce(broker.bootstrap_servers, topic, 20)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    group = f"group-of-{topic}"
    with consumer_of(broker, group, client_id="the-member") as consumer:
        consumer.subscribe([topic])
        poll_until([consumer], lambda records: len(records) >= 20)
        consumer.commit(asynchronous=False)
        listed = {each.group_id: each for each in admin.list_consumer_groups().result(30).valid}
        assert listed[group].state.name == "STABLE"
        description = admin.describe_consumer_groups([group])[group].result(30)
        [member] = description.members
        assert (member.client_id, len(member.assignment.topic_partitions)) == ("the-member", 2)
        with pytest.raises(KafkaException) as busy:
            admin.delete_consumer_groups([group])[group].result(30)
        assert busy.value.args[0].code() == KafkaError.NON_EMPTY_GROUP
    [offsets] = admin.list_consumer_group_offsets([_group_offsets(group)]).values()
    assert sum(each.offset for each in offsets.result(30).topic_partitions) == 20
    [altered] = admin.alter_consumer_group_offsets(
        [_group_offsets(group, [TopicPartition(topic, 0, 3)])]
    ).values()
    altered.result(30)
    with consumer_of(broker, group) as consumer:
        [committed] = consumer.committed([TopicPartition(topic, 0)], timeout=30)
    assert committed.offset == 3
    admin.delete_consumer_groups([group])[group].result(30)
    assert group not in {each.group_id for each in admin.list_consumer_groups().result(30).valid}


def test_the_cluster_describes_itself(broker: Broker) -> None:
    """One node, controller and broker, at the address that the client used."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    cluster = admin.describe_cluster().result(30)
    [node] = cluster.nodes
    assert (node.host, node.port) == (broker.host, broker.port)
    assert cluster.controller.id == node.id
    assert cluster.cluster_id
    resource = ConfigResource(ResourceType.BROKER, str(node.id))
    config = admin.describe_configs([resource])[resource].result(30)
    assert config["log.retention.hours"].value == "168"
    assert config["num.io.threads"].is_default


def _topics(*names: str):  # type: ignore[no-untyped-def]
    from confluent_kafka import TopicCollection

    return TopicCollection(list(names))


def _group_offsets(group: str, partitions: list[TopicPartition] | None = None):  # type: ignore[no-untyped-def]
    from confluent_kafka import ConsumerGroupTopicPartitions

    return ConsumerGroupTopicPartitions(group, partitions)
