"""Offsets of partitions: the range that is there, and where a time falls in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ottla.cli.connection import Connection

if TYPE_CHECKING:
    from confluent_kafka.admin import OffsetSpec

Partition: TypeAlias = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """`earliest` is the first offset held, `latest` the one that the next record will get."""

    earliest: int
    latest: int

    @property
    def count(self) -> int:
        """Offsets in the range: as many records, unless compaction or transactions left gaps."""
        return self.latest - self.earliest


def offset_ranges(connection: Connection, partitions: Iterable[Partition]) -> dict[Partition, OffsetRange]:
    """First and next offset of each of the partitions."""
    from confluent_kafka.admin import OffsetSpec

    wanted = list(partitions)
    earliest = list_offsets(connection, dict.fromkeys(wanted, OffsetSpec.earliest()))
    latest = list_offsets(connection, dict.fromkeys(wanted, OffsetSpec.latest()))
    return {one: OffsetRange(earliest[one], latest[one]) for one in wanted}


def offsets_at(
    connection: Connection, partitions: Iterable[Partition], timestamp_ms: int
) -> dict[Partition, int]:
    """The first offset whose record is not older than the timestamp; the next offset where all are older."""
    from confluent_kafka.admin import OffsetSpec

    wanted = list(partitions)
    found = list_offsets(connection, dict.fromkeys(wanted, OffsetSpec.for_timestamp(timestamp_ms)))
    late = [one for one, offset in found.items() if offset < 0]
    return found | list_offsets(connection, dict.fromkeys(late, OffsetSpec.latest()))


def list_offsets(connection: Connection, wanted: Mapping[Partition, "OffsetSpec"]) -> dict[Partition, int]:
    """One ListOffsets request for all of the partitions."""
    from confluent_kafka import TopicPartition

    if not wanted:
        return {}
    asked = {TopicPartition(topic, partition): spec for (topic, partition), spec in wanted.items()}
    futures = connection.admin().list_offsets(asked, request_timeout=connection.timeout_s)
    return {
        (one.topic, one.partition): connection.wait(
            future, "ask for offsets", subject=f"partition {one.topic}-{one.partition}"
        ).offset
        for one, future in futures.items()
    }
