"""The classic group protocol and committed offsets: requests to the coordinator, its replies to the connection.

What a group may do is decided in `groups/`; here stands what that room cannot know: which topics exist, and who asks.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.access import (
    GROUP,
    TOPIC,
    denied,
    may,
    may_cluster,
    on_group,
    operations_on,
    split,
)
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.groups.error_responses import (
    delete_groups_errors,
    describe_groups_errors,
    offset_commit_error,
)
from ottla.groups.settings import GroupRequestContext
from ottla.protocol.declare import Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)
from ottla.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from ottla.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

Answer = TypeVar("Answer", bound=Response)

_TOPIC_IDS_VERSION = 10
"""OffsetCommit names topics by their ids from here on; unstable in Apache Kafka 4.1."""


def asker(context: RequestContext) -> GroupRequestContext:
    """Who sent the request, in the words of the groups' room."""
    return GroupRequestContext(
        client_id=context.client_id or "",
        client_host=f"/{context.connection.remote_host}",
        api_version=context.api_version,
    )


_MEMBER = on_group(AclOperation.READ)
"""Who consumes as the group."""


@handles(JoinGroupRequest, JoinGroupResponse, versions=(0, 9), needs=(_MEMBER,))
def join_group(
    broker: "BrokerServer", request: JoinGroupRequest, context: RequestContext
) -> JoinGroupResponse | Pending[JoinGroupResponse]:
    """Answered when the group's next generation stands."""
    return broker.groups.answer(broker.groups.service.join_group(request, asker(context), context.now_ms))


@handles(SyncGroupRequest, SyncGroupResponse, versions=(0, 5), needs=(_MEMBER,))
def sync_group(
    broker: "BrokerServer", request: SyncGroupRequest, context: RequestContext
) -> SyncGroupResponse | Pending[SyncGroupResponse]:
    """Answered when the leader has handed in the assignment."""
    return broker.groups.answer(broker.groups.service.sync_group(request, asker(context), context.now_ms))


@handles(HeartbeatRequest, HeartbeatResponse, versions=(0, 4), needs=(_MEMBER,))
def heartbeat(
    broker: "BrokerServer", request: HeartbeatRequest, context: RequestContext
) -> HeartbeatResponse | Pending[HeartbeatResponse]:
    return broker.groups.answer(broker.groups.service.heartbeat(request, asker(context), context.now_ms))


@handles(LeaveGroupRequest, LeaveGroupResponse, versions=(0, 5), needs=(_MEMBER,))
def leave_group(
    broker: "BrokerServer", request: LeaveGroupRequest, context: RequestContext
) -> LeaveGroupResponse | Pending[LeaveGroupResponse]:
    return broker.groups.answer(broker.groups.service.leave_group(request, asker(context), context.now_ms))


def _commit_failed(request: OffsetCommitRequest, code: ErrorCode, _message: str) -> OffsetCommitResponse:
    return offset_commit_error(request, code)


@handles(
    OffsetCommitRequest,
    OffsetCommitResponse,
    versions=(2, 10),
    unstable_from=10,
    on_error=_commit_failed,
    needs=(_MEMBER,),
)
def offset_commit(
    broker: "BrokerServer", request: OffsetCommitRequest, context: RequestContext
) -> OffsetCommitResponse | Pending[OffsetCommitResponse]:
    """Partitions that do not exist are answered UNKNOWN_TOPIC_OR_PARTITION, the others are committed. Version 10 names
    topics by their ids; an unknown one is answered UNKNOWN_TOPIC_ID."""
    image = broker.metadata.image
    unknown: list[OffsetCommitResponseTopic] = []
    known: list[OffsetCommitRequestTopic] = []
    for topic in request.topics:
        existing: list[OffsetCommitRequestPartition] = []
        missing: list[OffsetCommitResponsePartition] = []
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if context.api_version >= _TOPIC_IDS_VERSION:
            topic.name = image.topic_names.get(topic.topic_id, "")
            code = code if topic.name else ErrorCode.UNKNOWN_TOPIC_ID
        is_allowed = code is ErrorCode.UNKNOWN_TOPIC_ID or may(
            broker, context, AclOperation.READ, TOPIC, topic.name
        )
        if not is_allowed:
            code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        for partition in topic.partitions:
            if is_allowed and image.partition(topic.name, partition.partition_index) is not None:
                existing.append(partition)
            else:
                missing.append(_not_committed(partition, code))
        if missing:
            unknown.append(
                OffsetCommitResponseTopic(name=topic.name, topic_id=topic.topic_id, partitions=missing)
            )
        if existing:
            known.append(
                OffsetCommitRequestTopic(name=topic.name, topic_id=topic.topic_id, partitions=existing)
            )
    if unknown and not known:
        return OffsetCommitResponse(topics=unknown)
    request.topics = known
    answer = broker.groups.answer(
        broker.groups.service.offset_commit(request, asker(context), context.now_ms)
    )
    if not unknown:
        return answer
    return once_answered(answer, lambda response: _add_uncommitted(response, unknown))


def _not_committed(partition: OffsetCommitRequestPartition, code: ErrorCode) -> OffsetCommitResponsePartition:
    return OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=code)


def once_answered(
    answer: Answer | Pending[Answer], change: Callable[[Answer], None]
) -> Answer | Pending[Answer]:
    """The answer with `change` made to it, now or when it comes."""
    if not isinstance(answer, Pending):
        change(answer)
        return answer
    changed: Pending[Answer] = Pending(on_cancel=answer.cancel)

    def complete(settled: Pending[Answer]) -> None:
        response = settled.result()
        change(response)
        changed.complete(response)

    answer.then(complete)
    return changed


