"""Where in a partition to start or to go to, as typed: `earliest`, `latest`, an offset, a time, or a distance.

earliest, latest          the first record held; behind the last one
42                        that offset
-10                       ten records before the end
2026-11-23T12:00:00Z      the first record not older; a date alone is its midnight; without a zone it is UTC
@1790000000000            the same, in milliseconds since 1970
5m, 36h, 7d               that long ago
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from ottla.cli.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
REMEDY = "write earliest, latest, an offset (42), records before the end (-10), a time (2026-11-23T12:00:00Z) or an age (5m, 36h)"


class PositionKind(Enum):
    """What the number of a `Position` means."""

    EARLIEST = "earliest"
    LATEST = "latest"
    OFFSET = "offset"
    BEFORE_END = "before end"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in every partition. `number`: the offset, the records before the end, or milliseconds since 1970."""

    kind: PositionKind
    number: int = 0


EARLIEST = Position(PositionKind.EARLIEST)
LATEST = Position(PositionKind.LATEST)


def parse_position(text: str, where: str, now_ms: Callable[[], int]) -> Position:
    """Read a position as the module's table has it."""
    word = text.strip().lower()
    if word in {"earliest", "beginning"}:
        return EARLIEST
    if word in {"latest", "end"}:
        return LATEST
    if re.fullmatch(r"\d{1,19}", word):
        return Position(PositionKind.OFFSET, int(word))
    if re.fullmatch(r"-\d{1,19}", word):
        return Position(PositionKind.BEFORE_END, int(word[1:]))
    age = re.fullmatch(r"(\d{1,9})([smhd])", word)
    if age:
        return Position(PositionKind.TIMESTAMP, now_ms() - int(age[1]) * _SECONDS[age[2]] * 1000)
    return Position(PositionKind.TIMESTAMP, parse_timestamp(text.strip(), where))


def parse_timestamp(text: str, where: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time, or of `@milliseconds`."""
    if re.fullmatch(r"@\d{1,16}", text):
        return int(text[1:])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a position", where=where, remedy=REMEDY) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
