"""The `simple` assignor of share groups: several members may have one partition, and no partition has none.

Balance comes before stickiness:

1. Each member's id is hashed onto one of the partitions it can have.
2. What a member had, and nobody was hashed onto, it keeps (in a group whose members all subscribe to the same topics, up
   to its fair share).
3. Partitions that are left go around the members.

It gives exactly what Apache's gives, order of its hash maps included (java_hash_order.py), so that a coordinator that moves
between brokers moves no partition. It knows nothing of racks.

Apache: org.apache.kafka.coordinator.group.assignor.SimpleAssignor (KIP-932).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ottla.coordination.partitioning import java_string_hash
from ottla.groups.java_hash_order import computed_hash_order, hash_order, string_hash_order
from ottla.groups.modern_group import Assignment
from ottla.protocol.types import Uuid

NAME = "simple"

_Assigned = dict[str, dict["_Partition", None]]
"""Per member its partitions, in the order in which it got them."""


class ShareMemberSpec(NamedTuple):
    """A member as the assignor sees it."""

    topic_ids: Sequence[Uuid]
    """The topics it subscribes to that exist, in the order of Java's set of their names."""
    assigned: Assignment
    """What it was assigned last."""


class _Partition(NamedTuple):
    topic_id: Uuid
    partition: int


def assign(
    members: Mapping[str, ShareMemberSpec],
    *,
    homogeneous: bool,
    partition_count: Callable[[Uuid], int],
    assignable: Assignment,
) -> dict[str, Assignment]:
    """What each member shall have, by topic.

    `homogeneous`: all subscribe to the same topics. `assignable`: partitions whose share state is initialized; no others
    are assigned.
    """
    if not members:
        return {}
    member_ids = string_hash_order(members)
    ordered = {member_id: members[member_id] for member_id in member_ids}
    targets = {
        member_id: _targets(member.topic_ids, partition_count, assignable)
        for member_id, member in _distinct(ordered, homogeneous=homogeneous)
    }
    current = _current(ordered)
    if homogeneous:
        [shared] = targets.values()
        assigned = _assign_homogeneous(member_ids, shared, current)
    else:
        subscribed = {
            member_id: found for member_id, found in targets.items() if members[member_id].topic_ids
        }
        assigned = _assign_heterogeneous(subscribed, current)
    return {member_id: _by_topic(assigned.get(member_id, ())) for member_id in member_ids}


def _distinct(
    members: Mapping[str, ShareMemberSpec], *, homogeneous: bool
) -> list[tuple[str, ShareMemberSpec]]:
    """Members whose subscriptions differ; one stands for all where they are alike."""
    found = list(members.items())
    return found[:1] if homogeneous else found


def _targets(
    topic_ids: Iterable[Uuid], partition_count: Callable[[Uuid], int], assignable: Assignment
) -> list[_Partition]:
    return [
        _Partition(topic_id, partition)
        for topic_id in topic_ids
        if topic_id in assignable
        for partition in range(partition_count(topic_id))
        if partition in assignable[topic_id]
    ]


def _current(members: Mapping[str, ShareMemberSpec]) -> dict[_Partition, list[str]]:
    """Who has each partition now, in the order of Java's map of partitions."""
    owned = [
        (_Partition(topic_id, partition), member_id)
        for member_id, member in members.items()
        for topic_id in hash_order(member.assigned, _uuid_hash)
        for partition in hash_order(sorted(member.assigned[topic_id]), int)
    ]
    ordered = computed_hash_order((partition for partition, _ in owned), _hash)
    owners: dict[_Partition, list[str]] = {partition: [] for partition in ordered}
    for partition_owned, member_id in owned:
        owners[partition_owned].append(member_id)
    return owners


def _assign_homogeneous(
    member_ids: Sequence[str],
    targets: Sequence[_Partition],
    current: Mapping[_Partition, Sequence[str]],
) -> _Assigned:
    fair_share = -(-len(targets) // len(member_ids))
    hashed = _hash_members(member_ids, targets, {})
    assigned: _Assigned = {member_id: {} for member_id in member_ids}
    taken = set(hashed)
    assignable = set(targets)  # no longer: of topics nobody subscribes to now
    for partition, members in hashed.items():
        for member_id in members:
            assigned[member_id][partition] = None
    for partition, owners in current.items():
        if partition not in assignable or partition in hashed:
            continue
        for member_id in owners:
            if len(assigned[member_id]) < fair_share:
                assigned[member_id][partition] = None
                taken.add(partition)
    _hand_around([each for each in targets if each not in taken], assigned, fair_share)
    return assigned


def _assign_heterogeneous(
    targets_of: Mapping[str, Sequence[_Partition]], current: Mapping[_Partition, Sequence[str]]
) -> _Assigned:
    subscribers: dict[Uuid, dict[str, None]] = {}
    fresh: dict[_Partition, list[str]] = {}
    for member_id, targets in targets_of.items():
        for target in targets:
            subscribers.setdefault(target.topic_id, {})[member_id] = None
        _hash_members([member_id], targets, fresh)
    left: dict[Uuid, list[_Partition]] = {}
    for target in dict.fromkeys(target for targets in targets_of.values() for target in targets):
        if target not in fresh and target not in current:
            left.setdefault(target.topic_id, []).append(target)
    for topic_id, partitions in left.items():
        members = list(subscribers[topic_id])
        for position, partition in enumerate(partitions):
            fresh[partition] = [members[position % len(members)]]
    assigned: _Assigned = {}
    for partition, members in fresh.items():
        for member_id in members:
            assigned.setdefault(member_id, {})[partition] = None
    for partition, owners in current.items():
        if partition not in fresh:
            for member_id in owners:
                if member_id in subscribers.get(partition.topic_id, ()):
                    assigned.setdefault(member_id, {})[partition] = None
    return assigned


def _hash_members(
    member_ids: Iterable[str], targets: Sequence[_Partition], hashed: dict[_Partition, list[str]]
) -> dict[_Partition, list[str]]:
    if targets:
        for member_id in member_ids:
            target = targets[abs(java_string_hash(member_id)) % len(targets)]
            hashed.setdefault(target, []).append(member_id)
    return hashed


def _hand_around(partitions: Sequence[_Partition], assigned: _Assigned, fair_share: int) -> None:
    """Give partitions to members in turns. A member that two hashes met may end with one more than its share.

    When all have as much, because several hold the same partitions from before, the turns go on without that limit. (Apache's
    assignor gives up then, and the heartbeat fails.)
    """
    turn = list(assigned)
    most: int | None = fair_share
    position = 0
    for partition in partitions:
        while True:
            if not turn:
                turn, most = list(assigned), None
            position %= len(turn)
            member = assigned[turn[position]]
            if most is None or len(member) <= most:
                member[partition] = None
                position += 1
                break
            del turn[position]


def _by_topic(partitions: Iterable[_Partition]) -> Assignment:
    by_topic: dict[Uuid, set[int]] = {}
    for topic_id, partition in partitions:
        by_topic.setdefault(topic_id, set()).add(partition)
    return {topic_id: frozenset(by_topic[topic_id]) for topic_id in sorted(by_topic)}


def _hash(partition: _Partition) -> int:
    """`hashCode()` of Kafka's TopicIdPartition."""
    return 31 * _uuid_hash(partition.topic_id) + partition.partition


def _uuid_hash(uuid: Uuid) -> int:
    """`hashCode()` of Kafka's Uuid, but for what lies above 32 bits."""
    folded = int.from_bytes(uuid[:8], "big") ^ int.from_bytes(uuid[8:], "big")
    return folded >> 32 ^ folded
