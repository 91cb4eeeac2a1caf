"""A topology meets the topics there are: how many tasks each subtopology has, and which internal topics are to be made.

    source topics' partitions ─▶ repartition topics' (a fixed point: each has as many as the widest source of who writes it)
        ─▶ copartition groups made equal ─▶ changelogs' (as many as their subtopology has tasks)

A topology that does not fit its topics is not an error of the request: the group waits in NOT_READY, and every answer
carries the status that says why. One that can fit no topics (a loop of repartition topics) is refused with
STREAMS_INVALID_TOPOLOGY.

Apache: org.apache.kafka.coordinator.group.streams.topics, InternalTopicManager and the classes around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ottla.groups.java_hash_order import string_hash_order
from ottla.groups.streams_topology import StreamsTopology, Subtopology, TopicInfo
from ottla.protocol.errors import ErrorCode, KafkaError

PartitionCount = Callable[[str], int | None]
"""How many partitions a topic has; None: there is no such topic."""


class StreamsStatus(IntEnum):
    """What a member is told beside its assignment, by the number in the heartbeat's answer."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4


@dataclass(frozen=True, slots=True)
class InternalTopic:
    """A topic that the group needs for itself."""

    name: str
    partitions: int
    replication_factor: int
    """0: the broker's default."""
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ConfiguredSubtopology:
    """A subtopology whose topics are counted."""

    number_of_tasks: int
    """The partitions of its widest source topic."""
    source_topics: frozenset[str]
    repartition_source_topics: Mapping[str, InternalTopic]
    repartition_sink_topics: frozenset[str]
    state_changelog_topics: Mapping[str, InternalTopic]

    def all_source_topics(self) -> list[str]:
        """The topics whose partitions its tasks read, sorted."""
        return sorted({*self.source_topics, *self.repartition_source_topics})


@dataclass(frozen=True, slots=True)
class TopicsProblem:
    """Why the topics do not fit the topology."""

    status: StreamsStatus
    detail: str


@dataclass(frozen=True, slots=True)
class ConfiguredTopology:
    """A topology measured against the topics of one moment."""

    topology_epoch: int
    metadata_hash: int
    subtopologies: Mapping[str, ConfiguredSubtopology] | None
    """By id, in the order of the ids; None if the source topics do not fit."""
    missing_internal_topics: Mapping[str, InternalTopic]
    problem: TopicsProblem | None

    @property
    def is_ready(self) -> bool:
        return self.problem is None


class _MisfitError(Exception):
    """The topics do not fit."""

    def __init__(self, status: StreamsStatus, detail: str) -> None:
        super().__init__(detail)
        self.problem = TopicsProblem(status, detail)


def configure_topics(
    topology: StreamsTopology, metadata_hash: int, partition_count: PartitionCount
) -> ConfiguredTopology:
    """Raises KafkaError: STREAMS_INVALID_TOPOLOGY, or UNKNOWN_SERVER_ERROR for what no client of Kafka's sends."""
    try:
        _check_source_topics(topology, partition_count)
        counts = _decide_counts(topology, partition_count)
        configured = {
            subtopology_id: _configured(topology.subtopologies[subtopology_id], counts)
            for subtopology_id in sorted(topology.subtopologies)
        }
        missing = _missing_internal_topics(configured, topology, partition_count)
    except _MisfitError as misfit:
        return ConfiguredTopology(topology.topology_epoch, metadata_hash, None, {}, misfit.problem)
    problem = None
    if missing:
        names = ", ".join(missing)
        problem = TopicsProblem(
            StreamsStatus.MISSING_INTERNAL_TOPICS, f"Internal topics are missing: [{names}]"
        )
    return ConfiguredTopology(topology.topology_epoch, metadata_hash, configured, missing, problem)


def _check_source_topics(topology: StreamsTopology, partition_count: PartitionCount) -> None:
    missing = {
        topic
        for subtopology in topology.subtopologies.values()
        for topic in subtopology.source_topics
        if partition_count(topic) is None
    }
    if missing:
        names = ", ".join(sorted(missing))
        raise _MisfitError(StreamsStatus.MISSING_SOURCE_TOPICS, f"Source topics {names} are missing.")


class _Counts:
    """Partitions by topic: those of a topic that exists are a fact, those of another what was decided."""

    def __init__(self, partition_count: PartitionCount) -> None:
        self._existing = partition_count
        self.decided: dict[str, int] = {}

    def find(self, topic: str) -> int | None:
        existing = self._existing(topic)
        return self.decided.get(topic) if existing is None else existing

    def get(self, topic: str) -> int:
        count = self.find(topic)
        if count is None:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        return count


def _decide_counts(topology: StreamsTopology, partition_count: PartitionCount) -> _Counts:
    counts = _Counts(partition_count)
    subtopologies = topology.in_hash_order()
    counts.decided.update(_repartition_counts(subtopologies, partition_count))
    declared = [topic for subtopology in subtopologies for topic in subtopology.repartition_source_topics]
    fixed = {topic.name for topic in declared if topic.partitions != 0}
    flexible = {topic.name for topic in declared if topic.partitions == 0}
    for subtopology in subtopologies:
        for copartitioned in subtopology.copartitioned_topics():
            counts.decided.update(_copartitioned_counts(copartitioned, fixed, flexible, counts))
    counts.decided.update(_changelog_counts(subtopologies, counts))
    return counts


