"""Admin calls that confluent-kafka lacks, against a broker."""

import asyncio
from collections.abc import Awaitable, Callable

from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient, NewTopic

from brokers import Broker
from ottla.client.admin import Admin
from ottla.client.brokers import Brokers
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.types import TopicPartition

TOPIC_RESOURCE = 2


def with_admin(broker: Broker, scenario: Callable[[Brokers, Admin], Awaitable[None]]) -> None:
    async def body() -> None:
        async with Brokers(broker.bootstrap_servers) as brokers:
            await scenario(brokers, Admin(brokers))

    asyncio.run(body())


def make_topic(broker: Broker, topic: str, partitions: int = 1) -> None:
    """A topic with one record in partition 0."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    new = NewTopic(
        topic, num_partitions=partitions, replication_factor=1, config={"retention.ms": "900000000"}
    )
    admin.create_topics([new])[topic].result(30)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True})
    producer.produce(topic, b"value", partition=0)
    assert producer.flush(30) == 0


async def commit(brokers: Brokers, group: str, topic: str, partitions: int) -> None:
    """A consumer's commit without a group of members."""
    request = OffsetCommitRequest(
        group_id=group,
        topics=[
            OffsetCommitRequestTopic(
                name=topic,
                partitions=[
                    OffsetCommitRequestPartition(partition_index=index, committed_offset=1)
                    for index in range(partitions)
                ],
            )
        ],
    )
    for _ in range(300):
        answer = await brokers.send_to_coordinator(group, request, OffsetCommitResponse)
        codes = {partition.error_code for each in answer.topics for partition in each.partitions}
        if codes == {ErrorCode.NONE}:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(codes)


def test_offsets_of_a_group_are_deleted(
    broker: Broker, topic: str, unique_name: Callable[[str], str]
) -> None:
    """Those asked for, and no others; partitions that do not exist are told."""
    make_topic(broker, topic, partitions=3)
    group = unique_name("group")

    async def scenario(brokers: Brokers, admin: Admin) -> None:
        await commit(brokers, group, topic, 3)
        asked = [TopicPartition(topic, 0), TopicPartition(topic, 2), TopicPartition("no-such-topic", 0)]
        deleted = await admin.delete_group_offsets(group, asked)
        assert deleted == {
            TopicPartition(topic, 0): ErrorCode.NONE,
            TopicPartition(topic, 2): ErrorCode.NONE,
            TopicPartition("no-such-topic", 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        }
        try:
            await admin.delete_group_offsets(unique_name("no-group"), asked[:1])
        except KafkaError as error:
            assert error.code is ErrorCode.GROUP_ID_NOT_FOUND

    with_admin(broker, scenario)
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": group})
    committed = consumer.committed([Position(topic, index) for index in range(3)], timeout=30)
    consumer.close()
    assert [position.offset for position in committed] == [-1001, 1, -1001]


def test_static_members_that_are_not_there_cannot_be_removed(
    broker: Broker, unique_name: Callable[[str], str]
) -> None:
    """Each is told by itself."""
    group = unique_name("group")

    async def scenario(brokers: Brokers, admin: Admin) -> None:
        removed = await admin.remove_static_members(group, ["one", "two"], reason="gone for good")
        assert removed == {"one": ErrorCode.UNKNOWN_MEMBER_ID, "two": ErrorCode.UNKNOWN_MEMBER_ID}

    with_admin(broker, scenario)


def test_log_directories_are_described(broker: Broker, topic: str) -> None:
    """Each with the replicas in it and their sizes."""
    make_topic(broker, topic)

    async def scenario(brokers: Brokers, admin: Admin) -> None:
        node = (await brokers.metadata()).brokers[0].node_id
        directories = await admin.describe_log_dirs(node)
        assert [directory.error for directory in directories] == [ErrorCode.NONE]
        replica = directories[0].replicas[TopicPartition(topic, 0)]
        assert replica.size_bytes > 60
        assert not replica.is_future
        assert directories[0].usable_bytes > 0
        moved = await admin.move_replicas(node, {TopicPartition(topic, 0): "/no/such/directory"})
        assert moved == {TopicPartition(topic, 0): ErrorCode.LOG_DIR_NOT_FOUND}

    with_admin(broker, scenario)


def test_producers_of_a_partition_are_described(broker: Broker, topic: str) -> None:
    """The idempotent producer that wrote there."""
    make_topic(broker, topic)

    async def scenario(brokers: Brokers, admin: Admin) -> None:
        producers = await admin.describe_producers(TopicPartition(topic, 0))
        assert [(each.last_sequence, each.producer_epoch) for each in producers] == [(0, 0)]
        assert producers[0].transaction_start_offset == -1
        try:
            await admin.describe_producers(TopicPartition(topic, 7))
        except KafkaError as error:
            assert error.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    with_admin(broker, scenario)


def test_what_has_settings_of_its_own_is_listed(broker: Broker, topic: str) -> None:
    """Topics among it."""
    make_topic(broker, topic)

    async def scenario(brokers: Brokers, admin: Admin) -> None:
        assert (TOPIC_RESOURCE, topic) in await admin.list_config_resources([TOPIC_RESOURCE])

    with_admin(broker, scenario)
