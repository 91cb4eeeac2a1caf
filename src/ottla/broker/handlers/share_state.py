"""The share coordinator's five requests (keys 83 to 87), version 0: the state of share partitions (KIP-932).

Brokers send them to the leader of the partition of `__share_group_state` that the group and topic partition belong to;
within this broker the persister takes a shorter way. They are answered whether share groups are switched on or not.

Apache: KafkaApis#handleInitializeShareGroupStateRequest and the four like it.
"""

from typing import TYPE_CHECKING

from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
)
from ottla.protocol.messages.read_share_group_state import (
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
)
from ottla.protocol.messages.write_share_group_state import (
    WriteShareGroupStateRequest,
    WriteShareGroupStateResponse,
)

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


@handles(InitializeShareGroupStateRequest, InitializeShareGroupStateResponse, versions=(0, 0))
def initialize_share_group_state(
    broker: "BrokerServer", request: InitializeShareGroupStateRequest, context: RequestContext
) -> InitializeShareGroupStateResponse | Pending[InitializeShareGroupStateResponse]:
    """Begin the state of share partitions at a start offset."""
    state = broker.shares.state
    return state.answer(state.service.initialize(request, context.now_ms))


@handles(ReadShareGroupStateRequest, ReadShareGroupStateResponse, versions=(0, 0))
def read_share_group_state(
    broker: "BrokerServer", request: ReadShareGroupStateRequest, context: RequestContext
) -> ReadShareGroupStateResponse | Pending[ReadShareGroupStateResponse]:
    """The whole state, for the leader of the topic's partition."""
    state = broker.shares.state
    return state.answer(state.service.read(request, context.now_ms))


@handles(WriteShareGroupStateRequest, WriteShareGroupStateResponse, versions=(0, 0))
def write_share_group_state(
    broker: "BrokerServer", request: WriteShareGroupStateRequest, context: RequestContext
) -> WriteShareGroupStateResponse | Pending[WriteShareGroupStateResponse]:
    """Lay changes over the state."""
    state = broker.shares.state
    return state.answer(state.service.write(request, context.now_ms))


@handles(DeleteShareGroupStateRequest, DeleteShareGroupStateResponse, versions=(0, 0))
def delete_share_group_state(
    broker: "BrokerServer", request: DeleteShareGroupStateRequest, context: RequestContext
) -> DeleteShareGroupStateResponse | Pending[DeleteShareGroupStateResponse]:
    """Forget the state."""
    state = broker.shares.state
    return state.answer(state.service.delete(request, context.now_ms))


@handles(ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse, versions=(0, 0))
def read_share_group_state_summary(
    broker: "BrokerServer", request: ReadShareGroupStateSummaryRequest, context: RequestContext
) -> ReadShareGroupStateSummaryResponse | Pending[ReadShareGroupStateSummaryResponse]:
    """Start offset and epochs alone, for the group's coordinator."""
    state = broker.shares.state
    return state.answer(state.service.read_summary(request, context.now_ms))
