"""The five requests about share state, which are one shape: topics with rows of partitions in, the same with results out.

    InitializeShareGroupState, Read…, Write…, Delete…, Read…Summary (keys 83 to 87, KIP-932)

None of the answers has a place for an error of its own: what goes wrong with the whole is told in every row.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ottla.protocol.declare import Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.types import Uuid


class AskedRow(Protocol):
    """What is asked about one partition."""

    @property
    def partition(self) -> int: ...


class AskedTopic(Protocol):
    """What is asked about one topic."""

    @property
    def topic_id(self) -> Uuid: ...
    @property
    def partitions(self) -> Sequence[Any]: ...


class StateAsked(Protocol):
    """Any of the five requests."""

    @property
    def group_id(self) -> str: ...
    @property
    def topics(self) -> Sequence[AskedTopic]: ...


Asked = TypeVar("Asked", bound=StateAsked)
AskedRowType = TypeVar("AskedRowType", bound=AskedRow)
Row = TypeVar("Row")
Answer = TypeVar("Answer", bound=Response)


class StateRequest(NamedTuple, Generic[Asked, AskedRowType, Answer, Row]):
    """One of the five, by the classes of its parts."""

    verb: str
    """What it does to state, as errors name it."""
    asked: type[Asked]
    asked_topic: type[Any]
    asked_row: type[AskedRowType]
    answer: type[Answer]
    topic: type[Any]
    row: type[Row]

    def rows_of(self, request: Asked) -> list[tuple[Uuid, AskedRowType]]:
        """Topic id and row, in the request's order."""
        return [(topic.topic_id, row) for topic in request.topics for row in topic.partitions]

    def for_one_row(self, request: Asked, topic_id: Uuid, row: AskedRowType) -> Asked:
        """The same request about this row alone."""
        topic = self.asked_topic(topic_id=topic_id, partitions=[row])
        return self.asked(group_id=request.group_id, topics=[topic])  # type: ignore[call-arg]

    def answered(self, rows: Iterable[tuple[Uuid, Row]]) -> Answer:
        """The answer of these rows, put together by topic in the order of their first."""
        by_topic: dict[Uuid, list[Row]] = {}
        for topic_id, row in rows:
            by_topic.setdefault(topic_id, []).append(row)
        results = [
            self.topic(topic_id=topic_id, partitions=partitions) for topic_id, partitions in by_topic.items()
        ]
        return self.answer(results=results)  # type: ignore[call-arg]

    def error_row(self, asked: AskedRowType, code: ErrorCode, message: str) -> Row:
        return self.row(partition=asked.partition, error_code=code, error_message=message)  # type: ignore[call-arg]

    def refused(self, request: Asked, code: ErrorCode, message: str) -> Answer:
        """The error of the whole request, in every row."""
        return self.answered(
            (topic_id, self.error_row(row, code, message)) for topic_id, row in self.rows_of(request)
        )


INITIALIZE = StateRequest(
    "initialize",
    initializing.InitializeShareGroupStateRequest,
    initializing.InitializeStateData,
    initializing.PartitionData,
    initializing.InitializeShareGroupStateResponse,
    initializing.InitializeStateResult,
    initializing.PartitionResult,
)
READ = StateRequest(
    "read",
    reading.ReadShareGroupStateRequest,
    reading.ReadStateData,
    reading.PartitionData,
    reading.ReadShareGroupStateResponse,
    reading.ReadStateResult,
    reading.PartitionResult,
)
WRITE = StateRequest(
    "write",
    writing.WriteShareGroupStateRequest,
    writing.WriteStateData,
    writing.PartitionData,
    writing.WriteShareGroupStateResponse,
    writing.WriteStateResult,
    writing.PartitionResult,
)
DELETE = StateRequest(
    "delete",
    deleting.DeleteShareGroupStateRequest,
    deleting.DeleteStateData,
    deleting.PartitionData,
    deleting.DeleteShareGroupStateResponse,
    deleting.DeleteStateResult,
    deleting.PartitionResult,
)
READ_SUMMARY = StateRequest(
    "read",
    summarizing.ReadShareGroupStateSummaryRequest,
    summarizing.ReadStateSummaryData,
    summarizing.PartitionData,
    summarizing.ReadShareGroupStateSummaryResponse,
    summarizing.ReadStateSummaryResult,
    summarizing.PartitionResult,
)
