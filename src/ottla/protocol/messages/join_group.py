"""JoinGroup (API key 11): become a member of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, BYTES, INT16, INT32, STRING, Request, Response, Struct, array, field


class JoinGroupRequestProtocol(Struct):
    """`protocols` of `JoinGroupRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    metadata: bytes = field(BYTES, "0+", default=b"")
    """Bytes, or text, that go with it and that only clients read."""


class JoinGroupRequest(Request, api_key=ApiKey.JOIN_GROUP, versions="0-9", flexible="6+"):
    """Asks to become a member of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    session_timeout_ms: int = field(INT32, "0+", default=0)
    """After how long without a heartbeat the member is out."""
    rebalance_timeout_ms: int = field(INT32, "1+", default=-1, ignorable=True)
    """How long members get to join again in a rebalance."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "5+", default=None, nullable="5+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    protocol_type: str = field(STRING, "0+", default="")
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    protocols: list[JoinGroupRequestProtocol] = field(array(JoinGroupRequestProtocol), "0+", factory=list)
    """The assignors the member supports, the best first."""
    reason: str | None = field(STRING, "8+", default=None, nullable="8+", ignorable=True)
    """Why, in words, for the log."""


class JoinGroupResponseMember(Struct):
    """`members` of `JoinGroupResponse`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The name of a static member (KIP-345); null for a dynamic one."""
    metadata: bytes = field(BYTES, "0+", default=b"")
    """Bytes, or text, that go with it and that only clients read."""


class JoinGroupResponse(Response, api_key=ApiKey.JOIN_GROUP, versions="0-9", flexible="6+"):
    """Answers `JoinGroupRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    generation_id: int = field(INT32, "0+", default=-1)
    """The group's generation; -1 for none."""
    protocol_type: str | None = field(STRING, "7+", default=None, nullable="7+", ignorable=True)
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    protocol_name: str | None = field(STRING, "0+", default="", nullable="7+")
    """The assignor that the members agreed on."""
    leader: str = field(STRING, "0+", default="")
    """The leader."""
    skip_assignment: bool = field(BOOL, "9+", default=False)
    """Whether the leader need not assign anything (KIP-814)."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    members: list[JoinGroupResponseMember] = field(array(JoinGroupResponseMember), "0+", factory=list)
    """Member by member."""
