"""What older versions of the group APIs say in another way: their requests made like the newest, and back again.

Apache does this in the constructors of its request and response classes.
"""

from collections.abc import Sequence

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponseTopic,
)


def with_rebalance_timeout(request: JoinGroupRequest, version: int) -> JoinGroupRequest:
    """Version 0 has one timeout for both."""
    if version == 0:
        request.rebalance_timeout_ms = request.session_timeout_ms
    return request


def joined_response(response: JoinGroupResponse, version: int) -> JoinGroupResponse:
    """Before version 7 a refused join's protocol is empty, not null (KIP-559)."""
    if version < 7 and response.protocol_name is None:
        response.protocol_name = ""
    return response


def with_members(request: LeaveGroupRequest, version: int) -> LeaveGroupRequest:
    """Before version 3 one member leaves (KIP-345)."""
    if version < 3:
        return LeaveGroupRequest(
            group_id=request.group_id, members=[MemberIdentity(member_id=request.member_id)]
        )
    return request


def left_response(response: LeaveGroupResponse, version: int) -> LeaveGroupResponse:
    """Before version 3 the one member's error is the response's."""
    if version >= 3:
        return response
    code = response.error_code
    if code == ErrorCode.NONE and response.members:
        code = response.members[0].error_code
    return LeaveGroupResponse(error_code=code)


def offset_fetch_groups(request: OffsetFetchRequest, version: int) -> list[OffsetFetchRequestGroup]:
    """Before version 8 one group is asked for (KIP-709)."""
    if version >= 8:
        return request.groups
    topics = None
    if request.topics is not None:
        topics = [
            OffsetFetchRequestTopics(name=topic.name, partition_indexes=topic.partition_indexes)
            for topic in request.topics
        ]
    return [OffsetFetchRequestGroup(group_id=request.group_id, topics=topics)]


def offset_fetch_response(groups: Sequence[OffsetFetchResponseGroup], version: int) -> OffsetFetchResponse:
    if version >= 8:
        return OffsetFetchResponse(groups=list(groups))
    only = groups[0]
    return OffsetFetchResponse(
        error_code=only.error_code,
        topics=[
            OffsetFetchResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetFetchResponsePartition(
                        partition_index=partition.partition_index,
                        committed_offset=partition.committed_offset,
                        committed_leader_epoch=partition.committed_leader_epoch,
                        metadata=partition.metadata,
                        error_code=partition.error_code,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in only.topics
        ],
    )
