"""What became of an operation of the coordinator, before it is put into the response of an API and its version."""

from typing import NamedTuple

from ottla.protocol.errors import ErrorCode
from ottla.transactions.metadata import NO_PRODUCER_EPOCH, NO_PRODUCER_ID


class Outcome(NamedTuple):
    """An error, or NONE with the producer id and epoch that hold from now on."""

    error: ErrorCode
    producer_id: int = NO_PRODUCER_ID
    producer_epoch: int = NO_PRODUCER_EPOCH
