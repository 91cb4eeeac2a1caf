"""FindCoordinator (key 10), versions 0 to 6: which broker coordinates a group, a transactional id or a share partition.

1: key types. 4: several keys at once (KIP-699). 6: share partitions (KIP-932). The topic behind is made when it is first asked for;
where Apache answers COORDINATOR_NOT_AVAILABLE meanwhile, the answer waits here until the topic is there.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import GROUP, REFUSALS, TRANSACTIONAL_ID, denied, require_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.internal_topics import (
    GROUP_METADATA_TOPIC,
    SHARE_GROUP_STATE_TOPIC,
    TRANSACTION_STATE_TOPIC,
)
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.coordination.partitioning import partition_for
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from ottla.security.acl import AclOperation
from ottla.shares.records import SharePartitionKey

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_FIRST_WITH_KEYS = 4
_SHARE, _FIRST_WITH_SHARES = 2, 6
_TOPICS = {0: GROUP_METADATA_TOPIC, 1: TRANSACTION_STATE_TOPIC, _SHARE: SHARE_GROUP_STATE_TOPIC}
"""The key types: groups, transactional ids and share partitions, each with the topic that its coordinators live in."""

_KINDS = {0: GROUP, 1: TRANSACTIONAL_ID}
"""What the keys of clients name; the coordinators of share partitions are the brokers' own matter."""


def _every_key(request: FindCoordinatorRequest, code: ErrorCode, message: str) -> FindCoordinatorResponse:
    if request.coordinator_keys:  # version 4 on, where each key has an error of its own
        return FindCoordinatorResponse(
            coordinators=[_failed(key, code, message) for key in request.coordinator_keys]
        )
    return FindCoordinatorResponse(error_code=code, error_message=message, node_id=-1, port=-1)


@handles(FindCoordinatorRequest, FindCoordinatorResponse, versions=(0, 6), on_error=_every_key)
def find_coordinator(
    broker: "BrokerServer", request: FindCoordinatorRequest, context: RequestContext
) -> FindCoordinatorResponse | Pending[FindCoordinatorResponse]:
    """The leader of the internal topic's partition that the key belongs to."""
    topic = _TOPICS.get(request.key_type)
    if request.key_type == _SHARE and context.api_version >= _FIRST_WITH_SHARES:
        require_cluster(broker, context, AclOperation.CLUSTER_ACTION)
    if topic is None or (request.key_type == _SHARE and not _share_keys(request, context)):
        message = f"key type {request.key_type} is not known, or is not that of {request.coordinator_keys}"
        if context.api_version >= _FIRST_WITH_KEYS:
            return FindCoordinatorResponse(
                coordinators=[
                    _failed(key, ErrorCode.INVALID_REQUEST, message) for key in request.coordinator_keys
                ]
            )
        return _every_key(request, ErrorCode.INVALID_REQUEST, message)
    keys = request.coordinator_keys if context.api_version >= _FIRST_WITH_KEYS else [request.key]
    kind = _KINDS.get(request.key_type)
    refused: frozenset[str] = frozenset()
    if kind is not None:
        refused = denied(broker, context, AclOperation.DESCRIBE, kind, keys)
        if refused and refused.issuperset(keys):
            return _every_key(request, REFUSALS[kind], REFUSALS[kind].message)
    if broker.metadata.image.topic(topic) is None:
        return answer_later(_make_and_answer(broker, request, context, topic, refused))
    return _response(broker, request, context, topic, refused)


def _share_keys(request: FindCoordinatorRequest, context: RequestContext) -> bool:
    """Whether the keys are such as share partitions have: `group:topic id:partition`."""
    try:
        for key in request.coordinator_keys:
            SharePartitionKey.parse(key)
    except ValueError:
        return False
    return context.api_version >= _FIRST_WITH_SHARES


async def _make_and_answer(
    broker: "BrokerServer",
    request: FindCoordinatorRequest,
    context: RequestContext,
    topic: str,
    refused: frozenset[str],
) -> FindCoordinatorResponse:
    error = await broker.topic_creation.internal(topic)
    if error is not ErrorCode.NONE:
        return _every_key(request, ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message)
    return _response(broker, request, context, topic, refused)


def _response(
    broker: "BrokerServer",
    request: FindCoordinatorRequest,
    context: RequestContext,
    topic: str,
    refused: frozenset[str],
) -> FindCoordinatorResponse:
    if context.api_version >= _FIRST_WITH_KEYS:
        code = REFUSALS[_KINDS[request.key_type]] if refused else ErrorCode.NONE
        return FindCoordinatorResponse(
            coordinators=[
                _failed(key, code, code.message)
                if key in refused
                else _coordinator(broker, key, context, topic)
                for key in request.coordinator_keys
            ]
        )
    found = _coordinator(broker, request.key, context, topic)
    return FindCoordinatorResponse(
        error_code=found.error_code,
        error_message=found.error_message,
        node_id=found.node_id,
        host=found.host,
        port=found.port,
    )


def _coordinator(broker: "BrokerServer", key: str, context: RequestContext, topic_name: str) -> Coordinator:
    image = broker.metadata.image
    topic = image.topic(topic_name)
    state = None if topic is None else topic.partitions.get(partition_for(key, len(topic.partitions)))
    address = None if state is None else broker.address_of(state.leader, context)
    if state is None or address is None:
        code = ErrorCode.COORDINATOR_NOT_AVAILABLE
        return _failed(key, code, code.message)
    return Coordinator(key=key, node_id=state.leader, host=address[0], port=address[1], error_message=None)


def _failed(key: str, code: ErrorCode, message: str) -> Coordinator:
    return Coordinator(key=key, node_id=-1, host="", port=-1, error_code=code, error_message=message)
