"""Fetch sessions (KIP-227): the broker remembers what a consumer reads, so that requests and answers tell changes only.

A session keeps a dirty set: partitions of which the next answer may have something to say, in the order in which they
are to be visited. A partition gets in when the client changes its entry, when the partition moves (the session watches
it), and stays in while it has records left or an error; it leaves when a visit finds nothing new. So a fetch costs by what
moved: with 5,000 partitions in the session and 10 active, 10 are visited (budget: 0.3 ms a fetch).

A partition that gave records goes to the end of the order, so that under a size limit all get their turn.

Bounds: `max.incremental.fetch.session.cache.slots` sessions (eviction as in Apache's FetchSessionCache: stale ones, then the
less valuable), and MAX_CACHED_PARTITIONS over all of them; past either a fetch is served without a session.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid

if TYPE_CHECKING:
    from ottla.replication.partition import Partition

FINAL_EPOCH = -1
"""Session epoch of a fetch without a session; closes the one it names."""
INITIAL_EPOCH = 0
"""Session epoch of a full fetch that wants a new session."""

MAX_CACHED_PARTITIONS = 2_000_000
"""About 300 bytes each."""

_EPOCH_MAX = 2**31 - 1

PartitionKey = tuple[str | Uuid, int]
"""Topic, by its id where the request has ids (version 13 on), and partition."""


class SessionPartition:
    """One partition as one client fetches it."""

    __slots__ = (
        "current_leader_epoch",
        "fetch_offset",
        "high_watermark",
        "key",
        "last_fetched_epoch",
        "log_start_offset",
        "max_bytes",
        "source",
        "topic",
        "topic_id",
    )

    def __init__(self, key: PartitionKey, topic: str, topic_id: Uuid) -> None:
        self.key = key
        self.topic = topic
        """Name; empty while an id is not known here."""
        self.topic_id = topic_id
        self.fetch_offset = 0
        self.max_bytes = 0
        self.current_leader_epoch = -1
        self.last_fetched_epoch = -1
        self.high_watermark = -1
        """As last told to the client; -1 if it must be told again."""
        self.log_start_offset = -1
        """As last told to the client."""
        self.source: Partition | None = None
        """The partition that is watched for it."""


class Waiter(Protocol):
    """The fetch that waits for something to happen in the session."""

    def wake(self) -> None: ...


class FetchSession:
    """What one client fetches. Also serves a fetch without a session, for the time of that one request."""

    __slots__ = (
        "_by_source",
        "_watching",
        "created_ms",
        "dirty",
        "epoch",
        "identity",
        "last_used_ms",
        "partitions",
        "privileged",
        "reader",
        "uses_topic_ids",
        "waiter",
    )

    def __init__(self, *, uses_topic_ids: bool, privileged: bool = False) -> None:
        self.identity = 0
        """0 until it is in the cache."""
        self.epoch = INITIAL_EPOCH
        self.uses_topic_ids = uses_topic_ids
        self.privileged = privileged
        """Of a follower: evicted only for another follower."""
        self.reader: tuple[object, ...] | None = None
        """Who fetched last, and by which state of the access rules; None without an authorizer."""
        self.created_ms = 0
        self.last_used_ms = 0
        self.partitions: dict[PartitionKey, SessionPartition] = {}
        self.dirty: dict[SessionPartition, None] = {}
        self.waiter: Waiter | None = None
        self._by_source: dict[Partition, SessionPartition] = {}
        self._watching = False

    def put(
        self,
        key: PartitionKey,
        topic: str,
        topic_id: Uuid,
        fetch_offset: int,
        max_bytes: int,
        current_leader_epoch: int,
        last_fetched_epoch: int,
    ) -> None:
        """Add a partition, or change how it is fetched; either way it is to be visited."""
        entry = self.partitions.get(key)
        if entry is None:
            entry = self.partitions[key] = SessionPartition(key, topic, topic_id)
        entry.fetch_offset = fetch_offset
        entry.max_bytes = max_bytes
        entry.current_leader_epoch = current_leader_epoch
        entry.last_fetched_epoch = last_fetched_epoch
        self.dirty[entry] = None

    def forget(self, key: PartitionKey) -> None:
        """The client does not fetch it any more."""
        entry = self.partitions.pop(key, None)
        if entry is not None:
            self.dirty.pop(entry, None)
            self._unwatch(entry)

    def resolved(self, entry: SessionPartition, source: "Partition | None") -> None:
        """`source` is what stands behind the entry now: watched from here on, if the session watches."""
        if entry.source is not source:
            self._unwatch(entry)
            entry.source = source
            if source is not None and self._watching:
                self._by_source[source] = entry
                source.watch(self)

    def watch(self) -> None:
        """From now on hear of every move of the session's partitions."""
        if self._watching:
            return
        self._watching = True
        for entry in self.partitions.values():
            if entry.source is not None:
                self._by_source[entry.source] = entry
                entry.source.watch(self)

    def close(self) -> None:
        """Watch nothing any more."""
        self._watching = False
        for source in self._by_source:
            source.unwatch(self)
        self._by_source.clear()

    def partition_moved(self, partition: "Partition") -> None:
        """Of `PartitionWatcher`."""
        entry = self._by_source.get(partition)
        if entry is not None:
            self.dirty[entry] = None
            if self.waiter is not None:
                self.waiter.wake()

    def served(self, entry: SessionPartition, *, again: bool) -> None:
        """The answer speaks of `entry`; `again`: the next one may have to as well."""
        self.dirty.pop(entry, None)
        if again:
            self.dirty[entry] = None

    def read_by(self, *reader: object) -> None:
        """A fetch begins. When another one fetches, or rules have changed, what may be read has to be found out anew."""
        if self.reader != reader:
            self.reader = reader
            self.dirty.update(dict.fromkeys(self.partitions.values()))

    def next_epoch(self) -> None:
        self.epoch = 1 if self.epoch == _EPOCH_MAX else self.epoch + 1

    def _unwatch(self, entry: SessionPartition) -> None:
        if entry.source is not None and self._by_source.pop(entry.source, None) is not None:
            entry.source.unwatch(self)


