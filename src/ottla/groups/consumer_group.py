"""A consumer group (KIP-848) as data: its members, what they have and shall have, and who may do what.

All of it comes from records (consumer_group_replaying.py), but for what modern_group.py calls soft state.

    Empty ──▶ Assigning: the group epoch is ahead of the target assignment
                  └─▶ Reconciling: a member is not where the target assignment wants it ──▶ Stable

Apache: org.apache.kafka.coordinator.group.modern.consumer.ConsumerGroup.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records
from ottla.groups.classic_group import CONSUMER_PROTOCOL_TYPE
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.java_hash_order import StringHashOrder
from ottla.groups.member import Protocol
from ottla.groups.modern_group import (
    NOTHING_ASSIGNED,
    Assignment,
    MemberState,
    ModernGroup,
    SubscribedTopics,
    count_topics,
)
from ottla.groups.registry import Undo
from ottla.groups.states import GroupType
from ottla.groups.target_assignment import SubscriptionType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import Uuid

NO_EPOCH = -1
_MEMBER_EPOCH_VERSION = 9
"""From this version of OffsetCommit on clients understand the errors of member epochs."""


class ConsumerGroupState(Enum):
    """A state of a consumer group; the value is the name that ListGroups and ConsumerGroupDescribe show."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class ResolvedRegex(NamedTuple):
    """The topics that a regular expression matched."""

    topics: frozenset[str]
    version: int
    """Of the metadata they were found in."""
    timestamp_ms: int
    """When they were looked for."""


UNRESOLVED = ResolvedRegex(frozenset(), -1, -1)


