"""UpdateRaftVoter (API key 82): update a voter of the KRaft quorum."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UINT16, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class Listener(Struct):
    """`listeners` of `UpdateRaftVoterRequest`."""

    name: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    port: int = field(UINT16, "0+", default=0)


class KRaftVersionFeature(Struct):
    """`k_raft_version_feature` of `UpdateRaftVoterRequest`."""

    min_supported_version: int = field(INT16, "0+", default=0)
    max_supported_version: int = field(INT16, "0+", default=0)


class UpdateRaftVoterRequest(Request, api_key=ApiKey.UPDATE_RAFT_VOTER, versions="0", flexible="0+"):
    """Asks to update a voter of the KRaft quorum."""

    cluster_id: str | None = field(STRING, "0+", default="", nullable="0+")
    current_leader_epoch: int = field(INT32, "0+", default=0)
    voter_id: int = field(INT32, "0+", default=0)
    voter_directory_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    k_raft_version_feature: KRaftVersionFeature = field(
        KRaftVersionFeature, "0+", factory=KRaftVersionFeature
    )


class CurrentLeader(Struct):
    """`current_leader` of `UpdateRaftVoterResponse`."""

    leader_id: int = field(INT32, "0+", default=-1)
    leader_epoch: int = field(INT32, "0+", default=-1)
    host: str = field(STRING, "0+", default="")
    port: int = field(INT32, "0+", default=0)


class UpdateRaftVoterResponse(Response, api_key=ApiKey.UPDATE_RAFT_VOTER, versions="0", flexible="0+"):
    """Answers `UpdateRaftVoterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    current_leader: CurrentLeader = field(CurrentLeader, "0+", factory=CurrentLeader, tag=0, tagged="0+")
