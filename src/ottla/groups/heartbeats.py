"""By when each member of a classic group must be heard from.

A member is heard by its heartbeats, and as well by joins, syncs and commits. A member id that was handed out must be
used within the session timeout too.
"""

from collections.abc import Callable, Sequence

from ottla.coordination.results import CoordinatorRecord
from ottla.coordination.timers import Timers
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.member import ClassicMember

GroupTimers = Timers[Sequence[CoordinatorRecord]]
"""What a timer does gives records to append."""

Expired = Callable[[str, str, int], Sequence[CoordinatorRecord]]
"""Told group id, member id and now_ms."""


class Heartbeats:
    """One timer a member, pending ones included."""

    __slots__ = ("_expired", "_timers")

    def __init__(self, timers: GroupTimers, expired: Expired) -> None:
        self._timers = timers
        self._expired = expired

    def expect(
        self, group: ClassicGroup, member: ClassicMember, now_ms: int, timeout_ms: int | None = None
    ) -> None:
        """The member was heard just now: the next time must come within its session timeout, or `timeout_ms`."""
        within_ms = member.session_timeout_ms if timeout_ms is None else timeout_ms
        self.expect_id(group.group_id, member.member_id, now_ms + within_ms)

    def expect_id(self, group_id: str, member_id: str, deadline_ms: int) -> None:
        self._timers.schedule(
            ("heartbeat", group_id, member_id),
            deadline_ms,
            lambda now_ms: self._expired(group_id, member_id, now_ms),
        )

    def forget(self, group_id: str, member_id: str) -> None:
        self._timers.cancel(("heartbeat", group_id, member_id))
