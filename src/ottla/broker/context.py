"""What a handler knows about the request besides its body: who asks, over which connection, when."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.protocol.api_keys import ApiKey
from ottla.security.principal import ANONYMOUS, KafkaPrincipal

if TYPE_CHECKING:
    from ottla.broker.access import AllowedTopics
    from ottla.broker.login import Login


@dataclass(slots=True)
class ConnectionInfo:
    """The connection a request came by. One value for the connection's life."""

    identity: str
    """As Apache names connections in its log: `local:port-remote:port-number`."""
    listener_name: str
    """The listener's name from `listeners`, such as `PLAINTEXT`."""
    security_protocol: str
    local_host: str
    local_port: int
    """Address of the accepted socket: advertised to this client when nothing else is set."""
    remote_host: str
    remote_port: int
    principal: KafkaPrincipal = ANONYMOUS
    """Who it belongs to; changed by a log-in, by nothing else."""
    login: "Login | None" = None
    """Its log-in on a listener with SASL."""
    client_software_name: str = "unknown"
    client_software_version: str = "unknown"
    host: str = field(init=False)
    """The client's address as access rules spell it, which is Java's way."""
    readable: "AllowedTopics | None" = None
    """Topics that it may read; None until it asked for one, and always without an authorizer."""
    writable: "AllowedTopics | None" = None
    """Likewise, that it may write."""

    def __post_init__(self) -> None:
        self.host = java_address(self.remote_host)


class RequestContext:
    """One request's own facts. Made for every request, so it is small."""

    __slots__ = ("api_key", "api_version", "client_id", "connection", "correlation_id", "now_ms")

    def __init__(
        self,
        api_key: ApiKey,
        api_version: int,
        correlation_id: int,
        client_id: str | None,
        connection: ConnectionInfo,
        now_ms: int,
    ) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.client_id = client_id
        """None when the client gave none."""
        self.connection = connection
        self.now_ms = now_ms
        """Wall clock when the request was complete, milliseconds since 1970."""

    @property
    def principal(self) -> KafkaPrincipal:
        """Who asks."""
        return self.connection.principal


def java_address(host: str) -> str:
    """As `InetAddress.getHostAddress` writes it: an IPv6 address has all of its eight groups, no leading zeros."""
    if ":" not in host:
        return host
    head, gap, tail = host.partition("::")
    before = [f"{int(group, 16):x}" for group in head.split(":") if group]
    after = [f"{int(group, 16):x}" for group in tail.split(":") if group]
    between = ["0"] * (8 - len(before) - len(after)) if gap else []
    return ":".join([*before, *between, *after])
