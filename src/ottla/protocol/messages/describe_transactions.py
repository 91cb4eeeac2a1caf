"""DescribeTransactions (API key 65): describe transactions by their transactional ids."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribeTransactionsRequest(Request, api_key=ApiKey.DESCRIBE_TRANSACTIONS, versions="0", flexible="0+"):
    """Asks to describe transactions by their transactional ids."""

    transactional_ids: list[str] = field(array(STRING), "0+", factory=list)


class TopicData(Struct):
    """`topics` of `DescribeTransactionsResponse`."""

    topic: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class TransactionState(Struct):
    """`transaction_states` of `DescribeTransactionsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    transactional_id: str = field(STRING, "0+", default="")
    transaction_state: str = field(STRING, "0+", default="")
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    transaction_start_time_ms: int = field(INT64, "0+", default=0)
    producer_id: int = field(INT64, "0+", default=0)
    producer_epoch: int = field(INT16, "0+", default=0)
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)


class DescribeTransactionsResponse(
    Response, api_key=ApiKey.DESCRIBE_TRANSACTIONS, versions="0", flexible="0+"
):
    """Answers `DescribeTransactionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    transaction_states: list[TransactionState] = field(array(TransactionState), "0+", factory=list)
