"""What groups whose assignment the broker makes have in common: consumer groups (KIP-848) and share groups (KIP-932).

Three epochs tell how far a rebalance is:

    group epoch              rises when members, subscriptions or topics change: a new assignment is needed
    target assignment epoch  the group epoch that the target assignment was made for
    member epoch             the target assignment epoch that the member has reached

All of it comes from records: the methods here are called when records are replayed, and note on `undo` (where there is
one) how the change is taken back. Whoever decides reads a group, and never changes it but by records.

Apache: org.apache.kafka.coordinator.group.modern.ModernGroup, ModernGroupMember, MemberState, SubscriptionCount.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from ottla.groups.classic_group import OffsetExpiration
from ottla.groups.registry import Undo
from ottla.groups.states import GroupType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.list_groups import ListedGroup
from ottla.protocol.types import Uuid

Assignment = Mapping[Uuid, frozenset[int]]
"""Partitions by topic id; no topic without partitions. Never changed once made."""

NOTHING_ASSIGNED: Assignment = {}

LEAVE_GROUP_EPOCH = -1
JOIN_GROUP_EPOCH = 0


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


class ModernMember(Protocol):
    """A member as far as all such groups know it: an immutable value, replaced whole."""

    @property
    def member_id(self) -> str: ...
    @property
    def member_epoch(self) -> int: ...
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


class ModernGroup(ABC, Generic[M]):
    """One such group."""

    type: GroupType
    protocol_type: str

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.group_epoch = 0
        self.metadata_hash = 0
        """What its topics looked like when the group epoch was last raised (topic_metadata.py)."""
        self.members: dict[str, M] = {}
        self.target_assignment_epoch = 0
        self.target_assignment: dict[str, Assignment] = {}
        self.target_owners: dict[Uuid, dict[int, str]] = {}
        """The target assignment the other way round: member by topic id and partition."""
        self.subscribed_topic_names: SubscribedTopics = {}
        self._refresh_is_due = True
        self._refreshed_at_epoch = 0

    # What it is.

    @property
    def member_count(self) -> int:
        return len(self.members)

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    @abstractmethod
    def state_name(self) -> str: ...

    @property
    def expires(self) -> bool:
        """Whether it goes by itself when it is empty and has no offsets any more."""
        return True

    def listed(self) -> ListedGroup:
        return ListedGroup(
            group_id=self.group_id,
            protocol_type=self.protocol_type,
            group_state=self.state_name,
            group_type=self.type.value,
        )

    def is_subscribed_to(self, topic: str) -> bool:
        return topic in self.subscribed_topic_names

    def offset_expiration(self) -> OffsetExpiration | None:
        return OffsetExpiration(since_ms=None)

    def check_offset_delete(self) -> None:
        """Offsets of topics nobody is subscribed to may go at any time."""

    def check_delete(self) -> None:
        if not self.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def member(self, member_id: str) -> M:
        """The member; KafkaError UNKNOWN_MEMBER_ID if there is none of that id."""
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {self.group_id}."
            )
        return member

    def has_reconciled(self, member: M) -> bool:
        """Whether it has all that the target assignment gives it."""
        return is_reconciled_to(member, self.target_assignment_epoch)

    def target_of(self, member_id: str) -> Assignment:
        return self.target_assignment.get(member_id, NOTHING_ASSIGNED)

    def topics_with(self, old: M | None, new: M | None) -> SubscribedTopics:
        """The subscribed topics as they would be with `new` in place of `old`."""
        topics = dict(self.subscribed_topic_names)
        if old is not None:
            count_topics(topics, old.subscribed_topic_names, -1)
        if new is not None:
            count_topics(topics, new.subscribed_topic_names, 1)
        return topics

    # Whether its topics are to be looked at again. Soft state: in no record.

    def request_metadata_refresh(self) -> None:
        self._refresh_is_due = True

    def metadata_refreshed(self, group_epoch: int) -> None:
        """Its topics were looked at, for this epoch; no need to again until they change, or the epoch falls back."""
        self._refresh_is_due = False
        self._refreshed_at_epoch = group_epoch

    @property
    def needs_metadata_refresh(self) -> bool:
        return self._refresh_is_due or self.group_epoch < self._refreshed_at_epoch

    # Replaying.

    def set_group_epoch(self, epoch: int, metadata_hash: int, undo: Undo | None = None) -> None:
        before = self.group_epoch, self.metadata_hash
        self.group_epoch, self.metadata_hash = epoch, metadata_hash
        if undo is not None:
            undo.append(lambda: self.set_group_epoch(*before))

    def set_target_assignment_epoch(self, epoch: int, undo: Undo | None = None) -> None:
        before = self.target_assignment_epoch
        self.target_assignment_epoch = epoch
        if undo is not None:
            undo.append(lambda: self.set_target_assignment_epoch(before))

    def set_target(self, member_id: str, assignment: Assignment | None, undo: Undo | None = None) -> None:
        """The member's part of the target assignment; None: it has none any more."""
        before = self.target_assignment.get(member_id)
        self._move_targets(member_id, before or NOTHING_ASSIGNED, assignment or NOTHING_ASSIGNED)
        if assignment is None:
            self.target_assignment.pop(member_id, None)
        else:
            self.target_assignment[member_id] = assignment
        if undo is not None:
            undo.append(lambda: self.set_target(member_id, before))

    def put_member(self, member: M, undo: Undo | None = None) -> None:
        self._set_member(member.member_id, member, undo)

    def remove_member(self, member_id: str, undo: Undo | None = None) -> None:
        self._set_member(member_id, None, undo)

    def _set_member(self, member_id: str, member: M | None, undo: Undo | None) -> None:
        before = self.members.get(member_id)
        if member is None:
            self.members.pop(member_id, None)
        else:
            self.members[member_id] = member
        if before is not None:
            count_topics(self.subscribed_topic_names, before.subscribed_topic_names, -1)
        if member is not None:
            count_topics(self.subscribed_topic_names, member.subscribed_topic_names, 1)
        self._member_changed(before, member)
        if undo is not None:
            undo.append(lambda: self._set_member(member_id, before, None))

    def _member_changed(self, old: M | None, new: M | None) -> None:
        """What a type of group keeps count of besides."""

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


def is_reconciled_to(member: ModernMember, target_assignment_epoch: int) -> bool:
    return member.state is MemberState.STABLE and member.member_epoch == target_assignment_epoch
