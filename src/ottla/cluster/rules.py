"""What the controller needs of the broker's configuration: some values, and the config room's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ottla.cluster.changes import ConfigOperation
from ottla.cluster.image import ConfigResource


class MetadataSettings(NamedTuple):
    """The broker settings that metadata depends on."""

    broker_id: int
    default_partitions: int = 1
    """`num.partitions`."""
    default_replication_factor: int = 1
    """`default.replication.factor`."""
    delete_topic_enable: bool = True
    """`delete.topic.enable`."""
    unstable_features: bool = False
    """`unstable.feature.versions.enable`."""
    has_authorizer: bool = False
    """Whether access rules are served: then the tree gets the nodes that they hang on (`authorizer.class.name`)."""
    has_tokens: bool = False
    """Whether delegation tokens are served: likewise (`delegation.token.secret.key`)."""


class ConfigRules(Protocol):
    """The config room's part in a change: what may be set. All raise `KafkaError` (mostly INVALID_CONFIG)."""

    def validate(self, resource: ConfigResource, values: Mapping[str, str | None]) -> Mapping[str, str]:
        """What will be stored if all of this is set on the entity, as when a topic is created."""

    def alter(
        self,
        resource: ConfigResource,
        current: Mapping[str, str],
        operations: Sequence[tuple[str, ConfigOperation, str | None]],
    ) -> Mapping[str, str]:
        """What is set after the operations."""

    def unclean_election_allowed(
        self, topic_configs: Mapping[str, str], broker_configs: Mapping[str, str]
    ) -> bool:
        """`unclean.leader.election.enable` of a topic with these settings, over those of all brokers."""
