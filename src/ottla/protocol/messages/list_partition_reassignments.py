"""ListPartitionReassignments (API key 46): list the moves of replicas under way."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class ListPartitionReassignmentsTopics(Struct):
    """`topics` of `ListPartitionReassignmentsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)
    """The partitions' numbers."""


class ListPartitionReassignmentsRequest(
    Request, api_key=ApiKey.LIST_PARTITION_REASSIGNMENTS, versions="0", flexible="0+"
):
    """Asks to list the moves of replicas under way."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    """How long the broker may take to answer."""
    topics: list[ListPartitionReassignmentsTopics] | None = field(
        array(ListPartitionReassignmentsTopics), "0+", default=None, nullable="0+"
    )
    """Topic by topic."""


class OngoingPartitionReassignment(Struct):
    """`partitions` of `ListPartitionReassignmentsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers that have a replica, the preferred leader first."""
    adding_replicas: list[int] = field(array(INT32), "0+", factory=list)
    """The replicas that are being added."""
    removing_replicas: list[int] = field(array(INT32), "0+", factory=list)
    """The replicas that are being removed."""


class OngoingTopicReassignment(Struct):
    """`topics` of `ListPartitionReassignmentsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[OngoingPartitionReassignment] = field(
        array(OngoingPartitionReassignment), "0+", factory=list
    )
    """Partition by partition."""


class ListPartitionReassignmentsResponse(
    Response, api_key=ApiKey.LIST_PARTITION_REASSIGNMENTS, versions="0", flexible="0+"
):
    """Answers `ListPartitionReassignmentsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    topics: list[OngoingTopicReassignment] = field(array(OngoingTopicReassignment), "0+", factory=list)
    """Topic by topic."""
