"""InitProducerId (API key 22): obtain a producer id and epoch."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, field


class InitProducerIdRequest(
    Request, api_key=ApiKey.INIT_PRODUCER_ID, versions="0-6", flexible="2+", latest_unstable=True
):
    """Asks to obtain a producer id and epoch."""

    transactional_id: str | None = field(STRING, "0+", default="", nullable="0+")
    transaction_timeout_ms: int = field(INT32, "0+", default=0)
    producer_id: int = field(INT64, "3+", default=-1)
    producer_epoch: int = field(INT16, "3+", default=-1)
    enable2_pc: bool = field(BOOL, "6+", default=False)
    keep_prepared_txn: bool = field(BOOL, "6+", default=False)


class InitProducerIdResponse(Response, api_key=ApiKey.INIT_PRODUCER_ID, versions="0-6", flexible="2+"):
    """Answers `InitProducerIdRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    producer_id: int = field(INT64, "0+", default=-1)
    producer_epoch: int = field(INT16, "0+", default=0)
    ongoing_txn_producer_id: int = field(INT64, "6+", default=-1)
    ongoing_txn_producer_epoch: int = field(INT16, "6+", default=-1)
