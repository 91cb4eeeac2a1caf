"""KRaftVersionRecord: the KRaft version of a metadata log, in a control record."""

from ottla.protocol.declare import INT16, Data, field


class KRaftVersionRecord(Data, versions="0", flexible="0+"):
    """The KRaft version of a metadata log, in a control record."""

    version: int = field(INT16, "0+", default=0)
    """The version."""
    k_raft_version: int = field(INT16, "0+", default=0)
    """The KRaft version."""
