"""What consumers tell each other through the coordinator, as far as it reads along: which topics they subscribe to.

The metadata of protocol type "consumer" is a version (int16) and a ConsumerProtocolSubscription. Whatever the version,
its beginning can be read as version 0, which holds the topics; nothing in it is trusted beyond that.
"""

import logging
from collections.abc import Iterable

from ottla.protocol.codec import decode_from
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription

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
