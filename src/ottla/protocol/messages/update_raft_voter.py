"""UpdateRaftVoter (API key 82): update a voter of the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Listener(Struct):
    """`listeners` of `UpdateRaftVoterRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class KRaftVersionFeature(Struct):
    """`k_raft_version_feature` of `UpdateRaftVoterRequest`."""

    min_supported_version: int = field(INT16, "0+", default=0)
    """The lowest version that is understood."""
    max_supported_version: int = field(INT16, "0+", default=0)
    """The highest version that is understood."""


class UpdateRaftVoterRequest(Request, api_key=ApiKey.UPDATE_RAFT_VOTER, versions="0", flexible="0+"):
    """Asks to update a voter of the KRaft quorum."""

    cluster_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The cluster's id."""
    current_leader_epoch: int = field(INT32, "0+", default=0)
    """The leader epoch the client believes in, so that it can be told when it is wrong; -1 not to check."""
    voter_id: int = field(INT32, "0+", default=0)
    """The voter's id."""
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id of the voter's metadata directory."""
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    """Where it listens."""
    k_raft_version_feature: KRaftVersionFeature = field(
        KRaftVersionFeature, "0+", factory=KRaftVersionFeature
    )
    """The KRaft versions it supports."""


class CurrentLeader(Struct):
    """`current_leader` of `UpdateRaftVoterResponse`."""

    leader_id: int = field(INT32, "0+", default=-1)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=-1)
    """The epoch of the partition's leader; -1 for none."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""


class UpdateRaftVoterResponse(Response, api_key=ApiKey.UPDATE_RAFT_VOTER, versions="0", flexible="0+"):
    """Answers `UpdateRaftVoterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    current_leader: CurrentLeader = field(CurrentLeader, "0+", factory=CurrentLeader, tag=0, tagged="0+")
    """The leader the client should have asked (KIP-951)."""
