"""A controller and small images for the tests of what it decides."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from simple_rules import SimpleRules

from ottla.cluster import paths
from ottla.cluster.controller import Controller
from ottla.cluster.decision import Decision
from ottla.cluster.image import (
    BrokerRegistration,
    ConfigResource,
    ConfigType,
    ImageDraft,
    MetadataDelta,
    MetadataImage,
    PartitionState,
)
from ottla.cluster.rules import MetadataSettings
from ottla.cluster.tree import Check
from ottla.protocol.types import Uuid

FENCE = Check(paths.CONTROLLER_EPOCH, 4)


def controller(*, delete_topic_enable: bool = True, announce_configs: bool = False) -> Controller:
    """Its random bytes count up, so that every run is the same."""
    counter = itertools.count(1)
    return Controller(
        MetadataSettings(
            0,
            default_partitions=2,
            default_replication_factor=1,
            delete_topic_enable=delete_topic_enable,
        ),
        SimpleRules(),
        lambda count: next(counter).to_bytes(count, "big"),
        epoch_version=FENCE.version,
        announce_configs=announce_configs,
    )


def image_of(brokers: Sequence[int] = (0, 1, 2), **topics: list[PartitionState]) -> MetadataImage:
    """Live brokers and topics; a topic's id repeats its name's first letter."""
    draft = ImageDraft(MetadataImage(cluster_id="c", controller_id=0, controller_epoch=5))
    for broker in brokers:
        draft.put_broker(BrokerRegistration(broker, 10 + broker, ()))
    for name, states in topics.items():
        draft.put_topic(name, Uuid(name[0].encode() * 16), dict(enumerate(states)))
        draft.put_config(ConfigResource(ConfigType.TOPIC, name), {})
    return draft.finish()[0]


def state(
    replicas: tuple[int, ...], leader: int | None = None, isr: tuple[int, ...] | None = None
) -> PartitionState:
    """Leader epoch 7, partition epoch 3."""
    return PartitionState(
        replicas,
        replicas if isr is None else isr,
        replicas[0] if leader is None else leader,
        leader_epoch=7,
        partition_epoch=3,
        controller_epoch=2,
    )


def after(decision: Decision[object]) -> tuple[MetadataImage, MetadataDelta]:
    return decision.draft.finish()
