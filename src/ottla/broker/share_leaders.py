"""What ShareFetch and ShareAcknowledge have in common besides their work: whose request it is, and who leads instead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.context import RequestContext
from ottla.cluster.image import PartitionState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import parse_uuid, uuid_text
from ottla.shares.sessions import ShareSessionKey, TopicIdPartition

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_LEADER_ERRORS = frozenset((ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH))


def session_key(group_id: str | None, member_id: str | None) -> ShareSessionKey:
    """Whose request it is. A member id is a Kafka uuid; anything else is UNKNOWN_SERVER_ERROR, as in Apache."""
    try:
        member = uuid_text(parse_uuid(member_id or ""))
    except ValueError as error:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, str(error)) from error
    return ShareSessionKey(group_id or "", member)


class Endpoint(NamedTuple):
    """Where a broker is, for the client that asks."""

    node_id: int
    host: str
    port: int


class Leaders:
    """The leaders that a client should have asked (KIP-951), of one answer."""

    def __init__(self, broker: "BrokerServer", context: RequestContext) -> None:
        self._broker = broker
        self._context = context
        self._told: set[int] = set()

    def of(self, name: TopicIdPartition, code: ErrorCode) -> PartitionState | None:
        """The partition's leader and epoch, where `code` says that this broker is not it."""
        if code not in _LEADER_ERRORS:
            return None
        topic = self._broker.metadata.image.topic_by_id(name.topic_id)
        state = None if topic is None else topic.partitions.get(name.partition)
        if state is not None:
            self._told.add(state.leader)
        return state

    def endpoints(self) -> Iterator[Endpoint]:
        """Where those brokers are."""
        for node_id in sorted(self._told):
            address = self._broker.address_of(node_id, self._context)
            if address is not None:
                yield Endpoint(node_id, *address)
