"""Share consumers in memory: a cluster's topics, a share coordinator that may be late or refuse, and members.

Topics keep their id until they are deleted. The persister does what it is asked in order, at once or when it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from group_world import GroupWorld

from ottla.cluster.image import (
    ConfigResource,
    ConfigType,
    MetadataDelta,
    MetadataImage,
    PartitionState,
    TopicImage,
)
from ottla.coordination.results import Replies, Reply
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_requests import ShareGroupRequests
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import (
    delete_share_group_state,
    initialize_share_group_state,
    read_share_group_state_summary,
)
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
    DeleteStateResult,
)
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateResult,
)
from ottla.protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    ReadStateSummaryResult,
)
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from ottla.protocol.types import Uuid

GROUP = "sharers"

T = TypeVar("T")
Partition = tuple[str, Uuid, int]


class MemoryPersister:
    """Start offsets by group, topic and partition."""

    def __init__(self) -> None:
        self.start_offsets: dict[Partition, int] = {}
        self.hold = False
        self.refuse_with = ErrorCode.NONE
        self.held: list[Callable[[], None]] = []

    def _answer(self, make: Callable[[ErrorCode], T]) -> Reply[T]:
        replies = Replies()
        reply: Reply[T] = Reply(replies)

        def complete() -> None:
            reply.complete(make(self.refuse_with))
            replies.deliver()

        if self.hold:
            self.held.append(complete)
        else:
            complete()
        return reply

    def go_on(self) -> None:
        self.hold = False
        while self.held:
            self.held.pop(0)()

    def initialize(
        self, request: InitializeShareGroupStateRequest
    ) -> Reply[InitializeShareGroupStateResponse]:
        def make(error: ErrorCode) -> InitializeShareGroupStateResponse:
            if error is ErrorCode.NONE:
                for topic in request.topics:
                    for each in topic.partitions:
                        key = (request.group_id, topic.topic_id, each.partition)
                        self.start_offsets[key] = each.start_offset
            return InitializeShareGroupStateResponse(
                results=[
                    InitializeStateResult(
                        topic_id=topic.topic_id,
                        partitions=[
                            initialize_share_group_state.PartitionResult(
                                partition=each.partition, error_code=error
                            )
                            for each in topic.partitions
                        ],
                    )
                    for topic in request.topics
                ]
            )

        return self._answer(make)

    def delete(self, request: DeleteShareGroupStateRequest) -> Reply[DeleteShareGroupStateResponse]:
        def make(error: ErrorCode) -> DeleteShareGroupStateResponse:
            if error is ErrorCode.NONE:
                for topic in request.topics:
                    for each in topic.partitions:
                        self.start_offsets.pop((request.group_id, topic.topic_id, each.partition), None)
            return DeleteShareGroupStateResponse(
                results=[
                    DeleteStateResult(
                        topic_id=topic.topic_id,
                        partitions=[
                            delete_share_group_state.PartitionResult(
                                partition=each.partition, error_code=error
                            )
                            for each in topic.partitions
                        ],
                    )
                    for topic in request.topics
                ]
            )

        return self._answer(make)

    def read_summary(
        self, request: ReadShareGroupStateSummaryRequest
    ) -> Reply[ReadShareGroupStateSummaryResponse]:
        def make(error: ErrorCode) -> ReadShareGroupStateSummaryResponse:
            return ReadShareGroupStateSummaryResponse(
                results=[
                    ReadStateSummaryResult(
                        topic_id=topic.topic_id,
                        partitions=[
                            read_share_group_state_summary.PartitionResult(
                                partition=each.partition,
                                error_code=error,
                                start_offset=self.start_offsets.get(
                                    (request.group_id, topic.topic_id, each.partition), -1
                                ),
                            )
                            for each in topic.partitions
                        ],
                    )
                    for topic in request.topics
                ]
            )

        return self._answer(make)


class ShareWorld(GroupWorld):
    """A broker with topics and a share coordinator."""

    requests: ShareGroupRequests

    def __init__(self, settings: GroupSettings | None = None) -> None:
        self.existing: dict[str, TopicImage] = {}
        self.group_settings: dict[str, str] = {}
        self.persister = MemoryPersister()
        self._serial = 0
        self._topic_count = 0
        super().__init__(settings)
        self.requests = ShareGroupRequests(self.service, self.persister)

    def restart(self) -> None:
        """The share coordinator lives on: it may be another broker's."""
        super().restart()
        self.requests = ShareGroupRequests(self.service, self.persister)
        self.tell_topics(set(self.existing))

    def set_topic(self, name: str, partition_count: int) -> None:
        """It has so many partitions now; 0: there is no such topic any more."""
        gone = self.existing.pop(name, None)
        if partition_count:
            if gone is None:
                self._topic_count += 1
            topic_id = Uuid(self._topic_count.to_bytes(16, "big")) if gone is None else gone.topic_id
            partitions = {each: PartitionState((1,), (1,), 1, 0, 0) for each in range(partition_count)}
            self.existing[name] = TopicImage(name, topic_id, partitions)
        elif gone is not None:
            for key in [key for key in self.persister.start_offsets if key[1] == gone.topic_id]:
                del self.persister.start_offsets[key]
        self.tell_topics({name})

    def tell_topics(self, changed: Collection[str]) -> None:
        self._serial += 1
        image = MetadataImage(
            topics=dict(self.existing),
            topic_names={topic.topic_id: name for name, topic in self.existing.items()},
            configs={ConfigResource(ConfigType.GROUP, GROUP): self.group_settings},
            serial=self._serial,
        )
        delta = MetadataDelta(changed_partitions={name: frozenset({0}) for name in changed})
        self.service.metadata_changed(image, delta)
        self.service.run_timers(self.now_ms)

    def group(self, group_id: str = GROUP) -> ShareGroup | None:
        found = self.service.coordinators()[0].groups.find(group_id)
        return found if isinstance(found, ShareGroup) else None


