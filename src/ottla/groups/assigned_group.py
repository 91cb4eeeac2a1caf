"""What all groups have in common whose assignment the broker makes: of consumers (KIP-848), share groups (KIP-932) and
Kafka Streams (KIP-1071).

Three epochs tell how far a rebalance is:

    group epoch              rises when members, subscriptions or topics change: a new assignment is needed
    target assignment epoch  the group epoch that the target assignment was made for
    member epoch             the target assignment epoch that the member has reached

All of it comes from records: the methods under "Replaying" are called when records are replayed, and note on `undo` (where
there is one) how the change is taken back. Whoever decides reads a group, and never changes it but by records.
"""

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from ottla.groups.classic_group import OffsetExpiration
from ottla.groups.registry import Undo
from ottla.groups.states import GroupType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.list_groups import ListedGroup

LEAVE_GROUP_EPOCH = -1
JOIN_GROUP_EPOCH = 0


class AssignedMember(Protocol):
    """A member as far as any such group knows it: an immutable value, replaced whole."""

    @property
    def member_id(self) -> str: ...
    @property
    def member_epoch(self) -> int: ...


Member = TypeVar("Member", bound=AssignedMember)
Target = TypeVar("Target")
"""What a target assignment gives one member: partitions, or tasks."""


class AssignedGroup(ABC, Generic[Member, Target]):
    """One such group."""

    type: GroupType
    protocol_type: str
    nothing_assigned: Target

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.group_epoch = 0
        self.metadata_hash = 0
        """What its topics looked like when the group epoch was last raised (topic_metadata.py)."""
        self.members: dict[str, Member] = {}
        self.target_assignment_epoch = 0
        self.target_assignment: dict[str, Target] = {}
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

    @abstractmethod
    def is_subscribed_to(self, topic: str) -> bool:
        """Whether it reads the topic, so that the offsets in it must stay."""

    def offset_expiration(self) -> OffsetExpiration | None:
        return OffsetExpiration(since_ms=None)

    def check_offset_delete(self) -> None:
        """Offsets of topics nobody is subscribed to may go at any time."""

    def check_delete(self) -> None:
        if not self.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def member(self, member_id: str) -> Member:
        """The member; KafkaError UNKNOWN_MEMBER_ID if there is none of that id."""
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {self.group_id}."
            )
        return member

    def target_of(self, member_id: str) -> Target:
        return self.target_assignment.get(member_id, self.nothing_assigned)

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
        """-1: the target assignment was deleted."""
        before = self.target_assignment_epoch
        self.target_assignment_epoch = epoch
        if undo is not None:
            undo.append(lambda: self.set_target_assignment_epoch(before))

    def set_target(self, member_id: str, target: Target | None, undo: Undo | None = None) -> None:
        """The member's part of the target assignment; None: it has none any more."""
        before = self.target_assignment.get(member_id)
        if target is None:
            self.target_assignment.pop(member_id, None)
        else:
            self.target_assignment[member_id] = target
        self._target_changed(member_id, before, target)
        if undo is not None:
            undo.append(lambda: self.set_target(member_id, before))

    def put_member(self, member: Member, undo: Undo | None = None) -> None:
        self._set_member(member.member_id, member, undo)

    def remove_member(self, member_id: str, undo: Undo | None = None) -> None:
        self._set_member(member_id, None, undo)

    def _set_member(self, member_id: str, member: Member | None, undo: Undo | None) -> None:
        before = self.members.get(member_id)
        if member is None:
            self.members.pop(member_id, None)
        else:
            self.members[member_id] = member
        self._member_changed(before, member)
        if undo is not None:
            undo.append(lambda: self._set_member(member_id, before, None))

    def _target_changed(self, member_id: str, old: Target | None, new: Target | None) -> None:
        """What a type of group keeps of its target assignment besides."""

    def _member_changed(self, old: Member | None, new: Member | None) -> None:
        """What a type of group keeps count of besides."""
