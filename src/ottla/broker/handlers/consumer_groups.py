"""ConsumerGroupHeartbeat (key 68) and ConsumerGroupDescribe (key 69), versions 0 and 1: consumer groups (KIP-848).

Heartbeat 1: regular expressions, and members make their own ids (KIP-1082). Describe 1: which protocol a member uses.

Both are announced always, and answered UNSUPPORTED_VERSION where the feature `group.version` is 0 or
`group.coordinator.rebalance.protocols` has no `consumer`, as in Apache.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from ottla.broker.access import GROUP, TOPIC, denied, may, operations_on, require, split
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
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

HIDDEN_TOPICS: Final = "The group has described topic(s) that the client is not authorized to describe."


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
    require(broker, context, AclOperation.READ, GROUP, request.group_id)
    if denied(broker, context, AclOperation.DESCRIBE, TOPIC, request.subscribed_topic_names or ()):
        return ConsumerGroupHeartbeatResponse(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    who = asker(context)
    if broker.authorizer is not None:
        who = who._replace(
            may_describe=partial(may, broker, context, AclOperation.DESCRIBE, TOPIC, audit=False)
        )
    return broker.groups.answer(consumer_group_heartbeat(broker.groups.service, request, who, context.now_ms))


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
    broker: "BrokerServer", request: ConsumerGroupDescribeRequest, context: RequestContext
) -> ConsumerGroupDescribeResponse:
    if not _is_served(broker):
        return _describe_failed(request, ErrorCode.UNSUPPORTED_VERSION)
    allowed, refused = split(broker, context, AclOperation.DESCRIBE, GROUP, request.group_ids, str)
    groups = consumer_group_describe(broker.groups.service, allowed)
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = operations_on(broker, context, GROUP, group.group_id)
    groups = [
        *(_refused(group_id) for group_id in refused),
        *(_without_hidden_topics(broker, context, group) for group in groups),
    ]
    return ConsumerGroupDescribeResponse(groups=groups)


def _refused(group_id: str) -> DescribedGroup:
    return DescribedGroup(group_id=group_id, error_code=ErrorCode.GROUP_AUTHORIZATION_FAILED)


def _without_hidden_topics(
    broker: "BrokerServer", context: RequestContext, group: DescribedGroup
) -> DescribedGroup:
    """The group, or nothing of it where any of its members has a topic that the client may not know of."""
    topics = [
        topic.topic_name
        for member in group.members
        for assignment in (member.assignment, member.target_assignment)
        for topic in assignment.topic_partitions
    ]
    if not denied(broker, context, AclOperation.DESCRIBE, TOPIC, topics):
        return group
    return DescribedGroup(
        group_id=group.group_id,
        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        error_message=HIDDEN_TOPICS,
    )