def _repartition_counts(
    subtopologies: Sequence[Subtopology], partition_count: PartitionCount
) -> dict[str, int]:
    """Apache: RepartitionTopics."""
    counts = {
        topic.name: topic.partitions
        for subtopology in subtopologies
        for topic in subtopology.repartition_source_topics
        if topic.partitions != 0
    }
    while _decide_round(subtopologies, counts, partition_count):
        pass
    for subtopology in subtopologies:
        if any(topic.name not in counts for topic in subtopology.repartition_source_topics):
            raise KafkaError(
                ErrorCode.STREAMS_INVALID_TOPOLOGY,
                "Failed to compute number of partitions for all repartition topics, because a repartition source "
                "topic is never used as a sink topic.",
            )
    return counts


def _decide_round(
    subtopologies: Sequence[Subtopology], counts: dict[str, int], partition_count: PartitionCount
) -> bool:
    """Decide what can be decided by now; whether something is left for another round."""
    undecided = progress = False
    for subtopology in subtopologies:
        for topic in subtopology.repartition_sink_topics:
            if topic in counts:
                continue
            count = _widest_source(subtopology, counts, partition_count)
            if count is None:
                undecided = True
            else:
                counts[topic] = count
                progress = True
    if undecided and not progress:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            "Failed to compute number of partitions for all repartition topics. There may be loops in the topology "
            "that cannot be resolved.",
        )
    return undecided


def _widest_source(
    subtopology: Subtopology, counts: Mapping[str, int], partition_count: PartitionCount
) -> int | None:
    known = [counts.get(topic.name) for topic in subtopology.repartition_source_topics]
    known += [partition_count(topic) for topic in subtopology.source_topics]
    return max((count for count in known if count is not None), default=None)


def _copartitioned_counts(
    topics: frozenset[str], fixed: set[str], flexible: set[str], counts: _Counts
) -> dict[str, int]:
    """Apache: CopartitionedTopicsEnforcer."""
    if not topics:
        return {}
    repartition = {
        topic: counts.get(topic) for topic in sorted(topics) if topic in fixed or topic in flexible
    }
    external = {topic: counts.get(topic) for topic in sorted(topics) if topic not in repartition}
    if external:
        count = _same_count(external)
    elif fixed:
        # Fixed ones of the whole topology, whether copartitioned here or not: as Apache has it.
        count = _same_count({topic: counts.get(topic) for topic in sorted(fixed)}, told=repartition)
    else:
        count = max(repartition.values())
    for topic, current in repartition.items():
        if topic in fixed and current != count:
            raise _MisfitError(
                StreamsStatus.INCORRECTLY_PARTITIONED_TOPICS,
                f"Number of partitions [{current}] of repartition topic [{topic}] doesn't match number of partitions "
                f"[{count}] of the source topic.",
            )
    return dict.fromkeys(repartition, count)


def _same_count(counts: Mapping[str, int], *, told: Mapping[str, int] | None = None) -> int:
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic}={count}" for topic, count in (counts if told is None else told).items())
        raise _MisfitError(
            StreamsStatus.INCORRECTLY_PARTITIONED_TOPICS,
            f"Following topics do not have the same number of partitions: [{{{listed}}}]",
        )
    return next(iter(counts.values()))


def _changelog_counts(subtopologies: Sequence[Subtopology], counts: _Counts) -> dict[str, int]:
    """Apache: ChangelogTopics."""
    decided: dict[str, int] = {}
    for subtopology in subtopologies:
        sources = [counts.get(topic) for topic in subtopology.all_source_topics()]
        if not sources:
            raise KafkaError(
                ErrorCode.STREAMS_INVALID_TOPOLOGY,
                f"No source topics found for subtopology {subtopology.subtopology_id}",
            )
        for changelog in subtopology.state_changelog_topics:
            decided[changelog.name] = max(sources)
    return decided


def _configured(subtopology: Subtopology, counts: _Counts) -> ConfiguredSubtopology:
    return ConfiguredSubtopology(
        max(counts.get(topic) for topic in subtopology.all_source_topics()),
        frozenset(subtopology.source_topics),
        _internal_topics(subtopology.repartition_source_topics, counts.decided),
        frozenset(subtopology.repartition_sink_topics),
        _internal_topics(subtopology.state_changelog_topics, counts.decided),
    )


def _internal_topics(topics: Sequence[TopicInfo], decided: Mapping[str, int]) -> dict[str, InternalTopic]:
    configured = {
        topic.name: InternalTopic(
            topic.name, topic.partitions or decided[topic.name], topic.replication_factor, topic.configs
        )
        for topic in topics
    }
    if len(configured) < len(topics):
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    return configured


def _missing_internal_topics(
    subtopologies: Mapping[str, ConfiguredSubtopology],
    topology: StreamsTopology,
    partition_count: PartitionCount,
) -> dict[str, InternalTopic]:
    """Those that do not exist, in the order in which Apache tells them; _MisfitError for one that exists otherwise."""
    expected: dict[str, InternalTopic] = {}
    for subtopology in subtopologies.values():
        expected.update(subtopology.repartition_source_topics)
        expected.update(subtopology.state_changelog_topics)
    order = string_hash_order(expected)
    required = [topic for each in topology.in_hash_order() for topic in each.required_topics()]
    for name in string_hash_order(required):
        count = partition_count(name)
        if count is None or name not in expected:
            continue
        wanted = expected.pop(name).partitions
        if count != wanted:
            raise _MisfitError(
                StreamsStatus.INCORRECTLY_PARTITIONED_TOPICS,
                f"Existing topic {name} has different number of partitions: expected {wanted}, found {count}",
            )
    return {name: expected[name] for name in order if name in expected}
