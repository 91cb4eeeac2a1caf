"""Which share partitions of a group have state with the share coordinator, are to have it, or shall lose it.

    subscribed ─▶ initializing ─▶ initialized ─▶ deleting ─▶ gone
                      └── the persister refused: forgotten, and begun anew with a later heartbeat

Only initialized partitions are assigned. The group coordinator writes each step down before or after the persister did
its part, so that whichever of the two stops in between, the other one's work is done again.

Apache: ShareGroupStatePartitionMetadataInfo in ShareGroup, and what GroupMetadataManager does with it.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import NamedTuple

from ottla.groups.modern_group import Assignment
from ottla.protocol.types import Uuid


class InitializedTopic(NamedTuple):
    """Partitions of one topic, and since when they are in this state (0: before the coordinator was loaded)."""

    name: str
    partitions: frozenset[int]
    timestamp_ms: int = 0


Topics = Mapping[Uuid, InitializedTopic]

_NONE: Topics = MappingProxyType({})


class StatePartitions(NamedTuple):
    """The state of one group's share partitions, by topic id. A value; a change is a new one."""

    initializing: Topics = _NONE
    initialized: Topics = _NONE
    deleting: frozenset[Uuid] = frozenset()
    """Whole topics: which partitions of them are gone already is not noted."""

    def with_initializing(self, topics: Topics) -> "StatePartitions":
        """Begun. What was about to be deleted is not any more."""
        initializing = combined(self.initializing, topics)
        return self._replace(initializing=initializing, deleting=self.deleting - initializing.keys())

    def with_initialized(self, topics: Topics) -> "StatePartitions":
        """The persister has made them."""
        done = {topic_id: topic.partitions for topic_id, topic in topics.items()}
        return self._replace(
            initializing=_without(self.initializing, done), initialized=combined(self.initialized, topics)
        )

    def without_initializing(self, partitions: Assignment) -> "StatePartitions":
        """The persister has not made them."""
        return self._replace(initializing=_without(self.initializing, partitions))

    def with_deleting(self, topic_ids: Iterable[Uuid]) -> "StatePartitions":
        """The persister is about to delete the state of whole topics that are initialized."""
        deleting = frozenset(topic_ids)
        initialized = {
            topic_id: each for topic_id, each in self.initialized.items() if topic_id not in deleting
        }
        return self._replace(initialized=initialized, deleting=self.deleting | deleting)

    def without_deleted(self, topic_ids: AbstractSet[Uuid]) -> "StatePartitions":
        """The persister has deleted them; also what it was asked to make meanwhile, and made before."""
        initialized = {
            topic_id: each for topic_id, each in self.initialized.items() if topic_id not in topic_ids
        }
        return self._replace(initialized=initialized, deleting=self.deleting - topic_ids)

    def without_topics(self, topic_ids: AbstractSet[Uuid]) -> "StatePartitions":
        """The topics are deleted, and the share coordinator drops their state of its own accord."""
        return StatePartitions(
            {topic_id: each for topic_id, each in self.initializing.items() if topic_id not in topic_ids},
            {topic_id: each for topic_id, each in self.initialized.items() if topic_id not in topic_ids},
            self.deleting - topic_ids,
        )

    def stamped(self, now_ms: int) -> "StatePartitions":
        """As if it had come to be just now."""
        return self._replace(
            initializing={
                topic_id: each._replace(timestamp_ms=now_ms) for topic_id, each in self.initializing.items()
            }
        )

    def to_initialize(self, wanted: Topics, fresh_since_ms: int) -> dict[Uuid, InitializedTopic]:
        """Of `wanted`, what is neither initialized nor being initialized since `fresh_since_ms` or later."""
        fresh = {
            topic_id: topic
            for topic_id, topic in self.initializing.items()
            if topic.timestamp_ms > fresh_since_ms
        }
        known = combined(self.initialized, fresh)
        missing: dict[Uuid, InitializedTopic] = {}
        for topic_id, topic in wanted.items():
            partitions = topic.partitions
            if topic_id in known:
                partitions -= known[topic_id].partitions
            if partitions:
                missing[topic_id] = topic._replace(partitions=partitions)
        return missing

    @property
    def assignable(self) -> Assignment:
        return {topic_id: topic.partitions for topic_id, topic in self.initialized.items()}


NO_STATE_PARTITIONS = StatePartitions()


def combined(first: Topics, second: Topics) -> dict[Uuid, InitializedTopic]:
    """Both; partitions of a topic that stands in both are put together, with the second's time."""
    both = dict(first)
    for topic_id, topic in second.items():
        older = both.get(topic_id)
        partitions = topic.partitions if older is None else older.partitions | topic.partitions
        both[topic_id] = topic._replace(partitions=partitions)
    return both


def _without(topics: Topics, partitions: Assignment) -> dict[Uuid, InitializedTopic]:
    left: dict[Uuid, InitializedTopic] = {}
    for topic_id, topic in topics.items():
        remaining = topic.partitions - partitions.get(topic_id, frozenset())
        if remaining:
            left[topic_id] = topic._replace(partitions=remaining)
    return left
