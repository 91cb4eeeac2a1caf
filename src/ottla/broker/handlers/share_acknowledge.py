"""ShareAcknowledge (key 79), version 1: what became of records that a member of a share group has acquired (KIP-932).

The member's share session must exist (it is opened by ShareFetch) and the request bear its next epoch; with epoch -1 the
session ends, and what the member still has is given back.

Apache: KafkaApis#handleShareAcknowledgeRequest.
"""

from typing import TYPE_CHECKING

from ottla.broker.access import GROUP, require, topics_to_read
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.broker.share_acknowledgements import Outcomes, acknowledge
from ottla.broker.share_leaders import Leaders, session_key
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.share_acknowledge import (
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
)
from ottla.protocol.types import Uuid
from ottla.security.acl import AclOperation
from ottla.shares.sessions import FINAL_EPOCH, INITIAL_EPOCH, TopicIdPartition

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _whole(request: ShareAcknowledgeRequest, code: ErrorCode, message: str) -> ShareAcknowledgeResponse:
    del request, message
    return ShareAcknowledgeResponse(error_code=code)


@handles(ShareAcknowledgeRequest, ShareAcknowledgeResponse, versions=(1, 1), on_error=_whole)
def share_acknowledge(
    broker: "BrokerServer", request: ShareAcknowledgeRequest, context: RequestContext
) -> ShareAcknowledgeResponse | Pending[ShareAcknowledgeResponse]:
    """Answered when the share coordinator has written what changed."""
    if not broker.shares.enabled:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
    require(broker, context, AclOperation.READ, GROUP, request.group_id or "")
    member = session_key(request.group_id, request.member_id)
    if request.share_session_epoch == INITIAL_EPOCH:
        raise KafkaError(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
    broker.shares.sessions.take(member, request.share_session_epoch)
    pending: Pending[ShareAcknowledgeResponse] = Pending()
    answered: list[ShareAcknowledgeResponse] = []

    def finished(outcomes: Outcomes) -> None:
        if request.share_session_epoch == FINAL_EPOCH:
            broker.shares.end_session(member)
        response = _response(broker, context, outcomes)
        answered.append(response)
        pending.complete(response)

    asked = [
        (TopicIdPartition(topic.topic_id, each.partition_index), each.acknowledgement_batches)
        for topic in request.topics
        for each in topic.partitions
    ]
    readable = topics_to_read(broker, context)

    def may_read(topic: str) -> bool:
        names = broker.metadata.image.topic_names
        named = (names.get(each.topic_id, "") for each, _ in asked)
        return readable is None or readable.remembers(topic) or readable.ask(topic, named)

    acknowledge(broker, may_read, member, asked, finished)
    return answered[0] if answered else pending


def _response(
    broker: "BrokerServer", context: RequestContext, outcomes: Outcomes
) -> ShareAcknowledgeResponse:
    leaders = Leaders(broker, context)
    by_topic: dict[Uuid, list[PartitionData]] = {}
    for name, outcome in outcomes.items():
        row = PartitionData(
            partition_index=name.partition, error_code=outcome.code, error_message=outcome.message
        )
        moved = leaders.of(name, outcome.code)
        if moved is not None:
            row.current_leader = LeaderIdAndEpoch(leader_id=moved.leader, leader_epoch=moved.leader_epoch)
        by_topic.setdefault(name.topic_id, []).append(row)
    return ShareAcknowledgeResponse(
        responses=[
            ShareAcknowledgeTopicResponse(topic_id=topic_id, partitions=rows)
            for topic_id, rows in by_topic.items()
        ],
        node_endpoints=[
            NodeEndpoint(node_id=each.node_id, host=each.host, port=each.port) for each in leaders.endpoints()
        ],
    )
