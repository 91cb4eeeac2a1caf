"""ReadShareGroupStateSummary (API key 87): read where share partitions begin (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `ReadShareGroupStateSummaryRequest`."""

    partition: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)


class ReadStateSummaryData(Struct):
    """`topics` of `ReadShareGroupStateSummaryRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class ReadShareGroupStateSummaryRequest(
    Request, api_key=ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, versions="0", flexible="0+"
):
    """Asks to read where share partitions begin (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    topics: list[ReadStateSummaryData] = field(array(ReadStateSummaryData), "0+", factory=list)


class PartitionResult(Struct):
    """`partitions` of `ReadShareGroupStateSummaryResponse`."""

    partition: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    state_epoch: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    start_offset: int = field(INT64, "0+", default=0)


class ReadStateSummaryResult(Struct):
    """`results` of `ReadShareGroupStateSummaryResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)


class ReadShareGroupStateSummaryResponse(
    Response, api_key=ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, versions="0", flexible="0+"
):
    """Answers `ReadShareGroupStateSummaryRequest`."""

    results: list[ReadStateSummaryResult] = field(array(ReadStateSummaryResult), "0+", factory=list)
