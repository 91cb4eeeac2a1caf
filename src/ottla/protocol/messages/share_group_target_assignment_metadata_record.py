"""ShareGroupTargetAssignmentMetadata: the epoch of a share group's target assignment, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, RecordKey, RecordValue, field


class ShareGroupTargetAssignmentMetadataKey(RecordKey, record_type=12, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""


class ShareGroupTargetAssignmentMetadataValue(RecordValue, record_type=12, versions="0", flexible="0+"):
    """The epoch of a share group's target assignment. No value (a tombstone) means that it is gone."""

    assignment_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the target assignment."""
