"""All share coordinators of a broker behind one face: the five requests about share state, row by row.

A request names partitions of topics, each of which may belong to another partition of `__share_group_state`: each row is an
operation of its own there, and the answer is given when all rows are.

Apache: org.apache.kafka.coordinator.share.ShareCoordinatorService. A request without a group id, without topics or with a
topic without partitions is answered with nothing, as there.
"""

from collections.abc import Callable, Collection

from ottla.coordination.results import CoordinatorResult, Reply
from ottla.coordination.service import Append, CoordinatorService
from ottla.coordination.states import CoordinatorState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
)
from ottla.protocol.messages.read_share_group_state import (
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
)
from ottla.protocol.messages.write_share_group_state import (
    WriteShareGroupStateRequest,
    WriteShareGroupStateResponse,
)
from ottla.protocol.types import Uuid
from ottla.shares.coordinator import PartitionExists, ShareCoordinator, failed_to
from ottla.shares.records import SharePartitionKey
from ottla.shares.settings import ShareCoordinatorSettings
from ottla.shares.state_requests import (
    DELETE,
    INITIALIZE,
    READ,
    READ_SUMMARY,
    WRITE,
    Answer,
    Asked,
    AskedRowType,
    Row,
    StateAsked,
    StateRequest,
)

_WHOLE = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
)
"""Errors of the coordinator's and not of what was asked: told with what was to be done."""


class ShareCoordinatorService(CoordinatorService[ShareCoordinator]):
    """See `CoordinatorService` for the order of calls; `now_ms` is milliseconds since 1970."""

    def __init__(
        self,
        settings: ShareCoordinatorSettings,
        partition_count: int,
        partition_exists: PartitionExists,
        append: Append,
    ) -> None:
        """`partition_count`: of `__share_group_state`."""
        super().__init__(partition_count, append)
        self._settings = settings
        self._partition_exists = partition_exists

    def _new_coordinator(self, partition: int, _leader_epoch: int) -> ShareCoordinator:
        return ShareCoordinator(partition, self._settings, self._replies, self._partition_exists)

    def topics_deleted(self, topic_ids: Collection[Uuid]) -> None:
        """Their share partitions' state is no longer needed."""
        for partition, coordinator in list(self._coordinators.items()):
            if coordinator.state is CoordinatorState.ACTIVE:
                self._hand_over(partition, coordinator.topics_deleted(topic_ids))
                self._settle(partition)

    def redundant_offsets(self) -> dict[int, int]:
        """Up to where each partition's log may be deleted from its beginning; those where nothing may are left out."""
        offsets = {
            partition: coordinator.redundant_offset
            for partition, coordinator in self._coordinators.items()
            if coordinator.state is CoordinatorState.ACTIVE
        }
        return {partition: offset for partition, offset in offsets.items() if offset is not None}

    # Requests.

    def initialize(
        self, request: InitializeShareGroupStateRequest, now_ms: int
    ) -> Reply[InitializeShareGroupStateResponse]:
        if not request.group_id:
            return self._answered(InitializeShareGroupStateResponse())
        return self._row_by_row(
            INITIALIZE, request, lambda coordinator, key, row: coordinator.initialize(key, row, now_ms)
        )

    def read(self, request: ReadShareGroupStateRequest, now_ms: int) -> Reply[ReadShareGroupStateResponse]:
        if not _is_whole(request):
            return self._answered(ReadShareGroupStateResponse())
        return self._row_by_row(
            READ, request, lambda coordinator, key, row: coordinator.read(key, row.leader_epoch, now_ms)
        )

    def write(self, request: WriteShareGroupStateRequest, now_ms: int) -> Reply[WriteShareGroupStateResponse]:
        if not _is_whole(request):
            return self._answered(WriteShareGroupStateResponse())
        return self._row_by_row(
            WRITE, request, lambda coordinator, key, row: coordinator.write(key, row, now_ms)
        )

    def delete(
        self, request: DeleteShareGroupStateRequest, _now_ms: int
    ) -> Reply[DeleteShareGroupStateResponse]:
        if not _is_whole(request):
            return self._answered(DeleteShareGroupStateResponse())
        return self._row_by_row(DELETE, request, lambda coordinator, key, _row: coordinator.delete(key))

    def read_summary(
        self, request: ReadShareGroupStateSummaryRequest, _now_ms: int
    ) -> Reply[ReadShareGroupStateSummaryResponse]:
        if not _is_whole(request):
            return self._answered(ReadShareGroupStateSummaryResponse())
        return self._row_by_row(
            READ_SUMMARY, request, lambda coordinator, key, _row: coordinator.read_summary(key)
        )

    # Rows.

    def _row_by_row(
        self,
        kind: StateRequest[Asked, AskedRowType, Answer, Row],
        request: Asked,
        operation: Callable[[ShareCoordinator, SharePartitionKey, AskedRowType], CoordinatorResult[Row]],
    ) -> Reply[Answer]:
        """The answer of all rows, in the request's order, when the last one is there."""
        rows = [
            (
                topic_id,
                self._one(kind, SharePartitionKey(request.group_id, topic_id, row.partition), row, operation),
            )
            for topic_id, row in kind.rows_of(request)
        ]
        answer: Reply[Answer] = Reply(self._replies)
        waiting = len(rows)

        def one_more(_: Row) -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                answer.complete(kind.answered((topic_id, row.value) for topic_id, row in rows))

        for _, row in rows:
            row.on_complete(one_more)
        if not rows:
            answer.complete(kind.answered([]))
        self._replies.deliver()
        return answer

    def _one(
        self,
        kind: StateRequest[Asked, AskedRowType, Answer, Row],
        key: SharePartitionKey,
        asked: AskedRowType,
        operation: Callable[[ShareCoordinator, SharePartitionKey, AskedRowType], CoordinatorResult[Row]],
    ) -> Reply[Row]:
        """One row's operation; what it refuses with becomes the row."""

        def perform(coordinator: ShareCoordinator) -> CoordinatorResult[Row]:
            try:
                return operation(coordinator, key, asked)
            except KafkaError as error:
                if error.code in _WHOLE:
                    raise
                row = kind.error_row(asked, error.code, error.message or error.code.message)
                return CoordinatorResult(self._answered(row))

        return self._perform(
            str(key), perform, lambda code: kind.error_row(asked, code, failed_to(kind.verb, code))
        )


def _is_whole(request: StateAsked) -> bool:
    """Whether it names a group and topics, and partitions of each."""
    return bool(request.group_id and request.topics) and all(topic.partitions for topic in request.topics)
