"""The group coordinator of one broker, running (see coordinator_shell.py), and what it must hear of the metadata."""

from collections.abc import Callable

from ottla.broker.coordinator_shell import CoordinatorShell
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC
from ottla.cluster.image import MetadataDelta, MetadataImage
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupSettings
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
        super().__init__(
            replicas,
            GROUP_METADATA_TOPIC,
            lambda append: GroupCoordinatorService(settings, partition_count, new_uuid, append),
            now_ms=now_ms,
            commit_timeout_ms=settings.offset_commit_timeout_ms,
            codec=codec,
            max_decompressed_bytes=max_decompressed_bytes,
        )

    def metadata_changed(self, _image: MetadataImage, delta: MetadataDelta) -> None:
        """A subscriber of the metadata: offsets of deleted topics go."""
        gone = [
            TopicPartition(topic.name, partition)
            for topic in delta.deleted_topics
            for partition in topic.partitions
        ]
        if gone:
            self.service.topics_deleted(gone, self._now_ms())
            self.arm()
