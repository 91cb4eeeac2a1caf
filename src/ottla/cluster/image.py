"""The cluster's metadata as an immutable value: `MetadataImage`, a new one per change.

A reader takes `metadata.image` once and works on it; nothing in it ever changes. A change copies only the maps it
touches (one topic's partitions, the map of topics), through `ImageDraft`, which at the same time notes what moved:
the `MetadataDelta` that subscribers get beside the new image.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Never

from ottla.cluster.acl_bindings import AclNode, ResourcePattern
from ottla.cluster.delegation_token import DelegationToken
from ottla.protocol.types import ZERO_UUID, Uuid

NO_LEADER: Final = -1
NO_STATE_YET: Final = -1
"""Stands as the partition epoch until a first leader is elected and the partition's state has a node."""

LEADER_DURING_DELETE: Final = -2
"""Stands as the leader while a topic's deletion is under way (Apache's `LeaderAndIsr.LeaderDuringDelete`)."""

NOTHING_FINALIZED: Final = -1
"""Stands as the epoch of the finalized features until there are any."""

DEFAULT_ENTITY: Final = "<default>"
"""The name under which configs for all entities of a type are kept."""


NOTHING: Final[Mapping[Any, Never]] = MappingProxyType({})
"""An empty mapping that nobody can fill: the default of values that carry one."""


class ConfigType(enum.StrEnum):
    """Kinds of things that carry configs, by their name in the tree."""

    TOPIC = "topics"
    BROKER = "brokers"
    CLIENT = "clients"
    USER = "users"
    IP = "ips"
    GROUP = "groups"
    CLIENT_METRICS = "client_metrics"


class ConfigResource(NamedTuple):
    """Whose configs. `name` is the topic, the broker id in digits, or `DEFAULT_ENTITY`."""

    type: ConfigType
    name: str


class Endpoint(NamedTuple):
    """An advertised address. `security_protocol` is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""

    listener_name: str
    security_protocol: str
    host: str
    port: int


class BrokerRegistration(NamedTuple):
    broker_id: int
    epoch: int
    """Rises with each registration: the transaction id of the broker's node in the tree."""
    endpoints: tuple[Endpoint, ...]
    rack: str | None = None
    features: Mapping[str, tuple[int, int]] = NOTHING
    """Supported features: name → (lowest, highest) level."""

    def endpoint(self, listener_name: str) -> Endpoint | None:
        return next((e for e in self.endpoints if e.listener_name == listener_name), None)


class PartitionState(NamedTuple):
    """Who leads a partition and who follows.

    Replicas are broker ids; the first replica is the preferred leader.
    """

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    """A broker id, or `NO_LEADER`."""
    leader_epoch: int
    """Rises whenever the leader changes; written into every batch that the leader appends."""
    partition_epoch: int
    """Rises with every change of leader or ISR: the version of the partition's node in the tree, `NO_STATE_YET`
    before the first election."""
    controller_epoch: int = 0
    adding_replicas: tuple[int, ...] = ()
    removing_replicas: tuple[int, ...] = ()
    offline_replicas: tuple[int, ...] = ()
    """Replicas whose log directory has failed; those of dead brokers are not listed here (`offline_replicas_of`)."""
    recovering: bool = False
    """True after an unclean election until the leader has made its log consistent (KIP-704)."""


class TopicImage(NamedTuple):
    name: str
    topic_id: Uuid
    partitions: Mapping[int, PartitionState]
    """By partition, in order of partition; consecutive from 0."""


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """All that is known about the cluster at one moment."""

    cluster_id: str = ""
    controller_id: int = -1
    """Broker id of the controller, -1 while there is none."""
    controller_epoch: int = 0
    brokers: Mapping[int, BrokerRegistration] = field(default_factory=dict)
    """The live ones."""
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    topic_names: Mapping[Uuid, str] = field(default_factory=dict)
    configs: Mapping[ConfigResource, Mapping[str, str]] = field(default_factory=dict)
    """Only what was set; defaults are the config room's. An entity with a node of its own but nothing set is there,
    empty."""
    finalized_features: Mapping[str, int] = field(default_factory=dict)
    """Feature → level above 0."""
    chosen_features: Mapping[str, int] = field(default_factory=dict)
    """Feature → level that UpdateFeatures asked for, 0 for one that is to be off."""
    finalized_features_epoch: int = NOTHING_FINALIZED
    """Rises with every change of a level: the version of the node in the tree."""
    acls: Mapping[ResourcePattern, AclNode] = field(default_factory=dict)
    """Access rules, whether or not an authorizer asks for them."""
    tokens: Mapping[str, DelegationToken] = field(default_factory=dict)
    """Delegation tokens by id, those that have expired until they are taken away."""
    deleting_topics: frozenset[str] = frozenset()
    """Names whose deletion is under way; they can't be created again until it is through."""
    serial: int = 0
    """Rises by one per image in this process: a key for caches made from an image."""

    def topic(self, name: str) -> TopicImage | None:
        return self.topics.get(name)

    def topic_by_id(self, topic_id: Uuid) -> TopicImage | None:
        name = self.topic_names.get(topic_id)
        return None if name is None else self.topics.get(name)

    def partition(self, topic: str, partition: int) -> PartitionState | None:
        image = self.topics.get(topic)
        return None if image is None else image.partitions.get(partition)

    def config(self, resource_type: ConfigType, name: str) -> Mapping[str, str]:
        """What was set for this very entity, without what it inherits."""
        return self.configs.get(ConfigResource(resource_type, name), _NOTHING_SET)

    def offline_replicas_of(self, state: PartitionState) -> tuple[int, ...]:
        """Replicas that can't be read: their broker is dead or their log directory has failed."""
        return tuple(
            replica
            for replica in state.replicas
            if replica not in self.brokers or replica in state.offline_replicas
        )


