"""By when each member of a consumer group must do what is asked of it, or is fenced.

    session     be heard at all: `consumer.session.timeout.ms`, or a classic member's own session timeout
    rebalance   give up the partitions it was told to: its rebalance timeout
    join, sync  a classic member: come back to join when told to, and then ask for its assignment: its rebalance timeout

Apache: the timers of org.apache.kafka.coordinator.group.GroupMetadataManager for consumer groups.
"""

from collections.abc import Callable, Sequence

from ottla.coordination.coordinator import CoordinatorTimers
from ottla.coordination.results import CoordinatorRecord
from ottla.groups.consumer_group_member import ConsumerGroupMember
from ottla.groups.settings import GroupSettings
from ottla.groups.topic_metadata import TopicMetadata

Fence = Callable[[str, str, str, int | None, int], Sequence[CoordinatorRecord]]
"""Told group id, member id, why, the epoch that the member must still be at (None: any) and now_ms."""

_SESSION = "consumer session"
_REBALANCE = "consumer rebalance"
_JOIN = "consumer join"
_SYNC = "consumer sync"


class ConsumerGroupSessions:
    """The timers of one coordinator's consumer groups: at most one of each kind a member."""

    def __init__(
        self, settings: GroupSettings, timers: CoordinatorTimers, topics: TopicMetadata, fence: Fence
    ) -> None:
        self._settings = settings
        self._timers = timers
        self._topics = topics
        self._fence = fence

    def heartbeat_interval_ms(self, group_id: str) -> int:
        default_ms = self._settings.consumer.heartbeat_interval_ms
        return self._topics.group_setting(group_id, "consumer.heartbeat.interval.ms", default_ms)

    def heard(self, group_id: str, member_id: str, now_ms: int, timeout_ms: int | None = None) -> None:
        """The member was heard just now. `timeout_ms`: a classic member's own."""
        if timeout_ms is None:
            default_ms = self._settings.consumer.session_timeout_ms
            timeout_ms = self._topics.group_setting(group_id, "consumer.session.timeout.ms", default_ms)
        self._expect(_SESSION, group_id, member_id, now_ms + timeout_ms, "the member session expired")

    def must_revoke(self, group_id: str, member: ConsumerGroupMember, now_ms: int) -> None:
        reason = (
            f"it failed to transition from epoch {member.member_epoch} within {member.rebalance_timeout_ms}ms"
        )
        deadline_ms = now_ms + member.rebalance_timeout_ms
        self._expect(_REBALANCE, group_id, member.member_id, deadline_ms, reason, member.member_epoch)

    def has_revoked(self, group_id: str, member_id: str) -> None:
        self._timers.cancel((_REBALANCE, group_id, member_id))

    def must_join(self, group_id: str, member: ConsumerGroupMember, now_ms: int) -> None:
        """It has been told to join again. Telling it once more gives it no more time."""
        if (_JOIN, group_id, member.member_id) not in self._timers:
            reason = "the classic member failed to join within the rebalance timeout"
            deadline_ms = now_ms + member.rebalance_timeout_ms
            self._expect(_JOIN, group_id, member.member_id, deadline_ms, reason)

    def has_joined(self, group_id: str, member_id: str) -> None:
        self._timers.cancel((_JOIN, group_id, member_id))

    def must_sync(self, group_id: str, member_id: str, deadline_ms: int) -> None:
        self._expect(_SYNC, group_id, member_id, deadline_ms, "the member failed to sync within timeout")

    def has_synced(self, group_id: str, member_id: str) -> None:
        self._timers.cancel((_SYNC, group_id, member_id))

    def forget(self, group_id: str, member_id: str) -> None:
        for kind in (_SESSION, _REBALANCE, _JOIN, _SYNC):
            self._timers.cancel((kind, group_id, member_id))

    def _expect(
        self,
        kind: str,
        group_id: str,
        member_id: str,
        deadline_ms: int,
        reason: str,
        epoch: int | None = None,
    ) -> None:
        self._timers.schedule(
            (kind, group_id, member_id),
            deadline_ms,
            lambda now_ms: self._fence(group_id, member_id, reason, epoch, now_ms),
        )
