"""AddOffsetsToTxn (API key 25): make a group's offsets part of a transaction."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, field


class AddOffsetsToTxnRequest(Request, api_key=ApiKey.ADD_OFFSETS_TO_TXN, versions="0-4", flexible="3+"):
    """Asks to make a group's offsets part of a transaction."""

    transactional_id: str = field(STRING, "0+", default="")
    """The transactional id."""
    producer_id: int = field(INT64, "0+", default=0)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    group_id: str = field(STRING, "0+", default="")
    """The group's id."""


class AddOffsetsToTxnResponse(Response, api_key=ApiKey.ADD_OFFSETS_TO_TXN, versions="0-4", flexible="3+"):
    """Answers `AddOffsetsToTxnRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
