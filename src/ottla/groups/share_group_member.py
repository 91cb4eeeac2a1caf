"""A member of a share group: what it said of itself, and what it was last assigned. A value; a change is a new one.

Apache: org.apache.kafka.coordinator.group.modern.share.ShareGroupMember.
"""

from typing import NamedTuple

from ottla.groups.modern_group import NOTHING_ASSIGNED, Assignment, MemberState


class ShareGroupMember(NamedTuple):
    """One member, by the id that it chose itself."""

    member_id: str
    member_epoch: int = 0
    """The epoch of the assignment it has; 0 before its first, -1 while it leaves."""
    previous_member_epoch: int = -1
    """A heartbeat with this one is accepted: the answer that told the new epoch may have been lost."""
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    subscribed_topic_names: frozenset[str] = frozenset()
    state: MemberState = MemberState.STABLE
    """Never another one: a member of a share group has nothing to give back before others may have it."""
    assigned_partitions: Assignment = NOTHING_ASSIGNED

    @property
    def instance_id(self) -> None:
        """Share groups know no static members."""
        return

    def with_subscription(
        self, rack_id: str | None, subscribed_topic_names: list[str] | None, client_id: str, client_host: str
    ) -> "ShareGroupMember":
        """After a heartbeat. None: as before."""
        names = subscribed_topic_names
        return self._replace(
            rack_id=self.rack_id if rack_id is None else rack_id,
            subscribed_topic_names=self.subscribed_topic_names if names is None else frozenset(names),
            client_id=client_id,
            client_host=client_host,
        )

    def reconciled_to(self, assignment_epoch: int, target: Assignment) -> "ShareGroupMember":
        """With the target assignment of that epoch: at once, since share members wait for nobody."""
        if self.member_epoch == assignment_epoch:
            return self
        return self._replace(
            member_epoch=assignment_epoch,
            previous_member_epoch=self.member_epoch,
            assigned_partitions=target,
            state=MemberState.STABLE,
        )
