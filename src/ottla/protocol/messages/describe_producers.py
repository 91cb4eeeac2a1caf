"""DescribeProducers (API key 61): list the active producers of partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class TopicRequest(Struct):
    """`topics` of `DescribeProducersRequest`."""

    name: str = field(STRING, "0+", default="")
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)


class DescribeProducersRequest(Request, api_key=ApiKey.DESCRIBE_PRODUCERS, versions="0", flexible="0+"):
    """Asks to list the active producers of partitions."""

    topics: list[TopicRequest] = field(array(TopicRequest), "0+", factory=list)


class ProducerState(Struct):
    """`active_producers` of `DescribeProducersResponse`."""

    producer_id: int = field(INT64, "0+", default=0)
    producer_epoch: int = field(INT32, "0+", default=0)
    last_sequence: int = field(INT32, "0+", default=-1)
    last_timestamp: int = field(INT64, "0+", default=-1)
    coordinator_epoch: int = field(INT32, "0+", default=0)
    current_txn_start_offset: int = field(INT64, "0+", default=-1)


class PartitionResponse(Struct):
    """`partitions` of `DescribeProducersResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    active_producers: list[ProducerState] = field(array(ProducerState), "0+", factory=list)


class TopicResponse(Struct):
    """`topics` of `DescribeProducersResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[PartitionResponse] = field(array(PartitionResponse), "0+", factory=list)


class DescribeProducersResponse(Response, api_key=ApiKey.DESCRIBE_PRODUCERS, versions="0", flexible="0+"):
    """Answers `DescribeProducersRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    topics: list[TopicResponse] = field(array(TopicResponse), "0+", factory=list)
