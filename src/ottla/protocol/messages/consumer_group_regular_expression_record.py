"""ConsumerGroupRegularExpression: a regular expression of a consumer group with the topics it stands for, as a coordinator records it."""

from ottla.protocol.declare import INT64, STRING, RecordKey, RecordValue, array, field


class ConsumerGroupRegularExpressionKey(RecordKey, record_type=16, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    regular_expression: str = field(STRING, "0", default="")
    """The regular expression."""


class ConsumerGroupRegularExpressionValue(RecordValue, record_type=16, versions="0", flexible="0+"):
    """A regular expression of a consumer group with the topics it stands for. No value (a tombstone) means that it is gone."""

    topics: list[str] = field(array(STRING), "0+", factory=list)
    """Topic by topic."""
    version: int = field(INT64, "0+", default=0)
    """The version."""
    timestamp: int = field(INT64, "0+", default=0)
    """The time, in ms since 1970; in a request for offsets also -1 latest, -2 earliest and the other special ones."""
