"""The assignor `uniform` for groups whose members subscribe to different topics.

1. Members keep what they have of the topics they still subscribe to.
2. What nobody has is dealt out, topic by topic, always to the subscriber with the fewest partitions. First come the topics
   with the most partitions per subscriber, then those with the fewest subscribers: these leave the least choice.
3. Topic by topic, partitions move from the subscribers with the most to those with the fewest, until one loop over all
   topics moved nothing, at most 16 times. That is balanced where all subscribers of a topic subscribe to the same topics,
   and nearly so otherwise.

Apache: org.apache.kafka.coordinator.group.assignor.UniformHeterogeneousAssignmentBuilder.
"""

from collections.abc import Iterable, Mapping, Sequence
from struct import unpack

from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment
from ottla.groups.target_assignment import AssignorError, GroupSpec, PartitionCount
from ottla.protocol.types import Uuid, uuid_text

_MOST_ROUNDS = 16
"""Overlapping subscriptions can take long to converge; each round about halves the imbalance."""

_NOBODY = -1


class HeterogeneousAssignment:
    """One such assignment in the making. Members go by their position in the group."""

    def __init__(self, group: GroupSpec, partition_count: PartitionCount) -> None:
        self._group = group
        self._topic_ids = [group.topic_ids_of(member_id) for member_id in group.member_ids]
        self._subscribers: dict[Uuid, list[int]] = {}
        for position, topic_ids in enumerate(self._topic_ids):
            for topic_id in topic_ids:
                self._subscribers.setdefault(topic_id, []).append(position)
        self._owners = {
            topic_id: [_NOBODY] * _checked(topic_id, partition_count(topic_id))
            for topic_id in self._subscribers
        }
        self._counts = [0] * len(group.member_ids)
        """Partitions of each member."""

    def build(self) -> Mapping[str, Assignment]:
        if not self._subscribers:
            return dict.fromkeys(self._group.member_ids, NOTHING_ASSIGNED)
        self._keep()
        self._deal_out()
        self._balance([topic_id for topic_id, members in self._subscribers.items() if len(members) > 1])
        return self._assignments()

    def _keep(self) -> None:
        for position, member_id in enumerate(self._group.member_ids):
            assignment = self._group.assignments.get(member_id, NOTHING_ASSIGNED)
            for topic_id, partitions in assignment.items():
                if topic_id not in self._topic_ids[position]:
                    continue
                owners = self._owners[topic_id]
                for partition in partitions:
                    if partition < len(owners):
                        owners[partition] = position
                        self._counts[position] += 1

    def _deal_out(self) -> None:
        unassigned = {
            topic_id: [partition for partition, owner in enumerate(owners) if owner == _NOBODY]
            for topic_id, owners in self._owners.items()
        }
        for topic_id in self._sorted(topic_id for topic_id, partitions in unassigned.items() if partitions):
            balancer = _Balancer(self._counts, self._subscribers[topic_id])
            for partition in unassigned[topic_id]:
                self._assign(topic_id, partition, balancer.next_least_loaded())

    def _balance(self, topic_ids: Iterable[Uuid]) -> None:
        ordered = self._sorted(topic_ids)
        last_moved = None
        for _ in range(_MOST_ROUNDS):
            for position, topic_id in enumerate(ordered):
                if position == last_moved:
                    return  # a whole loop without a move
                if self._balance_topic(topic_id) or last_moved is None:
                    last_moved = position

    def _balance_topic(self, topic_id: Uuid) -> bool:
        """Whether a partition of the topic moved."""
        balancer = _Balancer(self._counts, self._subscribers[topic_id])
        if balancer.imbalance <= 1:
            return False
        of_member: dict[int, list[int]] = {}
        for partition, owner in enumerate(self._owners[topic_id]):
            of_member.setdefault(owner, []).append(partition)
        moved = False
        while not balancer.is_balanced():
            giver = balancer.next_most_loaded()
            while giver is not None and not of_member.get(giver):
                balancer.exclude_most_loaded()
                giver = balancer.next_most_loaded()
            if giver is None:
                break
            partition = of_member[giver].pop()
            taker = balancer.next_least_loaded()
            if balancer.is_balanced():
                break
            self._assign(topic_id, partition, taker)
            moved = True
        return moved

    def _assign(self, topic_id: Uuid, partition: int, position: int) -> None:
        owners = self._owners[topic_id]
        if owners[partition] != _NOBODY:
            self._counts[owners[partition]] -= 1
        owners[partition] = position
        self._counts[position] += 1

    def _sorted(self, topic_ids: Iterable[Uuid]) -> list[Uuid]:
        def position(topic_id: Uuid) -> tuple[float, int, tuple[int, ...]]:
            subscribers = len(self._subscribers[topic_id])
            # Java compares ids as two signed numbers.
            return -len(self._owners[topic_id]) / subscribers, subscribers, unpack(">qq", topic_id)

        return sorted(topic_ids, key=position)

    def _assignments(self) -> Mapping[str, Assignment]:
        made: list[dict[Uuid, list[int]]] = [{} for _ in self._group.member_ids]
        for topic_id, owners in self._owners.items():
            for partition, owner in enumerate(owners):
                if owner != _NOBODY:
                    made[owner].setdefault(topic_id, []).append(partition)
        return {
            member_id: {topic_id: frozenset(partitions) for topic_id, partitions in mine.items()}
            for member_id, mine in zip(self._group.member_ids, made, strict=True)
        }


