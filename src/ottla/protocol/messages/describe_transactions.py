"""DescribeTransactions (API key 65): describe transactions by their transactional ids."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribeTransactionsRequest(Request, api_key=ApiKey.DESCRIBE_TRANSACTIONS, versions="0", flexible="0+"):
    """Asks to describe transactions by their transactional ids."""

    transactional_ids: list[str] = field(array(STRING), "0+", factory=list)
    """The transactional ids."""


class TopicData(Struct):
    """`topics` of `DescribeTransactionsResponse`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class TransactionState(Struct):
    """`transaction_states` of `DescribeTransactionsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    transactional_id: str = field(STRING, "0+", default="")
    """The transactional id."""
    transaction_state: str = field(STRING, "0+", default="")
    """The state of the transaction, by name."""
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    """How long a transaction may stay open."""
    transaction_start_time_ms: int = field(INT64, "0+", default=0)
    """When the transaction began, in ms since 1970; -1 if none is open."""
    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""


class DescribeTransactionsResponse(
    Response, api_key=ApiKey.DESCRIBE_TRANSACTIONS, versions="0", flexible="0+"
):
    """Answers `DescribeTransactionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    transaction_states: list[TransactionState] = field(array(TransactionState), "0+", factory=list)
    """Transaction by transaction."""
