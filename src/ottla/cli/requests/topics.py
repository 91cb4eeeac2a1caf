"""Topics: list, look closely, create, alter, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError
from ottla.cli.requests.configs import ConfigValue, describe_config
from ottla.cli.requests.offsets import OffsetRange, offset_ranges

INTERNAL_PREFIX = "__"


@dataclass(frozen=True, slots=True)
class TopicSummary:
    """A line of `topic list`. `replication_factor` is that of the first partition, `under_replicated` a count."""

    name: str
    partitions: int
    replication_factor: int
    under_replicated: int
    is_internal: bool


@dataclass(frozen=True, slots=True)
class PartitionDetail:
    """One partition: who leads, who follows, which offsets are there. `leader` is None while there is none."""

    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offsets: OffsetRange | None


@dataclass(frozen=True, slots=True)
class TopicDetail:
    """One topic, its partitions in order, and the settings that differ from the defaults."""

    name: str
    topic_id: str
    is_internal: bool
    partitions: tuple[PartitionDetail, ...]
    configs: tuple[ConfigValue, ...]


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to make. -1 leaves a number to the broker's defaults."""

    name: str
    partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] | None = None
    assignment: tuple[tuple[int, ...], ...] | None = None


def topic_summaries(connection: Connection) -> list[TopicSummary]:
    """Every topic of the cluster, by name."""
    admin = connection.admin()
    with connection.explained("list topics"):
        topics = admin.list_topics(timeout=connection.timeout_s).topics
    summaries = []
    for name, topic in sorted(topics.items()):
        partitions = list(topic.partitions.values())
        summaries.append(
            TopicSummary(
                name=name,
                partitions=len(partitions),
                replication_factor=len(partitions[0].replicas) if partitions else 0,
                under_replicated=sum(len(one.isrs) < len(one.replicas) for one in partitions),
                is_internal=name.startswith(INTERNAL_PREFIX),
            )
        )
    return summaries


def require_topics(connection: Connection, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The partitions of each of the topics. Raises for the first that does not exist, with the name meant perhaps."""
    admin = connection.admin()
    with connection.explained("ask for the topics"):
        topics = admin.list_topics(timeout=connection.timeout_s).topics
    for name in names:
        if name not in topics:
            raise missing_topic(name, list(topics), connection)
        fault = topics[name].error
        if fault is not None:
            from ottla.cli.explanations import explain

            raise explain(fault, "read the topic", f"topic {name}", connection)
    return {name: tuple(sorted(topics[name].partitions)) for name in names}


def missing_topic(name: str, known: Sequence[str], connection: Connection) -> CommandError:
    """The error for a topic that is not there."""
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean '{close[0]}'? " if close else ""
    return CommandError(
        f"there is no topic '{name}'",
        where=connection.bootstrap,
        remedy=f"{meant}`ottla topic list` shows the topics; `ottla topic create {name}` makes it",
    )


def topic_detail(connection: Connection, name: str, *, offsets: bool = True) -> TopicDetail:
    """Everything about one topic."""
    from confluent_kafka import TopicCollection

    require_topics(connection, [name])
    admin = connection.admin()
    futures = admin.describe_topics(TopicCollection([name]), request_timeout=connection.timeout_s)
    description = connection.wait(futures[name], "describe the topic", subject=f"topic {name}")
    leaders = {one.id: None if one.leader is None else one.leader.id for one in description.partitions}
    led = [(name, partition) for partition, leader in leaders.items() if leader is not None]
    ranges = offset_ranges(connection, led) if offsets else {}
    partitions = tuple(
        PartitionDetail(
            partition=one.id,
            leader=leaders[one.id],
            replicas=tuple(node.id for node in one.replicas),
            isr=tuple(node.id for node in one.isr),
            offsets=ranges.get((name, one.id)),
        )
        for one in sorted(description.partitions, key=lambda one: one.id)
    )
    configs = tuple(one for one in describe_config(connection, "topic", name) if one.is_set_here)
    return TopicDetail(
        name, topic_id_text(str(description.topic_id)), description.is_internal, partitions, configs
    )


def topic_id_text(text: str) -> str:
    """An id as Kafka writes it, in the URL-safe alphabet of base64; librdkafka uses the other one."""
    return text.replace("+", "-").replace("/", "_")


def create_topic(connection: Connection, topic: NewTopic, *, validate_only: bool = False) -> None:
    """Create a topic; `validate_only` asks the broker whether it would."""
    from confluent_kafka.admin import NewTopic as AdminNewTopic

    with connection.explained("create the topic", subject=f"topic {topic.name}"):
        if topic.assignment is not None:
            new = AdminNewTopic(
                topic.name,
                len(topic.assignment),
                replica_assignment=[list(replicas) for replicas in topic.assignment],
                config=dict(topic.configs or {}),
            )
        else:
            new = AdminNewTopic(
                topic.name, topic.partitions, topic.replication_factor, config=dict(topic.configs or {})
            )
        futures = connection.admin().create_topics(
            [new],
            validate_only=validate_only,
            request_timeout=connection.timeout_s,
            operation_timeout=connection.timeout_s,
        )
    connection.wait(futures[topic.name], "create the topic", subject=f"topic {topic.name}")


def delete_topic(connection: Connection, name: str) -> None:
    """Delete a topic and all its records."""
    admin = connection.admin()
    futures = admin.delete_topics(
        [name], request_timeout=connection.timeout_s, operation_timeout=connection.timeout_s
    )
    connection.wait(futures[name], "delete the topic", subject=f"topic {name}")


def add_partitions(connection: Connection, name: str, total: int, *, validate_only: bool = False) -> None:
    """Raise the number of partitions of a topic to `total`."""
    from confluent_kafka.admin import NewPartitions

    futures = connection.admin().create_partitions(
        [NewPartitions(name, total)],
        validate_only=validate_only,
        request_timeout=connection.timeout_s,
        operation_timeout=connection.timeout_s,
    )
    connection.wait(futures[name], f"raise the topic to {total} partitions", subject=f"topic {name}")
