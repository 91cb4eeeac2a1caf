"""ElectLeaders (key 43), versions 0 to 2: let partitions be led by their preferred replica, or by one that is behind.

1: unclean elections (KIP-460), an error for the whole request.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import may_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.changes import ElectionType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from ottla.protocol.types import TopicPartition
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _every_partition(
    request: ElectLeadersRequest, code: ErrorCode, message: str, version: int
) -> ElectLeadersResponse:
    return ElectLeadersResponse(
        error_code=code if version >= 1 else ErrorCode.NONE,
        replica_election_results=[
            ReplicaElectionResult(
                topic=topic.topic,
                partition_result=[
                    PartitionResult(partition_id=each, error_code=code, error_message=message)
                    for each in topic.partitions
                ],
            )
            for topic in request.topic_partitions or ()
        ],
    )


@handles(ElectLeadersRequest, ElectLeadersResponse, versions=(0, 2))
def elect_leaders(
    broker: "BrokerServer", request: ElectLeadersRequest, context: RequestContext
) -> ElectLeadersResponse | Pending[ElectLeadersResponse]:
    """Without topics: all of them, of which those partitions are told for which there was something to do."""
    if not may_cluster(broker, context, AclOperation.ALTER):
        refusal = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        return _every_partition(request, refusal, refusal.message, context.api_version)
    try:
        election = ElectionType(request.election_type)
    except ValueError:
        message = f"Unknown election type {request.election_type}"
        return _every_partition(request, ErrorCode.INVALID_REQUEST, message, context.api_version)

    async def answer() -> ElectLeadersResponse:
        try:
            return await _elect(broker, request, election)
        except KafkaError as error:
            return _every_partition(request, error.code, error.message, context.api_version)

    return answer_later(answer())


async def _elect(
    broker: "BrokerServer", request: ElectLeadersRequest, election: ElectionType
) -> ElectLeadersResponse:
    asked = request.topic_partitions
    partitions = (
        None
        if asked is None
        else [TopicPartition(topic.topic, each) for topic in asked for each in topic.partitions]
    )
    outcomes = await broker.metadata.elect_leaders(election, partitions)
    results = {
        each.partition: PartitionResult(
            partition_id=each.partition.partition, error_code=each.error, error_message=each.message
        )
        for each in outcomes
    }
    if asked is not None:
        rows = [(topic.topic, topic.partitions) for topic in asked]
    else:
        topics = broker.metadata.image.topics
        rows = [
            (name, [number for number in topics[name].partitions if (name, number) in results])
            for name in topics
        ]
    return ElectLeadersResponse(
        replica_election_results=[
            ReplicaElectionResult(
                topic=name,
                partition_result=[results[TopicPartition(name, number)] for number in numbers],
            )
            for name, numbers in rows
        ]
    )
