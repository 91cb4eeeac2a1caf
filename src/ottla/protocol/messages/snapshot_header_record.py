"""SnapshotHeaderRecord: the first control record of a KRaft snapshot."""

from ottla.protocol.declare import INT16, INT64, Data, field


class SnapshotHeaderRecord(Data, versions="0", flexible="0+"):
    """The first control record of a KRaft snapshot."""

    version: int = field(INT16, "0+", default=0)
    """The version."""
    last_contained_log_timestamp: int = field(INT64, "0+", default=0)
    """The time of the last record in the snapshot."""
