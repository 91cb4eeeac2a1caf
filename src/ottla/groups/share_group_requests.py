"""Requests about share groups: to the group's coordinator, to the persister where share state is concerned, and back.

    ShareGroupHeartbeat       coordinator ─▶ answered;     meanwhile persister.initialize ─▶ coordinator notes it
    AlterShareGroupOffsets    coordinator ─▶ persister.initialize ─▶ coordinator notes it; answered
    DeleteShareGroupOffsets   coordinator ─▶ persister.delete ─▶ coordinator ─▶ answered
    DeleteGroups              coordinator ─▶ persister.delete, group by group ─▶ groups deleted as any others
    DescribeShareGroupOffsets coordinator ─▶ persister.read_summary ─▶ answered

Apache: org.apache.kafka.coordinator.group.GroupCoordinatorService.
"""

from collections.abc import Mapping, Sequence

from ottla.coordination.reply_chains import ReplyChains
from ottla.coordination.results import Reply
from ottla.groups.assigned_group import JOIN_GROUP_EPOCH, LEAVE_GROUP_EPOCH
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupRequestContext
from ottla.groups.share_group_heartbeats import Heartbeat
from ottla.groups.share_group_offset_requests import ShareGroupOffsetRequests, first_error
from ottla.groups.share_group_offsets import GroupDeletion
from ottla.groups.share_group_persister import ShareGroupPersister
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateResponse,
)
from ottla.protocol.messages.share_group_describe import DescribedGroup
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)


class ShareGroupRequests:
    """The share groups of a broker, as its handlers ask for them."""

    def __init__(self, service: GroupCoordinatorService, persister: ShareGroupPersister) -> None:
        self._service = service
        self._persister = persister
        self._chains = ReplyChains()
        self.offsets = ShareGroupOffsetRequests(service, persister)

    # Membership.

    def heartbeat(
        self, request: ShareGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[ShareGroupHeartbeatResponse]:
        def refuse(error: KafkaError) -> Heartbeat:
            return Heartbeat(
                ShareGroupHeartbeatResponse(error_code=error.code, error_message=_special_message(error))
            )

        try:
            _check_heartbeat(request)
        except KafkaError as error:
            return self._chains.answered(refuse(error).response)
        decided = self._service.perform_write(
            request.group_id,
            lambda coordinator: coordinator.share_groups.heartbeat(request, context, now_ms),
            refuse,
        )
        return self._chains.mapped(decided, self._initialize_beside)

    def _initialize_beside(self, heartbeat: Heartbeat) -> ShareGroupHeartbeatResponse:
        """The member doesn't wait for the persister: it is assigned partitions with a later heartbeat."""
        if heartbeat.initialize is not None:
            self.offsets.initialize(heartbeat.initialize)
        return heartbeat.response

    def describe(self, group_ids: Sequence[str]) -> list[DescribedGroup]:
        return [self._describe(group_id) for group_id in group_ids]

    def _describe(self, group_id: str) -> DescribedGroup:
        if not group_id:
            return DescribedGroup(error_code=ErrorCode.INVALID_GROUP_ID)
        return self._service.perform_read(
            group_id,
            lambda coordinator: coordinator.share_groups.describe(group_id),
            lambda error: DescribedGroup(
                group_id=group_id, error_code=error.code, error_message=error.message
            ),
        )

    # Deleting groups.

    def delete_groups(
        self, request: DeleteGroupsRequest, context: GroupRequestContext, now_ms: int
    ) -> Reply[DeleteGroupsResponse]:
        """Groups of all types: of share groups the state first, and what could not be deleted keeps its group."""
        by_partition: dict[int, list[str]] = {}
        for group_id in request.groups_names:
            by_partition.setdefault(self._service.partition_for(group_id), []).append(group_id)
        states_deleted = self._chains.gathered(
            [self._delete_states(group_ids) for group_ids in by_partition.values()]
        )

        def delete(answers: list[dict[str, ErrorCode]]) -> Reply[DeleteGroupsResponse]:
            failed = {
                group_id: code
                for answer in answers
                for group_id, code in answer.items()
                if code is not ErrorCode.NONE
            }
            rest = [group_id for group_id in request.groups_names if group_id not in failed]
            deleted = self._service.delete_groups(DeleteGroupsRequest(groups_names=rest), context, now_ms)
            return self._chains.mapped(deleted, lambda response: _with_failed(response, failed))

        return self._chains.then(states_deleted, delete)

    def _delete_states(self, group_ids: Sequence[str]) -> Reply[dict[str, ErrorCode]]:
        """By group: what came of deleting its state. Groups of one coordinator; without any state, not in the answer."""
        decided: Reply[dict[str, GroupDeletion]] = self._service.perform_write(
            group_ids[0],
            lambda coordinator: coordinator.share_groups.offsets.delete_groups(group_ids),
            lambda error: {group_id: GroupDeletion(error.code) for group_id in group_ids},
        )
        return self._chains.then(decided, self._delete_states_of)

    def _delete_states_of(self, deletions: dict[str, GroupDeletion]) -> Reply[dict[str, ErrorCode]]:
        codes = {group_id: deletion.error_code for group_id, deletion in deletions.items()}
        requests = [each.delete for each in deletions.values() if each.delete is not None]

        def fill(answers: list[DeleteShareGroupStateResponse]) -> dict[str, ErrorCode]:
            for request, answer in zip(requests, answers, strict=True):
                codes[request.group_id] = first_error(answer.results) or ErrorCode.NONE
            return codes

        return self._chains.mapped(
            self._chains.gathered([self._persister.delete(request) for request in requests]), fill
        )


def _check_heartbeat(request: ShareGroupHeartbeatRequest) -> None:
    """INVALID_REQUEST, where Apache says the same."""
    for name, text in (
        ("MemberId", request.member_id),
        ("GroupId", request.group_id),
        ("RackId", request.rack_id),
    ):
        if text is not None and not text.strip():
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} can't be empty.")
    if request.member_epoch == JOIN_GROUP_EPOCH and not request.subscribed_topic_names:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "SubscribedTopicNames must be set in first request.")
    if request.member_epoch < LEAVE_GROUP_EPOCH:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "MemberEpoch is invalid.")


def _special_message(error: KafkaError) -> str | None:
    """None where the code says it all."""
    return None if error.message == error.code.message else error.message


def _with_failed(response: DeleteGroupsResponse, failed: Mapping[str, ErrorCode]) -> DeleteGroupsResponse:
    response.results = [
        *(DeletableGroupResult(group_id=group_id, error_code=code) for group_id, code in failed.items()),
        *response.results,
    ]
    return response
