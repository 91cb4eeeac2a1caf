"""Share groups as groups (KIP-932): membership, description and offsets. Records go by share_fetch.py.

ShareGroupHeartbeat (76) and ShareGroupDescribe (77) in version 1, DescribeShareGroupOffsets (90), AlterShareGroupOffsets
(91) and DeleteShareGroupOffsets (92) in version 0. All answer UNSUPPORTED_VERSION while share groups are off
(share_feature.py).
"""

from typing import TYPE_CHECKING, Any, Final

from ottla.broker.access import GROUP, TOPIC, denied, operations_on, require, split
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.consumer_groups import HIDDEN_TOPICS
from ottla.broker.handlers.groups import asker, once_answered
from ottla.broker.pending import Pending
from ottla.broker.share_feature import share_groups_enabled
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.share_group_describe import (
    DescribedGroup,
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_OFF = ErrorCode.UNSUPPORTED_VERSION
_NO_OFFSET: Final = -1


@handles(ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, versions=(1, 1))
def share_group_heartbeat(
    broker: "BrokerServer", request: ShareGroupHeartbeatRequest, context: RequestContext
) -> ShareGroupHeartbeatResponse | Pending[ShareGroupHeartbeatResponse]:
    """Join, stay in or leave a group."""
    if not share_groups_enabled(broker):
        return ShareGroupHeartbeatResponse(error_code=_OFF)
    require(broker, context, AclOperation.READ, GROUP, request.group_id)
    if denied(broker, context, AclOperation.DESCRIBE, TOPIC, request.subscribed_topic_names or ()):
        return ShareGroupHeartbeatResponse(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    return broker.groups.answer(broker.share_groups.heartbeat(request, asker(context), context.now_ms))


def _describe_failed(
    request: ShareGroupDescribeRequest, code: ErrorCode, _message: str
) -> ShareGroupDescribeResponse:
    groups = [DescribedGroup(group_id=group_id, error_code=code) for group_id in request.group_ids]
    return ShareGroupDescribeResponse(groups=groups)


@handles(ShareGroupDescribeRequest, ShareGroupDescribeResponse, versions=(1, 1), on_error=_describe_failed)
def share_group_describe(
    broker: "BrokerServer", request: ShareGroupDescribeRequest, context: RequestContext
) -> ShareGroupDescribeResponse:
    if not share_groups_enabled(broker):
        return _describe_failed(request, _OFF, "")
    allowed, refused = split(broker, context, AclOperation.DESCRIBE, GROUP, request.group_ids, str)
    groups = broker.share_groups.describe(allowed)
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = operations_on(broker, context, GROUP, group.group_id)
    groups = [
        *(
            DescribedGroup(group_id=group_id, error_code=ErrorCode.GROUP_AUTHORIZATION_FAILED)
            for group_id in refused
        ),
        *(_without_hidden_topics(broker, context, group) for group in groups),
    ]
    return ShareGroupDescribeResponse(groups=groups)


def _without_hidden_topics(
    broker: "BrokerServer", context: RequestContext, group: DescribedGroup
) -> DescribedGroup:
    """The group, or nothing of it where any of its members has a topic that the client may not know of."""
    topics = [topic.topic_name for member in group.members for topic in member.assignment.topic_partitions]
    if not denied(broker, context, AclOperation.DESCRIBE, TOPIC, topics):
        return group
    return DescribedGroup(
        group_id=group.group_id,
        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        error_message=HIDDEN_TOPICS,
    )


def _describe_offsets_failed(
    request: DescribeShareGroupOffsetsRequest, code: ErrorCode, message: str | None
) -> DescribeShareGroupOffsetsResponse:
    return DescribeShareGroupOffsetsResponse(
        groups=[
            DescribeShareGroupOffsetsResponseGroup(
                group_id=group.group_id, error_code=code, error_message=message
            )
            for group in request.groups
        ]
    )


@handles(
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
    versions=(0, 0),
    on_error=_describe_offsets_failed,
)
def describe_share_group_offsets(
    broker: "BrokerServer", request: DescribeShareGroupOffsetsRequest, context: RequestContext
) -> DescribeShareGroupOffsetsResponse | Pending[DescribeShareGroupOffsetsResponse]:
    """Where groups stand, in the partitions asked for or in all (null topics)."""
    if not share_groups_enabled(broker):
        return _describe_offsets_failed(request, _OFF, None)
    if broker.authorizer is None:
        return broker.groups.answer(broker.share_groups.offsets.describe(request))
    request.groups, refused = split(
        broker, context, AclOperation.DESCRIBE, GROUP, request.groups, lambda group: group.group_id
    )
    of_all = [group.topics is None for group in request.groups]
    hidden = [_take_out_hidden(broker, context, group) for group in request.groups]

    def finish(response: DescribeShareGroupOffsetsResponse) -> None:
        for every, group, rows in zip(of_all, response.groups, hidden, strict=True):
            if every:
                names = [topic.topic_name for topic in group.topics]
                unseen = denied(broker, context, AclOperation.DESCRIBE, TOPIC, names)
                group.topics = [topic for topic in group.topics if topic.topic_name not in unseen]
            if group.error_code == ErrorCode.NONE:
                group.topics += rows
        code = ErrorCode.GROUP_AUTHORIZATION_FAILED
        whole = DescribeShareGroupOffsetsRequest(groups=refused)
        response.groups += _describe_offsets_failed(whole, code, code.message).groups

    return once_answered(broker.groups.answer(broker.share_groups.offsets.describe(request)), finish)


def _take_out_hidden(
    broker: "BrokerServer", context: RequestContext, group: DescribeShareGroupOffsetsRequestGroup
) -> list[DescribeShareGroupOffsetsResponseTopic]:
    """Leave in the group the topics that the client may describe, and answer the others."""
    if group.topics is None:
        return []
    group.topics, hidden = split(
        broker, context, AclOperation.DESCRIBE, TOPIC, group.topics, lambda topic: topic.topic_name
    )
    return [_hidden_offsets(topic) for topic in hidden]


def _hidden_offsets(topic: DescribeShareGroupOffsetsRequestTopic) -> DescribeShareGroupOffsetsResponseTopic:
    code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return DescribeShareGroupOffsetsResponseTopic(
        topic_name=topic.topic_name,
        partitions=[
            DescribeShareGroupOffsetsResponsePartition(
                partition_index=each,
                start_offset=_NO_OFFSET,
                error_code=code,
                error_message=code.message,
            )
            for each in topic.partitions
        ],
    )


@handles(AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, versions=(0, 0))
def alter_share_group_offsets(
    broker: "BrokerServer", request: AlterShareGroupOffsetsRequest, context: RequestContext
) -> AlterShareGroupOffsetsResponse | Pending[AlterShareGroupOffsetsResponse]:
    """Let an empty group begin anew at the given offsets."""
    if not share_groups_enabled(broker):
        return AlterShareGroupOffsetsResponse(error_code=_OFF, error_message=_OFF.message)
    require(broker, context, AclOperation.READ, GROUP, request.group_id)
    request.topics, refused = split(
        broker, context, AclOperation.READ, TOPIC, request.topics, lambda topic: topic.topic_name
    )
    code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    rows = [
        AlterShareGroupOffsetsResponseTopic(
            topic_name=topic.topic_name,
            partitions=[
                AlterShareGroupOffsetsResponsePartition(
                    partition_index=each.partition_index, error_code=code, error_message=code.message
                )
                for each in topic.partitions
            ],
        )
        for topic in refused
    ]
    if rows and not request.topics:
        return AlterShareGroupOffsetsResponse(responses=rows)
    return once_answered(
        broker.groups.answer(broker.share_groups.offsets.alter(request, context.now_ms)),
        lambda response: _add_rows(response, rows),
    )


@handles(DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, versions=(0, 0))
def delete_share_group_offsets(
    broker: "BrokerServer", request: DeleteShareGroupOffsetsRequest, context: RequestContext
) -> DeleteShareGroupOffsetsResponse | Pending[DeleteShareGroupOffsetsResponse]:
    """Let an empty group forget where it stands in whole topics."""
    if not share_groups_enabled(broker):
        return DeleteShareGroupOffsetsResponse(error_code=_OFF, error_message=_OFF.message)
    require(broker, context, AclOperation.DELETE, GROUP, request.group_id)
    request.topics, refused = split(
        broker, context, AclOperation.READ, TOPIC, request.topics, lambda topic: topic.topic_name
    )
    code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    rows = [
        DeleteShareGroupOffsetsResponseTopic(
            topic_name=topic.topic_name, error_code=code, error_message=code.message
        )
        for topic in refused
    ]
    if rows and not request.topics:
        return DeleteShareGroupOffsetsResponse(responses=rows)
    return once_answered(
        broker.groups.answer(broker.share_groups.offsets.delete(request)),
        lambda response: _add_rows(response, rows),
    )


def _add_rows(
    response: AlterShareGroupOffsetsResponse | DeleteShareGroupOffsetsResponse, rows: list[Any]
) -> None:
    """Unless the group itself is refused: then there are no topics."""
    if response.error_code == ErrorCode.NONE:
        response.responses = [*response.responses, *rows]