class SimulatedSharer:
    """A member as KafkaShareConsumer is one: it chooses its id, and joins anew when it is told to."""

    def __init__(self, world: ShareWorld, member_id: str, *topics: str) -> None:
        self.world = world
        self.member_id = member_id
        self.topics = list(topics)
        self.epoch = 0
        self.assigned: dict[Uuid, frozenset[int]] = {}
        self._lost = False
        self._waits_for: Reply[ShareGroupHeartbeatResponse] | None = None

    @property
    def waits(self) -> bool:
        return self._waits_for is not None and not self._waits_for.done

    def heartbeat(self, *, full: bool = False) -> None:
        """Unless it still waits for the last answer."""
        if self.waits:
            return
        full = full or self.epoch == 0 or self._lost
        reply = self._send(self.epoch, self.topics if full else None)
        self._waits_for = reply
        reply.on_complete(lambda answer: self._hear(reply, answer))

    def lose_answer(self) -> None:
        """A heartbeat whose answer never arrives, because the connection broke. The next one tells everything again."""
        if not self.waits:
            self._lost = True
            self._send(self.epoch, self.topics if self.epoch == 0 else None)

    def leave(self) -> ShareGroupHeartbeatResponse | None:
        self._forget()
        reply = self._send(-1, None)
        return reply.value if reply.done else None

    def crash(self) -> None:
        """It comes back with a new id, as every new instance has one."""
        self._forget()
        self.member_id += "'"

    def _send(self, epoch: int, topics: list[str] | None) -> Reply[ShareGroupHeartbeatResponse]:
        request = ShareGroupHeartbeatRequest(
            group_id=GROUP, member_id=self.member_id, member_epoch=epoch, subscribed_topic_names=topics
        )
        context = GroupRequestContext("c", "/127.0.0.1", 1)
        return self.world.requests.heartbeat(request, context, self.world.now_ms)

    def _hear(self, reply: Reply[ShareGroupHeartbeatResponse], answer: ShareGroupHeartbeatResponse) -> None:
        if reply is not self._waits_for:
            return  # it has crashed meanwhile
        self._waits_for = None
        if answer.error_code in (
            ErrorCode.FENCED_MEMBER_EPOCH,
            ErrorCode.UNKNOWN_MEMBER_ID,
            ErrorCode.GROUP_ID_NOT_FOUND,
            ErrorCode.GROUP_MAX_SIZE_REACHED,
        ):
            self._forget()  # under its old id: while the coordinator counts on that, joining is refused
        elif answer.error_code == ErrorCode.NONE:
            self.epoch = answer.member_epoch
            self._lost = False
            if answer.assignment is not None:
                self.assigned = {
                    topic.topic_id: frozenset(topic.partitions)
                    for topic in answer.assignment.topic_partitions
                }

    def _forget(self) -> None:
        self.epoch = 0
        self.assigned = {}
        self._waits_for = None
