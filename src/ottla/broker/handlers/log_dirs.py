"""DescribeLogDirs and AlterReplicaLogDirs: what lies where on the disks, and moving it (KIP-113, KIP-827)."""

from typing import TYPE_CHECKING

from ottla.broker.access import may_cluster, on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)
from ottla.protocol.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from ottla.protocol.types import TopicPartition
from ottla.security.acl import AclOperation
from ottla.storage.log_directory import DirectoryState
from ottla.storage.store_description import DirectoryDescription, LogDescription

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(DescribeLogDirsRequest, DescribeLogDirsResponse, versions=(1, 4))
def describe_log_dirs(
    broker: "BrokerServer", request: DescribeLogDirsRequest, context: RequestContext
) -> DescribeLogDirsResponse | Pending[DescribeLogDirsResponse]:
    """Each log directory with the logs in it that were asked for, or with all of them. Versions 1 and 2 have no place to
    say that the client may not know: they tell of no directory."""
    if not may_cluster(broker, context, AclOperation.DESCRIBE):
        return DescribeLogDirsResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    return answer_later(_describe_log_dirs(broker, request))


async def _describe_log_dirs(
    broker: "BrokerServer", request: DescribeLogDirsRequest
) -> DescribeLogDirsResponse:
    wanted = (
        None
        if request.topics is None
        else {(topic.topic, partition) for topic in request.topics for partition in topic.partitions}
    )
    return DescribeLogDirsResponse(
        results=[_directory(described, wanted) for described in broker.logs.describe()]
    )


def _directory(described: DirectoryDescription, wanted: set[tuple[str, int]] | None) -> DescribeLogDirsResult:
    if described.directory.state is DirectoryState.OFFLINE:
        return DescribeLogDirsResult(
            log_dir=described.directory.path, error_code=ErrorCode.KAFKA_STORAGE_ERROR
        )
    topics: dict[str, DescribeLogDirsTopic] = {}
    for log in described.logs:
        name = log.topic_partition.topic
        if wanted is None or log.topic_partition in wanted:
            topics.setdefault(name, DescribeLogDirsTopic(name=name)).partitions.append(_partition(log))
    return DescribeLogDirsResult(
        log_dir=described.directory.path,
        topics=list(topics.values()),
        total_bytes=described.total_bytes,
        usable_bytes=described.usable_bytes,
    )


def _partition(log: LogDescription) -> DescribeLogDirsPartition:
    return DescribeLogDirsPartition(
        partition_index=log.topic_partition.partition,
        partition_size=log.size_in_bytes,
        offset_lag=log.offset_lag,
        is_future_key=log.is_future,
    )


def _none_moved(
    request: AlterReplicaLogDirsRequest, code: ErrorCode, _message: str
) -> AlterReplicaLogDirsResponse:
    return AlterReplicaLogDirsResponse(
        results=[
            AlterReplicaLogDirTopicResult(
                topic_name=topic.name,
                partitions=[
                    AlterReplicaLogDirPartitionResult(partition_index=each, error_code=code)
                    for each in topic.partitions
                ],
            )
            for directory in request.dirs
            for topic in directory.topics
        ]
    )


@handles(
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    versions=(1, 2),
    on_error=_none_moved,
    needs=(on_cluster(AclOperation.ALTER),),
)
def alter_replica_log_dirs(
    broker: "BrokerServer", request: AlterReplicaLogDirsRequest, _context: RequestContext
) -> AlterReplicaLogDirsResponse:
    """Begin to copy logs into other directories of this broker; the copies take over when they have caught up."""
    results: dict[str, AlterReplicaLogDirTopicResult] = {}
    for directory in request.dirs:
        for topic in directory.topics:
            result = results.setdefault(topic.name, AlterReplicaLogDirTopicResult(topic_name=topic.name))
            for partition in topic.partitions:
                error = _move(broker, TopicPartition(topic.name, partition), directory.path)
                result.partitions.append(
                    AlterReplicaLogDirPartitionResult(partition_index=partition, error_code=error)
                )
    return AlterReplicaLogDirsResponse(results=list(results.values()))


def _move(broker: "BrokerServer", topic_partition: TopicPartition, path: str) -> ErrorCode:
    try:
        broker.logs.move(topic_partition, path)
    except KafkaError as error:
        unknown = broker.metadata.image.partition(*topic_partition) is None
        if unknown and error.code is ErrorCode.REPLICA_NOT_AVAILABLE:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return error.code
    return ErrorCode.NONE
