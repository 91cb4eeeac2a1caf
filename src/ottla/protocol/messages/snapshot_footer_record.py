"""SnapshotFooterRecord: the last control record of a KRaft snapshot."""

from ottla.protocol.declare import INT16, Data, field


class SnapshotFooterRecord(Data, versions="0", flexible="0+"):
    """The last control record of a KRaft snapshot."""

    version: int = field(INT16, "0+", default=0)
    """The version."""
