"""WriteTxnMarkers (API key 27): write the markers that end a transaction into partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class WritableTxnMarkerTopic(Struct):
    """`topics` of `WriteTxnMarkersRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)
    """The partitions' numbers."""


class WritableTxnMarker(Struct):
    """`markers` of `WriteTxnMarkersRequest`."""

    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    transaction_result: bool = field(BOOL, "0+", default=False)
    """True to commit, false to abort."""
    topics: list[WritableTxnMarkerTopic] = field(array(WritableTxnMarkerTopic), "0+", factory=list)
    """Topic by topic."""
    coordinator_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the transaction coordinator."""


class WriteTxnMarkersRequest(Request, api_key=ApiKey.WRITE_TXN_MARKERS, versions="1", flexible="1+"):
    """Asks to write the markers that end a transaction into partitions."""

    markers: list[WritableTxnMarker] = field(array(WritableTxnMarker), "0+", factory=list)
    """The markers to write, one per producer."""


class WritableTxnMarkerPartitionResult(Struct):
    """`partitions` of `WriteTxnMarkersResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class WritableTxnMarkerTopicResult(Struct):
    """`topics` of `WriteTxnMarkersResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[WritableTxnMarkerPartitionResult] = field(
        array(WritableTxnMarkerPartitionResult), "0+", factory=list
    )
    """Partition by partition."""


class WritableTxnMarkerResult(Struct):
    """`markers` of `WriteTxnMarkersResponse`."""

    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    topics: list[WritableTxnMarkerTopicResult] = field(
        array(WritableTxnMarkerTopicResult), "0+", factory=list
    )
    """Topic by topic."""


class WriteTxnMarkersResponse(Response, api_key=ApiKey.WRITE_TXN_MARKERS, versions="1", flexible="1+"):
    """Answers `WriteTxnMarkersRequest`."""

    markers: list[WritableTxnMarkerResult] = field(array(WritableTxnMarkerResult), "0+", factory=list)
    """The markers to write, one per producer."""
