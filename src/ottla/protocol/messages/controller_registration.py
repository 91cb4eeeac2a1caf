"""ControllerRegistration (API key 70): register a KRaft controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT16,
    INT32,
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
    """`listeners` of `ControllerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    port: int = field(UINT16, "0+", default=0)
    security_protocol: int = field(INT16, "0+", default=0)


class Feature(Struct):
    """`features` of `ControllerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    min_supported_version: int = field(INT16, "0+", default=0)
    max_supported_version: int = field(INT16, "0+", default=0)


class ControllerRegistrationRequest(
    Request, api_key=ApiKey.CONTROLLER_REGISTRATION, versions="0", flexible="0+"
):
    """Asks to register a KRaft controller."""

    controller_id: int = field(INT32, "0+", default=0)
    incarnation_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    zk_migration_ready: bool = field(BOOL, "0+", default=False)
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    features: list[Feature] = field(array(Feature), "0+", factory=list)


class ControllerRegistrationResponse(
    Response, api_key=ApiKey.CONTROLLER_REGISTRATION, versions="0", flexible="0+"
):
    """Answers `ControllerRegistrationRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
