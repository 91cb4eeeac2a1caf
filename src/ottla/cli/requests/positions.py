"""From a `Position` to the offset it means in each partition."""

from collections.abc import Iterable

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError
from ottla.cli.positions import Position, PositionKind
from ottla.cli.requests.offsets import OffsetRange, Partition, offset_ranges, offsets_at


def resolve_position(
    connection: Connection, position: Position, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """The offset in each partition. An offset that a partition does not hold is an error that says what it holds."""
    wanted = sorted(partitions)
    if position.kind is PositionKind.TIMESTAMP:
        return offsets_at(connection, wanted, position.number)
    ranges = offset_ranges(connection, wanted)
    return {one: _offset_in(position, one, held) for one, held in ranges.items()}


def _offset_in(position: Position, partition: Partition, held: OffsetRange) -> int:
    match position.kind:
        case PositionKind.EARLIEST:
            return held.earliest
        case PositionKind.LATEST:
            return held.latest
        case PositionKind.BEFORE_END:
            return max(held.earliest, held.latest - position.number)
        case _:
            return within(position.number, partition, held)


def within(offset: int, partition: Partition, held: OffsetRange) -> int:
    """The offset itself if the partition holds it or will write it next."""
    if held.earliest <= offset <= held.latest:
        return offset
    topic, number = partition
    raise CommandError(
        f"offset {offset} is not in the partition",
        where=f"partition {topic}-{number}, which holds {held.earliest} up to {held.latest}",
        remedy="choose an offset in that range, or earliest or latest",
    )
