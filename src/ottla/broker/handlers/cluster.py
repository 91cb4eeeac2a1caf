"""DescribeCluster (KIP-700, KIP-919) and DescribeTopicPartitions (KIP-966): the cluster as tools want to see it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ottla.broker.authorized_operations import CLUSTER_OPERATIONS, NOT_ASKED_FOR, TOPIC_OPERATIONS
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
        cluster_authorized_operations=CLUSTER_OPERATIONS
        if request.include_cluster_authorized_operations
        else NOT_ASKED_FOR,
    )


@handles(UnregisterBrokerRequest, UnregisterBrokerResponse, versions=(0, 0))
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
    broker: "BrokerServer", request: DescribeTopicPartitionsRequest, _context: RequestContext
) -> DescribeTopicPartitionsResponse:
    """Topics in the order of their names, partition by partition, up to the limit; the cursor says where to go on.

    Without names: all topics. With them, those before the cursor's are left out, as they were answered before.
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
    left = max(1, min(broker.config.max_request_partition_size_limit, request.response_partition_limit))
    response = DescribeTopicPartitionsResponse()
    for name in names:
        topic = image.topic(name)
        if topic is None:
            if not fetch_all:
                response.topics.append(_unknown(name))
            continue
        start = cursor.partition_index if cursor is not None and name == first else 0
        if left == 0:
            response.next_cursor = Cursor(topic_name=name, partition_index=start)
            break
        described = _described(image, topic, start, left)
        response.topics.append(described)
        left -= len(described.partitions)
        stopped_at = start + len(described.partitions)
        if stopped_at < len(topic.partitions):
            response.next_cursor = Cursor(topic_name=name, partition_index=stopped_at)
            break
    return response


def _unknown(name: str) -> DescribeTopicPartitionsResponseTopic:
    valid = why_invalid(name) is None
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if valid else ErrorCode.INVALID_TOPIC_EXCEPTION
    return DescribeTopicPartitionsResponseTopic(
        error_code=code,
        name=name,
        is_internal=name in INTERNAL_TOPICS,
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _described(
    image: MetadataImage, topic: TopicImage, start: int, limit: int
) -> DescribeTopicPartitionsResponseTopic:
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=list(_partitions(image, topic, start, limit)),
        topic_authorized_operations=TOPIC_OPERATIONS,
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
