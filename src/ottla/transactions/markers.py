"""What the coordinator asks to be written into a transaction's partitions, and what came of it.

The markers of one transaction go to several brokers; each partition answers by itself. The coordinator only says what is to
be written (`TransactionMarkers`) and hears of each partition later; who leads it is not its business.

Apache: kafka.coordinator.transaction.TransactionMarkerChannelManager, TransactionMarkerRequestCompletionHandler.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import TopicPartition


class TransactionMarkers(NamedTuple):
    """One transaction's end, for the partitions that have not got it yet."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    """The leader epoch of the transactional id's partition of `__transaction_state`: an older coordinator is fenced by it."""
    committed: bool
    partitions: frozenset[TopicPartition]


_WRITTEN: Final = frozenset(
    {
        ErrorCode.NONE,
        # By a broker or for a message format that has no markers: nothing of the transaction can be there.
        ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        ErrorCode.UNSUPPORTED_VERSION,
    }
)
_FENCED: Final = frozenset({ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED})


class MarkerOutcome(NamedTuple):
    """What the partitions' answers mean."""

    written: frozenset[TopicPartition]
    retried: frozenset[TopicPartition]
    """A leader is missing, moves, or can't write now."""
    fenced: frozenset[TopicPartition]
    """A newer producer or coordinator was there: this coordinator has no say any more."""


def judge(answers: Mapping[TopicPartition, ErrorCode]) -> MarkerOutcome:
    """Sort partitions by what is to be done about them."""
    written, retried, fenced = set(), set(), set()
    for partition, code in answers.items():
        if code in _WRITTEN:
            written.add(partition)
        elif code in _FENCED:
            fenced.add(partition)
        else:
            retried.add(partition)
    return MarkerOutcome(frozenset(written), frozenset(retried), frozenset(fenced))
