"""FindCoordinator (API key 10): find the broker that coordinates a group, a transactional id or a share partition."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class FindCoordinatorRequest(Request, api_key=ApiKey.FIND_COORDINATOR, versions="0-6", flexible="3+"):
    """Asks to find the broker that coordinates a group, a transactional id or a share partition."""

    key: str = field(STRING, "0-3", default="")
    """The group or transactional id whose coordinator is wanted, up to version 3."""
    key_type: int = field(INT8, "1+", default=0)
    """0 groups, 1 transactions, 2 share partitions."""
    coordinator_keys: list[str] = field(array(STRING), "4+", factory=list)
    """The keys whose coordinators are wanted."""


class Coordinator(Struct):
    """`coordinators` of `FindCoordinatorResponse`."""

    key: str = field(STRING, "4+", default="")
    """The key it coordinates."""
    node_id: int = field(INT32, "4+", default=0)
    """The broker's id."""
    host: str = field(STRING, "4+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "4+", default=0)
    """Where to connect to: the port."""
    error_code: int = field(INT16, "4+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "4+", default="", nullable="4+", ignorable=True)
    """The error in words; null where the code says enough."""


class FindCoordinatorResponse(Response, api_key=ApiKey.FIND_COORDINATOR, versions="0-6", flexible="3+"):
    """Answers `FindCoordinatorRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0-3", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "1-3", default="", nullable="1-3", ignorable=True)
    """The error in words; null where the code says enough."""
    node_id: int = field(INT32, "0-3", default=0)
    """The broker's id."""
    host: str = field(STRING, "0-3", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0-3", default=0)
    """Where to connect to: the port."""
    coordinators: list[Coordinator] = field(array(Coordinator), "4+", factory=list)
    """Coordinator by coordinator."""
