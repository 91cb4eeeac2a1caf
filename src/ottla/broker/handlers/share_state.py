"""The share coordinator's five requests (keys 83 to 87), version 0: the state of share partitions (KIP-932).

Brokers send them to the leader of the partition of `__share_group_state` that the group and topic partition belong to;
within this broker the persister takes a shorter way. They are answered whether share groups are switched on or not.

Apache: KafkaApis#handleInitializeShareGroupStateRequest and the four like it.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.security.acl import AclOperation
from ottla.shares.state_requests import DELETE, INITIALIZE, READ, READ_SUMMARY, WRITE

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_OF_BROKERS = (on_cluster(AclOperation.CLUSTER_ACTION),)


@handles(
    initializing.InitializeShareGroupStateRequest,
    initializing.InitializeShareGroupStateResponse,
    versions=(0, 0),
    needs=_OF_BROKERS,
    on_error=INITIALIZE.refused,
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
    on_error=READ.refused,
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
    on_error=WRITE.refused,
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
    on_error=DELETE.refused,
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
    on_error=READ_SUMMARY.refused,
)
def read_share_group_state_summary(
    broker: "BrokerServer", request: summarizing.ReadShareGroupStateSummaryRequest, context: RequestContext
) -> summarizing.ReadShareGroupStateSummaryResponse | Pending[summarizing.ReadShareGroupStateSummaryResponse]:
    """Start offset and epochs alone, for the group's coordinator."""
    state = broker.shares.state
    return state.answer(state.service.read_summary(request, context.now_ms))
