"""AddRaftVoter (API key 80): add a voter to the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Listener(Struct):
    """`listeners` of `AddRaftVoterRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class AddRaftVoterRequest(Request, api_key=ApiKey.ADD_RAFT_VOTER, versions="0", flexible="0+"):
    """Asks to add a voter to the KRaft quorum."""

    cluster_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The cluster's id."""
    timeout_ms: int = field(INT32, "0+", default=0)
    """How long the broker may take to answer."""
    voter_id: int = field(INT32, "0+", default=0)
    """The voter's id."""
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id of the voter's metadata directory."""
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    """Where it listens."""


class AddRaftVoterResponse(Response, api_key=ApiKey.ADD_RAFT_VOTER, versions="0", flexible="0+"):
    """Answers `AddRaftVoterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+", ignorable=True)
    """The error in words; null where the code says enough."""
