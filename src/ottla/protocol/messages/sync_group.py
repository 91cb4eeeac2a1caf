"""SyncGroup (API key 14): hand out, or receive, the assignment of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, STRING, Request, Response, Struct, array, field


class SyncGroupRequestAssignment(Struct):
    """`assignments` of `SyncGroupRequest`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    assignment: bytes = field(BYTES, "0+", default=b"")
    """What the member is assigned."""


class SyncGroupRequest(Request, api_key=ApiKey.SYNC_GROUP, versions="0-5", flexible="4+"):
    """Asks to hand out, or receive, the assignment of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    generation_id: int = field(INT32, "0+", default=0)
    """The group's generation; -1 for none."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    """The name of a static member (KIP-345); null for a dynamic one."""
    protocol_type: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    protocol_name: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The assignor that the members agreed on."""
    assignments: list[SyncGroupRequestAssignment] = field(
        array(SyncGroupRequestAssignment), "0+", factory=list
    )
    """Assignments, one by one."""


class SyncGroupResponse(Response, api_key=ApiKey.SYNC_GROUP, versions="0-5", flexible="4+"):
    """Answers `SyncGroupRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    protocol_type: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    protocol_name: str | None = field(STRING, "5+", default=None, nullable="5+", ignorable=True)
    """The assignor that the members agreed on."""
    assignment: bytes = field(BYTES, "0+", default=b"")
    """What the member is assigned."""
