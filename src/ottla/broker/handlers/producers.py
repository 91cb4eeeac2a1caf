"""InitProducerId (key 22, versions 0 to 5) and DescribeProducers (key 61, version 0).

InitProducerId gives an idempotent producer its id. 3: the producer may name the id it has (KIP-360); without a
transactional id it gets a new one all the same. 4, 5: other error codes. Ids come in blocks of 1,000 from the cluster, so
that no two brokers, and no two lives of one, give the same.
"""

from typing import TYPE_CHECKING

from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(InitProducerIdRequest, InitProducerIdResponse, versions=(0, 5))
def init_producer_id(
    broker: "BrokerServer", request: InitProducerIdRequest, context: RequestContext
) -> InitProducerIdResponse | Pending[InitProducerIdResponse]:
    """A producer id nobody had before, with epoch 0."""
    del context
    if request.transactional_id is not None:
        # Retriable codes would have the client ask for ever; this one it reports.
        code = ErrorCode.INVALID_REQUEST if not request.transactional_id else ErrorCode.UNSUPPORTED_VERSION
        return InitProducerIdResponse(error_code=code, producer_epoch=-1)
    producer_id = broker.producer_ids.next()
    if producer_id is not None:
        return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
    return answer_later(_from_next_block(broker))


async def _from_next_block(broker: "BrokerServer") -> InitProducerIdResponse:
    try:
        producer_id = await broker.producer_ids.next_from_cluster()
    except KafkaError as error:
        return InitProducerIdResponse(error_code=error.code, producer_epoch=-1)
    return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)


@handles(DescribeProducersRequest, DescribeProducersResponse, versions=(0, 0))
def describe_producers(
    broker: "BrokerServer", request: DescribeProducersRequest, context: RequestContext
) -> DescribeProducersResponse:
    """The producers that each partition remembers, with their open transactions."""
    del context
    return DescribeProducersResponse(
        topics=[
            TopicResponse(
                name=topic.name,
                partitions=[_producers_of(broker, topic.name, each) for each in topic.partition_indexes],
            )
            for topic in request.topics
        ]
    )


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
