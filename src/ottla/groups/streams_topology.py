"""The topology of a streams group: its subtopologies and the topics each reads, writes and keeps its state in (KIP-1071).

The first member tells it, a record keeps it. What becomes of it once the topics' partitions are counted is in
streams_configuration.py.

Apache: org.apache.kafka.coordinator.group.streams.StreamsTopology.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ottla.groups.java_hash_order import string_hash_order
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import streams_group_heartbeat as heartbeat
from ottla.protocol.messages import streams_group_topology_record as record


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic that the group makes for itself: a repartition topic, or the changelog of a store."""

    name: str
    partitions: int
    """0: to be decided from the source topics."""
    replication_factor: int
    """0: the broker's default."""
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CopartitionGroup:
    """Topics with equally many partitions, by their place in the subtopology's lists."""

    source_topics: Sequence[int]
    source_topic_regex: Sequence[int]
    repartition_source_topics: Sequence[int]


@dataclass(frozen=True, slots=True)
class Subtopology:
    """A connected part of the topology; its tasks are made by partition."""

    subtopology_id: str
    source_topics: Sequence[str]
    source_topic_regex: Sequence[str]
    """Patterns; none so far, since a request with one is refused."""
    state_changelog_topics: Sequence[TopicInfo]
    repartition_sink_topics: Sequence[str]
    repartition_source_topics: Sequence[TopicInfo]
    copartition_groups: Sequence[CopartitionGroup]

    def all_source_topics(self) -> list[str]:
        return [*self.source_topics, *(topic.name for topic in self.repartition_source_topics)]

    def required_topics(self) -> list[str]:
        return [*self.all_source_topics(), *(changelog.name for changelog in self.state_changelog_topics)]

    def copartitioned_topics(self) -> list[frozenset[str]]:
        """The names of each copartition group. An index that names nothing is the client's mistake."""
        try:
            return [
                frozenset(
                    [self.source_topics[index] for index in group.source_topics]
                    + [
                        self.repartition_source_topics[index].name
                        for index in group.repartition_source_topics
                    ]
                )
                for group in self.copartition_groups
            ]
        except IndexError:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR) from None


@dataclass(frozen=True, slots=True)
class StreamsTopology:
    """A topology as its client declared it. Equal if the epoch and all subtopologies are, in whatever order."""

    topology_epoch: int
    subtopologies: Mapping[str, Subtopology]
    """By id."""

    def required_topics(self) -> list[str]:
        """The topics whose partitions must be known to configure it, each once."""
        return list(
            dict.fromkeys(
                topic
                for subtopology in self.subtopologies.values()
                for topic in subtopology.required_topics()
            )
        )

    def in_hash_order(self) -> list[Subtopology]:
        """The subtopologies as Apache goes through them: where one repartition topic's count depends on another's, the
        order shows in the result."""
        return [
            self.subtopologies[subtopology_id] for subtopology_id in string_hash_order(self.subtopologies)
        ]


def topology_of(message: heartbeat.Topology | record.StreamsGroupTopologyValue) -> StreamsTopology:
    """The topology that a heartbeat or a record tells. KafkaError UNKNOWN_SERVER_ERROR for one that no client declares:
    a negative epoch, two subtopologies of one id."""
    subtopologies = {each.subtopology_id: _subtopology(each) for each in message.subtopologies}
    if message.epoch < 0 or len(subtopologies) < len(message.subtopologies):
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    return StreamsTopology(message.epoch, subtopologies)


def _subtopology(message: heartbeat.Subtopology | record.Subtopology) -> Subtopology:
    return Subtopology(
        message.subtopology_id,
        tuple(message.source_topics),
        tuple(message.source_topic_regex),
        tuple(_topic_info(topic) for topic in message.state_changelog_topics),
        tuple(message.repartition_sink_topics),
        tuple(_topic_info(topic) for topic in message.repartition_source_topics),
        tuple(
            CopartitionGroup(
                tuple(group.source_topics),
                tuple(group.source_topic_regex),
                tuple(group.repartition_source_topics),
            )
            for group in message.copartition_groups
        ),
    )


def _topic_info(message: heartbeat.TopicInfo | record.TopicInfo) -> TopicInfo:
    return TopicInfo(
        message.name,
        message.partitions,
        message.replication_factor,
        {config.key: config.value for config in message.topic_configs},
    )
