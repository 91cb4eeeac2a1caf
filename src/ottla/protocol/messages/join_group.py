"""JoinGroup (API key 11): become a member of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, BYTES, INT16, INT32, STRING, Request, Response, Struct, array, field


class JoinGroupRequestProtocol(Struct):
    """`protocols` of `JoinGroupRequest`."""

    name: str = field(STRING, "0+", default="")
    metadata: bytes = field(BYTES, "0+", default=b"")


class JoinGroupRequest(Request, api_key=ApiKey.JOIN_GROUP, versions="0-9", flexible="6+"):
    """Asks to become a member of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    session_timeout_ms: int = field(INT32, "0+", default=0)
    rebalance_timeout_ms: int = field(INT32, "1+", default=-1, ignorable=True)
    member_id: str = field(STRING, "0+", default="")
    group_instance_id: str | None = field(STRING, "5+", default=None, nullable="5+")
    protocol_type: str = field(STRING, "0+", default="")
    protocols: list[JoinGroupRequestProtocol] = field(array(JoinGroupRequestProtocol), "0+", factory=list)
    reason: str | None = field(STRING, "8+", default=None, nullable="8+", ignorable=True)


class JoinGroupResponseMember(Struct):
    """`members` of `JoinGroupResponse`."""

    member_id: str = field(STRING, "0+", default="")
    group_instance_id: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    metadata: bytes = field(BYTES, "0+", default=b"")


class JoinGroupResponse(Response, api_key=ApiKey.JOIN_GROUP, versions="0-9", flexible="6+"):
    """Answers `JoinGroupRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    generation_id: int = field(INT32, "0+", default=-1)
    protocol_type: str | None = field(STRING, "7+", default=None, nullable="7+", ignorable=True)
    protocol_name: str | None = field(STRING, "0+", default="", nullable="7+")
    leader: str = field(STRING, "0+", default="")
    skip_assignment: bool = field(BOOL, "9+", default=False)
    member_id: str = field(STRING, "0+", default="")
    members: list[JoinGroupResponseMember] = field(array(JoinGroupResponseMember), "0+", factory=list)
