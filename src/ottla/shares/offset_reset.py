"""`share.auto.offset.reset`: where a share group begins on a partition that it has no state of.

Apache: org.apache.kafka.coordinator.group.modern.share.ShareGroupAutoOffsetResetStrategy, java.time.Duration#parse.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:[.,]\d*)?)S)?)?",
    re.IGNORECASE,
)


class OffsetReset(Enum):
    """The three ways to begin."""

    LATEST = "latest"
    EARLIEST = "earliest"
    BY_DURATION = "by_duration"


class ShareOffsetReset(NamedTuple):
    """A way to begin, and for BY_DURATION how far back."""

    kind: OffsetReset
    duration_ms: int = 0


def parse_offset_reset(text: str) -> ShareOffsetReset:
    """`latest`, `earliest` or `by_duration:` and an ISO-8601 duration such as `P1DT2H`.

    Raises ValueError for anything else; the setting's own rule has kept it out before.
    """
    name, _, duration = text.partition(":")
    kind = OffsetReset(name.lower())
    if kind is not OffsetReset.BY_DURATION:
        return ShareOffsetReset(kind)
    parts = _DURATION.fullmatch(duration.replace("+", ""))
    if parts is None:
        raise ValueError(f"{duration!r} is no duration like P1DT2H3M4.5S")
    seconds = (
        int(parts["days"] or 0) * 86_400 + int(parts["hours"] or 0) * 3_600 + int(parts["minutes"] or 0) * 60
    )
    fraction = float((parts["seconds"] or "0").replace(",", "."))
    return ShareOffsetReset(kind, seconds * 1000 + int(fraction * 1000))
