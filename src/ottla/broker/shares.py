"""Share groups' side of one broker: the share coordinator, the share partitions led here, and their members' sessions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ottla.broker.internal_topics import SHARE_GROUP_STATE_TOPIC
from ottla.broker.share_feature import share_groups_enabled
from ottla.broker.share_partitions import SharePartitions
from ottla.broker.share_shell import LocalPersister, ShareStateShell
from ottla.cluster.features import SHARE_VERSION
from ottla.cluster.image import MetadataDelta, MetadataImage
from ottla.config.broker_config import BrokerConfig
from ottla.protocol.types import Uuid
from ottla.records.batch import Codec
from ottla.shares.records import SharePartitionKey
from ottla.shares.sessions import ShareSession, ShareSessionKey, ShareSessions
from ottla.shares.settings import ShareCoordinatorSettings, SharePartitionSettings

if TYPE_CHECKING:
    from ottla.broker.context import ConnectionInfo
    from ottla.broker.server import BrokerServer


class Shares:
    """Made once a broker's replicas are. Used on the loop's thread."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker
        config = broker.config
        topic = broker.metadata.image.topic(SHARE_GROUP_STATE_TOPIC)
        configured = _number(config, "share.coordinator.state.topic.num.partitions")
        self.state = ShareStateShell(
            broker.replicas,
            coordinator_settings(config),
            partition_count=configured if topic is None else len(topic.partitions),
            partition_exists=self._partition_exists,
            prune_interval_ms=_number(config, "share.coordinator.state.topic.prune.interval.ms"),
            now_ms=broker.now_ms,
            codec=Codec(_number(config, "share.coordinator.state.topic.compression.codec")),
            max_decompressed_bytes=config.ottla_decompressed_batch_max_bytes,
        )
        self.persister = LocalPersister(self.state, broker.topic_creation, broker.turns, broker.now_ms)
        self.partitions = SharePartitions(broker, self.persister, partition_settings(config))
        self.sessions = ShareSessions(_number(config, "group.share.max.share.sessions"), self._topic_name)
        broker.features.subscribe(SHARE_VERSION, self._version_changed)

    @property
    def enabled(self) -> bool:
        """Whether share groups are served."""
        return share_groups_enabled(self._broker)

    def close(self) -> None:
        self.partitions.close()
        self.persister.close()
        self.state.close()

    def metadata_changed(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """A subscriber of the metadata, after the replicas."""
        self.state.metadata_changed(image, delta)

    def connection_closed(self, connection: "ConnectionInfo") -> None:
        """The sessions that were opened on it end, and with them the locks of their members."""
        for key in self.sessions.connection_closed(connection.identity):
            self.end_session(key)

    def end_session(self, key: ShareSessionKey) -> None:
        """Give back what the member has acquired and forget its session."""
        session = self.sessions.remove(key)
        if session is None:
            return
        for name in _share_partitions(session):
            running = self.partitions.find(name)
            if running is not None:
                self.partitions.release(running, key.member_id)
        if not self.sessions.has_members(key.group_id):
            self.partitions.drop_group(key.group_id)

    def _version_changed(self, level: int) -> None:
        del level
        if not self.enabled:
            self.sessions.clear()
            for running in list(self.partitions):
                self.partitions.drop(running)

    def _topic_name(self, topic_id: Uuid) -> str:
        return self._broker.metadata.image.topic_names.get(topic_id, "")

    def _partition_exists(self, topic_id: Uuid, partition: int) -> bool:
        topic = self._broker.metadata.image.topic_by_id(topic_id)
        return topic is not None and partition in topic.partitions


def coordinator_settings(config: BrokerConfig) -> ShareCoordinatorSettings:
    return ShareCoordinatorSettings(
        snapshot_update_records_per_snapshot=_number(
            config, "share.coordinator.snapshot.update.records.per.snapshot"
        ),
        cold_partition_snapshot_interval_ms=_number(
            config, "share.coordinator.cold.partition.snapshot.interval.ms"
        ),
        write_timeout_ms=_number(config, "share.coordinator.write.timeout.ms"),
    )


def partition_settings(config: BrokerConfig) -> SharePartitionSettings:
    return SharePartitionSettings(
        delivery_count_limit=_number(config, "group.share.delivery.count.limit"),
        partition_max_record_locks=_number(config, "group.share.partition.max.record.locks"),
    )


def _share_partitions(session: ShareSession) -> Iterator[SharePartitionKey]:
    for topic_id, partition in session.partitions:
        yield SharePartitionKey(session.key.group_id, topic_id, partition)


def _number(config: BrokerConfig, name: str) -> int:
    value = config.get(name)
    assert isinstance(value, int), name
    return value