class _Balancer:
    """A topic's subscribers in the order of their partitions, eaten up from both ends.

          ^ least loaded     most loaded
          │    range            range    #
     par- │                   ┌───────┐ ##   these have nothing of this topic to give
     ti-  │ ┌───────┐       ##│#######│ ##
     tions│ │#######│ ########│#######│ ##
          └─┴───────┴─────────┴───────┴────▶ members

    Whoever is next in the least loaded range gets a partition; when all of them have one, the range is a step higher and may
    take in more members. The most loaded range shrinks the other way.
    """

    def __init__(self, counts: Sequence[int], members: Iterable[int]) -> None:
        self._counts = counts
        self._members = sorted(members, key=lambda member: (counts[member], member))
        fewest, most = counts[self._members[0]], counts[self._members[-1]]
        self.imbalance = most - fewest
        self._low_end = 0
        self._low_count = fewest - 1
        self._next_low = 0
        self._high_start = self._high_end = len(self._members)
        self._high_count = most + 1
        self._next_high = len(self._members) - 1

    def is_balanced(self) -> bool:
        return self._high_count - self._low_count <= 1

    def next_least_loaded(self) -> int:
        if self._next_low >= self._low_end:
            self._low_count += 1
            while self._low_end < len(self._members) and self._count(self._low_end) == self._low_count:
                self._low_end += 1
            self._next_low = 0
        member = self._members[self._next_low]
        self._next_low += 1
        return member

    def next_most_loaded(self) -> int | None:
        """None: nobody has anything left to give."""
        if self._next_high < self._high_start:
            if self._high_end <= self._high_start and self._high_start > 0:
                # All of the range were excluded: begin a new one, or a member outside of it would be answered.
                self._high_count = self._count(self._high_start - 1)
            else:
                self._high_count -= 1
            while self._high_start > 0 and self._count(self._high_start - 1) == self._high_count:
                self._high_start -= 1
            self._next_high = self._high_end - 1
        if self._next_high < 0:
            return None
        member = self._members[self._next_high]
        self._next_high -= 1
        return member

    def exclude_most_loaded(self) -> None:
        """The member answered last has nothing to give: it changes places with the range's last one, which then ends
        before it."""
        members, last, end = self._members, self._next_high + 1, self._high_end - 1
        members[last], members[end] = members[end], members[last]
        self._high_end -= 1

    def _count(self, position: int) -> int:
        return self._counts[self._members[position]]


def _checked(topic_id: Uuid, partitions: int) -> int:
    if partitions == -1:
        raise AssignorError(
            f"Members are subscribed to topic {uuid_text(topic_id)} which doesn't exist in the topic metadata."
        )
    return partitions
