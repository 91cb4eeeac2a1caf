"""One member of a consumer group: an immutable value, replaced whole by every record about it.

Members of the classic protocol can be in such a group too (they joined by JoinGroup; consumer_group_classic_members.py):
these have `classic`.

Apache: org.apache.kafka.coordinator.group.modern.consumer.ConsumerGroupMember.
"""

from typing import NamedTuple

from ottla.groups.member import Protocol
from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment, MemberState

LEAVE_GROUP_STATIC_EPOCH = -2
"""A static member that left for a while, and whose partitions wait for it."""


class ClassicMembership(NamedTuple):
    """What a member of the classic protocol said when it joined."""

    session_timeout_ms: int
    protocols: tuple[Protocol, ...]
    """In its order of preference; the first is the one it is told."""


class ConsumerGroupMember(NamedTuple):
    """A member, as its two records tell it: what it asked for, and where it stands."""

    member_id: str
    member_epoch: int = 0
    previous_member_epoch: int = -1
    """The epoch before: a member that comes with it may have missed one answer."""
    instance_id: str | None = None
    """Of a static member: who it is across restarts."""
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    """How long it may take to give partitions up."""
    client_id: str = ""
    client_host: str = ""
    subscribed_topic_names: frozenset[str] = frozenset()
    subscribed_topic_regex: str | None = ""
    """Empty or None: it subscribes by name only."""
    server_assignor_name: str | None = None
    """The assignor it would like; None: any."""
    state: MemberState = MemberState.STABLE
    assigned_partitions: Assignment = NOTHING_ASSIGNED
    """What it may read."""
    partitions_pending_revocation: Assignment = NOTHING_ASSIGNED
    """What it was told to give up: still its own until it says that it did."""
    classic: ClassicMembership | None = None

    @property
    def uses_classic_protocol(self) -> bool:
        return self.classic is not None

    def advanced_to(
        self, epoch: int, state: MemberState, assigned: Assignment, pending: Assignment = NOTHING_ASSIGNED
    ) -> "ConsumerGroupMember":
        return self._replace(
            member_epoch=epoch,
            previous_member_epoch=self.member_epoch,
            state=state,
            assigned_partitions=assigned,
            partitions_pending_revocation=pending,
        )