class ConsumerGroup(ModernGroup[ConsumerGroupMember]):
    """One consumer group."""

    type = GroupType.CONSUMER
    protocol_type = CONSUMER_PROTOCOL_TYPE

    def __init__(self, group_id: str) -> None:
        super().__init__(group_id)
        self.member_order = StringHashOrder()
        """The members' ids as Apache's assignors go through them: by hash, so that who comes first has nothing to do with who
        joined first."""
        self.static_members: dict[str, str] = {}
        """Member id by group instance id."""
        self.regexes: dict[str, ResolvedRegex] = {}
        """What the members' regular expressions match, as far as it is known."""
        self.regex_subscribers: dict[str, int] = {}
        """How many members subscribe by each."""
        self.classic_member_count = 0
        self.has_partition_metadata_record = False
        """An older Kafka's record of the topics, which the next change removes."""
        self._assignors: dict[str, int] = {}
        self._classic_protocols: dict[str, int] = {}
        self._partition_epochs: dict[Uuid, dict[int, int]] = {}
        """Who has a partition, or has still to give it up: the epoch of that member."""

    # What it is.

    @property
    def state(self) -> ConsumerGroupState:
        if self.is_empty:
            return ConsumerGroupState.EMPTY
        if self.group_epoch > self.target_assignment_epoch:
            return ConsumerGroupState.ASSIGNING
        if all(self.has_reconciled(member) for member in self.members.values()):
            return ConsumerGroupState.STABLE
        return ConsumerGroupState.RECONCILING

    @property
    def state_name(self) -> str:
        return self.state.value

    def static_member(self, instance_id: str | None) -> ConsumerGroupMember | None:
        member_id = None if instance_id is None else self.static_members.get(instance_id)
        return None if member_id is None else self.members[member_id]

    def target_of_member(self, member: ConsumerGroupMember) -> Assignment:
        """What `member`, who may be about to replace another of its instance id, shall have."""
        if member.instance_id is None:
            return self.target_of(member.member_id)
        present = self.static_members.get(member.instance_id)
        return NOTHING_ASSIGNED if present is None else self.target_of(present)

    def partition_epoch(self, topic_id: Uuid, partition: int) -> int:
        """The epoch of the member that has the partition; NO_EPOCH: nobody has it."""
        return self._partition_epochs.get(topic_id, {}).get(partition, NO_EPOCH)

    def is_free(self, topic_id: Uuid, partition: int) -> bool:
        return self.partition_epoch(topic_id, partition) == NO_EPOCH

    def waits_for_partitions(self, member: ConsumerGroupMember) -> bool:
        """Whether a partition it shall have is still with another member."""
        if member.state is not MemberState.UNRELEASED_PARTITIONS:
            return False
        return any(
            partition not in member.assigned_partitions.get(topic_id, ())
            and not self.is_free(topic_id, partition)
            for topic_id, partitions in self.target_of(member.member_id).items()
            for partition in partitions
        )

    def preferred_assignor(
        self, old: ConsumerGroupMember | None = None, new: ConsumerGroupMember | None = None
    ) -> str | None:
        """The assignor that most members ask for, with `new` in place of `old`; None: none asks for any."""
        counts = dict(self._assignors)
        _count(counts, None if old is None else old.server_assignor_name, -1)
        _count(counts, None if new is None else new.server_assignor_name, 1)
        return max(counts, key=counts.__getitem__) if counts else None

    # Subscriptions.

    def topics_with(
        self, old: ConsumerGroupMember | None, new: ConsumerGroupMember | None
    ) -> SubscribedTopics:
        topics = super().topics_with(old, new)
        regex = None if old is None else old.subscribed_topic_regex
        is_last = regex and self.regex_subscribers.get(regex) == 1
        if regex and is_last and (new is None or new.subscribed_topic_regex != regex):
            count_topics(topics, self._matched(regex), -1, by_regex=True)
        return topics

    def topics_without(
        self, members: Iterable[ConsumerGroupMember], regexes: Iterable[str]
    ) -> SubscribedTopics:
        """The subscribed topics as they would be without these members and regular expressions."""
        topics = dict(self.subscribed_topic_names)
        for member in members:
            count_topics(topics, member.subscribed_topic_names, -1)
        for regex in regexes:
            count_topics(topics, self._matched(regex), -1, by_regex=True)
        return topics

    def regexes_with(self, old: ConsumerGroupMember, new: ConsumerGroupMember) -> Mapping[str, int]:
        """Members by regular expression, with `new` in place of `old`."""
        if (old.subscribed_topic_regex or None) == (new.subscribed_topic_regex or None):
            return self.regex_subscribers
        counts = dict(self.regex_subscribers)
        _count(counts, old.subscribed_topic_regex, -1)
        _count(counts, new.subscribed_topic_regex, 1)
        return counts

    @property
    def last_regex_refresh_ms(self) -> int | None:
        """When regular expressions were resolved last; None: never."""
        return next((resolved.timestamp_ms for resolved in self.regexes.values()), None)

    @property
    def last_regex_version(self) -> int:
        return next((resolved.version for resolved in self.regexes.values()), 0)

    def _matched(self, regex: str) -> Collection[str]:
        return self.regexes.get(regex, UNRESOLVED).topics

    @property
    def subscription_type(self) -> SubscriptionType:
        return subscription_type(self.regex_subscribers, self.subscribed_topic_names, len(self.members))

    # Classic members.

    def supports_classic_protocols(self, protocol_type: str, protocols: Collection[Protocol]) -> bool:
        """Whether a classic member with these can be in the group: some protocol is every classic member's."""
        if protocol_type != CONSUMER_PROTOCOL_TYPE:
            return False
        if self.is_empty:
            return bool(protocols)
        return any(
            self._classic_protocols.get(protocol.name, 0) == self.classic_member_count
            for protocol in protocols
        )

    def all_are_classic_but(self, members: Collection[ConsumerGroupMember]) -> bool:
        classic_others = self.classic_member_count - sum(member.uses_classic_protocol for member in members)
        return classic_others == len(self.members) - len(members)

    # Who may do what.

    def check_offset_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id: int,
        *,
        transactional: bool,
        api_version: int,
    ) -> None:
        """Raise UNKNOWN_MEMBER_ID or STALE_MEMBER_EPOCH (ILLEGAL_GENERATION to a classic member), or for a commit in
        a version that knows no member epochs UNSUPPORTED_VERSION."""
        if generation_id < 0 and self.is_empty:
            return  # an administrator, or a consumer that assigns partitions itself
        if transactional and generation_id == -1 and not member_id and group_instance_id is None:
            return  # fenced by its producer's epoch (KIP-447)
        member = self.member(member_id)
        if not transactional and not member.uses_classic_protocol and api_version < _MEMBER_EPOCH_VERSION:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                "OffsetCommit version 9 or above must be used by members using the modern group protocol",
            )
        _check_epoch(member, generation_id)

    def check_offset_fetch(self, member_id: str | None, member_epoch: int) -> None:
        if member_id is None and member_epoch < 0:
            return
        _check_epoch(self.member(member_id or ""), member_epoch)

    # Leaving the log.

    def tombstones(self, names_in_log: Mapping[str, str] | None = None) -> list[CoordinatorRecord]:
        """`names_in_log`: member ids that the log has under another one, by the id the group has."""
        group_id = self.group_id
        names = names_in_log or {}
        member_ids = [names.get(member_id, member_id) for member_id in self.members]
        return [
            *(records.current_assignment_tombstone(group_id, each) for each in member_ids),
            *(records.target_assignment_tombstone(group_id, each) for each in member_ids),
            records.target_assignment_epoch_tombstone(group_id),
            *(records.member_tombstone(group_id, each) for each in member_ids),
            *(records.regex_tombstone(group_id, regex) for regex in self.regexes),
            records.partition_metadata_tombstone(group_id),
            records.group_epoch_tombstone(group_id),
        ]

    # Replaying.

    def set_regex(self, regex: str, resolved: ResolvedRegex | None, undo: Undo | None = None) -> None:
        before = self.regexes.pop(regex, None)
        if before is not None:
            count_topics(self.subscribed_topic_names, before.topics, -1, by_regex=True)
        if resolved is not None:
            self.regexes[regex] = resolved
            count_topics(self.subscribed_topic_names, resolved.topics, 1, by_regex=True)
        if undo is not None:
            undo.append(lambda: self.set_regex(regex, before))

    def _member_changed(self, old: ConsumerGroupMember | None, new: ConsumerGroupMember | None) -> None:
        super()._member_changed(old, new)
        if new is not None:
            self.member_order.add(new.member_id)
        elif old is not None:
            self.member_order.discard(old.member_id)
        if old is not None:
            self._count_member(old, -1)
            self._forget_partitions(old)
            if old.instance_id is not None and self.static_members.get(old.instance_id) == old.member_id:
                del self.static_members[old.instance_id]
        if new is not None:
            self._count_member(new, 1)
            self._note_partitions(new)
            if new.instance_id is not None:
                self.static_members[new.instance_id] = new.member_id

    def _count_member(self, member: ConsumerGroupMember, step: int) -> None:
        _count(self._assignors, member.server_assignor_name, step)
        _count(self.regex_subscribers, member.subscribed_topic_regex, step)
        if member.classic is not None:
            self.classic_member_count += step
            for protocol in member.classic.protocols:
                _count(self._classic_protocols, protocol.name, step)

    def _note_partitions(self, member: ConsumerGroupMember) -> None:
        for part in (member.assigned_partitions, member.partitions_pending_revocation):
            for topic_id, partitions in part.items():
                epochs = self._partition_epochs.setdefault(topic_id, {})
                for partition in partitions:
                    epochs[partition] = member.member_epoch

    def _forget_partitions(self, member: ConsumerGroupMember) -> None:
        """In a compacted log a partition's new owner may come before its old one's end: that must not free it."""
        for part in (member.assigned_partitions, member.partitions_pending_revocation):
            for topic_id, partitions in part.items():
                epochs = self._partition_epochs.get(topic_id, {})
                for partition in partitions:
                    if epochs.get(partition) == member.member_epoch:
                        del epochs[partition]
                if not epochs:
                    self._partition_epochs.pop(topic_id, None)


