"""AlterPartitionReassignments and ListPartitionReassignments (keys 45 and 46): partitions moved to other brokers (KIP-455).

AlterPartitionReassignments 1: `allow_replication_factor_change` (KIP-860).
"""

from typing import TYPE_CHECKING

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.reassignments import Reassignment, ReassignmentOutcome, ongoing
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from ottla.protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from ottla.protocol.types import TopicPartition
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    versions=(0, 1),
    needs=(on_cluster(AclOperation.ALTER),),
)
def alter_partition_reassignments(
    broker: "BrokerServer", request: AlterPartitionReassignmentsRequest, _context: RequestContext
) -> Pending[AlterPartitionReassignmentsResponse]:
    """Each partition has its own outcome."""
    asked = [
        Reassignment(TopicPartition(topic.name, each.partition_index), each.replicas)
        for topic in request.topics
        for each in topic.partitions
    ]

    async def answer() -> AlterPartitionReassignmentsResponse:
        outcomes = await broker.metadata.reassign(
            asked, allow_replication_factor_change=request.allow_replication_factor_change
        )
        rows = iter(outcomes)
        return AlterPartitionReassignmentsResponse(
            error_message=None if request.topics else "",
            allow_replication_factor_change=request.allow_replication_factor_change,
            responses=[
                ReassignableTopicResponse(
                    name=topic.name, partitions=[_row(next(rows)) for _ in topic.partitions]
                )
                for topic in request.topics
            ],
        )

    return answer_later(answer())


def _row(outcome: ReassignmentOutcome) -> ReassignablePartitionResponse:
    silent = outcome.error in (ErrorCode.NONE, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    return ReassignablePartitionResponse(
        partition_index=outcome.partition.partition,
        error_code=outcome.error,
        error_message=None if silent else outcome.message,
    )


@handles(
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    versions=(0, 0),
    needs=(on_cluster(AclOperation.DESCRIBE),),
)
def list_partition_reassignments(
    broker: "BrokerServer", request: ListPartitionReassignmentsRequest, _context: RequestContext
) -> ListPartitionReassignmentsResponse:
    """What is under way, of all partitions or of those asked for."""
    asked = request.topics
    wanted = (
        None
        if asked is None
        else {(topic.name, number) for topic in asked for number in topic.partition_indexes}
    )
    topics: dict[str, OngoingTopicReassignment] = {}
    for partition, state in ongoing(broker.metadata.image).items():
        if wanted is not None and partition not in wanted:
            continue
        topic = topics.setdefault(partition.topic, OngoingTopicReassignment(name=partition.topic))
        topic.partitions.append(
            OngoingPartitionReassignment(
                partition_index=partition.partition,
                replicas=list(state.replicas),
                adding_replicas=list(state.adding_replicas),
                removing_replicas=list(state.removing_replicas),
            )
        )
    return ListPartitionReassignmentsResponse(error_message=None, topics=list(topics.values()))
