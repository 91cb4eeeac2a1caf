"""ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848): what a request must be, and what is told of a group.

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorService#consumerGroupHeartbeat and #consumerGroupDescribe.
"""

from collections.abc import Sequence

from ottla.coordination.results import Reply
from ottla.groups.assigned_group import JOIN_GROUP_EPOCH, LEAVE_GROUP_EPOCH
from ottla.groups.consumer_group import ConsumerGroup
from ottla.groups.consumer_group_member import LEAVE_GROUP_STATIC_EPOCH, ConsumerGroupMember
from ottla.groups.coordinator import GroupCoordinator
from ottla.groups.modern_group import Assignment
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupRequestContext
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.consumer_group_describe import Assignment as DescribedAssignment
from ottla.protocol.messages.consumer_group_describe import (
    DescribedGroup,
    Member,
    TopicPartitions,
)
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

_OWN_MEMBER_ID_VERSION = 1
"""From this version on members make their ids themselves (KIP-1082)."""

MAX_KEY_STRING_BYTES = 32_767
"""What a string of a group's keys can hold (an int16 length)."""

_CLASSIC_MEMBER = 0
_CONSUMER_MEMBER = 1

_WITHOUT_MESSAGE = frozenset(
    {
        ErrorCode.UNKNOWN_SERVER_ERROR,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)


def consumer_group_heartbeat(
    service: GroupCoordinatorService,
    request: ConsumerGroupHeartbeatRequest,
    context: GroupRequestContext,
    now_ms: int,
) -> Reply[ConsumerGroupHeartbeatResponse]:
    """Raises KafkaError for one that makes no sense, whatever the group."""
    _check(request, context.api_version, service.settings.consumer.assignors)
    return service.perform_write(
        request.group_id,
        lambda coordinator: coordinator.consumer_groups.heartbeat(request, context, now_ms),
        _refused,
    )


def consumer_group_describe(
    service: GroupCoordinatorService, group_ids: Sequence[str]
) -> list[DescribedGroup]:
    def describe(coordinator: GroupCoordinator, group_id: str) -> DescribedGroup:
        group = _consumer_group(coordinator, group_id)
        assignor = group.preferred_assignor() or service.settings.consumer.assignors[0]
        return _described_group(group, assignor, service.topics)

    return service.perform_read_each(group_ids, describe, _not_described)


def _check(request: ConsumerGroupHeartbeatRequest, api_version: int, assignors: Sequence[str]) -> None:
    epoch = request.member_epoch
    if api_version >= _OWN_MEMBER_ID_VERSION or epoch > JOIN_GROUP_EPOCH or epoch == LEAVE_GROUP_EPOCH:
        _check_not_blank("MemberId", request.member_id)
    _check_not_blank("GroupId", request.group_id)
    _check_not_blank("InstanceId", request.instance_id)
    _check_not_blank("RackId", request.rack_id)
    _check_fits("MemberId", request.member_id)
    _check_fits("GroupId", request.group_id)
    _check_fits("SubscribedTopicRegex", request.subscribed_topic_regex)
    if epoch == JOIN_GROUP_EPOCH:
        _check_join(request)
    elif epoch == LEAVE_GROUP_STATIC_EPOCH:
        if request.instance_id is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "InstanceId can't be null.")
    elif epoch < LEAVE_GROUP_STATIC_EPOCH:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "MemberEpoch is invalid.")
    if request.server_assignor is not None and request.server_assignor not in assignors:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            f"ServerAssignor {request.server_assignor} is not supported."
            f" Supported assignors: {', '.join(assignors)}.",
        )


def _check_join(request: ConsumerGroupHeartbeatRequest) -> None:
    if request.rebalance_timeout_ms == -1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "RebalanceTimeoutMs must be provided in first request.")
    if request.topic_partitions is None or request.topic_partitions:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "TopicPartitions must be empty when (re-)joining.")
    if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        )


def _check_not_blank(name: str, value: str | None) -> None:
    if value is not None and not value.strip():
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} can't be empty.")


def _check_fits(name: str, value: str | None) -> None:
    """Whether a record's key can hold it. Only a hostile client's can't."""
    longest = MAX_KEY_STRING_BYTES
    if value is not None and len(value) * 4 > longest and len(value.encode(errors="surrogatepass")) > longest:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} is longer than {longest} bytes.")


def _refused(error: KafkaError) -> ConsumerGroupHeartbeatResponse:
    message = None if error.code in _WITHOUT_MESSAGE else error.message
    return ConsumerGroupHeartbeatResponse(error_code=error.code, error_message=message)


def _not_described(group_id: str, error: KafkaError) -> DescribedGroup:
    """Only of a group that isn't there it is told in words."""
    message = error.message if error.code is ErrorCode.GROUP_ID_NOT_FOUND else None
    return DescribedGroup(group_id=group_id, error_code=error.code, error_message=message)


def _consumer_group(coordinator: GroupCoordinator, group_id: str) -> ConsumerGroup:
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)
    group = coordinator.groups.find(group_id)
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
    if not isinstance(group, ConsumerGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")
    return group


def _described_group(group: ConsumerGroup, assignor: str, topics: TopicMetadata) -> DescribedGroup:
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        group_epoch=group.group_epoch,
        assignment_epoch=group.target_assignment_epoch,
        assignor_name=assignor,
        members=[
            _described_member(member, group.target_of(member.member_id), topics)
            for member in group.members.values()
        ],
    )


def _described_member(member: ConsumerGroupMember, target: Assignment, topics: TopicMetadata) -> Member:
    return Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.member_epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.subscribed_topic_names),
        subscribed_topic_regex=member.subscribed_topic_regex,
        assignment=_described(member.assigned_partitions, topics),
        target_assignment=_described(target, topics),
        member_type=_CLASSIC_MEMBER if member.uses_classic_protocol else _CONSUMER_MEMBER,
    )


def _described(assignment: Assignment, topics: TopicMetadata) -> DescribedAssignment:
    """Partitions of topics that exist."""
    return DescribedAssignment(
        topic_partitions=[
            TopicPartitions(topic_id=topic_id, topic_name=name, partitions=sorted(assignment[topic_id]))
            for topic_id in sorted(assignment)
            if (name := topics.topic_name(topic_id)) is not None
        ]
    )
