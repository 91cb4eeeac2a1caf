"""RemoveRaftVoter (API key 81): remove a voter from the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, field
from ottla.protocol.types import ZERO_UUID, Uuid


class RemoveRaftVoterRequest(Request, api_key=ApiKey.REMOVE_RAFT_VOTER, versions="0", flexible="0+"):
    """Asks to remove a voter from the KRaft quorum."""

    cluster_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The cluster's id."""
    voter_id: int = field(INT32, "0+", default=0)
    """The voter's id."""
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id of the voter's metadata directory."""


class RemoveRaftVoterResponse(Response, api_key=ApiKey.REMOVE_RAFT_VOTER, versions="0", flexible="0+"):
    """Answers `RemoveRaftVoterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+", ignorable=True)
    """The error in words; null where the code says enough."""
