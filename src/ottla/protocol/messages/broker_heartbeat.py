"""BrokerHeartbeat (API key 63): keep a broker registered with the KRaft controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, UUID, Request, Response, array, field
from ottla.protocol.types import Uuid


class BrokerHeartbeatRequest(Request, api_key=ApiKey.BROKER_HEARTBEAT, versions="0-1", flexible="0+"):
    """Asks to keep a broker registered with the KRaft controller."""

    broker_id: int = field(INT32, "0+", default=0)
    broker_epoch: int = field(INT64, "0+", default=-1)
    current_metadata_offset: int = field(INT64, "0+", default=0)
    want_fence: bool = field(BOOL, "0+", default=False)
    want_shut_down: bool = field(BOOL, "0+", default=False)
    offline_log_dirs: list[Uuid] = field(array(UUID), "1+", factory=list, tag=0, tagged="1+")


class BrokerHeartbeatResponse(Response, api_key=ApiKey.BROKER_HEARTBEAT, versions="0-1", flexible="0+"):
    """Answers `BrokerHeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    is_caught_up: bool = field(BOOL, "0+", default=False)
    is_fenced: bool = field(BOOL, "0+", default=True)
    should_shut_down: bool = field(BOOL, "0+", default=False)
