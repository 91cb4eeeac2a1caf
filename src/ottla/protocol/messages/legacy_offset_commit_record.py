"""LegacyOffsetCommit: a committed offset as old brokers wrote it, as a coordinator records it."""

from ottla.protocol.declare import INT32, INT64, STRING, RecordKey, RecordValue, field


class LegacyOffsetCommitKey(RecordKey, record_type=0, versions="0", flexible="none"):
    """Says whose record it is."""

    group: str = field(STRING, "0", default="")
    """The group's id."""
    topic: str = field(STRING, "0", default="")
    """The topic's name."""
    partition: int = field(INT32, "0", default=0)
    """The partition's number."""


class LegacyOffsetCommitValue(RecordValue, record_type=0, versions="0", flexible="none"):
    """A committed offset as old brokers wrote it. No value (a tombstone) means that it is gone."""

    offset: int = field(INT64, "0", default=0)
    """The offset."""
    metadata: str = field(STRING, "0", default="")
    """Bytes, or text, that go with it and that only clients read."""
    commit_timestamp: int = field(INT64, "0", default=0)
    """When it was committed, in ms since 1970."""
