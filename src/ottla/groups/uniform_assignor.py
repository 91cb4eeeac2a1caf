"""The assignor `uniform`: every member gets as many partitions as the others, and keeps what it had where it can.

This module divides groups whose members all subscribe to the same topics; uniform_heterogeneous.py the others.

    quota       partitions ÷ members, and one more for as many members as the remainder says
    keep        each member keeps what it has of the topics, up to its quota. One that is short of the larger quota leaves
                it to a later member, unless just as many members are left as must take one more
    fill        what nobody has goes to the members below their quota, in their order

Apache: org.apache.kafka.coordinator.group.assignor.UniformAssignor, UniformHomogeneousAssignmentBuilder.
"""

from collections.abc import Mapping
from itertools import islice

from ottla.groups.modern_group import Assignment
from ottla.groups.target_assignment import AssignorError, GroupSpec, PartitionCount, SubscriptionType
from ottla.groups.uniform_heterogeneous import HeterogeneousAssignment
from ottla.protocol.types import Uuid, uuid_text

_Partition = tuple[Uuid, int]


class UniformAssignor:
    """Balanced first, sticky second."""

    name = "uniform"

    def assign(self, group: GroupSpec, partition_count: PartitionCount) -> Mapping[str, Assignment]:
        if not group.members:
            return {}
        if group.subscription_type is SubscriptionType.HOMOGENEOUS:
            return _HomogeneousAssignment(group, partition_count).build()
        return HeterogeneousAssignment(group, partition_count).build()


class _HomogeneousAssignment:
    def __init__(self, group: GroupSpec, partition_count: PartitionCount) -> None:
        self._group = group
        self._topic_ids = next(iter(group.members.values())).topic_ids
        self._unassigned: list[_Partition] = []
        self._short: list[tuple[str, int]] = []
        """Members below their quota, and by how many."""
        total = 0
        for topic_id in self._topic_ids:
            partitions = partition_count(topic_id)
            if partitions == -1:
                raise AssignorError(
                    f"Members are subscribed to topic {uuid_text(topic_id)} which doesn't exist in the topic metadata."
                )
            owners = group.owners.get(topic_id, {})
            self._unassigned += ((topic_id, each) for each in range(partitions) if each not in owners)
            total += partitions
        self._quota, self._members_with_one_more = divmod(total, len(group.members))

    def build(self) -> Mapping[str, Assignment]:
        if not self._topic_ids:
            return {}
        kept = {
            member_id: self._keep(position, member_id)
            for position, member_id in enumerate(self._group.members)
        }
        remaining = iter(self._unassigned)
        for member_id, missing in self._short:
            kept[member_id] = _with(kept[member_id], islice(remaining, missing))
        if next(remaining, None) is not None:
            raise AssignorError("Partitions were left unassigned")
        return kept

    def _keep(self, position: int, member_id: str) -> Assignment:
        """What the member keeps; notes what it gives back, and how much it is short of."""
        before = self._group.members[member_id].assignment
        quota, has_one_more = self._quota, self._members_with_one_more > 0
        quota += has_one_more
        kept: dict[Uuid, frozenset[int]] = {}
        for topic_id in sorted(before):
            partitions = before[topic_id]
            if topic_id not in self._topic_ids:
                continue
            if len(partitions) > quota:
                ordered = sorted(partitions)
                self._unassigned += ((topic_id, each) for each in ordered[quota:])
                partitions = frozenset(ordered[:quota])
            quota -= len(partitions)
            if partitions:
                kept[topic_id] = partitions
        members_left = len(self._group.members) - position
        if quota > 0 and has_one_more and members_left > self._members_with_one_more:
            quota -= 1
            has_one_more = False
        if quota > 0:
            self._short.append((member_id, quota))
        self._members_with_one_more -= has_one_more
        return kept


def _with(assignment: Assignment, partitions: "islice[_Partition]") -> Assignment:
    added: dict[Uuid, set[int]] = {}
    for topic_id, partition in partitions:
        added.setdefault(topic_id, set()).add(partition)
    return {
        **assignment,
        **{topic_id: assignment.get(topic_id, frozenset()) | more for topic_id, more in added.items()},
    }
