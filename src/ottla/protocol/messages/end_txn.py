"""EndTxn (API key 26): commit or abort a transaction."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, field


class EndTxnRequest(Request, api_key=ApiKey.END_TXN, versions="0-5", flexible="3+"):
    """Asks to commit or abort a transaction."""

    transactional_id: str = field(STRING, "0+", default="")
    """The transactional id."""
    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    committed: bool = field(BOOL, "0+", default=False)
    """True to commit, false to abort."""


class EndTxnResponse(Response, api_key=ApiKey.END_TXN, versions="0-5", flexible="3+"):
    """Answers `EndTxnRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    producer_id: int = field(INT64, "5+", default=-1, ignorable=True)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "5+", default=-1, ignorable=True)
    """The producer's epoch; -1 for none."""
