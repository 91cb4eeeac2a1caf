"""WriteTxnMarkers (API key 27): write the markers that end a transaction into partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class WritableTxnMarkerTopic(Struct):
    """`topics` of `WriteTxnMarkersRequest`."""

    name: str = field(STRING, "0+", default="")
    partition_indexes: list[int] = field(array(INT32), "0+", factory=list)


class WritableTxnMarker(Struct):
    """`markers` of `WriteTxnMarkersRequest`."""

    producer_id: int = field(INT64, "0+", default=0)
    producer_epoch: int = field(INT16, "0+", default=0)
    transaction_result: bool = field(BOOL, "0+", default=False)
    topics: list[WritableTxnMarkerTopic] = field(array(WritableTxnMarkerTopic), "0+", factory=list)
    coordinator_epoch: int = field(INT32, "0+", default=0)


class WriteTxnMarkersRequest(Request, api_key=ApiKey.WRITE_TXN_MARKERS, versions="1", flexible="1+"):
    """Asks to write the markers that end a transaction into partitions."""

    markers: list[WritableTxnMarker] = field(array(WritableTxnMarker), "0+", factory=list)


class WritableTxnMarkerPartitionResult(Struct):
    """`partitions` of `WriteTxnMarkersResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)


class WritableTxnMarkerTopicResult(Struct):
    """`topics` of `WriteTxnMarkersResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[WritableTxnMarkerPartitionResult] = field(
        array(WritableTxnMarkerPartitionResult), "0+", factory=list
    )


class WritableTxnMarkerResult(Struct):
    """`markers` of `WriteTxnMarkersResponse`."""

    producer_id: int = field(INT64, "0+", default=0)
    topics: list[WritableTxnMarkerTopicResult] = field(
        array(WritableTxnMarkerTopicResult), "0+", factory=list
    )


class WriteTxnMarkersResponse(Response, api_key=ApiKey.WRITE_TXN_MARKERS, versions="1", flexible="1+"):
    """Answers `WriteTxnMarkersRequest`."""

    markers: list[WritableTxnMarkerResult] = field(array(WritableTxnMarkerResult), "0+", factory=list)
