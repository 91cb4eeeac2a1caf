"""The share coordinator as share groups need it: where the state of their partitions begins, is read and ends.

The room shares/ has it (`shares/persister.py`, whose `Persister` fits this); this room doesn't import that one, the broker
brings the two together.
"""

from typing import Protocol

from ottla.coordination.results import Reply
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
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
