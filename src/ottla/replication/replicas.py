"""Every partition of which this broker has a replica, kept in step with the cluster's metadata.

`apply` takes each new image with what changed in it: partitions come, get their roles, go; settings reach the logs. It is
a subscriber of the metadata, called on the loop before the change is answered, so a topic that was made can be produced
to as soon as its creator knows.

Source: Apache's `ReplicaManager.becomeLeaderOrFollower`, `stopReplicas` and, for the order of things, `BrokerMetadataPublisher`.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ottla.cluster.image import ConfigType, MetadataDelta, MetadataImage, PartitionState, TopicImage
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.replication.partition import Partition, Role
from ottla.storage.log_store import LogState, LogStore
from ottla.storage.partition_log import PartitionLog

LeadershipListener: TypeAlias = Callable[[Partition, bool], None]
"""Called with a partition and whether this broker leads it now; only when that, or the leader epoch, has changed."""

TopicConfigs: TypeAlias = Callable[[str], TopicConfig]
"""The settings of a topic as they stand in the newest image."""

_PARTITIONS_PER_STEP: Final = 50
"""Placed or removed in about two milliseconds; between two steps the loop may serve others."""


class Replicas:
    """The partitions of one broker."""

    def __init__(
        self, broker_id: int, logs: LogStore, topic_config: TopicConfigs, now_ms: Callable[[], int]
    ) -> None:
        self.broker_id = broker_id
        self.partitions: dict[tuple[str, int], Partition] = {}
        self._logs = logs
        self._topic_config = topic_config
        self._now_ms = now_ms
        self._listeners: list[LeadershipListener] = []
        self._image = MetadataImage()

    def __iter__(self) -> Iterator[Partition]:
        return iter(self.partitions.values())

    def on_leadership(self, listener: LeadershipListener) -> None:
        """Tell `listener` whenever this broker begins or ceases to lead a partition."""
        self._listeners.append(listener)

    def partition(self, topic: str, partition: int) -> Partition:
        """The partition, to lead or to follow.

        Raises `KafkaError`: NOT_LEADER_OR_FOLLOWER if it is on other brokers, UNKNOWN_TOPIC_OR_PARTITION if nowhere.
        """
        found = self.partitions.get((topic, partition))
        if found is None:
            if self._image.partition(topic, partition) is not None:
                raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return found

    def partition_count(self, topic: str) -> int:
        """How many partitions the topic has, here or elsewhere; 1 for one that does not exist."""
        found = self._image.topics.get(topic)
        return 1 if found is None else len(found.partitions)

    def apply(self, image: MetadataImage, delta: MetadataDelta) -> Iterator[None]:
        """Make what the image says come true here, in steps of a few milliseconds: done when the iterator has ended.

        Until its step, a new partition is answered with NOT_LEADER_OR_FOLLOWER, upon which clients try again. Raises
        nothing: a partition that can't be served is OFFLINE.
        """
        before, self._image = self._image, image
        for topic in delta.deleted_topics:
            yield from self._remove(topic)
        self._configure(image, delta)
        for name, numbers in delta.changed_partitions.items():
            changed_topic = image.topics.get(name)
            if changed_topic is None:
                continue
            config = self._topic_config(name)
            for count, number in enumerate(sorted(numbers), 1):
                # The first image tells of partitions that may have had a log here for long.
                is_new = bool(before.brokers) and before.partition(name, number) is None
                self._place(changed_topic, number, changed_topic.partitions[number], config, is_new=is_new)
                if count % _PARTITIONS_PER_STEP == 0:
                    yield

    def log_loaded(self, log: PartitionLog) -> None:
        """A log that was in recovery can be used."""
        found = self.partitions.get(log.topic_partition)
        state = self._image.partition(*log.topic_partition)
        if found is not None and state is not None and found.log is None:
            self._attach(found, log)
            self._become(found, state)

    def directory_failed(self, topic_partitions: list[TopicPartition]) -> None:
        """Their log directory went offline."""
        for each in topic_partitions:
            found = self.partitions.get(each)
            if found is not None:
                self._leave(found, Role.OFFLINE)

    def directory_recovered(self) -> None:
        """A log directory serves again: what was offline takes its role anew."""
        for found in list(self.partitions.values()):
            state = self._image.partition(*found.topic_partition)
            topic = self._image.topics.get(found.topic_partition.topic)
            if found.role is Role.OFFLINE and state is not None and topic is not None:
                config = self._topic_config(topic.name)
                self._place(topic, found.topic_partition.partition, state, config)

    def high_watermarks(self) -> dict[TopicPartition, int]:
        """What `replication-offset-checkpoint` is written from."""
        return {
            each.topic_partition: each.high_watermark
            for each in self.partitions.values()
            if each.log is not None
        }

    def _place(
        self,
        topic: TopicImage,
        number: int,
        state: PartitionState,
        config: TopicConfig,
        *,
        is_new: bool = False,
    ) -> None:
        name = TopicPartition(topic.name, number)
        found = self.partitions.get(name)
        if self.broker_id not in state.replicas:
            if found is not None:
                self._drop(found)
            return
        if found is None:
            found = self.partitions[name] = Partition(name, topic.topic_id, self.broker_id)
        if found.log is None:
            try:
                if self._logs.state(name) is not LogState.LOADING:
                    now_ms = self._now_ms()
                    log = self._logs.create(name, topic.topic_id, config, now_ms=now_ms, is_new=is_new)
                    self._attach(found, log)
            except KafkaError:
                self._leave(found, Role.OFFLINE)
                return
        self._become(found, state)

    def _attach(self, found: Partition, log: PartitionLog) -> None:
        found.attach(log, self._logs.high_watermark_checkpoint(found.topic_partition))

    def _become(self, found: Partition, state: PartitionState) -> None:
        before = (found.role is Role.LEADER, found.leader_epoch)
        found.become(state)
        after = (found.role is Role.LEADER, found.leader_epoch)
        if before != after and (before[0] or after[0]):
            self._tell(found, leads=after[0])

    def _leave(self, found: Partition, role: Role) -> None:
        led = found.role is Role.LEADER
        found.leave(role)
        if led:
            self._tell(found, leads=False)

    def _tell(self, found: Partition, *, leads: bool) -> None:
        for listener in self._listeners:
            listener(found, leads)

    def _remove(self, topic: TopicImage) -> Iterator[None]:
        for count, number in enumerate(topic.partitions, 1):
            found = self.partitions.get((topic.name, number))
            if found is not None and found.topic_id == topic.topic_id:
                self._drop(found)
            if count % _PARTITIONS_PER_STEP == 0:
                yield

    def _drop(self, found: Partition) -> None:
        del self.partitions[found.topic_partition]
        self._leave(found, Role.DELETED)
        self._logs.delete(found.topic_partition, self._now_ms())

    def _configure(self, image: MetadataImage, delta: MetadataDelta) -> None:
        every_topic = any(each.type is ConfigType.BROKER for each in delta.changed_configs)
        changed = {each.name for each in delta.changed_configs if each.type is ConfigType.TOPIC}
        names = {each.topic_partition.topic for each in self.partitions.values()} if every_topic else changed
        for name in names:
            if name in image.topics:
                self._logs.update_config(name, self._topic_config(name))
