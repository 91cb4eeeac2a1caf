"""How long members of streams groups are waited for, and how they are put out when it was too long (KIP-1071).

    session     from each heartbeat on: `streams.session.timeout.ms`
    rebalance   from when a member was told to give tasks up, until it has: the time it named when it joined

Apache: the timers of GroupMetadataManager, #streamsGroupFenceMember.
"""

import logging
from collections.abc import Sequence

from ottla.cluster.image import ConfigType
from ottla.coordination.results import CoordinatorRecord
from ottla.groups.group_types import GroupParts
from ottla.groups.settings import StreamsGroupSettings
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_member import StreamsMember, StreamsMemberState
from ottla.groups.streams_records import StreamsRecordType, group_epoch_record, tombstone

FENCE_RETRY_MS = 500
"""After which a member is put out again if that failed, as Apache's coordinator repeats a timer whose records were lost."""

_DEFAULTS = StreamsGroupSettings()

_log = logging.getLogger(__name__)


class StreamsTimeouts:
    """Of the streams groups of one coordinator."""

    def __init__(self, parts: GroupParts) -> None:
        self._settings = parts.settings.streams
        self._groups = parts.groups
        self._topics = parts.topics
        self._timers = parts.timers
        self._fenced_last_ms = 0
        """When a member was last put out: what undoes it knows no time."""

    def settings_of(self, group_id: str) -> StreamsGroupSettings:
        """What holds for the group. Where something is set on it, the broker's own settings hold no more: what is left
        open is the default, as in Apache, whose GroupConfigManager takes over those of consumer and share groups only."""
        own = self._topics.image.config(ConfigType.GROUP, group_id)
        if not own:
            return self._settings
        return StreamsGroupSettings(
            session_timeout_ms=int(own.get("streams.session.timeout.ms", _DEFAULTS.session_timeout_ms)),
            heartbeat_interval_ms=int(
                own.get("streams.heartbeat.interval.ms", _DEFAULTS.heartbeat_interval_ms)
            ),
            max_size=self._settings.max_size,
            num_standby_replicas=int(own.get("streams.num.standby.replicas", _DEFAULTS.num_standby_replicas)),
        )

    def begin(self, group: StreamsGroup, now_ms: int) -> None:
        """The group was loaded: each member has one session timeout to be heard from."""
        for member in group.members.values():
            self.expect_heartbeat(group.group_id, member.member_id, now_ms)
            if member.state is StreamsMemberState.UNREVOKED_TASKS:
                self.expect_revocation(group.group_id, member, now_ms)

    def expect_heartbeat(self, group_id: str, member_id: str, now_ms: int) -> None:
        """The member was heard; the next time shall come within its session timeout."""
        session_timeout_ms = self.settings_of(group_id).session_timeout_ms
        self._timers.schedule(
            _session_key(group_id, member_id),
            now_ms + session_timeout_ms,
            lambda then_ms: self._fence_if_there(
                group_id, member_id, None, "the member session expired.", then_ms
            ),
        )

    def expect_revocation(self, group_id: str, member: StreamsMember, now_ms: int) -> None:
        """The member has its rebalance timeout to give up what it must, or is out."""
        member_id, epoch, timeout_ms = member.member_id, member.member_epoch, member.rebalance_timeout_ms
        reason = f"it failed to transition from epoch {epoch} within {timeout_ms}ms."
        self._timers.schedule(
            _rebalance_key(group_id, member_id),
            now_ms + timeout_ms,
            lambda then_ms: self._fence_if_there(group_id, member_id, epoch, reason, then_ms),
        )

    def revoked(self, group_id: str, member_id: str) -> None:
        """The member has given up what it had to."""
        self._timers.cancel(_rebalance_key(group_id, member_id))

    def _fence_if_there(
        self, group_id: str, member_id: str, member_epoch: int | None, reason: str, now_ms: int
    ) -> Sequence[CoordinatorRecord]:
        """Put the member out, unless it is in another epoch by now than the one it is put out for."""
        group = self._groups.find(group_id)
        if not isinstance(group, StreamsGroup):
            return ()
        member = group.members.get(member_id)
        if member is None or (member_epoch is not None and member.member_epoch != member_epoch):
            return ()
        _log.info(
            "[GroupId %s] Streams member %s fenced from the group because %s", group_id, member_id, reason
        )
        return self.fence(group, member, now_ms)

    def fence(self, group: StreamsGroup, member: StreamsMember, now_ms: int) -> list[CoordinatorRecord]:
        """Records that take the member out."""
        group_id, member_id = group.group_id, member.member_id
        self._fenced_last_ms = now_ms
        self._timers.cancel(_rebalance_key(group_id, member_id))
        self._timers.cancel(_session_key(group_id, member_id))
        return [
            tombstone(StreamsRecordType.CURRENT_MEMBER_ASSIGNMENT, group_id, member_id),
            tombstone(StreamsRecordType.TARGET_ASSIGNMENT_MEMBER, group_id, member_id),
            tombstone(StreamsRecordType.MEMBER_METADATA, group_id, member_id),
            group_epoch_record(group_id, group.group_epoch + 1, 0),
        ]

    def fencing_failed(self, group_id: str, member_id: str) -> None:
        """The records that took the member out could not be written, so it is in again. Nobody may ever hear of it any
        more: it is put out once more."""
        self._timers.schedule(
            _session_key(group_id, member_id),
            self._fenced_last_ms + FENCE_RETRY_MS,
            lambda now_ms: self._fence_if_there(
                group_id, member_id, None, "it could not be removed before.", now_ms
            ),
        )


def _session_key(group_id: str, member_id: str) -> tuple[str, str, str, str]:
    return ("streams", "session", group_id, member_id)


def _rebalance_key(group_id: str, member_id: str) -> tuple[str, str, str, str]:
    return ("streams", "rebalance", group_id, member_id)
