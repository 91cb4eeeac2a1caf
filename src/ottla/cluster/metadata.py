"""The broker's door to the cluster's metadata: the current image, and changes to it.

    metadata = Metadata(EmbeddedTree(path), settings, rules, random_bytes=os.urandom)
    await metadata.open()                          # reads the tree; `metadata.image` holds topics and configs
    await metadata.register(endpoints, rack=None)  # this broker is live, a controller is elected
    metadata.subscribe(replicas.apply)             # called on the loop, in order: (image, delta)
    outcomes = await metadata.create_topics([NewTopic("t", 3, 1)])
    await metadata.close()

Changes are carried out one after the other; each is durable in the tree, published in `metadata.image` and told to
every subscriber before its answer is given. Errors that concern one topic, partition or entity stand in its outcome;
a `KafkaError` is raised only when nothing could be done at all (the tree is gone, this broker isn't the controller).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ottla.cluster.changes import (
    ConfigChange,
    ConfigOperation,
    ConfigOutcome,
    ElectionOutcome,
    ElectionType,
    IsrChange,
    IsrOutcome,
    NewPartitions,
    NewTopic,
    PartitionsOutcome,
    ProducerIdBlock,
    TopicOutcome,
)
from ottla.cluster.image import EMPTY_IMAGE, ConfigResource, Endpoint, MetadataDelta, MetadataImage
from ottla.cluster.tree import Tree
from ottla.protocol.types import TopicPartition, Uuid

Subscriber: TypeAlias = Callable[[MetadataImage, MetadataDelta], None]


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """What the controller needs of the broker's configuration."""

    broker_id: int
    default_partitions: int = 1
    """`num.partitions`."""
    default_replication_factor: int = 1
    """`default.replication.factor`."""
    delete_topic_enable: bool = True
    """`delete.topic.enable`."""
    unclean_leader_election_enable: bool = False


class ConfigRules(Protocol):
    """The config room's part in a change: what may be set. Both raise `KafkaError` (mostly INVALID_CONFIG)."""

    def validate(self, resource: ConfigResource, values: Mapping[str, str | None]) -> Mapping[str, str]:
        """What will be stored if all of this is set on the entity, as when a topic is created."""

    def alter(
        self,
        resource: ConfigResource,
        current: Mapping[str, str],
        operations: Sequence[tuple[str, ConfigOperation, str | None]],
    ) -> Mapping[str, str]:
        """What is set after the operations."""


class Metadata:
    """See the module. All methods belong to the loop that called `open`."""

    def __init__(
        self,
        tree: Tree,
        settings: MetadataSettings,
        rules: ConfigRules,
        *,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.image: MetadataImage = EMPTY_IMAGE
        self._tree = tree
        self._settings = settings
        self._rules = rules
        self._random_bytes = random_bytes

    async def open(self, known_cluster_id: str | None = None) -> MetadataImage:
        """Open the tree and read it, making the cluster id if there is none yet.

        `known_cluster_id` is what the log directories say (`meta.properties`). Raises `InconsistentClusterId` if the
        tree is of another cluster or empty, so that logs aren't taken for strays of deleted topics.
        """
        raise NotImplementedError

    async def register(
        self,
        endpoints: Sequence[Endpoint],
        *,
        rack: str | None = None,
        features: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Make this broker known and take part in the election of the controller.

        With one broker, when this returns, it is the controller and every partition has its leader.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Leave the cluster; waits for the change under way."""
        raise NotImplementedError

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every new image from now on; returns what ends that."""
        raise NotImplementedError

    async def create_topics(
        self, topics: Sequence[NewTopic], *, validate_only: bool = False
    ) -> list[TopicOutcome]:
        """One outcome for each topic, in the order asked; a name asked for twice is refused both times."""
        raise NotImplementedError

    async def delete_topics(self, names: Sequence[str] = (), ids: Sequence[Uuid] = ()) -> list[TopicOutcome]:
        """Names first, then ids. When it returns, the tree and the image know the topics no more."""
        raise NotImplementedError

    async def create_partitions(
        self, topics: Sequence[NewPartitions], *, validate_only: bool = False
    ) -> list[PartitionsOutcome]:
        raise NotImplementedError

    async def alter_configs(
        self, changes: Sequence[ConfigChange], *, validate_only: bool = False
    ) -> list[ConfigOutcome]:
        raise NotImplementedError

    async def elect_leaders(
        self, election: ElectionType, partitions: Sequence[TopicPartition] | None = None
    ) -> list[ElectionOutcome]:
        """`None`: every partition; then only those for which an election was needed have an outcome."""
        raise NotImplementedError

    async def alter_isr(self, broker_id: int, changes: Sequence[IsrChange]) -> list[IsrOutcome]:
        raise NotImplementedError

    async def report_offline_replicas(self, broker_id: int, partitions: Sequence[TopicPartition]) -> None:
        """These replicas' log directory has failed: they lose their lead."""
        raise NotImplementedError

    async def report_online_replicas(self, broker_id: int, partitions: Sequence[TopicPartition]) -> None:
        """These replicas' log directory serves again."""
        raise NotImplementedError

    async def allocate_producer_ids(self) -> ProducerIdBlock:
        """A block of 1,000 ids that nobody was given before, nor will be."""
        raise NotImplementedError
