"""BrokerHeartbeat (API key 63): keep a broker registered with the KRaft controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, UUID, Request, Response, array, field
from ottla.protocol.types import Uuid


class BrokerHeartbeatRequest(Request, api_key=ApiKey.BROKER_HEARTBEAT, versions="0-1", flexible="0+"):
    """Asks to keep a broker registered with the KRaft controller."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "0+", default=-1)
    """The epoch of the broker's registration; -1 for none."""
    current_metadata_offset: int = field(INT64, "0+", default=0)
    """How far the broker has read the metadata log."""
    want_fence: bool = field(BOOL, "0+", default=False)
    """Whether the broker wants to be fenced."""
    want_shut_down: bool = field(BOOL, "0+", default=False)
    """Whether the broker wants to stop."""
    offline_log_dirs: list[Uuid] = field(array(UUID), "1+", factory=list, tag=0, tagged="1+")
    """The log directories that have failed."""


class BrokerHeartbeatResponse(Response, api_key=ApiKey.BROKER_HEARTBEAT, versions="0-1", flexible="0+"):
    """Answers `BrokerHeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    is_caught_up: bool = field(BOOL, "0+", default=False)
    """Whether the broker has read enough of the metadata log."""
    is_fenced: bool = field(BOOL, "0+", default=True)
    """Whether the broker is fenced."""
    should_shut_down: bool = field(BOOL, "0+", default=False)
    """Whether the broker may stop now."""
