"""The coordinators of groups and of transactions, made of the broker's settings and its other rooms."""

import os
from typing import TYPE_CHECKING

from ottla.broker.group_shell import GroupShell
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC
from ottla.broker.marker_writing import MarkerWriter
from ottla.broker.room_settings import group_settings, transaction_settings
from ottla.broker.transaction_shell import NoOtherBrokers, TransactionShell
from ottla.cluster.features import TRANSACTION_VERSION
from ottla.protocol.types import Uuid, random_uuid
from ottla.records.batch import Codec

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def make_groups(broker: "BrokerServer") -> GroupShell:
    """Needs the broker's replicas."""
    config = broker.config
    return GroupShell(
        broker.replicas,
        group_settings(config),
        partition_count=_partitions_of(broker, GROUP_METADATA_TOPIC, config.offsets_topic_num_partitions),
        new_uuid=lambda: _java_uuid(random_uuid(os.urandom(16))),
        now_ms=broker.now_ms,
        codec=Codec(config.offsets_topic_compression_codec),
        max_decompressed_bytes=config.ottla_decompressed_batch_max_bytes,
    )


def make_marker_writer(broker: "BrokerServer") -> MarkerWriter:
    """Needs the broker's groups, and those who write in transactions."""
    return MarkerWriter(
        broker.replicas,
        broker.groups.service,
        broker.transactional_writes.verifications,
        broker.timers,
        now_ms=broker.now_ms,
        timeout_ms=broker.config.request_timeout_ms,
    )


def make_transactions(broker: "BrokerServer") -> TransactionShell:
    """Needs the broker's marker writer."""
    config = broker.config
    return TransactionShell(
        broker.replicas,
        transaction_settings(config),
        broker.marker_writer,
        NoOtherBrokers(),
        partition_count=_partitions_of(
            broker, TRANSACTION_STATE_TOPIC, config.transaction_state_log_num_partitions
        ),
        new_producer_id=broker.producer_ids.next_or_refuse,
        transaction_version=lambda: broker.features.level(TRANSACTION_VERSION),
        image=lambda: broker.metadata.image,
        now_ms=broker.now_ms,
        commit_timeout_ms=config.request_timeout_ms,
        max_decompressed_bytes=config.ottla_decompressed_batch_max_bytes,
    )


def _partitions_of(broker: "BrokerServer", internal_topic: str, setting: int) -> int:
    """How many it has, or will have when it is made."""
    topic = broker.metadata.image.topic(internal_topic)
    return len(topic.partitions) if topic is not None else setting


def _java_uuid(uuid: Uuid) -> str:
    """As `java.util.UUID` prints it, which is how Apache's member ids end."""
    digits = uuid.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
