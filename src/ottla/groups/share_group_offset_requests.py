"""Requests about where share groups stand: to the group's coordinator, to the persister, and back.

Apache: GroupCoordinatorService, its methods with ShareGroupOffsets, and #persisterInitialize.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from ottla.coordination.reply_chains import ReplyChains
from ottla.coordination.results import Reply
from ottla.groups.coordinator import GroupCoordinator
from ottla.groups.group_types import Decision
from ottla.groups.modern_group import Assignment
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.share_group_heartbeats import UNINITIALIZED_START_OFFSET
from ottla.groups.share_group_offsets import Alteration, Deletion
from ottla.groups.share_group_persister import ShareGroupPersister
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
)
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateResponse,
    DeleteStateResult,
)
from ottla.protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateResult,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    PartitionData,
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    ReadStateSummaryData,
)
from ottla.protocol.types import ZERO_UUID, Uuid

_NO_LEADER_EPOCH = 0

_log = logging.getLogger(__name__)


class ShareGroupOffsetRequests:
    """The offsets of a broker's share groups, as its handlers ask for them."""

    def __init__(self, service: GroupCoordinatorService, persister: ShareGroupPersister) -> None:
        self._service = service
        self._persister = persister
        self._chains = ReplyChains()

    # Initializing.

    def initialize(self, request: InitializeShareGroupStateRequest) -> None:
        """Begin the state of partitions, which nobody waits for."""
        self._persister.initialize(request).on_complete(
            lambda answer: self._note_initialized(request.group_id, answer)
        )

    def _note_initialized(self, group_id: str, answer: InitializeShareGroupStateResponse) -> None:
        partitions = _partitions_of(answer.results)
        error = first_error(answer.results)
        if error is not None:
            _log.warning("Share group %s: state could not be initialized: %s", group_id, error.name)
            self._write(
                group_id,
                lambda coordinator: coordinator.share_groups.offsets.not_initialized(group_id, partitions),
            )
        else:
            self._write(
                group_id,
                lambda coordinator: coordinator.share_groups.offsets.initialized(group_id, partitions),
            )

    def _write(self, group_id: str, decide: Callable[[GroupCoordinator], Decision[None]]) -> Reply[None]:
        """Note something that nobody waits for. When it can't be noted, a later heartbeat begins anew."""

        def refuse(error: KafkaError) -> None:
            _log.warning("Share group %s: what the persister did could not be noted: %s", group_id, error)

        return self._service.perform_write(group_id, decide, refuse)

    # Telling.

    def describe(self, request: DescribeShareGroupOffsetsRequest) -> Reply[DescribeShareGroupOffsetsResponse]:
        """Of the topics named, or where these are None of all whose state is initialized.

        What is not known, whatever the reason, has start offset -1: there is no data, rather than an error.
        """
        described = self._chains.gathered([self._describe(group) for group in request.groups])
        return self._chains.mapped(described, lambda groups: DescribeShareGroupOffsetsResponse(groups=groups))

    def _describe(
        self, group: DescribeShareGroupOffsetsRequestGroup
    ) -> Reply[DescribeShareGroupOffsetsResponseGroup]:
        answer = DescribeShareGroupOffsetsResponseGroup(group_id=group.group_id)
        if group.topics is None:
            try:
                partitions = self._initialized_partitions(group.group_id)
            except KafkaError as error:
                answer.error_code, answer.error_message = error.code, error.code.message
                return self._chains.answered(answer)
            wanted = {
                topic_id: sorted(numbers)
                for topic_id, numbers in partitions.items()
                if self._service.topics.topic_name(topic_id) is not None
            }
        else:
            wanted = {}
            for topic in group.topics:
                image = self._service.topics.image.topic(topic.topic_name)
                if image is None:
                    answer.topics.append(_without_offsets(topic.topic_name, topic.partitions))
                else:
                    wanted[image.topic_id] = topic.partitions
        return self._read_summary(answer, wanted)

    def _initialized_partitions(self, group_id: str) -> Assignment:
        def refuse(error: KafkaError) -> Assignment:
            raise error

        return self._service.perform_read(
            group_id,
            lambda coordinator: coordinator.share_groups.offsets.initialized_partitions(group_id),
            refuse,
        )

    def _read_summary(
        self, answer: DescribeShareGroupOffsetsResponseGroup, wanted: Mapping[Uuid, Sequence[int]]
    ) -> Reply[DescribeShareGroupOffsetsResponseGroup]:
        if not wanted:
            return self._chains.answered(answer)
        names = {topic_id: self._service.topics.topic_name(topic_id) or "" for topic_id in wanted}
        request = ReadShareGroupStateSummaryRequest(
            group_id=answer.group_id,
            topics=[
                ReadStateSummaryData(
                    topic_id=topic_id, partitions=[PartitionData(partition=each) for each in partitions]
                )
                for topic_id, partitions in wanted.items()
            ],
        )

        def fill(summary: ReadShareGroupStateSummaryResponse) -> DescribeShareGroupOffsetsResponseGroup:
            answer.topics += _described_topics(summary, names)
            return answer

        return self._chains.mapped(self._persister.read_summary(request), fill)

    # Altering.

    def alter(
        self, request: AlterShareGroupOffsetsRequest, now_ms: int
    ) -> Reply[AlterShareGroupOffsetsResponse]:
        """Answers for partitions that do not exist, and for topics that don't too."""
        if not request.group_id:
            return self._chains.answered(_alter_refused(KafkaError(ErrorCode.INVALID_GROUP_ID)))
        if not request.topics:
            return self._chains.answered(AlterShareGroupOffsetsResponse())
        decided: Reply[Alteration | KafkaError] = self._service.perform_write(
            request.group_id,
            lambda coordinator: coordinator.share_groups.alter_offsets(request, now_ms),
            lambda error: error,
        )
        return self._chains.then(decided, self._alter)

    def _alter(self, decided: Alteration | KafkaError) -> Reply[AlterShareGroupOffsetsResponse]:
        if isinstance(decided, KafkaError):
            return self._chains.answered(_alter_refused(decided))
        response, request = decided

        def note(answer: InitializeShareGroupStateResponse) -> AlterShareGroupOffsetsResponse:
            # What was refused stays noted as being initialized: when that is old, a heartbeat begins it anew.
            if first_error(answer.results) is None:
                self._note_initialized(request.group_id, answer)
            else:
                _tell_refused(response, answer)
            return response

        return self._chains.mapped(self._persister.initialize(request), note)

    # Deleting.

    def delete(self, request: DeleteShareGroupOffsetsRequest) -> Reply[DeleteShareGroupOffsetsResponse]:
        if not request.group_id:
            return self._chains.answered(
                _delete_refused(ErrorCode.INVALID_GROUP_ID, ErrorCode.INVALID_GROUP_ID.message)
            )
        if not request.topics:
            return self._chains.answered(DeleteShareGroupOffsetsResponse())
        decided: Reply[Deletion | KafkaError] = self._service.perform_write(
            request.group_id,
            lambda coordinator: coordinator.share_groups.offsets.delete(request),
            lambda error: error,
        )
        return self._chains.then(decided, lambda deletion: self._delete_offsets(request.group_id, deletion))

    def _delete_offsets(
        self, group_id: str, deletion: Deletion | KafkaError
    ) -> Reply[DeleteShareGroupOffsetsResponse]:
        if isinstance(deletion, KafkaError):
            return self._chains.answered(_delete_refused(deletion.code, deletion.message))
        if deletion.delete is None:
            return self._chains.answered(DeleteShareGroupOffsetsResponse(responses=deletion.refused))

        def note(answer: DeleteShareGroupStateResponse) -> Reply[DeleteShareGroupOffsetsResponse]:
            return self._note_deleted(group_id, answer, deletion.refused)

        return self._chains.then(self._persister.delete(deletion.delete), note)

    def _note_deleted(
        self,
        group_id: str,
        answer: DeleteShareGroupStateResponse,
        refused: list[DeleteShareGroupOffsetsResponseTopic],
    ) -> Reply[DeleteShareGroupOffsetsResponse]:
        deleted: dict[Uuid, str] = {}
        for topic in answer.results:
            name = self._service.topics.topic_name(topic.topic_id) or ""
            error = first_error([topic])
            if error is None:
                deleted[topic.topic_id] = name
            else:
                refused.append(
                    DeleteShareGroupOffsetsResponseTopic(
                        topic_name=name,
                        topic_id=topic.topic_id,
                        error_code=error,
                        error_message=error.message,
                    )
                )
        if not deleted:
            return self._chains.answered(DeleteShareGroupOffsetsResponse(responses=refused))
        return self._service.perform_write(
            group_id,
            lambda coordinator: coordinator.share_groups.offsets.deleted(group_id, deleted, refused),
            lambda error: _delete_refused(error.code, error.code.message),
        )


