"""DescribeProducers (API key 61): list the active producers of partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class TopicRequest(Struct):
    """`topics` of `DescribeProducersRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)
    """The partitions' numbers."""


class DescribeProducersRequest(Request, api_key=ApiKey.DESCRIBE_PRODUCERS, versions="0", flexible="0+"):
    """Asks to list the active producers of partitions."""

    topics: list[TopicRequest] = field(array(TopicRequest), "0+", factory=list)
    """Topic by topic."""


class ProducerState(Struct):
    """`active_producers` of `DescribeProducersResponse`."""

    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT32, "0+", default=0)
    """The producer's epoch; -1 for none."""
    last_sequence: int = field(INT32, "0+", default=-1)
    """The last sequence number."""
    last_timestamp: int = field(INT64, "0+", default=-1)
    """The time of the producer's last batch, in ms since 1970; -1 for none."""
    coordinator_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the transaction coordinator."""
    current_txn_start_offset: int = field(INT64, "0+", default=-1)
    """Where the open transaction begins; -1 if none is open."""


class PartitionResponse(Struct):
    """`partitions` of `DescribeProducersResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    active_producers: list[ProducerState] = field(array(ProducerState), "0+", factory=list)
    """Producer by producer."""


class TopicResponse(Struct):
    """`topics` of `DescribeProducersResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[PartitionResponse] = field(array(PartitionResponse), "0+", factory=list)
    """Partition by partition."""


class DescribeProducersResponse(Response, api_key=ApiKey.DESCRIBE_PRODUCERS, versions="0", flexible="0+"):
    """Answers `DescribeProducersRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[TopicResponse] = field(array(TopicResponse), "0+", factory=list)
    """Topic by topic."""
