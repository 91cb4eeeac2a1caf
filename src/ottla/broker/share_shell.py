"""The share coordinator of one broker, running (see coordinator_shell.py), and the persister in front of it.

Share partitions and share groups ask the persister; it makes `__share_group_state` when it is first needed and asks again
while the coordinator is loading or not elected yet, as Apache's DefaultStatePersister does.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ottla.broker.coordinator_shell import CoordinatorShell
from ottla.broker.internal_topics import SHARE_GROUP_STATE_TOPIC
from ottla.broker.topic_creation import TopicCreation
from ottla.broker.turns import PIECE_SECONDS, Turns, now
from ottla.cluster.image import MetadataDelta, MetadataImage
from ottla.coordination.results import Replies, Reply
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.types import Uuid
from ottla.records.batch import Codec
from ottla.replication.replicas import Replicas
from ottla.shares.coordinator import PartitionExists
from ottla.shares.service import ShareCoordinatorService
from ottla.shares.settings import ShareCoordinatorSettings
from ottla.shares.state_requests import (
    DELETE,
    INITIALIZE,
    READ,
    READ_SUMMARY,
    WRITE,
    Answer,
    Asked,
    AskedRowType,
    Row,
    StateRequest,
)

FIRST_BACKOFF_S: Final = 0.05
"""Apache's is a second; here the coordinator is in the same process, and is loaded in less."""
MAX_ATTEMPTS: Final = 9
"""The wait doubles each time: 12 seconds in all."""

_TRIED_AGAIN = (
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.NOT_COORDINATOR,
)


class ShareStateShell(CoordinatorShell[ShareCoordinatorService]):
    """The state of share partitions, in `__share_group_state`."""

    def __init__(
        self,
        replicas: Replicas,
        settings: ShareCoordinatorSettings,
        *,
        partition_count: int,
        partition_exists: PartitionExists,
        prune_interval_ms: int,
        now_ms: Callable[[], int],
        codec: Codec = Codec.NONE,
        max_decompressed_bytes: int = 1 << 28,
    ) -> None:
        """`partition_count`: of `__share_group_state` (its setting, or what the topic has)."""
        super().__init__(
            replicas,
            SHARE_GROUP_STATE_TOPIC,
            lambda append: ShareCoordinatorService(settings, partition_count, partition_exists, append),
            now_ms=now_ms,
            commit_timeout_ms=settings.write_timeout_ms,
            codec=codec,
            max_decompressed_bytes=max_decompressed_bytes,
        )
        self._prune_interval_s = prune_interval_ms / 1000
        self._pruned: dict[int, int] = {}
        self._pruning = self._loop.call_later(self._prune_interval_s, self._prune)

    def close(self) -> None:
        self._pruning.cancel()
        super().close()

    @property
    def topic_exists(self) -> bool:
        """Whether there is a log to keep state in."""
        return (SHARE_GROUP_STATE_TOPIC, 0) in self._replicas.partitions

    def metadata_changed(self, _image: MetadataImage, delta: MetadataDelta) -> None:
        """A subscriber of the metadata: the state of deleted topics goes."""
        if delta.deleted_topics:
            self.service.topics_deleted({topic.topic_id for topic in delta.deleted_topics})
            self.arm()

    def _prune(self) -> None:
        """Delete the beginnings of the logs that no snapshot needs."""
        self._pruning = self._loop.call_later(self._prune_interval_s, self._prune)
        for number, offset in self.service.redundant_offsets().items():
            if self._pruned.get(number) == offset:
                continue
            try:
                partition = self._replicas.partition(SHARE_GROUP_STATE_TOPIC, number)
                if offset >= partition.high_watermark:
                    continue  # the snapshot that takes the place of the rest is not committed yet: next time
                partition.delete_records(offset)
            except KafkaError:
                continue  # led elsewhere by now, or its directory failed
            self._pruned[number] = offset


@dataclass(slots=True)
class _Call:
    """One row of a request until it has its answer."""

    ask: Callable[[], Reply[Any]]
    """Asks the coordinator for this row alone."""
    done: Reply[Any]
    attempts: int = 0