def _add_uncommitted(response: OffsetCommitResponse, unknown: list[OffsetCommitResponseTopic]) -> None:
    """Topics without a name are each on its own: nobody knows their ids."""
    by_name = {topic.name: topic for topic in unknown if topic.name}
    for topic in response.topics:
        if topic.name in by_name:
            by_name[topic.name].partitions += topic.partitions
        else:
            by_name[topic.name] = topic
    response.topics = [*(topic for topic in unknown if not topic.name), *by_name.values()]


@handles(OffsetDeleteRequest, OffsetDeleteResponse, versions=(0, 0), needs=(on_group(AclOperation.DELETE),))
def offset_delete(
    broker: "BrokerServer", request: OffsetDeleteRequest, context: RequestContext
) -> OffsetDeleteResponse | Pending[OffsetDeleteResponse]:
    """Partitions that do not exist are answered UNKNOWN_TOPIC_OR_PARTITION, the others' offsets are deleted."""
    image = broker.metadata.image
    refused = denied(broker, context, AclOperation.READ, TOPIC, (topic.name for topic in request.topics))
    unknown: list[OffsetDeleteResponseTopic] = []
    known: list[OffsetDeleteRequestTopic] = []
    for topic in request.topics:
        existing: list[OffsetDeleteRequestPartition] = []
        missing: list[OffsetDeleteResponsePartition] = []
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if topic.name in refused:
            code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        for partition in topic.partitions:
            number = partition.partition_index
            if topic.name not in refused and image.partition(topic.name, number) is not None:
                existing.append(partition)
            else:
                missing.append(OffsetDeleteResponsePartition(partition_index=number, error_code=code))
        if missing:
            unknown.append(OffsetDeleteResponseTopic(name=topic.name, partitions=missing))
        if existing:
            known.append(OffsetDeleteRequestTopic(name=topic.name, partitions=existing))
    request.topics = known
    answer = broker.groups.answer(
        broker.groups.service.offset_delete(request, asker(context), context.now_ms)
    )
    if not unknown:
        return answer
    return once_answered(answer, lambda response: _add_unknown(response, unknown))


def _add_unknown(response: OffsetDeleteResponse, unknown: list[OffsetDeleteResponseTopic]) -> None:
    """Unless the group itself is refused: then the answer has the one error and no topics."""
    if response.error_code != ErrorCode.NONE:
        return
    by_name = {topic.name: topic for topic in response.topics}
    for topic in unknown:
        if topic.name in by_name:
            by_name[topic.name].partitions += topic.partitions
        else:
            response.topics.append(topic)


def _describe_failed(request: DescribeGroupsRequest, code: ErrorCode, message: str) -> DescribeGroupsResponse:
    return DescribeGroupsResponse(
        groups=[
            DescribedGroup(group_id=group_id, error_code=code, error_message=message)
            for group_id in request.groups
        ]
    )


@handles(DescribeGroupsRequest, DescribeGroupsResponse, versions=(0, 6), on_error=_describe_failed)
def describe_groups(
    broker: "BrokerServer", request: DescribeGroupsRequest, context: RequestContext
) -> DescribeGroupsResponse | Pending[DescribeGroupsResponse]:
    request.groups, refused = split(broker, context, AclOperation.DESCRIBE, GROUP, request.groups, str)
    answer = broker.groups.answer(
        broker.groups.service.describe_groups(request, asker(context), context.now_ms)
    )

    def finish(response: DescribeGroupsResponse) -> None:
        if request.include_authorized_operations:
            for group in response.groups:
                if group.error_code == ErrorCode.NONE:
                    group.authorized_operations = operations_on(broker, context, GROUP, group.group_id)
        response.groups += describe_groups_errors(refused, ErrorCode.GROUP_AUTHORIZATION_FAILED)

    return once_answered(answer, finish)


@handles(ListGroupsRequest, ListGroupsResponse, versions=(0, 5))
def list_groups(
    broker: "BrokerServer", request: ListGroupsRequest, context: RequestContext
) -> ListGroupsResponse | Pending[ListGroupsResponse]:
    """All groups for who may describe the cluster, for others those that they may describe."""
    answer = broker.groups.answer(broker.groups.service.list_groups(request, asker(context), context.now_ms))
    if may_cluster(broker, context, AclOperation.DESCRIBE, audit=False):
        return answer

    def leave_out(response: ListGroupsResponse) -> None:
        names = [group.group_id for group in response.groups]
        hidden = denied(broker, context, AclOperation.DESCRIBE, GROUP, names, audit=False)
        response.groups = [group for group in response.groups if group.group_id not in hidden]

    return once_answered(answer, leave_out)


def _delete_failed(request: DeleteGroupsRequest, code: ErrorCode, _message: str) -> DeleteGroupsResponse:
    return DeleteGroupsResponse(
        results=[
            DeletableGroupResult(group_id=group_id, error_code=code) for group_id in request.groups_names
        ]
    )


@handles(DeleteGroupsRequest, DeleteGroupsResponse, versions=(0, 2), on_error=_delete_failed)
def delete_groups(
    broker: "BrokerServer", request: DeleteGroupsRequest, context: RequestContext
) -> DeleteGroupsResponse | Pending[DeleteGroupsResponse]:
    """Of share groups the state of their partitions is deleted first."""
    request.groups_names, refused = split(
        broker, context, AclOperation.DELETE, GROUP, request.groups_names, str
    )
    errors = delete_groups_errors(refused, ErrorCode.GROUP_AUTHORIZATION_FAILED)
    if refused and not request.groups_names:
        return DeleteGroupsResponse(results=errors)

    def add_refused(response: DeleteGroupsResponse) -> None:
        response.results += errors

    return once_answered(
        broker.groups.answer(broker.share_groups.delete_groups(request, asker(context), context.now_ms)),
        add_refused,
    )
