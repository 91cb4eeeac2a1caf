"""DescribeCluster (KIP-700, KIP-919) and DescribeTopicPartitions (KIP-966): the cluster as tools want to see it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ottla.broker.access import TOPIC, denied, on_cluster, operations_on
from ottla.broker.authorized_operations import NOT_ASKED_FOR, cluster_operations
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.internal_topics import INTERNAL_TOPICS
from ottla.cluster.image import NO_LEADER, MetadataImage, PartitionState, TopicImage
from ottla.cluster.topic_names import why_invalid
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from ottla.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)
from ottla.protocol.messages.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

BROKERS: Final = 1
CONTROLLERS: Final = 2


@handles(DescribeClusterRequest, DescribeClusterResponse, versions=(0, 2))
def describe_cluster(
    broker: "BrokerServer", request: DescribeClusterRequest, context: RequestContext
) -> DescribeClusterResponse:
    """The live brokers. A broker can't speak for the controllers' own endpoints, and says so."""
    if request.endpoint_type == CONTROLLERS:
        raise KafkaError(
            ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
        )
    if request.endpoint_type != BROKERS:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {request.endpoint_type}"
        )
    image = broker.metadata.image
    return DescribeClusterResponse(
        error_message=None,
        cluster_id=image.cluster_id,
        controller_id=image.controller_id,
        brokers=[
            DescribeClusterBroker(
                broker_id=broker_id, host=address[0], port=address[1], rack=registration.rack
            )
            for broker_id, registration in sorted(image.brokers.items())
            if (address := broker.address_of(broker_id, context)) is not None
        ],
        cluster_authorized_operations=cluster_operations(broker, context)
        if request.include_cluster_authorized_operations
        else NOT_ASKED_FOR,
    )


@handles(
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
    versions=(0, 0),
    needs=(on_cluster(AclOperation.ALTER),),
)
def unregister_broker(
    broker: "BrokerServer", request: UnregisterBrokerRequest, _context: RequestContext
) -> UnregisterBrokerResponse:
    """A registration lasts as long as its broker: a dead one's is gone, a live one's would be made again at once."""
    if request.broker_id not in broker.metadata.image.brokers:
        raise KafkaError(
            ErrorCode.BROKER_ID_NOT_REGISTERED, f"Broker ID {request.broker_id} is not currently registered"
        )
    return UnregisterBrokerResponse(error_message=None)


def _every_topic(
    request: DescribeTopicPartitionsRequest, code: ErrorCode, _message: str
) -> DescribeTopicPartitionsResponse:
    return DescribeTopicPartitionsResponse(
        topics=[
            DescribeTopicPartitionsResponseTopic(error_code=code, name=topic.name) for topic in request.topics
        ]
    )


@handles(
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, versions=(0, 0), on_error=_every_topic
)
def describe_topic_partitions(
    broker: "BrokerServer", request: DescribeTopicPartitionsRequest, context: RequestContext
) -> DescribeTopicPartitionsResponse:
    """Topics in the order of their names, partition by partition, up to the limit; the cursor says where to go on.

    Without names: all topics that the client may describe. With them, those before the cursor's are left out, as they were
    answered before.
    """
    image, cursor = broker.metadata.image, request.cursor
    first = "" if cursor is None else cursor.topic_name
    fetch_all = not request.topics
    if cursor is not None and not fetch_all and all(topic.name != first for topic in request.topics):
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"DescribeTopicPartitionsRequest topic list should contain the cursor topic: {first}",
        )
    if cursor is not None and cursor.partition_index < 0:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"DescribeTopicPartitionsRequest cursor partition must be valid: {cursor.partition_index}",
        )
    asked = image.topics if fetch_all else {topic.name for topic in request.topics}
    names = sorted(name for name in asked if name >= first)
    hidden = denied(broker, context, AclOperation.DESCRIBE, TOPIC, names, audit=not fetch_all)
    if hidden:
        names = [name for name in names if name not in hidden]
    left = max(1, min(broker.config.max_request_partition_size_limit, request.response_partition_limit))
    response = DescribeTopicPartitionsResponse()
    for name in names:
        topic = image.topic(name)
        if topic is None:
            if not fetch_all:
                response.topics.append(_unknown(name, operations_on(broker, context, TOPIC, name)))
            continue
        start = cursor.partition_index if cursor is not None and name == first else 0
        if left == 0:
            response.next_cursor = Cursor(topic_name=name, partition_index=start)
            break
        described = _described(image, topic, start, left, operations_on(broker, context, TOPIC, name))
        response.topics.append(described)
        left -= len(described.partitions)
        stopped_at = start + len(described.partitions)
        if stopped_at < len(topic.partitions):
            response.next_cursor = Cursor(topic_name=name, partition_index=stopped_at)
            break
    if not fetch_all:
        response.topics += [_hidden(name) for name in sorted(hidden)]
    return response


def _hidden(name: str) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, name=name, topic_authorized_operations=NOT_ASKED_FOR
    )


def _unknown(name: str, operations: int) -> DescribeTopicPartitionsResponseTopic:
    valid = why_invalid(name) is None
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if valid else ErrorCode.INVALID_TOPIC_EXCEPTION
    return DescribeTopicPartitionsResponseTopic(
        error_code=code,
        name=name,
        is_internal=name in INTERNAL_TOPICS,
        topic_authorized_operations=operations,
    )


def _described(
    image: MetadataImage, topic: TopicImage, start: int, limit: int, operations: int
) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=list(_partitions(image, topic, start, limit)),
        topic_authorized_operations=operations,
    )


def _partitions(
    image: MetadataImage, topic: TopicImage, start: int, limit: int
) -> Iterator[DescribeTopicPartitionsResponsePartition]:
    for number in range(start, min(start + limit, len(topic.partitions))):
        yield _partition(image, number, topic.partitions[number])


def _partition(
    image: MetadataImage, number: int, state: PartitionState
) -> DescribeTopicPartitionsResponsePartition:
    alive = state.leader in image.brokers
    return DescribeTopicPartitionsResponsePartition(
        error_code=ErrorCode.NONE if alive else ErrorCode.LEADER_NOT_AVAILABLE,
        partition_index=number,
        leader_id=state.leader if alive else NO_LEADER,
        leader_epoch=state.leader_epoch,
        replica_nodes=list(state.replicas),
        isr_nodes=list(state.isr),
        eligible_leader_replicas=[],
        last_known_elr=[],
        offline_replicas=list(image.offline_replicas_of(state)),
    )
