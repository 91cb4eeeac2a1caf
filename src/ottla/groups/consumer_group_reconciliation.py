"""How a member gets from what it has to what it shall have, one heartbeat at a time.

    STABLE ── the target changed ──▶ what is no longer its own?
                                        ├ something, and it may still read it ──▶ UNREVOKED_PARTITIONS (epoch as before)
                                        │       its heartbeat no longer names it: once more from the top, a new epoch
                                        └ nothing ──▶ the target's epoch; what it gains is given to it, as far as free
                                                ├ some of it is with others still ──▶ UNRELEASED_PARTITIONS, look again
                                                └ all of it ──▶ STABLE

A partition is free when no member has it assigned or pending revocation: so it never has two owners, though members move
at different times and nobody waits for all.

Apache: org.apache.kafka.coordinator.group.modern.consumer.CurrentAssignmentBuilder.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.modern_group import Assignment, MemberState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.types import Uuid

IsFree = Callable[[Uuid, int], bool]
"""Whether no member has the partition."""

_NONE: frozenset[int] = frozenset()


class Target(NamedTuple):
    """Where the member shall get to."""

    epoch: int
    assignment: Assignment


def reconciled(
    member: ConsumerGroupMember,
    target: Target,
    is_free: IsFree,
    owned: Iterable[TopicPartitions] | None,
) -> ConsumerGroupMember:
    """The member after its next step; the same one if there is none to take.

    `owned`: what the member says it reads; None: it did not say, so nothing is known to be given up. Raises
    FENCED_MEMBER_EPOCH for a member in a state of a later Kafka's, unless it begins anew.
    """
    if member.state is MemberState.STABLE:
        if member.member_epoch == target.epoch:
            return member
        return _step(member, member.member_epoch, target, is_free, owned)
    if member.state is MemberState.UNREVOKED_PARTITIONS:
        if _owns_any(owned, member.partitions_pending_revocation):
            return member
        # It has caught up with its own epoch; the target may have moved on meanwhile.
        return _step(member, member.member_epoch + 1, target, is_free, owned)
    if member.state is MemberState.UNRELEASED_PARTITIONS:
        return _step(member, member.member_epoch, target, is_free, owned)
    if owned is None or any(True for _ in owned):
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.",
        )
    return _step(member, target.epoch, target, is_free, owned)


def _step(
    member: ConsumerGroupMember,
    epoch: int,
    target: Target,
    is_free: IsFree,
    owned: Iterable[TopicPartitions] | None,
) -> ConsumerGroupMember:
    kept: dict[Uuid, frozenset[int]] = {}
    revoked: dict[Uuid, frozenset[int]] = {}
    gained: dict[Uuid, frozenset[int]] = {}
    waits = False
    for topic_id in {**target.assignment, **member.assigned_partitions}:
        has = member.assigned_partitions.get(topic_id, _NONE)
        wanted = target.assignment.get(topic_id, _NONE)
        lacking = wanted - has
        free = frozenset(partition for partition in lacking if is_free(topic_id, partition))
        waits = waits or len(free) < len(lacking)
        for part, partitions in ((kept, has & wanted), (revoked, has - wanted), (gained, free)):
            if partitions:
                part[topic_id] = partitions
    if revoked and _owns_any(owned, revoked):
        return member.advanced_to(epoch, MemberState.UNREVOKED_PARTITIONS, kept, revoked)
    for topic_id, partitions in gained.items():
        kept[topic_id] = kept.get(topic_id, _NONE) | partitions
    state = MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE
    return member.advanced_to(target.epoch, state, kept)


def _owns_any(owned: Iterable[TopicPartitions] | None, partitions: Assignment) -> bool:
    if owned is None:
        return True
    return any(not partitions.get(each.topic_id, _NONE).isdisjoint(each.partitions) for each in owned)
