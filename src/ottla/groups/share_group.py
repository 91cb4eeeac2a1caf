"""A share group: its members share the records of its topics, several of them those of one partition (KIP-932).

The group knows who is a member and what each is assigned; which records a member has in hand is the business of the
share partitions' leaders. It commits no offsets: where it stands in a partition is the share coordinator's to know.

    Empty ◀──▶ Stable     without members, with members

Apache: org.apache.kafka.coordinator.group.modern.share.ShareGroup.
"""

from collections.abc import Collection
from typing import Never

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import share_group_records as records
from ottla.groups.classic_group import OffsetExpiration
from ottla.groups.modern_group import Assignment, ModernGroup
from ottla.groups.registry import Undo
from ottla.groups.share_group_member import ShareGroupMember
from ottla.groups.share_group_state_partitions import NO_STATE_PARTITIONS, StatePartitions
from ottla.groups.states import GroupType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid

PROTOCOL_TYPE = "share"


class ShareGroup(ModernGroup[ShareGroupMember]):
    """One share group."""

    type = GroupType.SHARE
    protocol_type = PROTOCOL_TYPE

    def __init__(self, group_id: str) -> None:
        super().__init__(group_id)
        self.state_partitions: StatePartitions | None = None
        """None until the first partition's state was begun."""
        self._assigned: Assignment | None = None
        """What the target assignment gives to anybody; None: to be put together again. Every heartbeat asks for it."""

    @property
    def state_name(self) -> str:
        return "Empty" if self.is_empty else "Stable"

    @property
    def expires(self) -> bool:
        return False

    @property
    def assignable(self) -> Assignment:
        """Partitions whose state is there; no others are assigned."""
        return (self.state_partitions or NO_STATE_PARTITIONS).assignable

    def has_unassigned_partitions(self, topic_ids: Collection[Uuid]) -> bool:
        """Whether partitions of `topic_ids`, the topics subscribed to, were initialized since the target assignment was
        made, or no longer are.

        Apache looks at topics that nobody subscribes to any more as well, and raises the epoch with every heartbeat then.
        """
        if self.state_partitions is None or self.is_empty:
            return False
        if self._assigned is None:
            self._assigned = self._all_assigned()
        wanted = {topic_id: each for topic_id, each in self.assignable.items() if topic_id in topic_ids}
        return self._assigned != wanted

    def _all_assigned(self) -> Assignment:
        assigned: dict[Uuid, set[int]] = {}
        for target in self.target_assignment.values():
            for topic_id, partitions in target.items():
                assigned.setdefault(topic_id, set()).update(partitions)
        return {topic_id: frozenset(partitions) for topic_id, partitions in assigned.items()}

    def offset_expiration(self) -> OffsetExpiration | None:
        return None

    def check_offset_commit(self, *_: object, **__: object) -> None:
        self._refuse_offsets()

    def check_offset_fetch(self, *_: object) -> None:
        self._refuse_offsets()

    def check_offset_delete(self) -> None:
        self._refuse_offsets()

    def _refuse_offsets(self) -> Never:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {self.group_id} is not a consumer group.")

    def tombstones(self) -> list[CoordinatorRecord]:
        group_id = self.group_id
        return [
            *(records.current_assignment_tombstone(group_id, member_id) for member_id in self.members),
            *(records.target_assignment_tombstone(group_id, member_id) for member_id in self.members),
            records.target_epoch_tombstone(group_id),
            *(records.member_tombstone(group_id, member_id) for member_id in self.members),
            records.state_partitions_tombstone(group_id),
            records.group_tombstone(group_id),
        ]

    # Replaying.

    def set_target(self, member_id: str, assignment: Assignment | None, undo: Undo | None = None) -> None:
        self._assigned = None
        super().set_target(member_id, assignment, undo)

    def set_state_partitions(self, state: StatePartitions | None, undo: Undo | None = None) -> None:
        before = self.state_partitions
        self.state_partitions = state
        if undo is not None:
            undo.append(lambda: self.set_state_partitions(before))
