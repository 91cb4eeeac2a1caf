"""Where share partitions and share groups keep their state: the border to the share coordinator, wherever that is.

Requests and answers are those of the wire, so that a persister may be the coordinator in the same process or a connection
to another broker. Each row of an answer has an error of its own.

Apache: org.apache.kafka.server.share.persister.Persister; DefaultStatePersister for what a persister tries again.
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


class Persister(Protocol):
    """Keeps the state of share partitions. A reply may come within the call or later, always on the loop's thread."""

    def initialize(
        self, request: InitializeShareGroupStateRequest
    ) -> Reply[InitializeShareGroupStateResponse]:
        """Begin the state of partitions at a start offset (-1: by `share.auto.offset.reset`, at the first fetch)."""

    def read(self, request: ReadShareGroupStateRequest) -> Reply[ReadShareGroupStateResponse]:
        """The whole state; the leader epoch that comes with it fences earlier leaders. INVALID_REQUEST where there is
        none yet."""

    def write(self, request: WriteShareGroupStateRequest) -> Reply[WriteShareGroupStateResponse]:
        """Lay changes over the state. FENCED_STATE_EPOCH, FENCED_LEADER_EPOCH for who is not up to date."""

    def delete(self, request: DeleteShareGroupStateRequest) -> Reply[DeleteShareGroupStateResponse]:
        """Forget the state; no error where there is none."""

    def read_summary(
        self, request: ReadShareGroupStateSummaryRequest
    ) -> Reply[ReadShareGroupStateSummaryResponse]:
        """Start offset and epochs alone; start offset -1 where there is no state."""
