"""Committed offsets of all groups of a coordinator, whatever the groups' type.

Two views are kept. The latest one shows every record that was handed to the log; the committed one only those that the
high watermark has passed, and is what OffsetFetch reads: a client must never see an offset that a change of leader
could take back. An operation's changes are noted under its ticket; `commit` makes the oldest ticket's part of the
committed view, `revert` takes the newest ticket's back.

Offsets of a transaction wait beside, per producer, until its end marker; then the latest commit by position in the log
wins (KIP-447). While they wait, the partition's offset is unstable (`requireStable`).

Apache: org.apache.kafka.coordinator.group.OffsetMetadataManager.
"""

from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

from ottla.groups.records import OffsetAndMetadata

PartitionOffsets = dict[int, OffsetAndMetadata]
TopicOffsets = dict[str, PartitionOffsets]
_Key = tuple[str, str, int]


class Offsets:
    """Offsets by group, topic and partition."""

    __slots__ = ("_before", "_by_group", "_open", "_pending", "_tickets")

    def __init__(self) -> None:
        self._by_group: dict[str, TopicOffsets] = {}
        self._tickets: deque[tuple[object, list[_Key]]] = deque()
        """Operations not committed yet, oldest first, with the partitions each changed."""
        self._before: dict[_Key, deque[OffsetAndMetadata | None]] = {}
        """What a partition's offset was before each uncommitted change, oldest first: the first is the committed one."""
        self._pending: dict[int, dict[_Key, OffsetAndMetadata]] = {}
        """Offsets of open transactions by producer id."""
        self._open: dict[str, dict[tuple[str, int], set[int]]] = {}
        """Producers with a transaction open, by group and partition."""

    # Reading.

    def get(self, group_id: str, topic: str, partition: int) -> OffsetAndMetadata | None:
        """The latest offset, committed or not."""
        return self._by_group.get(group_id, {}).get(topic, {}).get(partition)

    def get_committed(self, group_id: str, topic: str, partition: int) -> OffsetAndMetadata | None:
        before = self._before.get((group_id, topic, partition)) if self._before else None
        return before[0] if before else self.get(group_id, topic, partition)

    def of_group(self, group_id: str) -> Iterator[tuple[str, int, OffsetAndMetadata]]:
        """The latest offsets of a group: topic, partition, offset."""
        for topic, partitions in self._by_group.get(group_id, {}).items():
            for partition, offset in partitions.items():
                yield topic, partition, offset

    def committed_of_group(self, group_id: str) -> TopicOffsets:
        """The committed offsets of a group by topic; the caller must not change them."""
        latest = self._by_group.get(group_id, {})
        changed = [key for key in self._before if key[0] == group_id] if self._before else []
        if not changed:
            return latest
        committed = {topic: dict(partitions) for topic, partitions in latest.items()}
        for key in changed:
            _, topic, partition = key
            offset = self._before[key][0]
            if offset is not None:
                committed.setdefault(topic, {})[partition] = offset
            elif partition in committed.get(topic, {}):
                del committed[topic][partition]
        return {topic: partitions for topic, partitions in committed.items() if partitions}

    def has_any(self, group_id: str) -> bool:
        return group_id in self._by_group

    def has_open_transaction(self, group_id: str) -> bool:
        return group_id in self._open

    def is_unstable(self, group_id: str, topic: str, partition: int) -> bool:
        """Whether an open transaction may still change the offset."""
        return (topic, partition) in self._open.get(group_id, {})

    def open_partitions(self, group_id: str) -> list[tuple[str, int]]:
        return list(self._open.get(group_id, {}))

    def of_topics(self, topics: AbstractSet[str]) -> list[tuple[str, str, int]]:
        """Group, topic and partition of every offset of these topics, those in transactions included."""
        found = {
            (group_id, topic, partition)
            for group_id, of_group in self._by_group.items()
            for topic in of_group.keys() & topics
            for partition in of_group[topic]
        }
        found.update(key for offsets in self._pending.values() for key in offsets if key[1] in topics)
        return sorted(found)

    def count_of_group(self, group_id: str) -> int:
        return sum(len(partitions) for partitions in self._by_group.get(group_id, {}).values())

    def count(self) -> int:
        return sum(len(partitions) for topics in self._by_group.values() for partitions in topics.values())

    # Replaying.

    def put(
        self,
        group_id: str,
        topic: str,
        partition: int,
        offset: OffsetAndMetadata,
        ticket: object | None = None,
    ) -> None:
        """Set an offset; with a ticket it is not committed until `commit(ticket)`."""
        self._note((group_id, topic, partition), ticket)
        self._set((group_id, topic, partition), offset)

    def remove(self, group_id: str, topic: str, partition: int, ticket: object | None = None) -> None:
        """Remove an offset, also from open transactions."""
        key = (group_id, topic, partition)
        self._note(key, ticket)
        self._set(key, None)
        for producer_id in self._open.get(group_id, {}).get((topic, partition), ()):
            self._pending.get(producer_id, {}).pop(key, None)
        self._close_partition(key)

    def put_transactional(
        self, producer_id: int, group_id: str, topic: str, partition: int, offset: OffsetAndMetadata
    ) -> Callable[[], None]:
        """Set an offset in the producer's transaction. Answers how to take that back."""
        key = (group_id, topic, partition)
        pending = self._pending.setdefault(producer_id, {})
        previous = pending.get(key)
        pending[key] = offset
        self._open.setdefault(group_id, {}).setdefault((topic, partition), set()).add(producer_id)

        def take_back() -> None:
            if previous is not None:
                pending[key] = previous
                return
            pending.pop(key, None)
            self._leave_open(key, producer_id)

        return take_back

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """The producer's end marker: its offsets become the groups', or are forgotten."""
        for key, offset in self._pending.pop(producer_id, {}).items():
            self._leave_open(key, producer_id)
            current = self.get(*key)
            if committed and (current is None or offset.position > current.position):
                self._set(key, offset)

    def commit(self, ticket: object) -> None:
        """The ticket's changes are committed; it must be the oldest."""
        if not self._tickets or self._tickets[0][0] is not ticket:
            return
        for key in self._tickets.popleft()[1]:
            before = self._before[key]
            before.popleft()
            if not before:
                del self._before[key]

    def revert(self, ticket: object) -> None:
        """Take the ticket's changes back; it must be the newest."""
        if not self._tickets or self._tickets[-1][0] is not ticket:
            return
        for key in reversed(self._tickets.pop()[1]):
            before = self._before[key]
            self._set(key, before.pop())
            if not before:
                del self._before[key]

    def clear(self) -> None:
        for part in (self._by_group, self._tickets, self._before, self._pending, self._open):
            part.clear()

    def _note(self, key: _Key, ticket: object | None) -> None:
        if ticket is None:
            return
        if not self._tickets or self._tickets[-1][0] is not ticket:
            self._tickets.append((ticket, []))
        self._tickets[-1][1].append(key)
        self._before.setdefault(key, deque()).append(self.get(*key))

    def _set(self, key: _Key, offset: OffsetAndMetadata | None) -> None:
        group_id, topic, partition = key
        if offset is not None:
            self._by_group.setdefault(group_id, {}).setdefault(topic, {})[partition] = offset
            return
        topics = self._by_group.get(group_id)
        if topics is None or partition not in topics.get(topic, {}):
            return
        del topics[topic][partition]
        if not topics[topic]:
            del topics[topic]
        if not topics:
            del self._by_group[group_id]

    def _leave_open(self, key: _Key, producer_id: int) -> None:
        group_id, topic, partition = key
        producers = self._open.get(group_id, {}).get((topic, partition))
        if producers is not None:
            producers.discard(producer_id)
            if not producers:
                self._close_partition(key)

    def _close_partition(self, key: _Key) -> None:
        group_id, topic, partition = key
        partitions = self._open.get(group_id)
        if partitions is not None:
            partitions.pop((topic, partition), None)
            if not partitions:
                del self._open[group_id]
