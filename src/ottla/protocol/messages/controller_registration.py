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
    """Its name."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""
    security_protocol: int = field(INT16, "0+", default=0)
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


class Feature(Struct):
    """`features` of `ControllerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    min_supported_version: int = field(INT16, "0+", default=0)
    """The lowest version that is understood."""
    max_supported_version: int = field(INT16, "0+", default=0)
    """The highest version that is understood."""


class ControllerRegistrationRequest(
    Request, api_key=ApiKey.CONTROLLER_REGISTRATION, versions="0", flexible="0+"
):
    """Asks to register a KRaft controller."""

    controller_id: int = field(INT32, "0+", default=0)
    """The controller's broker id; -1 for none."""
    incarnation_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """An id that is new with each start of the process."""
    zk_migration_ready: bool = field(BOOL, "0+", default=False)
    """Whether a migration from ZooKeeper may begin."""
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    """Where it listens."""
    features: list[Feature] = field(array(Feature), "0+", factory=list)
    """The features it supports."""


class ControllerRegistrationResponse(
    Response, api_key=ApiKey.CONTROLLER_REGISTRATION, versions="0", flexible="0+"
):
    """Answers `ControllerRegistrationRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
