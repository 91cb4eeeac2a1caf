"""AllocateProducerIds (API key 67): obtain a block of producer ids from the controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, Request, Response, field


class AllocateProducerIdsRequest(Request, api_key=ApiKey.ALLOCATE_PRODUCER_IDS, versions="0", flexible="0+"):
    """Asks to obtain a block of producer ids from the controller."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "0+", default=-1)
    """The epoch of the broker's registration; -1 for none."""


class AllocateProducerIdsResponse(
    Response, api_key=ApiKey.ALLOCATE_PRODUCER_IDS, versions="0", flexible="0+"
):
    """Answers `AllocateProducerIdsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    producer_id_start: int = field(INT64, "0+", default=0)
    """The first id of the block."""
    producer_id_len: int = field(INT32, "0+", default=0)
    """How many ids the block has."""
