"""DescribeProducers (key 61, version 0): who has written to a partition, idempotent and transactional producers (KIP-664)."""

from collections.abc import Generator
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final

from ottla.broker.access import TOPIC, denied
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.long_answers import YIELD_EVERY, Pieces, answer_in_pieces
from ottla.broker.pending import Pending
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

SORTED_AT_ONCE: Final = 1_024
"""Producers that are read and sorted from one piece of the answer to the next: about a millisecond."""


@handles(DescribeProducersRequest, DescribeProducersResponse, versions=(0, 0))
def describe_producers(
    broker: "BrokerServer", request: DescribeProducersRequest, context: RequestContext
) -> DescribeProducersResponse | Pending[bytes]:
    """The producers that each partition remembers, with their open transactions."""
    return answer_in_pieces(broker, context, _described(broker, request, context))


def _described(
    broker: "BrokerServer", request: DescribeProducersRequest, context: RequestContext
) -> Pieces[DescribeProducersResponse]:
    refused = denied(broker, context, AclOperation.READ, TOPIC, [topic.name for topic in request.topics])
    response = DescribeProducersResponse()
    for topic in request.topics:
        described = TopicResponse(name=topic.name)
        response.topics.append(described)
        for each in topic.partition_indexes:
            if topic.name in refused:
                partition = _failed(each, KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED))
            else:
                partition = yield from _producers_of(broker, topic.name, each)
            described.partitions.append(partition)
            yield
    return response


def _failed(partition: int, error: KafkaError) -> PartitionResponse:
    return PartitionResponse(partition_index=partition, error_code=error.code, error_message=error.message)


def _producers_of(
    broker: "BrokerServer", topic: str, partition: int
) -> Generator[None, None, PartitionResponse]:
    try:
        log = broker.replicas.partition(topic, partition).leading_log()
    except KafkaError as error:
        return _failed(partition, error)
    described = PartitionResponse(partition_index=partition)
    # By id, and no sort of them all at once.
    producers, runs = log.active_producers(), []
    while run := sorted(islice(producers, SORTED_AT_ONCE)):
        runs.append(run)
        yield
    for number, each in enumerate(merge(*runs)):
        if number % YIELD_EVERY == 0:
            yield
        described.active_producers.append(
            ProducerState(
                producer_id=each.producer_id,
                producer_epoch=each.producer_epoch,
                last_sequence=each.last_sequence,
                last_timestamp=each.last_timestamp,
                coordinator_epoch=each.coordinator_epoch,
                current_txn_start_offset=each.current_txn_start_offset,
            )
        )
    return described
