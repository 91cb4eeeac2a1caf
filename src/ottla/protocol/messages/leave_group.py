"""LeaveGroup (API key 13): take members out of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class MemberIdentity(Struct):
    """`members` of `LeaveGroupRequest`."""

    member_id: str = field(STRING, "3+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    reason: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """Why, in words, for the log."""


class LeaveGroupRequest(Request, api_key=ApiKey.LEAVE_GROUP, versions="0-5", flexible="4+"):
    """Asks to take members out of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    member_id: str = field(STRING, "0-2", default="")
    """The member's id; empty before it has one."""
    members: list[MemberIdentity] = field(array(MemberIdentity), "3+", factory=list)
    """Member by member."""


class MemberResponse(Struct):
    """`members` of `LeaveGroupResponse`."""

    member_id: str = field(STRING, "3+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default="", nullable="3+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    error_code: int = field(INT16, "3+", default=0)
    """The error, 0 for none."""


class LeaveGroupResponse(Response, api_key=ApiKey.LEAVE_GROUP, versions="0-5", flexible="4+"):
    """Answers `LeaveGroupRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    members: list[MemberResponse] = field(array(MemberResponse), "3+", factory=list)
    """Member by member."""
