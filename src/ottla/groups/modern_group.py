"""What consumer groups (KIP-848) and share groups (KIP-932) have in common: members subscribe to topics and are assigned
partitions of them.

Apache: org.apache.kafka.coordinator.group.modern.ModernGroup, ModernGroupMember, MemberState, SubscriptionCount.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import NamedTuple, Protocol, TypeVar

from ottla.groups.assigned_group import AssignedGroup, AssignedMember
from ottla.protocol.types import Uuid

Assignment = Mapping[Uuid, frozenset[int]]
"""Partitions by topic id; no topic without partitions. Never changed once made."""

NOTHING_ASSIGNED: Assignment = {}


class MemberState(IntEnum):
    """How far a member is on its way to the target assignment, by the byte in its record."""

    STABLE = 0
    """It has what its epoch's target assignment gives it."""
    UNREVOKED_PARTITIONS = 1
    """It was told to give partitions up, and has not said yet that it did."""
    UNRELEASED_PARTITIONS = 2
    """Some of its partitions are still with other members."""
    UNKNOWN = 127
    """Of a later Kafka."""

    @classmethod
    def of(cls, value: int) -> "MemberState":
        try:
            return cls(value)
        except ValueError:
            return cls.UNKNOWN


class ModernMember(AssignedMember, Protocol):
    """A member as far as both types of group know it."""

    @property
    def previous_member_epoch(self) -> int: ...
    @property
    def instance_id(self) -> str | None: ...
    @property
    def rack_id(self) -> str | None: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_host(self) -> str: ...
    @property
    def subscribed_topic_names(self) -> frozenset[str]: ...
    @property
    def state(self) -> MemberState: ...
    @property
    def assigned_partitions(self) -> Assignment: ...


M = TypeVar("M", bound=ModernMember)


class SubscriptionCount(NamedTuple):
    """How many members name a topic, and how many regular expressions match it."""

    names: int = 0
    regexes: int = 0


SubscribedTopics = dict[str, SubscriptionCount]
"""By topic; none with both counts 0."""

_NONE = SubscriptionCount()


def count_topics(
    topics: SubscribedTopics, names: Collection[str], step: int, *, by_regex: bool = False
) -> None:
    """Count each of `names` once more (`step` 1) or less (-1)."""
    for name in names:
        count = topics.get(name, _NONE)
        count = SubscriptionCount(count.names + step * (not by_regex), count.regexes + step * by_regex)
        if count.names > 0 or count.regexes > 0:
            topics[name] = count
        else:
            topics.pop(name, None)


class ModernGroup(AssignedGroup[M, Assignment]):
    """One such group."""

    nothing_assigned = NOTHING_ASSIGNED

    def __init__(self, group_id: str) -> None:
        super().__init__(group_id)
        self.target_owners: dict[Uuid, dict[int, str]] = {}
        """The target assignment the other way round: member by topic id and partition."""
        self.target_sizes: dict[str, int] = {}
        """How many partitions each member has in it."""
        self.subscribed_topic_names: SubscribedTopics = {}

    def is_subscribed_to(self, topic: str) -> bool:
        return topic in self.subscribed_topic_names

    def has_reconciled(self, member: M) -> bool:
        """Whether it has all that the target assignment gives it."""
        return is_reconciled_to(member, self.target_assignment_epoch)

    def topics_with(self, old: M | None, new: M | None) -> SubscribedTopics:
        """The subscribed topics as they would be with `new` in place of `old`."""
        topics = dict(self.subscribed_topic_names)
        _count_member(topics, old, new)
        return topics

    def _member_changed(self, old: M | None, new: M | None) -> None:
        _count_member(self.subscribed_topic_names, old, new)

    def _target_changed(self, member_id: str, old: Assignment | None, new: Assignment | None) -> None:
        if new is None:
            self.target_sizes.pop(member_id, None)
        else:
            self.target_sizes[member_id] = sum(map(len, new.values()))
        self._move_targets(member_id, old or NOTHING_ASSIGNED, new or NOTHING_ASSIGNED)

    def _move_targets(self, member_id: str, old: Assignment, new: Assignment) -> None:
        """A partition may move to its new owner before the old owner's record takes it away: that must not undo it."""
        for topic_id in old.keys() | new.keys():
            owners = self.target_owners.setdefault(topic_id, {})
            before, after = old.get(topic_id, frozenset()), new.get(topic_id, frozenset())
            for partition in before - after:
                if owners.get(partition) == member_id:
                    del owners[partition]
            for partition in after - before:
                owners[partition] = member_id
            if not owners:
                del self.target_owners[topic_id]


def _count_member(topics: SubscribedTopics, old: ModernMember | None, new: ModernMember | None) -> None:
    if old is not None:
        count_topics(topics, old.subscribed_topic_names, -1)
    if new is not None:
        count_topics(topics, new.subscribed_topic_names, 1)


def is_reconciled_to(member: ModernMember, target_assignment_epoch: int) -> bool:
    return member.state is MemberState.STABLE and member.member_epoch == target_assignment_epoch
