"""LeaderChangeMessage: a new KRaft leader, in a control record."""

from ottla.protocol.declare import INT16, INT32, UUID, Data, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Voter(Struct):
    """Shared by several fields of `LeaderChangeMessage`."""

    voter_id: int = field(INT32, "0+", default=0)
    """The voter's id."""
    voter_directory_id: Uuid = field(UUID, "1+", default=ZERO_UUID)
    """The id of the voter's metadata directory."""


class LeaderChangeMessage(Data, versions="0-1", flexible="0+"):
    """A new KRaft leader, in a control record."""

    version: int = field(INT16, "0+", default=0)
    """The version."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    voters: list[Voter] = field(array(Voter), "0+", factory=list)
    """The quorum's voters."""
    granting_voters: list[Voter] = field(array(Voter), "0+", factory=list)
    """The voters that voted for the leader."""
