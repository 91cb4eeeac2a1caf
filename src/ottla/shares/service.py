"""All share coordinators of a broker behind one face: the five requests about share state, row by row.

A request names partitions of topics, each of which may belong to another partition of `__share_group_state`: each row is an
operation of its own there, and the answer is given when all rows are.

Apache: org.apache.kafka.coordinator.share.ShareCoordinatorService. A request without a group id, without topics or with a
topic without partitions is answered with nothing, as there.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from ottla.coordination.results import CoordinatorResult, Reply
from ottla.coordination.service import Append, CoordinatorService
from ottla.coordination.states import CoordinatorState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.types import Uuid
from ottla.shares.coordinator import PartitionExists, ShareCoordinator, failed_to
from ottla.shares.records import SharePartitionKey
from ottla.shares.settings import ShareCoordinatorSettings

Row = TypeVar("Row")
Response = TypeVar("Response")

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
        self, request: initializing.InitializeShareGroupStateRequest, now_ms: int
    ) -> Reply[initializing.InitializeShareGroupStateResponse]:
        if not request.group_id or not request.topics:
            return self._answered(initializing.InitializeShareGroupStateResponse())
        rows = [
            (topic.topic_id, self._initialize_one(request.group_id, topic.topic_id, asked, now_ms))
            for topic in request.topics
            for asked in topic.partitions
        ]
        return self._gathered(
            rows,
            lambda by_topic: initializing.InitializeShareGroupStateResponse(
                results=[
                    initializing.InitializeStateResult(topic_id=topic_id, partitions=partitions)
                    for topic_id, partitions in by_topic.items()
                ]
            ),
        )

    def _initialize_one(
        self, group_id: str, topic_id: Uuid, asked: initializing.PartitionData, now_ms: int
    ) -> Reply[initializing.PartitionResult]:
        return self._one(
            SharePartitionKey(group_id, topic_id, asked.partition),
            "initialize",
            lambda coordinator, key: coordinator.initialize(key, asked, now_ms),
            lambda code, message: initializing.PartitionResult(
                partition=asked.partition, error_code=code, error_message=message
            ),
        )

    def read(
        self, request: reading.ReadShareGroupStateRequest, now_ms: int
    ) -> Reply[reading.ReadShareGroupStateResponse]:
        if not request.group_id or not _all_filled(topic.partitions for topic in request.topics):
            return self._answered(reading.ReadShareGroupStateResponse())
        rows = [
            (topic.topic_id, self._read_one(request.group_id, topic.topic_id, asked, now_ms))
            for topic in request.topics
            for asked in topic.partitions
        ]
        return self._gathered(
            rows,
            lambda by_topic: reading.ReadShareGroupStateResponse(
                results=[
                    reading.ReadStateResult(topic_id=topic_id, partitions=partitions)
                    for topic_id, partitions in by_topic.items()
                ]
            ),
        )

    def _read_one(
        self, group_id: str, topic_id: Uuid, asked: reading.PartitionData, now_ms: int
    ) -> Reply[reading.PartitionResult]:
        return self._one(
            SharePartitionKey(group_id, topic_id, asked.partition),
            "read",
            lambda coordinator, key: coordinator.read(key, asked.leader_epoch, now_ms),
            lambda code, message: reading.PartitionResult(
                partition=asked.partition, error_code=code, error_message=message
            ),
        )

    def write(
        self, request: writing.WriteShareGroupStateRequest, now_ms: int
    ) -> Reply[writing.WriteShareGroupStateResponse]:
        if not request.group_id or not _all_filled(topic.partitions for topic in request.topics):
            return self._answered(writing.WriteShareGroupStateResponse())
        rows = [
            (topic.topic_id, self._write_one(request.group_id, topic.topic_id, asked, now_ms))
            for topic in request.topics
            for asked in topic.partitions
        ]
        return self._gathered(
            rows,
            lambda by_topic: writing.WriteShareGroupStateResponse(
                results=[
                    writing.WriteStateResult(topic_id=topic_id, partitions=partitions)
                    for topic_id, partitions in by_topic.items()
                ]
            ),
        )

    def _write_one(
        self, group_id: str, topic_id: Uuid, asked: writing.PartitionData, now_ms: int
    ) -> Reply[writing.PartitionResult]:
        return self._one(
            SharePartitionKey(group_id, topic_id, asked.partition),
            "write",
            lambda coordinator, key: coordinator.write(key, asked, now_ms),
            lambda code, message: writing.PartitionResult(
                partition=asked.partition, error_code=code, error_message=message
            ),
        )

    def delete(
        self, request: deleting.DeleteShareGroupStateRequest, _now_ms: int
    ) -> Reply[deleting.DeleteShareGroupStateResponse]:
        if not request.group_id or not _all_filled(topic.partitions for topic in request.topics):
            return self._answered(deleting.DeleteShareGroupStateResponse())
        rows = [
            (topic.topic_id, self._delete_one(request.group_id, topic.topic_id, asked.partition))
            for topic in request.topics
            for asked in topic.partitions
        ]
        return self._gathered(
            rows,
            lambda by_topic: deleting.DeleteShareGroupStateResponse(
                results=[
                    deleting.DeleteStateResult(topic_id=topic_id, partitions=partitions)
                    for topic_id, partitions in by_topic.items()
                ]
            ),
        )

    def _delete_one(self, group_id: str, topic_id: Uuid, partition: int) -> Reply[deleting.PartitionResult]:
        return self._one(
            SharePartitionKey(group_id, topic_id, partition),
            "delete",
            lambda coordinator, key: coordinator.delete(key),
            lambda code, message: deleting.PartitionResult(
                partition=partition, error_code=code, error_message=message
            ),
        )

    def read_summary(
        self, request: summarizing.ReadShareGroupStateSummaryRequest, _now_ms: int
    ) -> Reply[summarizing.ReadShareGroupStateSummaryResponse]:
        if not request.group_id or not _all_filled(topic.partitions for topic in request.topics):
            return self._answered(summarizing.ReadShareGroupStateSummaryResponse())
        rows = [
            (topic.topic_id, self._summarize_one(request.group_id, topic.topic_id, asked.partition))
            for topic in request.topics
            for asked in topic.partitions
        ]
        return self._gathered(
            rows,
            lambda by_topic: summarizing.ReadShareGroupStateSummaryResponse(
                results=[
                    summarizing.ReadStateSummaryResult(topic_id=topic_id, partitions=partitions)
                    for topic_id, partitions in by_topic.items()
                ]
            ),
        )

    def _summarize_one(
        self, group_id: str, topic_id: Uuid, partition: int
    ) -> Reply[summarizing.PartitionResult]:
        return self._one(
            SharePartitionKey(group_id, topic_id, partition),
            "read",
            lambda coordinator, key: coordinator.read_summary(key),
            lambda code, message: summarizing.PartitionResult(
                partition=partition, error_code=code, error_message=message
            ),
        )

    # Rows.

    def _one(
        self,
        key: SharePartitionKey,
        verb: str,
        operation: Callable[[ShareCoordinator, SharePartitionKey], CoordinatorResult[Row]],
        error_row: Callable[[ErrorCode, str], Row],
    ) -> Reply[Row]:
        """One row's operation; what it refuses with becomes the row."""

        def perform(coordinator: ShareCoordinator) -> CoordinatorResult[Row]:
            try:
                return operation(coordinator, key)
            except KafkaError as error:
                if error.code in _WHOLE:
                    raise
                return CoordinatorResult(
                    self._answered(error_row(error.code, error.message or error.code.message))
                )

        return self._perform(str(key), perform, lambda code: error_row(code, failed_to(verb, code)))

    def _gathered(
        self,
        rows: list[tuple[Uuid, Reply[Row]]],
        respond: Callable[[dict[Uuid, list[Row]]], Response],
    ) -> Reply[Response]:
        """The answer of all rows, in the request's order, when the last one is there."""
        answer: Reply[Response] = Reply(self._replies)
        waiting = len(rows)

        def one_more(_: Row) -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                by_topic: dict[Uuid, list[Row]] = {}
                for topic_id, row in rows:
                    by_topic.setdefault(topic_id, []).append(row.value)
                answer.complete(respond(by_topic))

        for _, row in rows:
            row.on_complete(one_more)
        if not rows:
            answer.complete(respond({}))
        self._replies.deliver()
        return answer


def _all_filled(partitions_of_topics: Iterable[Collection[object]]) -> bool:
    """Whether there are topics, and each has partitions."""
    counts = [len(partitions) for partitions in partitions_of_topics]
    return bool(counts) and all(counts)
