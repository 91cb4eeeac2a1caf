"""The share coordinator as share groups need it: where the state of their partitions begins, is read and ends.

The room shares/ has it (shares/persister.py); this room doesn't import that one, the broker brings the two together. Until
it has, there is `NoPersister`.
"""

from typing import Protocol

from ottla.coordination.reply_chains import ReplyChains
from ottla.coordination.results import Reply
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import (
    delete_share_group_state,
    initialize_share_group_state,
    read_share_group_state_summary,
)
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
    DeleteStateResult,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateResult,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    ReadStateSummaryResult,
)


class ShareGroupPersister(Protocol):
    """Answers always, within the call or later; each partition has an error of its own."""

    def initialize(
        self, request: InitializeShareGroupStateRequest
    ) -> Reply[InitializeShareGroupStateResponse]: ...

    def delete(self, request: DeleteShareGroupStateRequest) -> Reply[DeleteShareGroupStateResponse]: ...

    def read_summary(
        self, request: ReadShareGroupStateSummaryRequest
    ) -> Reply[ReadShareGroupStateSummaryResponse]: ...


class NoPersister:
    """There is no share coordinator: COORDINATOR_NOT_AVAILABLE for every partition."""

    def __init__(self) -> None:
        self._chains = ReplyChains()

    def initialize(
        self, request: InitializeShareGroupStateRequest
    ) -> Reply[InitializeShareGroupStateResponse]:
        results = [
            InitializeStateResult(
                topic_id=topic.topic_id,
                partitions=[
                    initialize_share_group_state.PartitionResult(
                        partition=each.partition, error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE
                    )
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return self._chains.answered(InitializeShareGroupStateResponse(results=results))

    def delete(self, request: DeleteShareGroupStateRequest) -> Reply[DeleteShareGroupStateResponse]:
        results = [
            DeleteStateResult(
                topic_id=topic.topic_id,
                partitions=[
                    delete_share_group_state.PartitionResult(
                        partition=each.partition, error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE
                    )
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return self._chains.answered(DeleteShareGroupStateResponse(results=results))

    def read_summary(
        self, request: ReadShareGroupStateSummaryRequest
    ) -> Reply[ReadShareGroupStateSummaryResponse]:
        results = [
            ReadStateSummaryResult(
                topic_id=topic.topic_id,
                partitions=[
                    read_share_group_state_summary.PartitionResult(
                        partition=each.partition, error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE
                    )
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return self._chains.answered(ReadShareGroupStateSummaryResponse(results=results))
