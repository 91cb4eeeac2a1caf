"""StreamsGroupMetadata: a streams group's epoch, as a coordinator records it."""

from ottla.protocol.declare import INT32, INT64, STRING, RecordKey, RecordValue, field


class StreamsGroupMetadataKey(RecordKey, record_type=17, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""


class StreamsGroupMetadataValue(RecordValue, record_type=17, versions="0", flexible="0+"):
    """A streams group's epoch. No value (a tombstone) means that it is gone."""

    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""
    metadata_hash: int = field(INT64, "0+", default=0)
    """A hash of the subscribed topics' metadata, by which a change is noticed."""