_NOTHING_SET: Final[Mapping[str, str]] = {}

EMPTY_IMAGE: Final = MetadataImage()


class MetadataDelta(NamedTuple):
    """What differs between an image and the one before it.

    A topic deleted and made again between the two stands in both `deleted_topics` and `created_topics`.
    """

    created_topics: tuple[TopicImage, ...] = ()
    deleted_topics: tuple[TopicImage, ...] = ()
    """As they were in the older image."""
    changed_partitions: Mapping[str, frozenset[int]] = NOTHING
    """Topic → partitions that are new or whose state differs; those of created topics included."""
    changed_configs: frozenset[ConfigResource] = frozenset()
    changed_brokers: frozenset[int] = frozenset()
    """Registered, gone, or registered anew."""
    changed_controller: bool = False
    changed_features: bool = False
    changed_acls: frozenset[ResourcePattern] = frozenset()


class ImageDraft:
    """The next image in the making: copies what it touches, once, and remembers what it touched."""

    __slots__ = (
        "_acls",
        "_brokers",
        "_changed_acls",
        "_changed_configs",
        "_changed_partitions",
        "_configs",
        "_created",
        "_deleted",
        "_scalars",
        "_topic_names",
        "_topics",
        "older",
    )  # fmt: skip

    def __init__(self, older: MetadataImage) -> None:
        self.older = older
        self._brokers: dict[int, BrokerRegistration] | None = None
        self._topics: dict[str, TopicImage] | None = None
        self._topic_names: dict[Uuid, str] | None = None
        self._configs: dict[ConfigResource, Mapping[str, str]] | None = None
        self._acls: dict[ResourcePattern, AclNode] | None = None
        self._created: set[str] = set()
        self._deleted: dict[str, TopicImage] = {}
        self._changed_partitions: dict[str, set[int]] = {}
        self._changed_configs: set[ConfigResource] = set()
        self._changed_acls: set[ResourcePattern] = set()
        self._scalars: dict[str, object] = {}

    def topic(self, name: str) -> TopicImage | None:
        """As the draft has it now."""
        return (self.older.topics if self._topics is None else self._topics).get(name)

    def put_topic(self, name: str, topic_id: Uuid, partitions: Mapping[int, PartitionState]) -> None:
        """A new topic, in place of any of that name."""
        if self.topic(name) is not None:
            self.remove_topic(name)
        topics, topic_names = self._own_topics()
        topics[name] = TopicImage(name, topic_id, dict(sorted(partitions.items())))
        if topic_id != ZERO_UUID:
            topic_names[topic_id] = name
        self._created.add(name)
        self._changed_partitions[name] = set(partitions)

    def put_partitions(self, name: str, partitions: Mapping[int, PartitionState]) -> None:
        """New or changed partitions of a topic that exists."""
        topics, _ = self._own_topics()
        topic = topics[name]
        merged = {**topic.partitions, **partitions}
        topics[name] = TopicImage(name, topic.topic_id, dict(sorted(merged.items())))
        self._changed_partitions.setdefault(name, set()).update(partitions)

    def remove_topic(self, name: str) -> None:
        topics, topic_names = self._own_topics()
        topic = topics.pop(name)
        topic_names.pop(topic.topic_id, None)
        self._changed_partitions.pop(name, None)
        if name in self._created:
            self._created.discard(name)
        else:
            self._deleted[name] = topic

    def put_config(self, resource: ConfigResource, values: Mapping[str, str]) -> None:
        """All that is set for this entity from now on."""
        self._own_configs()[resource] = dict(values)
        self._changed_configs.add(resource)

    def remove_config(self, resource: ConfigResource) -> None:
        """The entity has no node for configs any more."""
        if self._own_configs().pop(resource, None) is not None:
            self._changed_configs.add(resource)

    def put_acls(self, pattern: ResourcePattern, node: AclNode) -> None:
        """All rules of this pattern from now on."""
        self._own_acls()[pattern] = node
        self._changed_acls.add(pattern)

    def remove_acls(self, pattern: ResourcePattern) -> None:
        """There are no rules of this pattern any more."""
        if self._own_acls().pop(pattern, None) is not None:
            self._changed_acls.add(pattern)

    def put_broker(self, registration: BrokerRegistration) -> None:
        self._own_brokers()[registration.broker_id] = registration

    def remove_broker(self, broker_id: int) -> None:
        self._own_brokers().pop(broker_id, None)

    def set_cluster_id(self, cluster_id: str) -> None:
        self._scalars["cluster_id"] = cluster_id

    def set_controller(self, controller_id: int, epoch: int) -> None:
        self._scalars["controller_id"] = controller_id
        self._scalars["controller_epoch"] = epoch

    def set_features(self, levels: Mapping[str, int], chosen: Mapping[str, int], epoch: int) -> None:
        self._scalars["finalized_features"] = dict(levels)
        self._scalars["chosen_features"] = dict(chosen)
        self._scalars["finalized_features_epoch"] = epoch

    def set_deleting_topics(self, names: frozenset[str]) -> None:
        self._scalars["deleting_topics"] = names

    def set_tokens(self, tokens: Mapping[str, DelegationToken]) -> None:
        """All delegation tokens from now on."""
        self._scalars["tokens"] = tokens

    @property
    def touched(self) -> bool:
        """Whether the image made from this draft differs from the older one."""
        maps = (self._brokers, self._topics, self._configs, self._acls)
        return bool(self._scalars) or any(changed is not None for changed in maps)

    def finish(self) -> tuple[MetadataImage, MetadataDelta]:
        maps = {
            "brokers": self._brokers,
            "topics": self._topics,
            "topic_names": self._topic_names,
            "configs": self._configs,
            "acls": self._acls,
        }
        changes = self._scalars | {name: value for name, value in maps.items() if value is not None}
        image = replace(self.older, serial=self.older.serial + 1, **changes)  # type: ignore[arg-type]
        return image, self._delta(image)

    def _delta(self, image: MetadataImage) -> MetadataDelta:
        """Compares what was touched, since a tree read anew touches everything and may have moved nothing."""
        older = self.older
        return MetadataDelta(
            created_topics=tuple(
                image.topics[name]
                for name in sorted(self._created)
                if not _same_topic(older.topics.get(name), image.topics[name])
            ),
            deleted_topics=tuple(
                topic
                for name, topic in self._deleted.items()
                if not _same_topic(image.topics.get(name), topic)
            ),
            changed_partitions=self._moved_partitions(image),
            changed_configs=frozenset(
                resource
                for resource in self._changed_configs
                if older.configs.get(resource) != image.configs.get(resource)
            ),
            changed_brokers=frozenset(
                broker_id
                for broker_id in {*older.brokers, *image.brokers}
                if older.brokers.get(broker_id) != image.brokers.get(broker_id)
            ),
            changed_controller=(older.controller_id, older.controller_epoch)
            != (image.controller_id, image.controller_epoch),
            changed_features=older.finalized_features != image.finalized_features,
            changed_acls=frozenset(
                pattern
                for pattern in self._changed_acls
                if older.acls.get(pattern) != image.acls.get(pattern)
            ),
        )

    def _moved_partitions(self, image: MetadataImage) -> Mapping[str, frozenset[int]]:
        moved: dict[str, frozenset[int]] = {}
        for name, partitions in self._changed_partitions.items():
            topic, older = image.topics[name], self.older.topics.get(name)
            before = older.partitions if older is not None and _same_topic(older, topic) else {}
            differing = frozenset(p for p in partitions if topic.partitions[p] != before.get(p))
            if differing:
                moved[name] = differing
        return moved

    def _own_topics(self) -> tuple[dict[str, TopicImage], dict[Uuid, str]]:
        if self._topics is None or self._topic_names is None:
            self._topics = dict(self.older.topics)
            self._topic_names = dict(self.older.topic_names)
        return self._topics, self._topic_names

    def _own_configs(self) -> dict[ConfigResource, Mapping[str, str]]:
        if self._configs is None:
            self._configs = dict(self.older.configs)
        return self._configs

    def _own_acls(self) -> dict[ResourcePattern, AclNode]:
        if self._acls is None:
            self._acls = dict(self.older.acls)
        return self._acls

    def _own_brokers(self) -> dict[int, BrokerRegistration]:
        if self._brokers is None:
            self._brokers = dict(self.older.brokers)
        return self._brokers


def _same_topic(one: TopicImage | None, other: TopicImage) -> bool:
    return one is not None and one.topic_id == other.topic_id
