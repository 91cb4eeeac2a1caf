"""ReadShareGroupStateSummary (API key 87): read where share partitions begin (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `ReadShareGroupStateSummaryRequest`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""


class ReadStateSummaryData(Struct):
    """`topics` of `ReadShareGroupStateSummaryRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class ReadShareGroupStateSummaryRequest(
    Request, api_key=ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, versions="0", flexible="0+"
):
    """Asks to read where share partitions begin (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    topics: list[ReadStateSummaryData] = field(array(ReadStateSummaryData), "0+", factory=list)
    """Topic by topic."""


class PartitionResult(Struct):
    """`partitions` of `ReadShareGroupStateSummaryResponse`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    state_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the share partition's state."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    start_offset: int = field(INT64, "0+", default=0)
    """The first offset, included."""


class ReadStateSummaryResult(Struct):
    """`results` of `ReadShareGroupStateSummaryResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionResult] = field(array(PartitionResult), "0+", factory=list)
    """Partition by partition."""


class ReadShareGroupStateSummaryResponse(
    Response, api_key=ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, versions="0", flexible="0+"
):
    """Answers `ReadShareGroupStateSummaryRequest`."""

    results: list[ReadStateSummaryResult] = field(array(ReadStateSummaryResult), "0+", factory=list)
    """What became of each part of the request."""
