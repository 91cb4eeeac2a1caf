"""Admin calls of Kafka that confluent-kafka lacks. What it has (topics, configs, groups, offsets) is used from there.

Each call asks the brokers it concerns and gives plain values; parts that failed are told by `ErrorCode` beside the
others, a call that failed as a whole raises `KafkaError`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ottla.client.brokers import Brokers
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopic,
)
from ottla.protocol.messages.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    TopicRequest,
)
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from ottla.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.types import TopicPartition


@dataclass(frozen=True, slots=True)
class LogDirectory:
    """A log directory of a broker. Sizes in bytes; -1 where the broker is too old to tell."""

    path: str
    error: ErrorCode
    total_bytes: int
    usable_bytes: int
    replicas: Mapping[TopicPartition, "Replica"]


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica in a log directory."""

    size_bytes: int
    offset_lag: int
    """How far it is behind: the high watermark, or the current replica where it `is_future`."""
    is_future: bool
    """It is being moved here from another directory of the same broker."""


@dataclass(frozen=True, slots=True)
class ActiveProducer:
    """A producer that a partition's leader remembers. -1 where there is none."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp_ms: int
    coordinator_epoch: int
    transaction_start_offset: int


class Admin:
    """These calls over one cluster."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers

    async def delete_group_offsets(
        self, group_id: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """Forget a group's offsets; GROUP_SUBSCRIBED_TO_TOPIC where its members still use them."""
        request = OffsetDeleteRequest(
            group_id=group_id,
            topics=[
                OffsetDeleteRequestTopic(
                    name=topic,
                    partitions=[OffsetDeleteRequestPartition(partition_index=each) for each in indexes],
                )
                for topic, indexes in _by_topic(partitions).items()
            ],
        )
        answer = await self._brokers.send_to_coordinator(group_id, request, OffsetDeleteResponse)
        _raise_if_failed(answer.error_code)
        return {
            TopicPartition(topic.name, partition.partition_index): ErrorCode(partition.error_code)
            for topic in answer.topics
            for partition in topic.partitions
        }

    async def remove_static_members(
        self, group_id: str, group_instance_ids: Sequence[str], reason: str | None = None
    ) -> dict[str, ErrorCode]:
        """Take static members out of a group, whatever their present member id (KIP-345)."""
        request = LeaveGroupRequest(
            group_id=group_id,
            members=[
                MemberIdentity(group_instance_id=instance_id, reason=reason)
                for instance_id in group_instance_ids
            ],
        )
        answer = await self._brokers.send_to_coordinator(group_id, request, LeaveGroupResponse)
        _raise_if_failed(answer.error_code)
        return {member.group_instance_id or "": ErrorCode(member.error_code) for member in answer.members}

    async def describe_log_dirs(self, node_id: int) -> list[LogDirectory]:
        """A broker's log directories with all replicas in them."""
        connection = await self._brokers.to_node(node_id)
        answer = await connection.send(DescribeLogDirsRequest(topics=None), DescribeLogDirsResponse)
        _raise_if_failed(answer.error_code)
        return [
            LogDirectory(
                path=result.log_dir,
                error=ErrorCode(result.error_code),
                total_bytes=result.total_bytes,
                usable_bytes=result.usable_bytes,
                replicas={
                    TopicPartition(topic.name, partition.partition_index): Replica(
                        partition.partition_size, partition.offset_lag, partition.is_future_key
                    )
                    for topic in result.topics
                    for partition in topic.partitions
                },
            )
            for result in answer.results
        ]

    async def move_replicas(
        self, node_id: int, directories: Mapping[TopicPartition, str]
    ) -> dict[TopicPartition, ErrorCode]:
        """Have a broker move replicas to other log directories of its own; it goes on after the answer."""
        by_path: dict[str, list[TopicPartition]] = {}
        for partition, path in directories.items():
            by_path.setdefault(path, []).append(partition)
        request = AlterReplicaLogDirsRequest(
            dirs=[
                AlterReplicaLogDir(
                    path=path,
                    topics=[
                        AlterReplicaLogDirTopic(name=topic, partitions=indexes)
                        for topic, indexes in _by_topic(partitions).items()
                    ],
                )
                for path, partitions in by_path.items()
            ]
        )
        connection = await self._brokers.to_node(node_id)
        answer = await connection.send(request, AlterReplicaLogDirsResponse)
        return {
            TopicPartition(topic.topic_name, partition.partition_index): ErrorCode(partition.error_code)
            for topic in answer.results
            for partition in topic.partitions
        }

    async def describe_producers(self, partition: TopicPartition) -> list[ActiveProducer]:
        """The producers that the partition's leader remembers (KIP-664)."""
        connection = await self._brokers.to_node(await self._leader_of(partition))
        topic = TopicRequest(name=partition.topic, partition_indexes=[partition.partition])
        answer = await connection.send(DescribeProducersRequest(topics=[topic]), DescribeProducersResponse)
        described = answer.topics[0].partitions[0]
        _raise_if_failed(described.error_code, described.error_message)
        return [
            ActiveProducer(
                producer.producer_id,
                producer.producer_epoch,
                producer.last_sequence,
                producer.last_timestamp,
                producer.coordinator_epoch,
                producer.current_txn_start_offset,
            )
            for producer in described.active_producers
        ]

    async def list_config_resources(self, resource_types: Sequence[int] = ()) -> list[tuple[int, str]]:
        """Type and name of everything that has settings of its own, of these types or of all (KIP-1142)."""
        request = ListConfigResourcesRequest(resource_types=list(resource_types))
        answer = await self._brokers.send(request, ListConfigResourcesResponse)
        _raise_if_failed(answer.error_code)
        return [(resource.resource_type, resource.resource_name) for resource in answer.config_resources]

    async def _leader_of(self, partition: TopicPartition) -> int:
        for topic in (await self._brokers.metadata([partition.topic])).topics:
            _raise_if_failed(topic.error_code)
            for each in topic.partitions:
                if each.partition_index == partition.partition:
                    _raise_if_failed(each.error_code)
                    return each.leader_id
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no partition {partition}")


def _by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for topic, partition in partitions:
        grouped.setdefault(topic, []).append(partition)
    return grouped


def _raise_if_failed(error_code: int, message: str | None = None) -> None:
    if error_code != ErrorCode.NONE:
        raise KafkaError(ErrorCode(error_code), message)
