"""Consumers of both protocols in one group, as the coordinator sees them: each acts by what it was last told.

`reading` is what such a consumer fetches at this moment. A consumer that was not heard within its session timeout, or did not
give up partitions within its rebalance timeout, counts as stopped: the coordinator takes its partitions away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from group_world import GroupWorld

from ottla.cluster.image import ImageDraft, PartitionState
from ottla.groups.consumer_group_requests import consumer_group_heartbeat
from ottla.groups.settings import GroupRequestContext
from ottla.groups.subscription import assignment_of, encoded_assignment, subscription_of
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    TopicPartitions,
)
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from ottla.protocol.types import Uuid

GROUP = "g"
SESSION_MS = 10_000
REBALANCE_MS = 20_000
TOPIC_IDS = {f"t{number}": Uuid(bytes(15) + bytes([number])) for number in range(1, 4)}
TOPIC_NAMES = {topic_id: name for name, topic_id in TOPIC_IDS.items()}

Partition = tuple[str, int]


def put_topic(world: GroupWorld, name: str, partitions: int) -> None:
    """Create the topic, or give it more partitions."""
    draft = ImageDraft(world.topics.image)
    states = {number: PartitionState((1,), (1,), 1, 0, 0) for number in range(partitions)}
    if draft.topic(name) is None:
        draft.put_topic(name, TOPIC_IDS[name], states)
    else:
        draft.put_partitions(name, states)
    world.service.metadata_changed(*draft.finish())


def remove_topic(world: GroupWorld, name: str) -> None:
    draft = ImageDraft(world.topics.image)
    draft.remove_topic(name)
    world.service.metadata_changed(*draft.finish())


class ConsumerClient:
    """What both kinds have in common."""

    def __init__(self, name: str, world: GroupWorld, instance_id: str | None) -> None:
        self.name = name
        self.world = world
        self.instance_id = instance_id
        self.member_id = ""
        self.epoch = 0
        """Member epoch, or generation."""
        self.topics = ["t1"]
        self.regex = ""
        self.owned: set[Partition] = set()
        self.heard_ms = -SESSION_MS
        """When it sent what was answered last."""
        self.must_act_by_ms: int | None = None
        self.incarnation = 0
        self.is_out = True

    @property
    def is_stopped(self) -> bool:
        now_ms = self.world.now_ms
        is_late = self.must_act_by_ms is not None and now_ms >= self.must_act_by_ms
        return is_late or now_ms >= self.heard_ms + SESSION_MS

    @property
    def reading(self) -> set[Partition]:
        return set() if self.is_stopped else self.owned

    def crash(self) -> None:
        """Forget everything; answers to what was asked before reach nobody."""
        self.incarnation += 1
        self.forget()

    def forget(self) -> None:
        self.owned = set()
        self.epoch = 0
        self.must_act_by_ms = None
        self.is_out = True

    def commit(self, offset: int) -> list[ErrorCode]:
        """Commit with what it believes to be; gives a list the answer will be in."""
        answer: list[ErrorCode] = []
        request = OffsetCommitRequest(
            group_id=GROUP,
            generation_id_or_member_epoch=self.epoch,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            topics=[
                OffsetCommitRequestTopic(
                    name="t1",
                    partitions=[OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)],
                )
            ],
        )
        self.ask(
            lambda context, now_ms: self.world.service.offset_commit(request, context, now_ms),
            9,
            lambda response: answer.append(ErrorCode(response.topics[0].partitions[0].error_code)),
        )
        return answer

    def ask(
        self, method: Callable[[GroupRequestContext, int], Any], version: int, then: Callable[[Any], None]
    ) -> None:
        incarnation, asked_ms = self.incarnation, self.world.now_ms

        def answered(response: Any) -> None:
            if incarnation == self.incarnation:
                self.asked_ms = asked_ms
                then(response)

        reply = method(GroupRequestContext(self.name, "/127.0.0.1", version), self.world.now_ms)
        reply.on_complete(answered)


class NextConsumer(ConsumerClient):
    """A consumer with `group.protocol=consumer` (KIP-848)."""

    def __init__(self, name: str, world: GroupWorld, instance_id: str | None) -> None:
        super().__init__(name, world, instance_id)
        self.target: set[Partition] = set()
        self.reported: set[Partition] | None = None
        """What it last told that it owns."""
        self.member_number = 0
        self._new_member_id()

    def _new_member_id(self) -> None:
        self.member_number += 1
        self.member_id = f"{self.name}-{self.member_number}"

    def act(self, *, hears: bool = True) -> None:
        """Give up what was taken away, begin what was given, send a heartbeat; maybe never see the answer."""
        self.reconcile()
        self.heartbeat(hears=hears)

    def reconcile(self) -> None:
        if not self.is_stopped:
            self.owned = set(self.target)
            self.must_act_by_ms = None

    def heartbeat(self, *, hears: bool = True) -> None:
        if self.epoch > 0 and self.is_stopped:
            self.forget()
        joins = self.epoch == 0
        if joins:
            self.owned, self.target, self.reported = set(), set(), None
        tells = joins or self.owned != self.reported
        request = ConsumerGroupHeartbeatRequest(
            group_id=GROUP,
            member_id=self.member_id,
            member_epoch=self.epoch,
            instance_id=self.instance_id,
            rebalance_timeout_ms=REBALANCE_MS if tells else -1,
            subscribed_topic_names=list(self.topics) if tells else None,
            subscribed_topic_regex=self.regex if tells else None,
            topic_partitions=as_topic_partitions(self.owned) if tells else None,
        )
        told = set(self.owned)
        asked_for = self.topics, self.regex

        def answered(response: Any) -> None:
            if hears:
                # An answer to what was asked before it subscribed anew does not say that the new subscription is known.
                self._answered(response, told if asked_for == (self.topics, self.regex) else None)
            else:
                # As Java's client does after a heartbeat that failed: the next one tells everything, and is told everything.
                self.reported = None

        self.ask(
            lambda context, now_ms: consumer_group_heartbeat(self.world.service, request, context, now_ms),
            1,
            answered,
        )

    def _answered(self, response: Any, told: set[Partition] | None) -> None:
        code = response.error_code
        if code in (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID):
            self.forget()
            if code == ErrorCode.FENCED_INSTANCE_ID:
                self._new_member_id()
        elif code == ErrorCode.NONE:
            self.is_out = False
            self.heard_ms = self.asked_ms
            self.epoch = response.member_epoch
            self.reported = told
            if response.assignment is not None:
                self.target = {
                    (TOPIC_NAMES[each.topic_id], partition)
                    for each in response.assignment.topic_partitions
                    for partition in each.partitions
                }
                if self.owned - self.target and self.must_act_by_ms is None:
                    self.must_act_by_ms = self.asked_ms + REBALANCE_MS
        else:
            # Try again, and tell everything.
            self.reported = None

    def subscribe(self, topics: list[str], regex: str = "") -> None:
        self.topics, self.regex = topics, regex
        self.reported = None

    def leave(self) -> None:
        """For good, or a static one for a while."""
        self.incarnation += 1
        request = ConsumerGroupHeartbeatRequest(
            group_id=GROUP,
            member_id=self.member_id,
            member_epoch=-1 if self.instance_id is None else -2,
            instance_id=self.instance_id,
        )
        self.ask(
            lambda context, now_ms: consumer_group_heartbeat(self.world.service, request, context, now_ms),
            1,
            lambda _: None,
        )
        self.crash()

    def crash(self) -> None:
        super().crash()
        self._new_member_id()


class ClassicConsumer(ConsumerClient):
    """A consumer of the classic protocol that gives everything up before it rejoins."""

    def __init__(self, name: str, world: GroupWorld, instance_id: str | None) -> None:
        super().__init__(name, world, instance_id)
        self.step = "join"
        self.members: list[tuple[str, bytes]] = []
        self.joined_for: list[str] = []
        """The topics that it told when it joined."""

    def act(self, *, hears: bool = True) -> None:
        if self.is_stopped and self.step == "heartbeat":
            self.forget()
        getattr(self, f"_{self.step}")(hears)

    def forget(self) -> None:
        super().forget()
        self.step = "join"

    def crash(self) -> None:
        super().crash()
        self.member_id = ""

    def subscribe(self, topics: list[str], _regex: str = "") -> None:
        self.topics = topics
        if self.step == "heartbeat":
            self._begin_join()

    def _begin_join(self) -> None:
        self.owned = set()
        self.must_act_by_ms = None
        self.step = "join"

    def _wait(self, _: bool) -> None:
        """An answer is due."""

    def _join(self, hears: bool) -> None:
        self._begin_join()
        self.joined_for = list(self.topics)
        subscription = ConsumerProtocolSubscription(topics=self.joined_for)
        request = JoinGroupRequest(
            group_id=GROUP,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocols=[
                JoinGroupRequestProtocol(name="range", metadata=b"\0\1" + encode(subscription, 1)),
            ],
        )
        self.step = "wait"
        service = self.world.service
        self.ask(
            lambda context, now_ms: service.join_group(request, context, now_ms),
            9,
            lambda response: self._joined(response, hears),
        )

    def _joined(self, response: Any, hears: bool) -> None:
        self.step = "join"
        if response.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = response.member_id
        elif response.error_code == ErrorCode.NONE and hears:
            self.is_out = False
            self.member_id = response.member_id
            self.epoch = response.generation_id
            self.heard_ms = self.world.now_ms
            self.members = [(member.member_id, member.metadata) for member in response.members]
            if response.skip_assignment:
                self.members = []
            self.step = "sync"
        else:
            self._lost(response.error_code)

    def _sync(self, hears: bool) -> None:
        request = SyncGroupRequest(
            group_id=GROUP,
            generation_id=self.epoch,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=self._divided(),
        )
        self.step = "wait"
        service = self.world.service
        self.ask(
            lambda context, now_ms: service.sync_group(request, context, now_ms),
            5,
            lambda response: self._synced(response, hears),
        )

    def _divided(self) -> list[SyncGroupRequestAssignment]:
        """As the leader of a classic group."""
        image = self.world.topics.image
        divided: dict[str, dict[str, list[int]]] = {member_id: {} for member_id, _ in self.members}
        for name, topic in image.topics.items():
            subscribers = [
                member_id for member_id, metadata in self.members if name in subscription_of(metadata).topics
            ]
            for partition in topic.partitions if subscribers else ():
                divided[subscribers[partition % len(subscribers)]].setdefault(name, []).append(partition)
        return [
            SyncGroupRequestAssignment(member_id=member_id, assignment=encoded_assignment(topics, 1))
            for member_id, topics in divided.items()
        ]

    def _synced(self, response: Any, hears: bool) -> None:
        if response.error_code != ErrorCode.NONE or not hears:
            self.step = "join"
            self._lost(response.error_code)
            return
        self.heard_ms = max(self.heard_ms, self.asked_ms)
        self.step = "heartbeat"
        if response.assignment:
            self.owned = {
                (each.topic, partition)
                for each in assignment_of(response.assignment).assigned_partitions
                for partition in each.partitions
            }
        if self.topics != self.joined_for:
            self._begin_join()  # it subscribed anew while it waited

    def _heartbeat(self, hears: bool) -> None:
        request = HeartbeatRequest(
            group_id=GROUP,
            generation_id=self.epoch,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
        )
        service = self.world.service
        self.ask(
            lambda context, now_ms: service.heartbeat(request, context, now_ms),
            4,
            lambda response: self._beaten(response) if hears else None,
        )

    def _beaten(self, response: Any) -> None:
        if response.error_code == ErrorCode.NONE:
            self.heard_ms = self.asked_ms
        elif response.error_code == ErrorCode.REBALANCE_IN_PROGRESS:
            self.heard_ms = self.asked_ms
            self.step = "join"
            if self.must_act_by_ms is None:
                self.must_act_by_ms = self.asked_ms + REBALANCE_MS
        else:
            self._lost(response.error_code)

    def _lost(self, error: int) -> None:
        if error == ErrorCode.REBALANCE_IN_PROGRESS:
            self.step = "join"
        elif error in (
            ErrorCode.UNKNOWN_MEMBER_ID,
            ErrorCode.FENCED_INSTANCE_ID,
            ErrorCode.ILLEGAL_GENERATION,
        ):
            self.forget()
            self.member_id = ""
        else:
            self.forget()

    def leave(self) -> None:
        self.incarnation += 1
        identity = MemberIdentity(member_id=self.member_id, group_instance_id=self.instance_id)
        request = LeaveGroupRequest(group_id=GROUP, members=[identity])
        service = self.world.service
        self.ask(lambda context, now_ms: service.leave_group(request, context, now_ms), 5, lambda _: None)
        self.crash()


def as_topic_partitions(partitions: set[Partition]) -> list[TopicPartitions]:
    by_topic: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        by_topic.setdefault(topic, []).append(partition)
    return [
        TopicPartitions(topic_id=TOPIC_IDS[topic], partitions=numbers) for topic, numbers in by_topic.items()
    ]
