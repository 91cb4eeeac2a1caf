"""DescribeProducers (key 61, version 0): who has written to a partition, idempotent and transactional producers (KIP-664)."""

from typing import TYPE_CHECKING

from ottla.broker.access import TOPIC, denied
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(DescribeProducersRequest, DescribeProducersResponse, versions=(0, 0))
def describe_producers(
    broker: "BrokerServer", request: DescribeProducersRequest, context: RequestContext
) -> DescribeProducersResponse:
    """The producers that each partition remembers, with their open transactions."""
    names = [topic.name for topic in request.topics]
    refused = denied(broker, context, AclOperation.READ, TOPIC, names)
    return DescribeProducersResponse(
        topics=[
            TopicResponse(
                name=topic.name,
                partitions=[
                    _refused(each) if topic.name in refused else _producers_of(broker, topic.name, each)
                    for each in topic.partition_indexes
                ],
            )
            for topic in request.topics
        ]
    )


def _refused(partition: int) -> PartitionResponse:
    code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return PartitionResponse(partition_index=partition, error_code=code, error_message=code.message)


def _producers_of(broker: "BrokerServer", topic: str, partition: int) -> PartitionResponse:
    try:
        log = broker.replicas.partition(topic, partition).leading_log()
    except KafkaError as error:
        return PartitionResponse(
            partition_index=partition, error_code=error.code, error_message=error.message
        )
    return PartitionResponse(
        partition_index=partition,
        active_producers=[
            ProducerState(
                producer_id=each.producer_id,
                producer_epoch=each.producer_epoch,
                last_sequence=each.last_sequence,
                last_timestamp=each.last_timestamp,
                coordinator_epoch=each.coordinator_epoch,
                current_txn_start_offset=each.current_txn_start_offset,
            )
            for each in log.active_producers()
        ],
    )
