"""DeleteRecords (API key 21): move the start of partitions forward, so that older records are deleted."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DeleteRecordsPartition(Struct):
    """`partitions` of `DeleteRecordsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    offset: int = field(INT64, "0+", default=0)
    """The offset."""


class DeleteRecordsTopic(Struct):
    """`topics` of `DeleteRecordsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[DeleteRecordsPartition] = field(array(DeleteRecordsPartition), "0+", factory=list)
    """Partition by partition."""


class DeleteRecordsRequest(Request, api_key=ApiKey.DELETE_RECORDS, versions="0-2", flexible="2+"):
    """Asks to move the start of partitions forward, so that older records are deleted."""

    topics: list[DeleteRecordsTopic] = field(array(DeleteRecordsTopic), "0+", factory=list)
    """Topic by topic."""
    timeout_ms: int = field(INT32, "0+", default=0)
    """How long the broker may take to answer."""


class DeleteRecordsPartitionResult(Struct):
    """`partitions` of `DeleteRecordsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    low_watermark: int = field(INT64, "0+", default=0)
    """The first offset that is left."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class DeleteRecordsTopicResult(Struct):
    """`topics` of `DeleteRecordsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[DeleteRecordsPartitionResult] = field(
        array(DeleteRecordsPartitionResult), "0+", factory=list
    )
    """Partition by partition."""


class DeleteRecordsResponse(Response, api_key=ApiKey.DELETE_RECORDS, versions="0-2", flexible="2+"):
    """Answers `DeleteRecordsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[DeleteRecordsTopicResult] = field(array(DeleteRecordsTopicResult), "0+", factory=list)
    """Topic by topic."""
