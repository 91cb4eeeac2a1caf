"""Produce (API key 0): append record batches to partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    INT16,
    INT32,
    INT64,
    RECORDS,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Records, Uuid


class PartitionProduceData(Struct):
    """`partition_data` of `ProduceRequest`."""

    index: int = field(INT32, "0+", default=0)
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0+")


class TopicProduceData(Struct):
    """`topic_data` of `ProduceRequest`."""

    name: str = field(STRING, "0-12", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    partition_data: list[PartitionProduceData] = field(array(PartitionProduceData), "0+", factory=list)


class ProduceRequest(Request, api_key=ApiKey.PRODUCE, versions="3-13", flexible="9+"):
    """Asks to append record batches to partitions."""

    transactional_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    acks: int = field(INT16, "0+", default=0)
    timeout_ms: int = field(INT32, "0+", default=0)
    topic_data: list[TopicProduceData] = field(array(TopicProduceData), "0+", factory=list)


class BatchIndexAndErrorMessage(Struct):
    """`record_errors` of `ProduceResponse`."""

    batch_index: int = field(INT32, "8+", default=0)
    batch_index_error_message: str | None = field(STRING, "8+", default=None, nullable="8+")


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ProduceResponse`."""

    leader_id: int = field(INT32, "10+", default=-1)
    leader_epoch: int = field(INT32, "10+", default=-1)


class PartitionProduceResponse(Struct):
    """`partition_responses` of `ProduceResponse`."""

    index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    base_offset: int = field(INT64, "0+", default=0)
    log_append_time_ms: int = field(INT64, "2+", default=-1, ignorable=True)
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    record_errors: list[BatchIndexAndErrorMessage] = field(
        array(BatchIndexAndErrorMessage), "8+", factory=list, ignorable=True
    )
    error_message: str | None = field(STRING, "8+", default=None, nullable="8+", ignorable=True)
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "10+", factory=LeaderIdAndEpoch, tag=0, tagged="10+"
    )


class TopicProduceResponse(Struct):
    """`responses` of `ProduceResponse`."""

    name: str = field(STRING, "0-12", default="", ignorable=True)
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    partition_responses: list[PartitionProduceResponse] = field(
        array(PartitionProduceResponse), "0+", factory=list
    )


class NodeEndpoint(Struct):
    """`node_endpoints` of `ProduceResponse`."""

    node_id: int = field(INT32, "10+", default=0)
    host: str = field(STRING, "10+", default="")
    port: int = field(INT32, "10+", default=0)
    rack: str | None = field(STRING, "10+", default=None, nullable="10+")


class ProduceResponse(Response, api_key=ApiKey.PRODUCE, versions="3-13", flexible="9+"):
    """Answers `ProduceRequest`."""

    responses: list[TopicProduceResponse] = field(array(TopicProduceResponse), "0+", factory=list)
    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "10+", factory=list, tag=0, tagged="10+")
