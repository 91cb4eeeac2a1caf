"""Share sessions: what each member of a share group fetches from this broker, kept so that requests name only changes.

A session belongs to a member of a group and to the connection it was opened on; it ends when the member closes it (epoch
-1), opens it anew (epoch 0) or its connection closes. Nothing is evicted: past `group.share.max.share.sessions` a new one
is refused, SHARE_SESSION_LIMIT_REACHED.

Apache: org.apache.kafka.server.share.session.ShareSessionCache, ShareSession; SharePartitionManager#newContext.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid

INITIAL_EPOCH: Final = 0
"""Opens a session."""
FINAL_EPOCH: Final = -1
"""Closes it."""

MAX_CACHED_PARTITIONS: Final = 1_000_000
"""Over all sessions; about 200 bytes each. Past it a new session is refused, too."""

_EPOCH_MAX: Final = 2**31 - 1


class ShareSessionKey(NamedTuple):
    """Whose session it is."""

    group_id: str
    member_id: str


class TopicIdPartition(NamedTuple):
    """A partition by its topic's id."""

    topic_id: Uuid
    partition: int


class SessionPartition:
    """One partition of a session."""

    __slots__ = ("must_be_told", "topic")

    def __init__(self, topic: str, *, must_be_told: bool) -> None:
        self.topic = topic
        """The topic's name when the partition was added; empty if the id was not known."""
        self.must_be_told = must_be_told
        """Whether the next answer has to speak of it, even with nothing to say."""


class ShareSession:
    """What one member fetches."""

    __slots__ = ("connection", "epoch", "key", "partitions")

    def __init__(self, key: ShareSessionKey, connection: object) -> None:
        self.key = key
        self.epoch = INITIAL_EPOCH + 1
        """That of the next request."""
        self.connection = connection
        self.partitions: dict[TopicIdPartition, SessionPartition] = {}

    def next_epoch(self) -> None:
        self.epoch = 1 if self.epoch == _EPOCH_MAX else self.epoch + 1

    def rotated(self, epoch: int) -> list[TopicIdPartition]:
        """Its partitions, beginning with another one at each epoch, so that all get their turn."""
        partitions = list(self.partitions)
        if epoch < 1 or len(partitions) < 2:
            return partitions
        at = epoch % len(partitions)
        return partitions[at:] + partitions[:at]


TopicName = Callable[[Uuid], str]
"""The name of the topic of an id; empty if there is none."""


class ShareSessions:
    """The sessions of one broker."""

    def __init__(self, max_sessions: int, topic_name: TopicName) -> None:
        self._max_sessions = max_sessions
        self._topic_name = topic_name
        self._sessions: dict[ShareSessionKey, ShareSession] = {}
        self._by_connection: dict[object, set[ShareSessionKey]] = {}
        self._members: dict[str, int] = {}
        self.partition_count = 0
        self.evictions = 0
        """Sessions that ended with their connection."""

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: ShareSessionKey) -> ShareSession | None:
        return self._sessions.get(key)

    def has_members(self, group_id: str) -> bool:
        """Whether any member of the group has a session."""
        return group_id in self._members

    def open(
        self, key: ShareSessionKey, partitions: Iterable[TopicIdPartition], connection: object
    ) -> ShareSession:
        """A new session, in place of the member's older one. Raises `KafkaError` SHARE_SESSION_LIMIT_REACHED."""
        self.remove(key)
        session = ShareSession(key, connection)
        for each in partitions:
            session.partitions[each] = SessionPartition(self._topic_name(each.topic_id), must_be_told=False)
        too_large = self.partition_count + len(session.partitions) > MAX_CACHED_PARTITIONS
        if len(self._sessions) >= self._max_sessions or too_large:
            raise KafkaError(ErrorCode.SHARE_SESSION_LIMIT_REACHED)
        self._sessions[key] = session
        self._by_connection.setdefault(connection, set()).add(key)
        self._members[key.group_id] = self._members.get(key.group_id, 0) + 1
        self.partition_count += len(session.partitions)
        return session

    def take(self, key: ShareSessionKey, epoch: int) -> ShareSession:
        """The session for a request of `epoch`, one epoch further (not for the closing one).

        Raises `KafkaError`: SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH.
        """
        session = self._sessions.get(key)
        if session is None:
            raise KafkaError(ErrorCode.SHARE_SESSION_NOT_FOUND)
        if epoch != FINAL_EPOCH:
            if session.epoch != epoch:
                raise KafkaError(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
            session.next_epoch()
        return session

    def update(
        self,
        session: ShareSession,
        added: Iterable[TopicIdPartition],
        forgotten: Iterable[TopicIdPartition],
    ) -> None:
        """What the member fetches has changed."""
        before = len(session.partitions)
        for each in added:
            if each not in session.partitions:
                session.partitions[each] = SessionPartition(
                    self._topic_name(each.topic_id), must_be_told=True
                )
        for each in forgotten:
            session.partitions.pop(each, None)
        self.partition_count += len(session.partitions) - before

    def remove(self, key: ShareSessionKey) -> ShareSession | None:
        """Forget the session; None if there was none."""
        session = self._sessions.pop(key, None)
        if session is None:
            return None
        self.partition_count -= len(session.partitions)
        self._members[key.group_id] -= 1
        if not self._members[key.group_id]:
            del self._members[key.group_id]
        keys = self._by_connection.get(session.connection)
        if keys is not None:
            keys.discard(key)
        return session

    def connection_closed(self, connection: object) -> list[ShareSessionKey]:
        """The sessions that end with the connection: release what they have, then `remove` them."""
        keys = self._by_connection.pop(connection, set())
        self.evictions += len(keys)
        return sorted(keys)

    def clear(self) -> None:
        """Share groups were switched off."""
        self._sessions.clear()
        self._by_connection.clear()
        self._members.clear()
        self.partition_count = 0