class _PartitionResult(Protocol):
    @property
    def partition(self) -> int: ...
    @property
    def error_code(self) -> int: ...


def first_error(results: Sequence[InitializeStateResult] | Sequence[DeleteStateResult]) -> ErrorCode | None:
    for topic in results:
        rows: Sequence[_PartitionResult] = topic.partitions
        for row in rows:
            if row.error_code != ErrorCode.NONE:
                return ErrorCode(row.error_code)
    return None


def _partitions_of(results: Iterable[InitializeStateResult]) -> Assignment:
    return {topic.topic_id: frozenset(row.partition for row in topic.partitions) for topic in results}


def _without_offsets(topic_name: str, partitions: Iterable[int]) -> DescribeShareGroupOffsetsResponseTopic:
    return DescribeShareGroupOffsetsResponseTopic(
        topic_name=topic_name,
        topic_id=ZERO_UUID,
        partitions=[
            DescribeShareGroupOffsetsResponsePartition(
                partition_index=each, start_offset=UNINITIALIZED_START_OFFSET
            )
            for each in partitions
        ],
    )


def _described_topics(
    summary: ReadShareGroupStateSummaryResponse, names: Mapping[Uuid, str]
) -> list[DescribeShareGroupOffsetsResponseTopic]:
    topics: list[DescribeShareGroupOffsetsResponseTopic] = []
    for topic in summary.results:
        answered = DescribeShareGroupOffsetsResponseTopic(
            topic_name=names[topic.topic_id], topic_id=topic.topic_id
        )
        for row in topic.partitions:
            known = row.error_code == ErrorCode.NONE
            answered.partitions.append(
                DescribeShareGroupOffsetsResponsePartition(
                    partition_index=row.partition,
                    start_offset=row.start_offset if known else UNINITIALIZED_START_OFFSET,
                    leader_epoch=row.leader_epoch if known else _NO_LEADER_EPOCH,
                )
            )
        topics.append(answered)
    return topics


def _alter_refused(error: KafkaError) -> AlterShareGroupOffsetsResponse:
    return AlterShareGroupOffsetsResponse(error_code=error.code, error_message=error.code.message)


def _tell_refused(
    response: AlterShareGroupOffsetsResponse, answer: InitializeShareGroupStateResponse
) -> None:
    """The persister's errors, in the rows of its partitions."""
    errors = {
        (topic.topic_id, row.partition): ErrorCode(row.error_code)
        for topic in answer.results
        for row in topic.partitions
        if row.error_code != ErrorCode.NONE
    }
    for topic in response.responses:
        for row in topic.partitions:
            error = errors.get((topic.topic_id, row.partition_index))
            if error is not None:
                row.error_code, row.error_message = error, error.message


def _delete_refused(code: ErrorCode, message: str) -> DeleteShareGroupOffsetsResponse:
    return DeleteShareGroupOffsetsResponse(error_code=code, error_message=message)
