"""ElectLeaders (API key 43): elect leaders of partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class TopicPartitions(Struct):
    """`topic_partitions` of `ElectLeadersRequest`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ElectLeadersRequest(Request, api_key=ApiKey.ELECT_LEADERS, versions="0-2", flexible="2+"):
    """Asks to elect leaders of partitions."""

    election_type: int = field(INT8, "1+", default=0)
    """0 prefers the first replica, 1 takes any (an unclean election)."""
    topic_partitions: list[TopicPartitions] | None = field(
        array(TopicPartitions), "0+", factory=list, nullable="0+"
    )
    """Partitions, by topic."""
    timeout_ms: int = field(INT32, "0+", default=60000)
    """How long the broker may take to answer."""


class PartitionResult(Struct):
    """`partition_result` of `ElectLeadersResponse`."""

    partition_id: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""


class ReplicaElectionResult(Struct):
    """`replica_election_results` of `ElectLeadersResponse`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partition_result: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """What became of each partition."""


class ElectLeadersResponse(Response, api_key=ApiKey.ELECT_LEADERS, versions="0-2", flexible="2+"):
    """Answers `ElectLeadersRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "1+", default=0)
    """The error, 0 for none."""
    replica_election_results: list[ReplicaElectionResult] = field(
        array(ReplicaElectionResult), "0+", factory=list
    )
    """What became of each election."""
