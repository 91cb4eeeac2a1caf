"""OffsetFetch (key 9), versions 1 to 10: what groups have committed.

2: all topics, and an error for the group. 3: throttle time. 7: only offsets that are stable. 8: several groups (KIP-709).
9: the member that asks. 10: topics by their ids, unstable in Apache Kafka 4.1.

A group that the client may not describe is refused for itself, a topic in its rows; where all topics are asked for, those that
it may not describe are left out.
"""

from typing import TYPE_CHECKING, Final

from ottla.broker.access import GROUP, TOPIC, denied, may
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.groups import asker, once_answered
from ottla.broker.pending import Pending
from ottla.cluster.image import MetadataImage
from ottla.groups.error_responses import offset_fetch_error
from ottla.groups.versions import offset_fetch_groups, offset_fetch_response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)
from ottla.protocol.types import ZERO_UUID
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_BY_IDS: Final = 10
_OF_GROUPS: Final = 8
"""From here on requests and answers are group by group, which is how older ones are handled too."""
_GROUP_ERROR: Final = 2


@handles(OffsetFetchRequest, OffsetFetchResponse, versions=(1, 10), unstable_from=10)
def offset_fetch(
    broker: "BrokerServer", request: OffsetFetchRequest, context: RequestContext
) -> OffsetFetchResponse | Pending[OffsetFetchResponse]:
    """Version 10 names topics by their ids; an unknown one is answered UNKNOWN_TOPIC_ID."""
    service, version = broker.groups.service, context.api_version
    if version < _BY_IDS and broker.authorizer is None:
        return broker.groups.answer(service.offset_fetch(request, asker(context), context.now_ms))
    asked: list[OffsetFetchRequestGroup] = []
    refused: list[OffsetFetchResponseGroup] = []
    left_out: list[list[OffsetFetchResponseTopics]] = []
    for group in offset_fetch_groups(request, version):
        if may(broker, context, AclOperation.DESCRIBE, GROUP, group.group_id):
            asked.append(group)
            left_out.append(_take_out_topics(broker, context, group))
        else:
            refused.append(offset_fetch_error(group, version, ErrorCode.GROUP_AUTHORIZATION_FAILED))
    if not asked:
        return offset_fetch_response(refused, version)

    def finish(response: OffsetFetchResponse) -> None:
        for wanted, group, topics in zip(asked, response.groups, left_out, strict=True):
            _finish_group(broker, context, wanted, group, topics)
        whole = offset_fetch_response([*response.groups, *refused], version)
        response.groups, response.topics = whole.groups, whole.topics
        response.error_code = whole.error_code

    by_groups = OffsetFetchRequest(groups=asked, require_stable=request.require_stable)
    who = asker(context)._replace(api_version=max(version, _OF_GROUPS))
    return once_answered(broker.groups.answer(service.offset_fetch(by_groups, who, context.now_ms)), finish)


def _take_out_topics(
    broker: "BrokerServer", context: RequestContext, group: OffsetFetchRequestGroup
) -> list[OffsetFetchResponseTopics]:
    """Leave in the group the topics that can be looked up, with their names, and answer the others."""
    if group.topics is None:
        return []
    by_ids = context.api_version >= _BY_IDS
    if by_ids:
        for topic in group.topics:
            topic.name = broker.metadata.image.topic_names.get(topic.topic_id, "")
    named = [topic.name for topic in group.topics if topic.name or not by_ids]
    hidden = denied(broker, context, AclOperation.DESCRIBE, TOPIC, named)
    kept: list[OffsetFetchRequestTopics] = []
    answered: list[OffsetFetchResponseTopics] = []
    for topic in group.topics:
        if by_ids and not topic.name:
            answered.append(_without_offsets(topic, ErrorCode.UNKNOWN_TOPIC_ID))
        elif topic.name in hidden:
            answered.append(_without_offsets(topic, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
        else:
            kept.append(topic)
    group.topics = kept
    return answered


def _without_offsets(topic: OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics:
    return OffsetFetchResponseTopics(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=[
            OffsetFetchResponsePartitions(
                partition_index=partition, committed_offset=-1, metadata="", error_code=code
            )
            for partition in topic.partition_indexes
        ],
    )


def _finish_group(
    broker: "BrokerServer",
    context: RequestContext,
    wanted: OffsetFetchRequestGroup,
    group: OffsetFetchResponseGroup,
    left_out: list[OffsetFetchResponseTopics],
) -> None:
    if group.error_code != ErrorCode.NONE:
        if context.api_version < _GROUP_ERROR:
            group.topics = offset_fetch_error(wanted, context.api_version, ErrorCode(group.error_code)).topics
            group.topics += left_out
        return
    if wanted.topics is None:
        names = [topic.name for topic in group.topics]
        hidden = denied(broker, context, AclOperation.DESCRIBE, TOPIC, names)
        group.topics = [topic for topic in group.topics if topic.name not in hidden]
    if context.api_version >= _BY_IDS:
        _give_ids(group, broker.metadata.image)
    group.topics += left_out


def _give_ids(group: OffsetFetchResponseGroup, image: MetadataImage) -> None:
    """All of a group's topics come without ids; those that are no more have none, and are left out."""
    for topic in group.topics:
        known = image.topic(topic.name)
        if topic.topic_id == ZERO_UUID and known is not None:
            topic.topic_id = known.topic_id
    group.topics = [topic for topic in group.topics if topic.topic_id != ZERO_UUID]
