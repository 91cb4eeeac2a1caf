"""ListTransactions (API key 66): list the transactions that a broker coordinates."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ListTransactionsRequest(Request, api_key=ApiKey.LIST_TRANSACTIONS, versions="0-2", flexible="0+"):
    """Asks to list the transactions that a broker coordinates."""

    state_filters: list[str] = field(array(STRING), "0+", factory=list)
    producer_id_filters: list[int] = field(array(INT64), "0+", factory=list)
    duration_filter: int = field(INT64, "1+", default=-1)
    transactional_id_pattern: str | None = field(STRING, "2+", default=None, nullable="2+")


class TransactionState(Struct):
    """`transaction_states` of `ListTransactionsResponse`."""

    transactional_id: str = field(STRING, "0+", default="")
    producer_id: int = field(INT64, "0+", default=0)
    transaction_state: str = field(STRING, "0+", default="")


class ListTransactionsResponse(Response, api_key=ApiKey.LIST_TRANSACTIONS, versions="0-2", flexible="0+"):
    """Answers `ListTransactionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    unknown_state_filters: list[str] = field(array(STRING), "0+", factory=list)
    transaction_states: list[TransactionState] = field(array(TransactionState), "0+", factory=list)
