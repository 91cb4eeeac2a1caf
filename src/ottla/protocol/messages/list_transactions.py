"""ListTransactions (API key 66): list the transactions that a broker coordinates."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ListTransactionsRequest(Request, api_key=ApiKey.LIST_TRANSACTIONS, versions="0-2", flexible="0+"):
    """Asks to list the transactions that a broker coordinates."""

    state_filters: list[str] = field(array(STRING), "0+", factory=list)
    """The states wanted, none for all."""
    producer_id_filters: list[int] = field(array(INT64), "0+", factory=list)
    """The producer ids wanted, none for all."""
    duration_filter: int = field(INT64, "1+", default=-1)
    """Only transactions open longer than this, in ms; -1 for all."""
    transactional_id_pattern: str | None = field(STRING, "2+", default=None, nullable="2+")
    """A regular expression of the transactional ids wanted; null or empty for all."""


class TransactionState(Struct):
    """`transaction_states` of `ListTransactionsResponse`."""

    transactional_id: str = field(STRING, "0+", default="")
    """The transactional id."""
    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    transaction_state: str = field(STRING, "0+", default="")
    """The state of the transaction, by name."""


class ListTransactionsResponse(Response, api_key=ApiKey.LIST_TRANSACTIONS, versions="0-2", flexible="0+"):
    """Answers `ListTransactionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    unknown_state_filters: list[str] = field(array(STRING), "0+", factory=list)
    """The states asked for that there are not."""
    transaction_states: list[TransactionState] = field(array(TransactionState), "0+", factory=list)
    """Transaction by transaction."""
