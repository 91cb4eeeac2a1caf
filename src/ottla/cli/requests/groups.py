"""Consumer groups: list, look closely with lag, move committed offsets, delete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError
from ottla.cli.requests.offsets import OffsetRange, Partition, offset_ranges


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A line of `group list`."""

    group: str
    state: str
    type: str
    is_simple: bool
    """Whether its offsets are committed by consumers that assign their partitions themselves."""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A consumer of the group and what it reads. `instance` is the name of a static member."""

    member: str
    client: str
    host: str
    instance: str | None
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far the group is in one partition. None: nothing is committed, or the offset is not known."""

    topic: str
    partition: int
    committed: int | None
    earliest: int | None
    latest: int | None
    member: str | None

    @property
    def lag(self) -> int | None:
        """Records between the committed offset and the end."""
        if self.committed is None or self.latest is None:
            return None
        return max(0, self.latest - self.committed)


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """One group: its members, and its lag by partition."""

    group: str
    state: str
    type: str
    assignor: str
    coordinator: int
    members: tuple[GroupMember, ...]
    partitions: tuple[PartitionLag, ...]


def group_summaries(connection: Connection) -> list[GroupSummary]:
    """Every group of the cluster, by name."""
    future = connection.admin().list_consumer_groups(request_timeout=connection.timeout_s)
    listed = connection.wait(future, "list groups")
    if listed.errors and not listed.valid:
        from ottla.cli.explanations import explain

        raise explain(listed.errors[0].args[0], "list groups", None, connection)
    groups = [
        GroupSummary(one.group_id, _word(one.state), _word(one.type), one.is_simple_consumer_group)
        for one in listed.valid
    ]
    return sorted(groups, key=lambda one: one.group)


def require_group(connection: Connection, group: str) -> None:
    """Raise if there is no such group, with the name meant perhaps."""
    names = [one.group for one in group_summaries(connection)]
    if group in names:
        return
    close = get_close_matches(group, names, n=1)
    meant = f"did you mean '{close[0]}'? " if close else ""
    raise CommandError(
        f"there is no group '{group}'",
        where=connection.bootstrap,
        remedy=f"{meant}`ottla group list` shows the groups",
    )


def group_detail(connection: Connection, group: str) -> GroupDetail:
    """Everything about one group."""
    require_group(connection, group)
    futures = connection.admin().describe_consumer_groups([group], request_timeout=connection.timeout_s)
    description = connection.wait(futures[group], "describe the group", subject=f"group {group}")
    members = tuple(
        GroupMember(
            member=one.member_id,
            client=one.client_id,
            host=one.host.removeprefix("/"),
            instance=one.group_instance_id,
            partitions=tuple(
                sorted((part.topic, part.partition) for part in (one.assignment.topic_partitions or ()))
            ),
        )
        for one in sorted(description.members, key=lambda one: (one.client_id, one.member_id))
    )
    owners = {part: one.member for one in members for part in one.partitions}
    return GroupDetail(
        group=group,
        state=_word(description.state),
        type=_word(description.type),
        assignor=description.partition_assignor,
        coordinator=description.coordinator.id,
        members=members,
        partitions=_lags(connection, group, owners),
    )


def _lags(connection: Connection, group: str, owners: Mapping[Partition, str]) -> tuple[PartitionLag, ...]:
    committed = committed_offsets(connection, group)
    ranges = existing_ranges(connection, {*committed, *owners})
    return tuple(
        PartitionLag(
            topic=topic,
            partition=partition,
            committed=committed.get((topic, partition)),
            earliest=None if held is None else held.earliest,
            latest=None if held is None else held.latest,
            member=owners.get((topic, partition)),
        )
        for (topic, partition), held in sorted(ranges.items())
    )


def existing_ranges(
    connection: Connection, partitions: Iterable[Partition]
) -> dict[Partition, OffsetRange | None]:
    """The offsets of each partition; None for one whose topic has been deleted since the group committed there."""
    wanted = list(partitions)
    with connection.explained("ask for the topics"):
        topics = connection.admin().list_topics(timeout=connection.timeout_s).topics
    known = [one for one in wanted if one[0] in topics and one[1] in topics[one[0]].partitions]
    ranges = offset_ranges(connection, known)
    return {one: ranges.get(one) for one in wanted}


def committed_offsets(connection: Connection, group: str) -> dict[Partition, int]:
    """What the group has committed, by partition."""
    from confluent_kafka import ConsumerGroupTopicPartitions

    futures = connection.admin().list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], request_timeout=connection.timeout_s
    )
    found = connection.wait(futures[group], "read the group's offsets", subject=f"group {group}")
    return {(one.topic, one.partition): one.offset for one in found.topic_partitions or () if one.offset >= 0}


def commit_offsets(connection: Connection, group: str, offsets: Mapping[Partition, int]) -> None:
    """Commit these offsets for a group that has no members just now."""
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    request = ConsumerGroupTopicPartitions(
        group, [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
    )
    futures = connection.admin().alter_consumer_group_offsets([request], request_timeout=connection.timeout_s)
    result = connection.wait(futures[group], "move the group", subject=f"group {group}")
    for one in result.topic_partitions or ():
        if one.error is not None:
            from ottla.cli.explanations import explain

            raise explain(
                one.error, "move the group", f"group {group}, {one.topic}-{one.partition}", connection
            )


def delete_group(connection: Connection, group: str) -> None:
    """Delete a group with all that it committed."""
    futures = connection.admin().delete_consumer_groups([group], request_timeout=connection.timeout_s)
    connection.wait(futures[group], "delete the group", subject=f"group {group}")


def _word(value: object) -> str:
    # confluent-kafka's enums: PREPARING_REBALANCING, CLASSIC.
    name = getattr(value, "name", None)
    return "unknown" if name is None else str(name).lower().replace("_", " ")
