"""ListPartitionReassignments (API key 46): list the moves of replicas under way."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class ListPartitionReassignmentsTopics(Struct):
    """`topics` of `ListPartitionReassignmentsRequest`."""

    name: str = field(STRING, "0+", default="")
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)


class ListPartitionReassignmentsRequest(
    Request, api_key=ApiKey.LIST_PARTITION_REASSIGNMENTS, versions="0", flexible="0+"
):
    """Asks to list the moves of replicas under way."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    topics: list[ListPartitionReassignmentsTopics] | None = field(
        array(ListPartitionReassignmentsTopics), "0+", default=None, nullable="0+"
    )


class OngoingPartitionReassignment(Struct):
    """`partitions` of `ListPartitionReassignmentsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    adding_replicas: list[int] = field(array(INT32), "0+", factory=list)
    removing_replicas: list[int] = field(array(INT32), "0+", factory=list)


class OngoingTopicReassignment(Struct):
    """`topics` of `ListPartitionReassignmentsResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[OngoingPartitionReassignment] = field(
        array(OngoingPartitionReassignment), "0+", factory=list
    )


class ListPartitionReassignmentsResponse(
    Response, api_key=ApiKey.LIST_PARTITION_REASSIGNMENTS, versions="0", flexible="0+"
):
    """Answers `ListPartitionReassignmentsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    topics: list[OngoingTopicReassignment] = field(array(OngoingTopicReassignment), "0+", factory=list)
