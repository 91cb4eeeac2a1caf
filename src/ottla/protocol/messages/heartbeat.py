"""Heartbeat (API key 12): stay a member of a classic group."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, field


class HeartbeatRequest(Request, api_key=ApiKey.HEARTBEAT, versions="0-4", flexible="4+"):
    """Asks to stay a member of a classic group."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    generation_id: int = field(INT32, "0+", default=0)
    """The group's generation; -1 for none."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+")
    """The name of a static member (KIP-345); null for a dynamic one."""


class HeartbeatResponse(Response, api_key=ApiKey.HEARTBEAT, versions="0-4", flexible="4+"):
    """Answers `HeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
