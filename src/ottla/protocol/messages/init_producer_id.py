"""InitProducerId (API key 22): obtain a producer id and epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, field


class InitProducerIdRequest(
    Request, api_key=ApiKey.INIT_PRODUCER_ID, versions="0-6", flexible="2+", latest_unstable=True
):
    """Asks to obtain a producer id and epoch."""

    transactional_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The transactional id."""
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    """How long a transaction may stay open."""
    producer_id: int = field(INT64, "3+", default=-1)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "3+", default=-1)
    """The producer's epoch; -1 for none."""
    enable2_pc: bool = field(BOOL, "6+", default=False)
    """Whether the client takes part in two-phase commit (KIP-939)."""
    keep_prepared_txn: bool = field(BOOL, "6+", default=False)
    """Whether a prepared transaction is kept (KIP-939)."""


class InitProducerIdResponse(Response, api_key=ApiKey.INIT_PRODUCER_ID, versions="0-6", flexible="2+"):
    """Answers `InitProducerIdRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    producer_id: int = field(INT64, "0+", default=-1)
    """The producer's id; -1 for none."""
    producer_epoch: int = field(INT16, "0+", default=0)
    """The producer's epoch; -1 for none."""
    ongoing_txn_producer_id: int = field(INT64, "6+", default=-1)
    """The producer id of the kept transaction; -1 for none."""
    ongoing_txn_producer_epoch: int = field(INT16, "6+", default=-1)
    """The producer epoch of the kept transaction; -1 for none."""
