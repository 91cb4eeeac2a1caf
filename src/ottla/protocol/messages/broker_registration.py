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
    """Its name."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""
    security_protocol: int = field(INT16, "0+", default=0)
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


class Feature(Struct):
    """`features` of `BrokerRegistrationRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    min_supported_version: int = field(INT16, "0+", default=0)
    """The lowest version that is understood."""
    max_supported_version: int = field(INT16, "0+", default=0)
    """The highest version that is understood."""


class BrokerRegistrationRequest(Request, api_key=ApiKey.BROKER_REGISTRATION, versions="0-4", flexible="0+"):
    """Asks to register a broker with the KRaft controller."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    cluster_id: str = field(STRING, "0+", default="")
    """The cluster's id."""
    incarnation_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """An id that is new with each start of the process."""
    listeners: list[Listener] = field(array(Listener), "0+", factory=list)
    """Where it listens."""
    features: list[Feature] = field(array(Feature), "0+", factory=list)
    """The features it supports."""
    rack: str | None = field(STRING, "0+", default="", nullable="0+")
    """The broker's rack; null if it has none."""
    is_migrating_zk_broker: bool = field(BOOL, "1+", default=False)
    """Whether the broker is on its way from ZooKeeper."""
    log_dirs: list[Uuid] = field(array(UUID), "2+", factory=list, ignorable=True)
    """The ids of the broker's log directories."""
    previous_broker_epoch: int = field(INT64, "3+", default=-1, ignorable=True)
    """The epoch of its registration before its last clean stop."""


class BrokerRegistrationResponse(Response, api_key=ApiKey.BROKER_REGISTRATION, versions="0-4", flexible="0+"):
    """Answers `BrokerRegistrationRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    broker_epoch: int = field(INT64, "0+", default=-1)
    """The epoch of the broker's registration; -1 for none."""