class LocalPersister:
    """The share coordinator of this broker as a `Persister`. Each row is asked for by itself, as in Apache."""

    def __init__(
        self, shell: ShareStateShell, topics: TopicCreation, turns: Turns, now_ms: Callable[[], int]
    ) -> None:
        self._shell = shell
        self._topics = topics
        self._turns = turns
        self._now_ms = now_ms
        self._replies = Replies()
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.TimerHandle] = set()
        self._closed = False
        self._making: asyncio.Task[None] | None = None
        self._until_made: list[_Call] = []
        """Bounded by the callers: each share partition has one call in hand, each group's coordinator one for a group."""

    def close(self) -> None:
        """What waits is told nothing more."""
        self._closed = True
        for handle in self._waiting:
            handle.cancel()
        if self._making is not None:
            self._making.cancel()

    def initialize(
        self, request: initializing.InitializeShareGroupStateRequest
    ) -> Reply[initializing.InitializeShareGroupStateResponse]:
        return self._row_by_row(INITIALIZE, self._shell.service.initialize, request)

    def read(self, request: reading.ReadShareGroupStateRequest) -> Reply[reading.ReadShareGroupStateResponse]:
        return self._row_by_row(READ, self._shell.service.read, request)

    def write(
        self, request: writing.WriteShareGroupStateRequest
    ) -> Reply[writing.WriteShareGroupStateResponse]:
        return self._row_by_row(WRITE, self._shell.service.write, request)

    def delete(
        self, request: deleting.DeleteShareGroupStateRequest
    ) -> Reply[deleting.DeleteShareGroupStateResponse]:
        return self._row_by_row(DELETE, self._shell.service.delete, request)

    def read_summary(
        self, request: summarizing.ReadShareGroupStateSummaryRequest
    ) -> Reply[summarizing.ReadShareGroupStateSummaryResponse]:
        return self._row_by_row(READ_SUMMARY, self._shell.service.read_summary, request)

    def _row_by_row(
        self,
        kind: StateRequest[Asked, AskedRowType, Answer, Row],
        ask: Callable[[Asked, int], Reply[Answer]],
        request: Asked,
    ) -> Reply[Answer]:
        answer: Reply[Answer] = Reply(self._replies)
        if not request.group_id:
            answer.complete(kind.answered([]))  # as the coordinator answers it
            return answer
        rows = kind.rows_of(request)
        answered: list[Any] = [None] * len(rows)
        waiting = len(rows)

        def take(place: int, row: Any) -> None:
            nonlocal waiting
            answered[place] = row
            waiting -= 1
            if not waiting:
                complete()

        def complete() -> None:
            topic_ids = (topic_id for topic_id, _ in rows)
            answer.complete(kind.answered(zip(topic_ids, answered, strict=True)))
            self._replies.deliver()

        def call(place: int, topic_id: Uuid, row: AskedRowType) -> _Call:
            done: Reply[Any] = Reply(self._replies)
            done.on_complete(lambda value: take(place, value))
            return _Call(lambda: ask(kind.for_one_row(request, topic_id, row), self._now_ms()), done)

        if rows:
            self._try_each(call(place, *row) for place, row in enumerate(rows))
        else:
            complete()
        return answer

    def _try_each(self, calls: Iterator[_Call]) -> None:
        """A piece at a time: a group may begin with thousands of partitions."""
        started = now()
        for call in calls:
            self._try(call)
            if now() - started > PIECE_SECONDS:
                self._turns.put_off(lambda: self._try_each(calls))
                return

    def _try(self, call: _Call) -> None:
        if self._shell.topic_exists:
            self._attempt(call)
            return
        self._until_made.append(call)
        if self._making is None:
            self._making = self._loop.create_task(self._make_topic())

    async def _make_topic(self) -> None:
        try:
            await self._topics.internal(SHARE_GROUP_STATE_TOPIC)
        finally:
            self._making = None
            calls, self._until_made = self._until_made, []
            if not self._closed:
                for call in calls:
                    self._attempt(call)

    def _attempt(self, call: _Call) -> None:
        call.attempts += 1
        call.ask().on_complete(lambda response: self._answered(call, response))
        self._shell.arm()

    def _answered(self, call: _Call, response: Any) -> None:
        row = response.results[0].partitions[0]
        if row.error_code in _TRIED_AGAIN and call.attempts < MAX_ATTEMPTS:
            if not self._closed:
                self._try_later(call)
            return
        call.done.complete(row)
        self._replies.deliver()

    def _try_later(self, call: _Call) -> None:
        def again() -> None:
            self._waiting.discard(handle)
            self._try(call)

        handle = self._loop.call_later(FIRST_BACKOFF_S * 2 ** (call.attempts - 1), again)
        self._waiting.add(handle)