class FetchSessionCache:
    """The sessions of one broker."""

    def __init__(self, max_sessions: int, eviction_ms: int, random_int: Callable[[], int]) -> None:
        """`random_int` gives 31 random bits; ids are guessed with difficulty, as in Apache."""
        self.max_sessions = max_sessions
        self._eviction_ms = eviction_ms
        self._random_int = random_int
        self._sessions: dict[int, FetchSession] = {}
        self.partition_count = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def take(self, identity: int, epoch: int, now_ms: int, *, uses_topic_ids: bool) -> FetchSession:
        """The session for an incremental fetch, one epoch further.

        Raises `KafkaError`: FETCH_SESSION_ID_NOT_FOUND (never made, or evicted: the client starts anew),
        INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR.
        """
        session = self._sessions.get(identity)
        if session is None:
            raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if session.uses_topic_ids != uses_topic_ids:
            raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        session.next_epoch()
        session.last_used_ms = now_ms
        return session

    def remove(self, identity: int) -> None:
        """The client has done with it, or it is to be replaced."""
        session = self._sessions.pop(identity, None)
        if session is not None:
            self.partition_count -= len(session.partitions)
            session.identity = 0
            session.close()

    def resized(self, change: int) -> None:
        """A session in the cache has so many partitions more, or fewer."""
        self.partition_count += change

    def enter(self, session: FetchSession, now_ms: int) -> bool:
        """Keep `session` for further fetches and give it an id. False when there is no place for it."""
        size = len(session.partitions)
        if self.partition_count + size > MAX_CACHED_PARTITIONS:
            return False
        if len(self._sessions) >= self.max_sessions and not self._evict(session, size, now_ms):
            return False
        identity = 0
        while identity == 0 or identity in self._sessions:
            identity = self._random_int()
        session.identity = identity
        session.epoch = INITIAL_EPOCH + 1
        session.created_ms = session.last_used_ms = now_ms
        self._sessions[identity] = session
        self.partition_count += size
        return True

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _evict(self, newcomer: FetchSession, size: int, now_ms: int) -> bool:
        """Make room for `newcomer`: a stale session goes, else the least valuable one if it is worth less."""
        if not self._sessions:
            return False
        stale = min(self._sessions.values(), key=lambda each: each.last_used_ms)
        victim: FetchSession | None = None
        if now_ms - stale.last_used_ms > self._eviction_ms:
            victim = stale
        else:
            victim = min(self._evictable(newcomer, now_ms), key=_worth, default=None)
            if victim is not None and (newcomer.privileged, size) < _worth(victim)[:2]:
                victim = None
        if victim is None:
            return False
        self.evictions += 1
        self.remove(victim.identity)
        return True

    def _evictable(self, newcomer: FetchSession, now_ms: int) -> Iterable[FetchSession]:
        """Sessions old enough to have paid for their making; a follower may also push out any consumer's."""
        return (
            each
            for each in self._sessions.values()
            if now_ms - each.created_ms > self._eviction_ms or (newcomer.privileged and not each.privileged)
        )


def _worth(session: FetchSession) -> tuple[bool, int, int]:
    return session.privileged, len(session.partitions), session.identity
