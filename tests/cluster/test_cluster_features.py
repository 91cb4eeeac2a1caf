"""Features: which levels are finalized, chosen and kept (KIP-584), and partitions moved as far as they can be."""

from __future__ import annotations

import pytest
from controller_cases import after, controller, image_of, state

from ottla.cluster.features import (
    FEATURES,
    FeatureUpdate,
    UpgradeType,
    production_levels,
    supported_levels,
)
from ottla.cluster.image import BrokerRegistration, ImageDraft, MetadataImage
from ottla.cluster.reassignments import Reassignment, ongoing
from ottla.cluster.tree import SetData
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition


def cluster(*features: dict[str, tuple[int, int]]) -> MetadataImage:
    """Brokers 0, 1… that support these features, the production levels finalized."""
    draft = ImageDraft(image_of([]))
    for broker_id, supported in enumerate(features):
        draft.put_broker(BrokerRegistration(broker_id, 10 + broker_id, (), features=supported))
    image, _ = draft.finish()
    return after(controller().finalize_features(image, production_levels(unstable=False), None))[0]


EVERY = supported_levels(unstable=True)
OLD: dict[str, tuple[int, int]] = {}


def test_no_level_lies_beyond_what_is_supported() -> None:
    """Nor is one that a new cluster gets."""
    for unstable in (False, True):
        supported = supported_levels(unstable=unstable)
        for name, level in production_levels(unstable=unstable).items():
            assert level <= supported.get(name, (0, 0))[1] <= FEATURES[name].highest_unstable


def test_a_choice_holds_until_another_one() -> None:
    """Also level 0, and also when the controller starts anew; what nobody chose rises with the brokers."""
    image = cluster(EVERY)
    assert image.finalized_features == {"group.version": 1, "transaction.version": 2}
    updates = [
        FeatureUpdate("group.version", 0, UpgradeType.SAFE_DOWNGRADE),
        FeatureUpdate("share.version", 1),
    ]
    image, delta = after(controller().update_features(image, updates, 0))
    assert image.finalized_features == {"transaction.version": 2, "share.version": 1}
    assert image.finalized_features_epoch == 1
    assert delta.changed_features
    again = controller().finalize_features(image, production_levels(unstable=False), 1)
    assert again.steps == []


def test_levels_fall_while_an_older_broker_is_there() -> None:
    """And rise again when it has gone."""
    image = cluster(EVERY, OLD)
    assert image.finalized_features == {}
    draft = ImageDraft(image)
    draft.remove_broker(1)
    image, _ = draft.finish()
    decision = controller().finalize_features(image, production_levels(unstable=False), 0)
    assert after(decision)[0].finalized_features == {"group.version": 1, "transaction.version": 2}


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (FeatureUpdate("share.version", 1), "Broker 1 does not support this feature."),
        (FeatureUpdate("no.such", 1), "Local controller 0 does not support this feature."),
        (FeatureUpdate("transaction.version", 3), "Local controller 0 only supports versions 0-2"),
    ],
)
def test_every_live_broker_has_to_support_it(update: FeatureUpdate, reason: str) -> None:
    """The controller is named first."""
    image = cluster(EVERY, {"group.version": (0, 1), "transaction.version": (0, 2)})
    with pytest.raises(KafkaError, match=reason) as refused:
        controller().update_features(image, [update], 0)
    assert refused.value.code is ErrorCode.INVALID_UPDATE_VERSION


# Reassignments.

PARTITION = TopicPartition("t", 0)


def test_replicas_are_dropped_and_reordered_at_once() -> None:
    """The leader stays if it may, else one in sync leads; a dead one's place goes."""
    image = image_of([0, 1], t=[state((0, 1, 2), leader=0, isr=(0, 1))])
    decision = controller().reassign(
        image, [Reassignment(PARTITION, (1, 0))], allow_replication_factor_change=True
    )
    moved = after(decision)[0].topics["t"].partitions[0]
    assert (moved.replicas, moved.leader, moved.isr) == ((1, 0), 0, (0, 1))
    assert len([each for step in decision.steps for each in step if isinstance(each, SetData)]) == 2
    decision = controller().reassign(
        image, [Reassignment(PARTITION, (1,))], allow_replication_factor_change=True
    )
    moved = after(decision)[0].topics["t"].partitions[0]
    assert (moved.replicas, moved.leader, moved.isr, moved.leader_epoch) == ((1,), 1, (1,), 8)
    assert ongoing(after(decision)[0]) == {}


@pytest.mark.parametrize(
    ("replicas", "error"),
    [
        ((0, 3), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ((2,), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ((0,), ErrorCode.INVALID_REPLICATION_FACTOR),
        (None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
    ],
)
def test_what_would_lose_records_or_change_the_factor_is_refused(
    replicas: tuple[int, ...] | None, error: ErrorCode
) -> None:
    """A new replica, one that isn't in sync alone, another count where that isn't allowed."""
    image = image_of([0, 1, 2, 3], t=[state((0, 1, 2)[:2], leader=0, isr=(0,))])
    image = image_of([0, 1, 2, 3], t=[state((0, 2), leader=0, isr=(0,))]) if replicas == (2,) else image
    decision = controller().reassign(
        image, [Reassignment(PARTITION, replicas)], allow_replication_factor_change=replicas == (2,)
    )
    assert [each.error for each in decision.outcomes] == [error]
    assert decision.steps == []
