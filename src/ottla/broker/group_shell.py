"""The group coordinator of one broker, running (see coordinator_shell.py), and what it must hear of the metadata."""

import asyncio
from collections.abc import Callable

from ottla.broker.coordinator_shell import CoordinatorShell
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC
from ottla.cluster.image import MetadataDelta, MetadataImage
from ottla.groups.group_types import Task
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupSettings
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.types import TopicPartition
from ottla.records.batch import Codec
from ottla.replication.replicas import Replicas


class GroupShell(CoordinatorShell[GroupCoordinatorService]):
    """Groups and committed offsets, in `__consumer_offsets`."""

    def __init__(
        self,
        replicas: Replicas,
        settings: GroupSettings,
        *,
        partition_count: int,
        new_uuid: Callable[[], str],
        now_ms: Callable[[], int],
        codec: Codec = Codec.NONE,
        max_decompressed_bytes: int = 1 << 28,
    ) -> None:
        """`partition_count`: of `__consumer_offsets` (`offsets.topic.num.partitions`, or what the topic has)."""
        self._tasks: set[asyncio.Task[None]] = set()
        """Bounded by the groups: each has at most one."""
        super().__init__(
            replicas,
            GROUP_METADATA_TOPIC,
            lambda append: GroupCoordinatorService(
                settings,
                partition_count,
                new_uuid,
                append,
                run_task=self._run_task,
                topics=TopicMetadata(first_version=now_ms()),
            ),
            now_ms=now_ms,
            commit_timeout_ms=settings.offset_commit_timeout_ms,
            codec=codec,
            max_decompressed_bytes=max_decompressed_bytes,
        )

    def _run_task(self, task: Task, done: Callable[[object, int], None]) -> None:
        running = self._loop.create_task(self._in_thread(task, done))
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)

    async def _in_thread(self, task: Task, done: Callable[[object, int], None]) -> None:
        outcome: object
        try:
            outcome = await asyncio.to_thread(task)
        except Exception as error:  # noqa: BLE001 - whatever it is, the coordinator is told
            outcome = error
        done(outcome, self._now_ms())
        self.arm()

    def close(self) -> None:
        super().close()
        for task in self._tasks:
            task.cancel()

    def metadata_changed(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """A subscriber of the metadata: groups learn of their topics, and offsets of deleted topics go."""
        self.service.metadata_changed(image, delta)
        gone = [
            TopicPartition(topic.name, partition)
            for topic in delta.deleted_topics
            for partition in topic.partitions
        ]
        if gone:
            self.service.topics_deleted(gone, self._now_ms())
            self.arm()
