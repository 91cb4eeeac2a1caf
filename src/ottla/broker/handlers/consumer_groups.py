"""ConsumerGroupHeartbeat (key 68) and ConsumerGroupDescribe (key 69), versions 0 and 1: consumer groups (KIP-848).

Heartbeat 1: regular expressions, and members make their own ids (KIP-1082). Describe 1: which protocol a member uses.

Both are announced always, and answered UNSUPPORTED_VERSION where the feature `group.version` is 0 or
`group.coordinator.rebalance.protocols` has no `consumer`, as in Apache.
"""

from typing import TYPE_CHECKING

from ottla.broker.authorized_operations import GROUP_OPERATIONS
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.groups import asker
from ottla.broker.pending import Pending
from ottla.cluster.features import GROUP_VERSION
from ottla.groups.consumer_group_requests import consumer_group_describe, consumer_group_heartbeat
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
)
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _is_served(broker: "BrokerServer") -> bool:
    return (
        broker.features.level(GROUP_VERSION) > 0
        and "consumer" in broker.config.group_coordinator_rebalance_protocols
    )


@handles(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, versions=(0, 1))
def heartbeat(
    broker: "BrokerServer", request: ConsumerGroupHeartbeatRequest, context: RequestContext
) -> ConsumerGroupHeartbeatResponse | Pending[ConsumerGroupHeartbeatResponse]:
    """Join, stay in or leave a group."""
    if not _is_served(broker):
        return ConsumerGroupHeartbeatResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    return broker.groups.answer(
        consumer_group_heartbeat(broker.groups.service, request, asker(context), context.now_ms)
    )


def _describe_failed(
    request: ConsumerGroupDescribeRequest, code: ErrorCode, _message: str = ""
) -> ConsumerGroupDescribeResponse:
    return ConsumerGroupDescribeResponse(
        groups=[DescribedGroup(group_id=group_id, error_code=code) for group_id in request.group_ids]
    )


@handles(
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, versions=(0, 1), on_error=_describe_failed
)
def describe(
    broker: "BrokerServer", request: ConsumerGroupDescribeRequest, _context: RequestContext
) -> ConsumerGroupDescribeResponse:
    if not _is_served(broker):
        return _describe_failed(request, ErrorCode.UNSUPPORTED_VERSION)
    groups = consumer_group_describe(broker.groups.service, request.group_ids)
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = GROUP_OPERATIONS
    return ConsumerGroupDescribeResponse(groups=groups)
