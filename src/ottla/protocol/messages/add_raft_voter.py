"""AddRaftVoter (API key 80): add a voter to the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Listener(Struct):
    """`listeners` of `AddRaftVoterRequest`."""

    name: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    port: int = field(UINT16, "0+", default=0)


class AddRaftVoterRequest(Request, api_key=ApiKey.ADD_RAFT_VOTER, versions="0", flexible="0+"):
    """Asks to add a voter to the KRaft quorum."""

    cluster_id: str | None = field(STRING, "0+", default="", nullable="0+")
    timeout_ms: int = field(INT32, "0+", default=0)
    voter_id: int = field(INT32, "0+", default=0)
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)


class AddRaftVoterResponse(Response, api_key=ApiKey.ADD_RAFT_VOTER, versions="0", flexible="0+"):
    """Answers `AddRaftVoterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+", ignorable=True)
