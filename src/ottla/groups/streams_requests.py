"""The requests of streams groups, as the handlers ask them of the coordinators.

StreamsGroupHeartbeat  decided by streams_heartbeats, answered when its records are committed
StreamsGroupDescribe   each group by its own coordinator
"""

from ottla.coordination.results import Reply
from ottla.groups.coordinator import GroupCoordinator
from ottla.groups.group_types import Decision
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupRequestContext
from ottla.groups.streams_answers import undescribed_group
from ottla.groups.streams_heartbeats import StreamsHeartbeatAnswer
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)


def streams_group_heartbeat(
    service: GroupCoordinatorService,
    request: StreamsGroupHeartbeatRequest,
    context: GroupRequestContext,
    now_ms: int,
) -> Reply[StreamsHeartbeatAnswer]:
    """The request has passed streams_validation.check_heartbeat. The names of topics, and the rights to them, are the
    caller's to check, and the missing ones the caller's to make."""

    def decide(coordinator: GroupCoordinator) -> Decision[StreamsHeartbeatAnswer]:
        records, answer = coordinator.streams_groups.heartbeats.handle(request, context, now_ms)
        return Decision(records, answer)

    return service.perform_write(request.group_id, decide, _refused)


def _refused(error: KafkaError) -> StreamsHeartbeatAnswer:
    response = StreamsGroupHeartbeatResponse(error_code=error.code, error_message=error.message)
    return StreamsHeartbeatAnswer(response, {})


def streams_group_describe(
    service: GroupCoordinatorService, request: StreamsGroupDescribeRequest
) -> StreamsGroupDescribeResponse:
    described = service.perform_read_each(
        [group_id for group_id in request.group_ids if group_id],
        _described,
        lambda group_id, error: undescribed_group(group_id, error.code),
    )
    nameless = [
        undescribed_group("", ErrorCode.INVALID_GROUP_ID) for group_id in request.group_ids if not group_id
    ]
    return StreamsGroupDescribeResponse(groups=nameless + described)


def _described(coordinator: GroupCoordinator, group_id: str) -> DescribedGroup:
    try:
        return coordinator.streams_groups.describe(group_id)
    except KafkaError as error:
        return undescribed_group(group_id, error.code, error.message)
