"""Share groups (KIP-932) as a type of group: what a coordinator has of them, put together.

    share_group.py             a group, its members (share_group_member.py) and which of its partitions have share state
    share_group_records.py     (share_group_state_partitions.py); the records of all that; share_group_replaying.py back
    share_group_heartbeats.py  joining, staying, leaving, and the assignment (share_group_assignor.py)
    share_group_offsets.py     where the group stands: initialize, alter, delete
    share_group_requests.py    requests that go on with the persister, the border to the share coordinator
                               (share_group_offset_requests.py, share_group_persister.py)

Apache: org.apache.kafka.coordinator.group.GroupMetadataManager, GroupCoordinatorShard.
"""

from collections.abc import Mapping

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.assigned_group import LEAVE_GROUP_EPOCH
from ottla.groups.group_types import Decision, GroupParts, GroupTypeMachine, Replay
from ottla.groups.settings import GroupRequestContext
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_assignor import NAME
from ottla.groups.share_group_heartbeats import Heartbeat, ShareGroupHeartbeats
from ottla.groups.share_group_offsets import Alteration, ShareGroupOffsets
from ottla.groups.share_group_replaying import ShareGroupReplaying
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.alter_share_group_offsets import AlterShareGroupOffsetsRequest
from ottla.protocol.messages.share_group_describe import (
    Assignment,
    DescribedGroup,
    Member,
    TopicPartitions,
)
from ottla.protocol.messages.share_group_heartbeat import ShareGroupHeartbeatRequest

_FORGET_TOPICS = "share-groups-forget-topics"
_AT_ONCE_MS = 0


class ShareGroups(GroupTypeMachine):
    """The share groups of one coordinator."""

    def __init__(self, parts: GroupParts) -> None:
        self._parts = parts
        self._heartbeats = ShareGroupHeartbeats(parts)
        self._replaying = ShareGroupReplaying(parts.groups, self._member_is_back)
        self.offsets = ShareGroupOffsets(parts)
        self._names_gone: frozenset[str] = frozenset()
        """Topics that changed, until the timer has looked whether they are gone: what a timer does may write records."""

    @property
    def rebalance_count(self) -> int:
        return self._heartbeats.rebalance_count

    def _member_is_back(self, group_id: str, member_id: str) -> None:
        self._heartbeats.expect(group_id, member_id, self._replaying.now_ms)

    def replays(self) -> Mapping[int, Replay]:
        return self._replaying.by_type()

    def begin(self, now_ms: int) -> None:
        """Every member has one session timeout to be heard from, every initialization its time to come through."""
        self._replaying.now_ms = now_ms
        for group in self._parts.groups:
            if isinstance(group, ShareGroup):
                for member_id in group.members:
                    self._heartbeats.expect(group.group_id, member_id, now_ms)
                if group.state_partitions is not None:
                    group.set_state_partitions(group.state_partitions.stamped(now_ms))

    def topics_changed(self, names: frozenset[str]) -> None:
        groups = [group for group in self._parts.groups if isinstance(group, ShareGroup)]
        for group in groups:
            if any(group.is_subscribed_to(name) for name in names):
                group.request_metadata_refresh()
        if groups:
            self._names_gone |= names
            self._parts.timers.schedule(_FORGET_TOPICS, _AT_ONCE_MS, lambda _: self._forget_topics())

    def _forget_topics(self) -> list[CoordinatorRecord]:
        names, self._names_gone = self._names_gone, frozenset()
        return self.offsets.forget_topics(names)

    def heartbeat(
        self, request: ShareGroupHeartbeatRequest, context: GroupRequestContext, now_ms: int
    ) -> Decision[Heartbeat]:
        self._replaying.now_ms = now_ms
        if request.member_epoch == LEAVE_GROUP_EPOCH:
            return self._heartbeats.leave(request)
        return self._heartbeats.heartbeat(request, context, now_ms)

    def alter_offsets(
        self, request: AlterShareGroupOffsetsRequest, now_ms: int
    ) -> Decision[Alteration | KafkaError]:
        self._replaying.now_ms = now_ms
        return self.offsets.alter(request, now_ms)

    def describe(self, group_id: str) -> DescribedGroup:
        """GROUP_ID_NOT_FOUND for a group of another type."""
        group = self._parts.groups.get(group_id)
        if not isinstance(group, ShareGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group.")
        return DescribedGroup(
            group_id=group_id,
            assignor_name=NAME,
            group_epoch=group.group_epoch,
            group_state=group.state_name,
            assignment_epoch=group.target_assignment_epoch,
            members=[
                Member(
                    member_id=member.member_id,
                    member_epoch=member.member_epoch,
                    rack_id=member.rack_id,
                    client_id=member.client_id,
                    client_host=member.client_host,
                    subscribed_topic_names=sorted(member.subscribed_topic_names),
                    assignment=Assignment(
                        topic_partitions=[
                            TopicPartitions(topic_id=topic_id, topic_name=name, partitions=sorted(partitions))
                            for topic_id, partitions in member.assigned_partitions.items()
                            if (name := self._parts.topics.topic_name(topic_id)) is not None
                        ]
                    ),
                )
                for member in group.members.values()
            ],
        )
