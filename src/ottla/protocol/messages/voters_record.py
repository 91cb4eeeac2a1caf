"""VotersRecord: the voters of a KRaft quorum, in a control record."""

from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Data, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Endpoint(Struct):
    """`endpoints` of `VotersRecord`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class KRaftVersionFeature(Struct):
    """`k_raft_version_feature` of `VotersRecord`."""

    min_supported_version: int = field(INT16, "0+", default=0)
    """The lowest version that is understood."""
    max_supported_version: int = field(INT16, "0+", default=0)
    """The highest version that is understood."""


class Voter(Struct):
    """`voters` of `VotersRecord`."""

    voter_id: int = field(INT32, "0+", default=0)
    """The voter's id."""
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id of the voter's metadata directory."""
    endpoints: list[Endpoint] = field(array(Endpoint), "0+", factory=list)
    """Where it listens."""
    k_raft_version_feature: KRaftVersionFeature = field(
        KRaftVersionFeature, "0+", factory=KRaftVersionFeature
    )
    """The KRaft versions it supports."""


class VotersRecord(Data, versions="0", flexible="0+"):
    """The voters of a KRaft quorum, in a control record."""

    version: int = field(INT16, "0+", default=0)
    """The version."""
    voters: list[Voter] = field(array(Voter), "0+", factory=list)
    """The quorum's voters."""
