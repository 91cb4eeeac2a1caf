"""Streams applications in memory: a cluster's topics, and members that behave as Kafka Streams' threads do.

A member runs what it is assigned at once, but takes its time to give tasks up: until `give_up` it says that it still owns
them. Internal topics that an answer calls missing are made with the next `make_missing_topics`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from group_world import GroupWorld

from ottla.cluster.image import (
    ConfigResource,
    ConfigType,
    MetadataDelta,
    MetadataImage,
    PartitionState,
    TopicImage,
)
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.streams_configuration import InternalTopic
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_heartbeats import StreamsHeartbeatAnswer
from ottla.groups.streams_requests import streams_group_heartbeat
from ottla.groups.streams_tasks import TaskId
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    Subtopology,
    TaskIds,
    TopicInfo,
    Topology,
)
from ottla.protocol.types import Uuid

GROUP = "application"
REBALANCE_TIMEOUT_MS = 10_000
SESSION_TIMEOUT_MS = 5_000

TOPOLOGY = Topology(
    epoch=1,
    subtopologies=[
        Subtopology(subtopology_id="0", source_topics=["free"], repartition_sink_topics=["by-key"]),
        Subtopology(
            subtopology_id="1",
            source_topics=["kept"],
            repartition_source_topics=[TopicInfo(name="by-key")],
            state_changelog_topics=[TopicInfo(name="store")],
        ),
    ],
)
"""`free` into `by-key`; `by-key` and `kept` into a store."""


class StreamsWorld(GroupWorld):
    """A broker with topics."""

    def __init__(self, settings: GroupSettings | None = None) -> None:
        self.partition_counts: dict[str, int] = {}
        self.num_standby_replicas = 0
        self.missing: dict[str, InternalTopic] = {}
        self._serial = 0
        self._topic_ids: dict[str, Uuid] = {}
        super().__init__(settings)

    def elect(self) -> None:
        """A broker knows the topics before it leads."""
        self.tell_topics(set(self.partition_counts))
        super().elect()

    def set_topics(self, **partition_counts: int) -> None:
        """These topics have so many partitions now; 0: there is no such topic any more."""
        for name, count in partition_counts.items():
            if count:
                self.partition_counts[name] = count
                self._topic_ids.setdefault(name, Uuid(len(self._topic_ids).to_bytes(16, "big")))
            else:
                self.partition_counts.pop(name, None)
                self._topic_ids.pop(name, None)
        self.tell_topics(set(partition_counts))

    def tell_topics(self, changed: set[str]) -> None:
        self._serial += 1
        topics = {
            name: TopicImage(
                name,
                self._topic_ids[name],
                {partition: PartitionState((1,), (1,), 1, 0, 0) for partition in range(count)},
            )
            for name, count in self.partition_counts.items()
        }
        own = {
            "streams.num.standby.replicas": str(self.num_standby_replicas),
            "streams.session.timeout.ms": str(SESSION_TIMEOUT_MS),
        }
        image = MetadataImage(
            topics=topics,
            topic_names={topic.topic_id: name for name, topic in topics.items()},
            configs={ConfigResource(ConfigType.GROUP, GROUP): own},
            serial=self._serial,
        )
        delta = MetadataDelta(
            changed_partitions={
                name: frozenset(range(self.partition_counts.get(name, 1))) for name in changed
            }
        )
        self.service.metadata_changed(image, delta)

    def make_missing_topics(self) -> None:
        """As the broker does once it has answered."""
        missing, self.missing = self.missing, {}
        new = {name: topic.partitions for name, topic in missing.items() if name not in self.partition_counts}
        if new:
            self.set_topics(**new)

    def group(self) -> StreamsGroup | None:
        found = self.service.coordinators()[0].groups.find(GROUP)
        return found if isinstance(found, StreamsGroup) else None


def _tasks(messages: list[TaskIds]) -> set[TaskId]:
    return {TaskId(each.subtopology_id, partition) for each in messages for partition in each.partitions}


def _messages(tasks: set[TaskId]) -> list[TaskIds]:
    grouped: dict[str, list[int]] = {}
    for subtopology_id, partition in sorted(tasks):
        grouped.setdefault(subtopology_id, []).append(partition)
    return [TaskIds(subtopology_id=key, partitions=value) for key, value in grouped.items()]


@dataclass
class SimulatedMember:
    """One stream thread."""

    world: StreamsWorld
    name: str
    process_id: str
    member_id: str = ""
    incarnation: int = 0
    is_in: bool = False
    """Whether it believes to be a member."""
    waits: bool = False
    epoch: int = 0
    active: set[TaskId] = field(default_factory=set)
    standby: set[TaskId] = field(default_factory=set)
    runs: set[TaskId] = field(default_factory=set)
    """Active tasks that are open, be they assigned or not given up yet."""
    keeps: set[TaskId] = field(default_factory=set)
    """Likewise standby tasks."""
    statuses: list[int] = field(default_factory=list)
    error: ErrorCode = ErrorCode.NONE

    def heartbeat(self) -> None:
        """Join, or stay."""
        if self.waits:
            return
        if not self.is_in:
            self._start()
        joins = self.epoch == 0
        self._send(
            StreamsGroupHeartbeatRequest(
                group_id=GROUP,
                member_id=self.member_id,
                member_epoch=self.epoch,
                rebalance_timeout_ms=REBALANCE_TIMEOUT_MS if joins else -1,
                topology=TOPOLOGY if joins else None,
                process_id=self.process_id if joins else None,
                active_tasks=[] if joins else _messages(self.runs),
                standby_tasks=[] if joins else _messages(self.keeps),
                warmup_tasks=[],
            )
        )

    def give_up(self) -> None:
        """Close what it was told to."""
        self.runs &= self.active
        self.keeps &= self.standby

    def leave(self) -> None:
        if self.is_in and not self.waits:
            member_id = self.member_id
            self.crash()
            request = StreamsGroupHeartbeatRequest(group_id=GROUP, member_id=member_id, member_epoch=-1)
            streams_group_heartbeat(self.world.service, request, _CONTEXT, self.world.now_ms)

    def crash(self) -> None:
        self.is_in = self.waits = False
        self.incarnation += 1
        self._drop()

    def _start(self) -> None:
        self._drop()
        self.incarnation += 1
        self.member_id = f"{self.name}-{self.incarnation}"
        self.is_in = True

    def _drop(self) -> None:
        self.epoch = 0
        self.active, self.standby, self.runs, self.keeps = set(), set(), set(), set()

    def _send(self, request: StreamsGroupHeartbeatRequest) -> None:
        self.waits = True
        incarnation = self.incarnation
        reply = streams_group_heartbeat(self.world.service, request, _CONTEXT, self.world.now_ms)

        def answered(answer: StreamsHeartbeatAnswer) -> None:
            if self.incarnation == incarnation:
                self._answered(answer)

        reply.on_complete(answered)

    def _answered(self, answer: StreamsHeartbeatAnswer) -> None:
        self.waits = False
        response = answer.response
        self.error = ErrorCode(response.error_code)
        if self.error in (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID):
            self._drop()  # and joins again, under the same id
        elif self.error is ErrorCode.GROUP_ID_NOT_FOUND:
            self.crash()
        elif self.error is ErrorCode.NONE:
            self.epoch = response.member_epoch
            self.statuses = [status.status_code for status in response.status or []]
            self.world.missing.update(answer.missing_topics)
            if response.active_tasks is not None:
                assert response.standby_tasks is not None
                self.active, self.standby = _tasks(response.active_tasks), _tasks(response.standby_tasks)
                self.runs |= self.active
                self.keeps |= self.standby


_CONTEXT = GroupRequestContext("client", "/127.0.0.1", 0)
