"""Share groups as groups (KIP-932): membership, description and offsets. Records go by share_fetch.py.

ShareGroupHeartbeat (76) and ShareGroupDescribe (77) in version 1, DescribeShareGroupOffsets (90), AlterShareGroupOffsets
(91) and DeleteShareGroupOffsets (92) in version 0. All answer UNSUPPORTED_VERSION while share groups are off
(share_feature.py).
"""

from typing import TYPE_CHECKING

from ottla.broker.authorized_operations import GROUP_OPERATIONS
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.groups import asker
from ottla.broker.pending import Pending
from ottla.broker.share_feature import share_groups_enabled
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
)
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
)
from ottla.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
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

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_OFF = ErrorCode.UNSUPPORTED_VERSION


@handles(ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, versions=(1, 1))
def share_group_heartbeat(
    broker: "BrokerServer", request: ShareGroupHeartbeatRequest, context: RequestContext
) -> ShareGroupHeartbeatResponse | Pending[ShareGroupHeartbeatResponse]:
    """Join, stay in or leave a group."""
    if not share_groups_enabled(broker):
        return ShareGroupHeartbeatResponse(error_code=_OFF)
    return broker.groups.answer(broker.share_groups.heartbeat(request, asker(context), context.now_ms))


def _describe_failed(
    request: ShareGroupDescribeRequest, code: ErrorCode, _message: str
) -> ShareGroupDescribeResponse:
    groups = [DescribedGroup(group_id=group_id, error_code=code) for group_id in request.group_ids]
    return ShareGroupDescribeResponse(groups=groups)


@handles(ShareGroupDescribeRequest, ShareGroupDescribeResponse, versions=(1, 1), on_error=_describe_failed)
def share_group_describe(
    broker: "BrokerServer", request: ShareGroupDescribeRequest, _context: RequestContext
) -> ShareGroupDescribeResponse:
    if not share_groups_enabled(broker):
        return _describe_failed(request, _OFF, "")
    groups = broker.share_groups.describe(request.group_ids)
    if request.include_authorized_operations:
        for group in groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = GROUP_OPERATIONS
    return ShareGroupDescribeResponse(groups=groups)


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
    broker: "BrokerServer", request: DescribeShareGroupOffsetsRequest, _context: RequestContext
) -> DescribeShareGroupOffsetsResponse | Pending[DescribeShareGroupOffsetsResponse]:
    """Where groups stand, in the partitions asked for or in all (null topics)."""
    if not share_groups_enabled(broker):
        return _describe_offsets_failed(request, _OFF, None)
    return broker.groups.answer(broker.share_groups.offsets.describe(request))


@handles(AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, versions=(0, 0))
def alter_share_group_offsets(
    broker: "BrokerServer", request: AlterShareGroupOffsetsRequest, context: RequestContext
) -> AlterShareGroupOffsetsResponse | Pending[AlterShareGroupOffsetsResponse]:
    """Let an empty group begin anew at the given offsets."""
    if not share_groups_enabled(broker):
        return AlterShareGroupOffsetsResponse(error_code=_OFF, error_message=_OFF.message)
    return broker.groups.answer(broker.share_groups.offsets.alter(request, context.now_ms))


@handles(DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, versions=(0, 0))
def delete_share_group_offsets(
    broker: "BrokerServer", request: DeleteShareGroupOffsetsRequest, _context: RequestContext
) -> DeleteShareGroupOffsetsResponse | Pending[DeleteShareGroupOffsetsResponse]:
    """Let an empty group forget where it stands in whole topics."""
    if not share_groups_enabled(broker):
        return DeleteShareGroupOffsetsResponse(error_code=_OFF, error_message=_OFF.message)
    return broker.groups.answer(broker.share_groups.offsets.delete(request))
