"""OffsetCommit: a committed offset, as a coordinator records it."""

from ottla.protocol.declare import INT32, INT64, STRING, UUID, RecordKey, RecordValue, field
from ottla.protocol.types import ZERO_UUID, Uuid


class OffsetCommitKey(RecordKey, record_type=1, versions="0", flexible="none"):
    """Says whose record it is."""

    group: str = field(STRING, "0", default="")
    """The group's id."""
    topic: str = field(STRING, "0", default="")
    """The topic's name."""
    partition: int = field(INT32, "0", default=0)
    """The partition's number."""


class OffsetCommitValue(RecordValue, record_type=1, versions="0-4", flexible="4+"):
    """A committed offset. No value (a tombstone) means that it is gone."""

    offset: int = field(INT64, "0+", default=0)
    """The offset."""
    leader_epoch: int = field(INT32, "3+", default=-1, ignorable=True)
    """The epoch of the partition's leader; -1 for none."""
    metadata: str = field(STRING, "0+", default="")
    """Text that the client stored with the offset."""
    commit_timestamp: int = field(INT64, "0+", default=0)
    """When it was committed, in ms since 1970."""
    expire_timestamp: int = field(INT64, "1", default=-1, ignorable=True)
    """When it expires, in ms since 1970; -1 if not fixed."""
    topic_id: Uuid = field(UUID, "4+", default=ZERO_UUID, tag=0, tagged="4+", ignorable=True)
    """The topic's id; all zero for none."""
