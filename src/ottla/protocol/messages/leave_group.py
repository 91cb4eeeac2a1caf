"""LeaveGroup (API key 13): take members out of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class MemberIdentity(Struct):
    """`members` of `LeaveGroupRequest`."""

    member_id: str = field(STRING, "3+", default="")
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    reason: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)


class LeaveGroupRequest(Request, api_key=ApiKey.LEAVE_GROUP, versions="0-5", flexible="4+"):
    """Asks to take members out of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    member_id: str = field(STRING, "0-2", default="")
    members: list[MemberIdentity] = field(array(MemberIdentity), "3+", factory=list)


class MemberResponse(Struct):
    """`members` of `LeaveGroupResponse`."""

    member_id: str = field(STRING, "3+", default="")
    group_instance_id: str | None = field(STRING, "3+", default="", nullable="3+")
    error_code: int = field(INT16, "3+", default=0)


class LeaveGroupResponse(Response, api_key=ApiKey.LEAVE_GROUP, versions="0-5", flexible="4+"):
    """Answers `LeaveGroupRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    members: list[MemberResponse] = field(array(MemberResponse), "3+", factory=list)
