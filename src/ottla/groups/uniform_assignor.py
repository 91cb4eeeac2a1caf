"""The assignor `uniform`: every member gets as many partitions as the others, and keeps what it had where it can.

This module divides groups whose members all subscribe to the same topics; uniform_heterogeneous.py the others.

    quota       partitions ÷ members, and one more for as many members as the remainder says
    keep        each member keeps what it has of the topics, up to its quota. One that is short of the larger quota leaves
                it to a later member, unless just as many members are left as must take one more
    fill        what nobody has goes to the members below their quota, in their order

Every member that joins a group has it divided anew, and nearly all others keep just what they have: of them nothing is looked at
but the number of their partitions.

Apache: org.apache.kafka.coordinator.group.assignor.UniformAssignor, UniformHomogeneousAssignmentBuilder.
"""

from collections.abc import Mapping
from itertools import islice

from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment
from ottla.groups.target_assignment import AssignorError, GroupSpec, PartitionCount, SubscriptionType
from ottla.groups.uniform_heterogeneous import HeterogeneousAssignment
from ottla.protocol.types import Uuid, uuid_text

_Partition = tuple[Uuid, int]


class UniformAssignor:
    """Balanced first, sticky second."""

    name = "uniform"

    def assign(self, group: GroupSpec, partition_count: PartitionCount) -> Mapping[str, Assignment]:
        if not group.member_ids:
            return {}
        if group.subscription_type is SubscriptionType.HOMOGENEOUS:
            return _HomogeneousAssignment(group, partition_count).build()
        return HeterogeneousAssignment(group, partition_count).build()


class _HomogeneousAssignment:
    def __init__(self, group: GroupSpec, partition_count: PartitionCount) -> None:
        self._group = group
        self._topic_ids = frozenset(group.topic_ids_of(group.member_ids[0]))
        self._unassigned: list[_Partition] = []
        self._short: list[tuple[str, int]] = []
        """Members below their quota, and by how many."""
        total = 0
        for topic_id in sorted(self._topic_ids):
            partitions = partition_count(topic_id)
            if partitions == -1:
                raise AssignorError(
                    f"Members are subscribed to topic {uuid_text(topic_id)} which doesn't exist in the topic metadata."
                )
            free = sorted(set(range(partitions)).difference(group.owners.get(topic_id, ())))
            self._unassigned += ((topic_id, each) for each in free)
            total += partitions
        self._quota, self._members_with_one_more = divmod(total, len(group.member_ids))

    def build(self) -> Mapping[str, Assignment]:
        if not self._topic_ids:
            return dict.fromkeys(self._group.member_ids, NOTHING_ASSIGNED)
        changed = self._keep()
        remaining = iter(self._unassigned)
        for member_id, missing in self._short:
            kept = changed.get(member_id)
            if kept is None:
                kept = self._group.assignments[member_id]
            changed[member_id] = _with(kept, islice(remaining, missing))
        if next(remaining, None) is not None:
            raise AssignorError("Partitions were left unassigned")
        return changed

    def _keep(self) -> dict[str, Assignment]:
        """What those keep who have to give something back; notes who is short of how much.

        Goes through all members for every one that joins: a tenth of a microsecond for each.
        """
        has = self._group.sizes.get
        all_subscribed = self._topic_ids.issuperset(self._group.owners)
        changed: dict[str, Assignment] = {}
        quota, one_more, members_left = self._quota, self._members_with_one_more, len(self._group.member_ids)
        for member_id in self._group.member_ids:
            mine = has(member_id)
            if mine is None:
                mine, changed[member_id] = 0, NOTHING_ASSIGNED
            missing = quota + 1 - mine if one_more else quota - mine
            if missing < 0 or (mine and not all_subscribed):
                kept = changed[member_id] = self._cut(self._group.assignments[member_id], mine + missing)
                missing += mine - sum(map(len, kept.values()))
            if one_more:
                if missing and members_left > one_more:
                    missing -= 1
                else:
                    one_more -= 1
            if missing:
                self._short.append((member_id, missing))
            members_left -= 1
        return changed

    def _cut(self, before: Assignment, quota: int) -> Assignment:
        """As many of a member's partitions as it keeps; notes which of them it gives back."""
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
        return kept


def _with(assignment: Assignment, partitions: "islice[_Partition]") -> Assignment:
    added: dict[Uuid, set[int]] = {}
    for topic_id, partition in partitions:
        added.setdefault(topic_id, set()).add(partition)
    return {
        **assignment,
        **{topic_id: assignment.get(topic_id, frozenset()) | more for topic_id, more in added.items()},
    }
