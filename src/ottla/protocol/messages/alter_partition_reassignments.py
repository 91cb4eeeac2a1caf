"""AlterPartitionReassignments (API key 45): move replicas between brokers."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, Request, Response, Struct, array, field


class ReassignablePartition(Struct):
    """`partitions` of `AlterPartitionReassignmentsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    replicas: list[int] | None = field(array(INT32), "0+", default=None, nullable="0+")


class ReassignableTopic(Struct):
    """`topics` of `AlterPartitionReassignmentsRequest`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[ReassignablePartition] = field(array(ReassignablePartition), "0+", factory=list)


class AlterPartitionReassignmentsRequest(
    Request, api_key=ApiKey.ALTER_PARTITION_REASSIGNMENTS, versions="0-1", flexible="0+"
):
    """Asks to move replicas between brokers."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    allow_replication_factor_change: bool = field(BOOL, "1+", default=True)
    topics: list[ReassignableTopic] = field(array(ReassignableTopic), "0+", factory=list)


class ReassignablePartitionResponse(Struct):
    """`partitions` of `AlterPartitionReassignmentsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")


class ReassignableTopicResponse(Struct):
    """`responses` of `AlterPartitionReassignmentsResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[ReassignablePartitionResponse] = field(
        array(ReassignablePartitionResponse), "0+", factory=list
    )


class AlterPartitionReassignmentsResponse(
    Response, api_key=ApiKey.ALTER_PARTITION_REASSIGNMENTS, versions="0-1", flexible="0+"
):
    """Answers `AlterPartitionReassignmentsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    allow_replication_factor_change: bool = field(BOOL, "1+", default=True, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    responses: list[ReassignableTopicResponse] = field(array(ReassignableTopicResponse), "0+", factory=list)
