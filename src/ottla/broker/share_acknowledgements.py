"""Acknowledgements, as ShareAcknowledge brings them and ShareFetch carries them along.

Every partition is answered for itself, when its share partition's change is kept; the whole when all are.

Apache: KafkaApis#handleAcknowledgements, #validateAcknowledgementBatches, SharePartitionManager#acknowledge. Of a request
with nothing to acknowledge in any of its partitions the ones without errors are not spoken of, as there.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ottla.broker.share_partitions import Done, RunningSharePartition
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.shares.records import SharePartitionKey
from ottla.shares.sessions import ShareSessionKey, TopicIdPartition
from ottla.shares.share_partition import Acknowledgement, AcknowledgeType

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


class _Batch(Protocol):
    """`AcknowledgementBatch` of either request."""

    first_offset: int
    last_offset: int
    acknowledge_types: list[int]


class Outcome(NamedTuple):
    """What became of one partition's acknowledgements."""

    code: ErrorCode
    message: str | None = None


Outcomes = dict[TopicIdPartition, Outcome]

_HIGHEST_TYPE = max(each.value for each in AcknowledgeType)
_INVALID = Outcome(ErrorCode.INVALID_REQUEST)


def acknowledge(
    broker: "BrokerServer",
    may_read: Callable[[str], bool],
    member: ShareSessionKey,
    asked: Sequence[tuple[TopicIdPartition, Sequence[_Batch]]],
    finished: Callable[[Outcomes], None],
) -> None:
    """Acknowledge; `finished` is told the outcomes, within the call or later. `may_read` tells which
    topics the client may."""
    outcomes: Outcomes = {}
    nothing_said: Outcomes = {}
    waiting: dict[TopicIdPartition, tuple[RunningSharePartition | None, Sequence[_Batch]]] = {}
    image = broker.metadata.image
    for name, batches in asked:
        topic = image.topic_by_id(name.topic_id)
        if topic is None:
            outcomes[name] = Outcome(ErrorCode.UNKNOWN_TOPIC_ID)
        elif not _valid(batches):
            outcomes[name] = _INVALID
        elif not may_read(topic.name):
            outcomes[name] = Outcome(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        elif name.partition not in topic.partitions:
            outcomes[name] = Outcome(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        elif not batches:
            nothing_said[name] = Outcome(ErrorCode.NONE)
        else:
            key = SharePartitionKey(member.group_id, *name)
            waiting[name] = (broker.shares.partitions.find(key), batches)
    if not waiting:
        finished(outcomes)
        return
    outcomes |= nothing_said
    left = len(waiting)

    def one_done(name: TopicIdPartition, error: KafkaError | None) -> None:
        nonlocal left
        outcomes[name] = Outcome(ErrorCode.NONE) if error is None else Outcome(error.code, error.message)
        left -= 1
        if not left:
            finished(outcomes)

    for name, (running, batches) in waiting.items():
        if running is None:
            one_done(name, KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
            continue
        said = [
            Acknowledgement(each.first_offset, each.last_offset, each.acknowledge_types) for each in batches
        ]
        broker.shares.partitions.acknowledge(running, member.member_id, said, _told(one_done, name))


def _told(one_done: Callable[[TopicIdPartition, KafkaError | None], None], name: TopicIdPartition) -> Done:
    return lambda error: one_done(name, error)


def _valid(batches: Sequence[_Batch]) -> bool:
    """Whether the batches are in order, and each says one thing of all its records or one of each."""
    previous_last = -1
    for each in batches:
        count, types = each.last_offset - each.first_offset + 1, each.acknowledge_types
        if count < 1 or each.first_offset < previous_last or not types:
            return False
        if len(types) not in (1, count):
            return False
        if min(types) < 0 or max(types) > _HIGHEST_TYPE:
            return False
        previous_last = each.last_offset
    return True
