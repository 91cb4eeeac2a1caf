"""BrokerRegistration (API key 62): register a broker with the KRaft controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT16,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class Listener(Struct):
    """`listeners` of `BrokerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    port: int = field(UINT16, "0+", default=0)
    security_protocol: int = field(INT16, "0+", default=0)


class Feature(Struct):
    """`features` of `BrokerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    min_supported_version: int = field(INT16, "0+", default=0)
    max_supported_version: int = field(INT16, "0+", default=0)


class BrokerRegistrationRequest(Request, api_key=ApiKey.BROKER_REGISTRATION, versions="0-4", flexible="0+"):
    """Asks to register a broker with the KRaft controller."""

    broker_id: int = field(INT32, "0+", default=0)
    cluster_id: str = field(STRING, "0+", default="")
    incarnation_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    features: list[Feature] = field(array(Feature), "0+", factory=list)
    rack: str | None = field(STRING, "0+", default="", nullable="0+")
    is_migrating_zk_broker: bool = field(BOOL, "1+", default=False)
    log_dirs: list[Uuid] = field(array(UUID), "2+", factory=list, ignorable=True)
    previous_broker_epoch: int = field(INT64, "3+", default=-1, ignorable=True)


class BrokerRegistrationResponse(Response, api_key=ApiKey.BROKER_REGISTRATION, versions="0-4", flexible="0+"):
    """Answers `BrokerRegistrationRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    broker_epoch: int = field(INT64, "0+", default=-1)
