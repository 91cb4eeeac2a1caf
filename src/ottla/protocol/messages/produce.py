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
    """The partition's number."""
    records: Records | None = field(RECORDS, "0+", default=None, nullable="0+")
    """The record batches."""


class TopicProduceData(Struct):
    """`topic_data` of `ProduceRequest`."""

    name: str = field(STRING, "0-12", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partition_data: list[PartitionProduceData] = field(array(PartitionProduceData), "0+", factory=list)
    """Partition by partition."""


class ProduceRequest(Request, api_key=ApiKey.PRODUCE, versions="3-13", flexible="9+"):
    """Asks to append record batches to partitions."""

    transactional_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    """The transactional id."""
    acks: int = field(INT16, "0+", default=0)
    """0 asks for no answer, 1 for the leader's, -1 for that of all in-sync replicas."""
    timeout_ms: int = field(INT32, "0+", default=0)
    """How long the broker may take to answer."""
    topic_data: list[TopicProduceData] = field(array(TopicProduceData), "0+", factory=list)
    """Topic by topic."""


class BatchIndexAndErrorMessage(Struct):
    """`record_errors` of `ProduceResponse`."""

    batch_index: int = field(INT32, "8+", default=0)
    """The record's place in its batch."""
    batch_index_error_message: str | None = field(STRING, "8+", default=None, nullable="8+")
    """Why this record was refused; null if no more can be said."""


class LeaderIdAndEpoch(Struct):
    """`current_leader` of `ProduceResponse`."""

    leader_id: int = field(INT32, "10+", default=-1)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "10+", default=-1)
    """The epoch of the partition's leader; -1 for none."""


class PartitionProduceResponse(Struct):
    """`partition_responses` of `ProduceResponse`."""

    index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    base_offset: int = field(INT64, "0+", default=0)
    """The offset given to the first record."""
    log_append_time_ms: int = field(INT64, "2+", default=-1, ignorable=True)
    """The time given to the records, in ms since 1970; -1 where they keep their own."""
    log_start_offset: int = field(INT64, "5+", default=-1, ignorable=True)
    """The first offset that can be read; -1 if unknown."""
    record_errors: list[BatchIndexAndErrorMessage] = field(
        array(BatchIndexAndErrorMessage), "8+", factory=list, ignorable=True
    )
    """The records for which the batch was refused."""
    error_message: str | None = field(STRING, "8+", default=None, nullable="8+", ignorable=True)
    """The error in words; null where the code says enough."""
    current_leader: LeaderIdAndEpoch = field(
        LeaderIdAndEpoch, "10+", factory=LeaderIdAndEpoch, tag=0, tagged="10+"
    )
    """The leader the client should have asked (KIP-951)."""


class TopicProduceResponse(Struct):
    """`responses` of `ProduceResponse`."""

    name: str = field(STRING, "0-12", default="", ignorable=True)
    """Its name."""
    topic_id: Uuid = field(UUID, "13+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partition_responses: list[PartitionProduceResponse] = field(
        array(PartitionProduceResponse), "0+", factory=list
    )
    """What became of each partition."""


class NodeEndpoint(Struct):
    """`node_endpoints` of `ProduceResponse`."""

    node_id: int = field(INT32, "10+", default=0)
    """The broker's id."""
    host: str = field(STRING, "10+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "10+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "10+", default=None, nullable="10+")
    """The broker's rack; null if it has none."""


class ProduceResponse(Response, api_key=ApiKey.PRODUCE, versions="3-13", flexible="9+"):
    """Answers `ProduceRequest`."""

    responses: list[TopicProduceResponse] = field(array(TopicProduceResponse), "0+", factory=list)
    """What became of each part of the request."""
    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    node_endpoints: list[NodeEndpoint] = field(array(NodeEndpoint), "10+", factory=list, tag=0, tagged="10+")
    """Where to find the leaders named in this answer (KIP-951)."""
