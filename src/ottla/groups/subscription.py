"""What consumers tell each other through the coordinator, as far as it reads along, and writes in their place.

The metadata of protocol type "consumer" is a version (int16) and a ConsumerProtocolSubscription, an assignment a version and
a ConsumerProtocolAssignment. Of a classic group only the topics are read: whatever the version, its beginning can be read as
version 0. Where classic members are in a consumer group (KIP-848), the broker reads all of it and makes the assignment.

Apache: org.apache.kafka.clients.consumer.internals.ConsumerProtocol.
"""

import logging
from collections.abc import Iterable, Mapping

from ottla.protocol.codec import decode_from, encode
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment, TopicPartition
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription

_LATEST_VERSION = 3

_log = logging.getLogger(__name__)


def subscribed_topics(metadata: Iterable[bytes]) -> frozenset[str] | None:
    """All topics of these members' metadata; None if one cannot be read."""
    topics: set[str] = set()
    try:
        for one in metadata:
            # The version in front only says what may follow after the topics.
            topics.update(decode_from(ConsumerProtocolSubscription, 0, memoryview(one), 2)[0].topics)
    except ProtocolError as error:
        _log.warning("A member's consumer subscription cannot be read, its topics are not known: %s", error)
        return None
    return frozenset(topics)


def subscription_of(metadata: bytes) -> ConsumerProtocolSubscription:
    """All that a member's metadata tells. Raises ProtocolError."""
    version = protocol_version(metadata)
    return decode_from(ConsumerProtocolSubscription, version, memoryview(metadata), 2)[0]


def assignment_of(assignment: bytes) -> ConsumerProtocolAssignment:
    """Raises ProtocolError."""
    version = protocol_version(assignment)
    return decode_from(ConsumerProtocolAssignment, version, memoryview(assignment), 2)[0]


def encoded_assignment(partitions_by_topic: Mapping[str, Iterable[int]], version: int) -> bytes:
    """An assignment for a consumer whose own metadata is of `version`."""
    message = ConsumerProtocolAssignment(
        assigned_partitions=[
            TopicPartition(topic=topic, partitions=sorted(partitions))
            for topic, partitions in partitions_by_topic.items()
        ]
    )
    return version.to_bytes(2, "big") + encode(message, version)


def protocol_version(data: bytes) -> int:
    """The version at the front, or the latest known if it is later than that. Raises ProtocolError."""
    if len(data) < 2:
        raise ProtocolError(f"consumers' data begins with two bytes of version, found {len(data)}")
    version = int.from_bytes(data[:2], "big", signed=True)
    if version < 0:
        raise ProtocolError(f"consumers' data of version {version}")
    return min(version, _LATEST_VERSION)
