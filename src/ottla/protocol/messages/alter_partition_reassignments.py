"""AlterPartitionReassignments (API key 45): move replicas between brokers."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, Request, Response, Struct, array, field


class ReassignablePartition(Struct):
    """`partitions` of `AlterPartitionReassignmentsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    replicas: list[int] | None = field(array(INT32), "0+", default=None, nullable="0+")
    """The brokers that have a replica, the preferred leader first."""


class ReassignableTopic(Struct):
    """`topics` of `AlterPartitionReassignmentsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[ReassignablePartition] = field(array(ReassignablePartition), "0+", factory=list)
    """Partition by partition."""


class AlterPartitionReassignmentsRequest(
    Request, api_key=ApiKey.ALTER_PARTITION_REASSIGNMENTS, versions="0-1", flexible="0+"
):
    """Asks to move replicas between brokers."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    """How long the broker may take to answer."""
    allow_replication_factor_change: bool = field(BOOL, "1+", default=True)
    """Whether the number of replicas may change with the move."""
    topics: list[ReassignableTopic] = field(array(ReassignableTopic), "0+", factory=list)
    """Topic by topic."""


class ReassignablePartitionResponse(Struct):
    """`partitions` of `AlterPartitionReassignmentsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""


class ReassignableTopicResponse(Struct):
    """`responses` of `AlterPartitionReassignmentsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[ReassignablePartitionResponse] = field(
        array(ReassignablePartitionResponse), "0+", factory=list
    )
    """Partition by partition."""


class AlterPartitionReassignmentsResponse(
    Response, api_key=ApiKey.ALTER_PARTITION_REASSIGNMENTS, versions="0-1", flexible="0+"
):
    """Answers `AlterPartitionReassignmentsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    allow_replication_factor_change: bool = field(BOOL, "1+", default=True, ignorable=True)
    """Whether the number of replicas may change with the move."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    responses: list[ReassignableTopicResponse] = field(array(ReassignableTopicResponse), "0+", factory=list)
    """What became of each part of the request."""