def subscription_type(
    regexes: Mapping[str, int], topics: Mapping[str, tuple[int, int]], member_count: int
) -> SubscriptionType:
    """Homogeneous: all by the same names, or all by one and the same regular expression and none by name."""
    if not regexes:
        alike = all(names == member_count for names, _ in topics.values())
    else:
        alike = next(iter(regexes.values())) == member_count and all(
            matching == 1 and names == 0 for names, matching in topics.values()
        )
    return SubscriptionType.HOMOGENEOUS if alike else SubscriptionType.HETEROGENEOUS


def _check_epoch(member: ConsumerGroupMember, epoch: int) -> None:
    if epoch == member.member_epoch:
        return
    if member.uses_classic_protocol:
        raise KafkaError(
            ErrorCode.ILLEGAL_GENERATION,
            f"The received generation id {epoch} does not match the expected member epoch {member.member_epoch}.",
        )
    raise KafkaError(
        ErrorCode.STALE_MEMBER_EPOCH,
        f"The received member epoch {epoch} does not match the expected member epoch {member.member_epoch}.",
    )


def _count(counts: dict[str, int], key: str | None, step: int) -> None:
    """Empty texts and None are not counted."""
    if key:
        count = counts.get(key, 0) + step
        if count > 0:
            counts[key] = count
        else:
            counts.pop(key, None)
