"""The share coordinator's five requests (keys 83 to 87), version 0: the state of share partitions (KIP-932).

Brokers send them to the leader of the partition of `__share_group_state` that the group and topic partition belong to;
within this broker the persister takes a shorter way. They are answered whether share groups are switched on or not.

Apache: KafkaApis#handleInitializeShareGroupStateRequest and the four like it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.protocol.declare import Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

R = TypeVar("R", bound=Response)

_OF_BROKERS = (on_cluster(AclOperation.CLUSTER_ACTION),)


def _in_every_row(
    response: type[R], topic_result: type[Any], partition_result: type[Any]
) -> Callable[[Any, ErrorCode, str], R]:
    """How an error of the whole request is answered: none of the five answers has a place for one of its own."""

    def answer(request: Any, code: ErrorCode, message: str) -> R:
        results = [
            topic_result(
                topic_id=topic.topic_id,
                partitions=[
                    partition_result(partition=each.partition, error_code=code, error_message=message)
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return response(results=results)  # type: ignore[call-arg]

    return answer


@handles(
    initializing.InitializeShareGroupStateRequest,
    initializing.InitializeShareGroupStateResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=_in_every_row(
        initializing.InitializeShareGroupStateResponse,
        initializing.InitializeStateResult,
        initializing.PartitionResult,
    ),
)
def initialize_share_group_state(
    broker: "BrokerServer", request: initializing.InitializeShareGroupStateRequest, context: RequestContext
) -> initializing.InitializeShareGroupStateResponse | Pending[initializing.InitializeShareGroupStateResponse]:
    """Begin the state of share partitions at a start offset."""
    state = broker.shares.state
    return state.answer(state.service.initialize(request, context.now_ms))


@handles(
    reading.ReadShareGroupStateRequest,
    reading.ReadShareGroupStateResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=_in_every_row(
        reading.ReadShareGroupStateResponse, reading.ReadStateResult, reading.PartitionResult
    ),
)
def read_share_group_state(
    broker: "BrokerServer", request: reading.ReadShareGroupStateRequest, context: RequestContext
) -> reading.ReadShareGroupStateResponse | Pending[reading.ReadShareGroupStateResponse]:
    """The whole state, for the leader of the topic's partition."""
    state = broker.shares.state
    return state.answer(state.service.read(request, context.now_ms))


@handles(
    writing.WriteShareGroupStateRequest,
    writing.WriteShareGroupStateResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=_in_every_row(
        writing.WriteShareGroupStateResponse, writing.WriteStateResult, writing.PartitionResult
    ),
)
def write_share_group_state(
    broker: "BrokerServer", request: writing.WriteShareGroupStateRequest, context: RequestContext
) -> writing.WriteShareGroupStateResponse | Pending[writing.WriteShareGroupStateResponse]:
    """Lay changes over the state."""
    state = broker.shares.state
    return state.answer(state.service.write(request, context.now_ms))


@handles(
    deleting.DeleteShareGroupStateRequest,
    deleting.DeleteShareGroupStateResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=_in_every_row(
        deleting.DeleteShareGroupStateResponse, deleting.DeleteStateResult, deleting.PartitionResult
    ),
)
def delete_share_group_state(
    broker: "BrokerServer", request: deleting.DeleteShareGroupStateRequest, context: RequestContext
) -> deleting.DeleteShareGroupStateResponse | Pending[deleting.DeleteShareGroupStateResponse]:
    """Forget the state."""
    state = broker.shares.state
    return state.answer(state.service.delete(request, context.now_ms))


@handles(
    summarizing.ReadShareGroupStateSummaryRequest,
    summarizing.ReadShareGroupStateSummaryResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=_in_every_row(
        summarizing.ReadShareGroupStateSummaryResponse,
        summarizing.ReadStateSummaryResult,
        summarizing.PartitionResult,
    ),
)
def read_share_group_state_summary(
    broker: "BrokerServer", request: summarizing.ReadShareGroupStateSummaryRequest, context: RequestContext
) -> summarizing.ReadShareGroupStateSummaryResponse | Pending[summarizing.ReadShareGroupStateSummaryResponse]:
    """Start offset and epochs alone, for the group's coordinator."""
    state = broker.shares.state
    return state.answer(state.service.read_summary(request, context.now_ms))
