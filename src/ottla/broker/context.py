"""What a handler knows about the request besides its body: who asks, over which connection, when."""

from dataclasses import dataclass


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
    principal: str = "User:ANONYMOUS"
    client_software_name: str = "unknown"
    client_software_version: str = "unknown"


class RequestContext:
    """One request's own facts. Made for every request, so it is small."""

    __slots__ = ("api_version", "client_id", "connection", "correlation_id", "now_ms")

    def __init__(
        self,
        api_version: int,
        correlation_id: int,
        client_id: str | None,
        connection: ConnectionInfo,
        now_ms: int,
    ) -> None:
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.client_id = client_id
        """None when the client gave none."""
        self.connection = connection
        self.now_ms = now_ms
        """Wall clock when the request was complete, milliseconds since 1970."""
