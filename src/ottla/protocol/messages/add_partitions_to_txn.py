"""AddPartitionsToTxn (API key 24): make partitions part of a transaction."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class AddPartitionsToTxnTopic(Struct):
    """Shared by several fields of `AddPartitionsToTxnRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class AddPartitionsToTxnTransaction(Struct):
    """`transactions` of `AddPartitionsToTxnRequest`."""

    transactional_id: str = field(STRING, "4+", default="")
    """The transactional id."""
    producer_id: int = field(INT64, "4+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "4+", default=0)
    """The producer's epoch; -1 for none."""
    verify_only: bool = field(BOOL, "4+", default=False)
    """Only check that the partitions are in the transaction."""
    topics: list[AddPartitionsToTxnTopic] = field(array(AddPartitionsToTxnTopic), "4+", factory=list)
    """Topic by topic."""


class AddPartitionsToTxnRequest(Request, api_key=ApiKey.ADD_PARTITIONS_TO_TXN, versions="0-5", flexible="3+"):
    """Asks to make partitions part of a transaction."""

    transactions: list[AddPartitionsToTxnTransaction] = field(
        array(AddPartitionsToTxnTransaction), "4+", factory=list
    )
    """Transaction by transaction."""
    v3_and_below_transactional_id: str = field(STRING, "0-3", default="")
    """The transactional id, up to version 3."""
    v3_and_below_producer_id: int = field(INT64, "0-3", default=0)
    """The producer's id, up to version 3."""
    v3_and_below_producer_epoch: int = field(INT16, "0-3", default=0)
    """The producer's epoch, up to version 3."""
    v3_and_below_topics: list[AddPartitionsToTxnTopic] = field(
        array(AddPartitionsToTxnTopic), "0-3", factory=list
    )
    """The partitions to add, up to version 3."""


class AddPartitionsToTxnPartitionResult(Struct):
    """Shared by several fields of `AddPartitionsToTxnResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    partition_error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class AddPartitionsToTxnTopicResult(Struct):
    """Shared by several fields of `AddPartitionsToTxnResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    results_by_partition: list[AddPartitionsToTxnPartitionResult] = field(
        array(AddPartitionsToTxnPartitionResult), "0+", factory=list
    )
    """What became of each partition."""


class AddPartitionsToTxnResult(Struct):
    """`results_by_transaction` of `AddPartitionsToTxnResponse`."""

    transactional_id: str = field(STRING, "4+", default="")
    """The transactional id."""
    topic_results: list[AddPartitionsToTxnTopicResult] = field(
        array(AddPartitionsToTxnTopicResult), "4+", factory=list
    )
    """What became of each topic."""


class AddPartitionsToTxnResponse(
    Response, api_key=ApiKey.ADD_PARTITIONS_TO_TXN, versions="0-5", flexible="3+"
):
    """Answers `AddPartitionsToTxnRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "4+", default=0, ignorable=True)
    """The error, 0 for none."""
    results_by_transaction: list[AddPartitionsToTxnResult] = field(
        array(AddPartitionsToTxnResult), "4+", factory=list
    )
    """What became of each transaction."""
    results_by_topic_v3_and_below: list[AddPartitionsToTxnTopicResult] = field(
        array(AddPartitionsToTxnTopicResult), "0-3", factory=list
    )
    """What became of each topic, up to version 3."""
