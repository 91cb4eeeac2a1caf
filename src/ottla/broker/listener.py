"""A listening socket: accepts within the limits, keeps its connections, closes the idle ones.

Limits, by Apache's names: `max.connections`, `max.connections.per.ip`, `max.connections.per.ip.overrides`,
`max.connection.creation.rate`, `connections.max.idle.ms`, `socket.request.max.bytes`. A connection over `max.connections` is not
served until another has gone: Apache leaves it in the kernel's queue, here it is accepted and waits, which looks the same to its
client. One over another limit is closed at once with a log line.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.broker.connection import Connection
from ottla.broker.context import ConnectionInfo
from ottla.broker.receive import ReceiveMemory
from ottla.broker.routes import Routes
from ottla.broker.sending import FileReads
from ottla.broker.turns import now
from ottla.config.broker_config import BrokerConfig
from ottla.config.endpoints import SecurityProtocol
from ottla.config.listener_settings import ListenerSettings

if TYPE_CHECKING:
    from ottla.broker.listener_tls import ListenerTls
    from ottla.broker.login import Logins
    from ottla.broker.server import BrokerServer
    from ottla.broker.threads import Threads
    from ottla.security.tls import ServerTls

_SWEEP_SECONDS = 5.0
"""At most so late an idle connection is closed."""

WAITING_MAX = 1_024
"""Connections that wait for room; as many as the kernel's queue holds."""

_TURNS_OF_ACCEPTING = 3
"""Of asyncio's loop, from the accepted socket to `connection_made`."""

_LINGER_SECONDS = 10.0
"""A connection that is closed but whose client does not take the last answers is cut after this."""

_OWN_LIMITS = {"max.connections": "max_connections", "max.connection.creation.rate": "creation_rate"}
"""What a listener may set for itself, in addition to what holds for the broker as a whole (KIP-612)."""

_LINES_AT_ONCE = 500
_LINES_A_SECOND = 10
"""Of closed connections: who connects in a loop, speaking something else, must not fill the log's disk."""


@dataclass(slots=True)
class ConnectionLimits:
    """The settings above; changed in place when they are changed while the broker runs."""

    max_connections: int = 2**31 - 1
    max_descriptors: int = 2**31 - 1
    """Connections that fit into the process's limit of open files."""
    max_connections_per_ip: int = 2**31 - 1
    per_ip_overrides: dict[str, int] = field(default_factory=dict)
    creation_rate: int = 2**31 - 1
    """Connections a second, over a second's burst; who comes sooner is accepted and read later."""
    max_idle_ms: int = 600_000
    """Negative: never."""
    max_request_bytes: int = 104_857_600
    send_buffer_bytes: int = -1
    """-1 leaves it to the system, which sizes the buffer by the connection's speed; likewise the next."""
    receive_buffer_bytes: int = -1


class ConnectionCounts:
    """How many connections there are, in all and by address: the broker's, shared by its listeners, and each listener's."""

    __slots__ = ("_next_due", "by_host", "limits", "total", "waiting")

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.total = 0
        self._next_due = 0.0
        self.by_host: dict[str, int] = {}
        self.waiting: dict[Connection, None] = {}
        """Those that wait for room, the first of them first; at most `WAITING_MAX`."""

    def enter(self, host: str) -> str:
        """Count one in; why it may not stay, or the empty string. Counted either way, until `leave`."""
        self.total += 1
        count = self.by_host[host] = self.by_host.get(host, 0) + 1
        limits = self.limits
        if self.total > limits.max_descriptors:
            return f"there are {limits.max_descriptors} connections already, all that the limit of open files allows"
        allowed = limits.per_ip_overrides.get(host, limits.max_connections_per_ip)
        if count > allowed:
            return f"{host} has {allowed} connections already (max.connections.per.ip)"
        if self.lacks_room and len(self.waiting) >= WAITING_MAX:
            return (
                f"{WAITING_MAX} connections wait for one of {limits.max_connections} to go (max.connections)"
            )
        return ""

    @property
    def lacks_room(self) -> bool:
        """Whether more connections are served, or would be, than `max.connections` allows."""
        return self.total - len(self.waiting) > self.limits.max_connections

    def serve_next(self) -> None:
        """A connection has gone, or more are allowed: let those that wait on, as far as there is room."""
        while self.waiting and self.total - len(self.waiting) < self.limits.max_connections:
            connection = next(iter(self.waiting))
            del self.waiting[connection]
            connection.let_on()

    def delay_seconds(self, moment: float) -> float:
        """How long a connection made at `moment` has to wait by the creation rate."""
        self._next_due = max(self._next_due, moment - 1.0) + 1.0 / self.limits.creation_rate
        return max(0.0, self._next_due - moment)

    def leave(self, host: str) -> None:
        self.total -= 1
        count = self.by_host[host] - 1
        if count:
            self.by_host[host] = count
        else:
            del self.by_host[host]


class Listener:
    """One entry of `listeners`, bound, with the connections it accepted."""

    def __init__(
        self,
        broker: "BrokerServer",
        name: str,
        security_protocol: SecurityProtocol,
        *,
        routes: Routes,
        memory: ReceiveMemory,
        reads: FileReads,
        counts: ConnectionCounts,
        log: logging.Logger,
    ) -> None:
        self.broker = broker
        self.name = name
        self.security_protocol = security_protocol
        self.routes = routes
        self.memory = memory
        self.reads = reads
        self.counts = counts
        self.log = log
        self.loop = reads.loop
        self.turns = reads.turns
        self.max_request_bytes = counts.limits.max_request_bytes
        self.throttling = broker.throttling
        """None while there is no quota for users and clients."""
        self.make_connection: Callable[[Listener], Connection] = Connection
        self.tls: ListenerTls | None = None
        """None where nothing is encrypted."""
        self.own_counts = ConnectionCounts(ConnectionLimits())
        """This listener's connections alone, by its own limits: `listener.name.x.max.connections` and the like."""
        self.logins: Logins | None = None
        """None where clients don't log in by SASL."""
        self.connections: set[Connection] = set()
        self.host = ""
        self.port = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.accepted = 0
        self._server: asyncio.AbstractServer | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._all_closed: asyncio.Event | None = None
        self._lines = LineBudget()
        self.take(broker.config)

    async def open_tls(self, config: BrokerConfig, threads: "Threads") -> None:
        """Read the certificates, if this listener has any; raises `InvalidConfigurationError`."""
        if self.security_protocol not in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL):
            return
        from ottla.broker.listener_tls import LOOK_SECONDS, ListenerTls  # noqa: PLC0415 - few listeners have TLS

        settings = ListenerSettings(config, self.name)
        self.tls = ListenerTls(settings, self.security_protocol, threads, self.turns, LOOK_SECONDS)
        await self.tls.open()

    def take(self, config: BrokerConfig) -> None:
        """Set the limits; later, when the broker's settings have changed, renew whatever follows from them."""
        settings = ListenerSettings(config, self.name)
        limits = self.own_counts.limits
        for name, field_name in _OWN_LIMITS.items():
            own = settings.own_value(name)
            setattr(limits, field_name, own if isinstance(own, int) else 2**31 - 1)
        self.own_counts.serve_next()
        if self.tls is not None:
            self.tls.take(settings)

    async def check(self, config: BrokerConfig) -> None:
        """Whether `take` could be called with these settings; `KafkaError` INVALID_REQUEST tells why not."""
        if self.tls is not None:
            await self.tls.check(ListenerSettings(config, self.name))

    async def bind(self, host: str, port: int, backlog: int) -> None:
        """Take the address; connections are not accepted before `serve`. Raises `OSError`."""
        self._server = await self.loop.create_server(
            self._protocol,
            host or None,
            port,
            backlog=backlog,
            reuse_address=True,
            start_serving=False,
        )
        for listening in self._server.sockets:
            self._set_options(listening)
        # Both loops' servers have it, the abstract one does not.
        address = self._server.sockets[0].getsockname()
        self.host, self.port = host, address[1]

    def _set_options(self, listening: socket.socket) -> None:
        """What connections inherit: set once, where it would be three system calls each for every one of them.

        TCP_NODELAY is the loop's own doing.
        """
        limits = self.counts.limits
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if limits.send_buffer_bytes > 0:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer_bytes)
        if limits.receive_buffer_bytes > 0:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.receive_buffer_bytes)

    async def serve(self) -> None:
        """Accept from now on."""
        assert self._server is not None
        await self._server.start_serving()
        self._sweep = self.loop.call_later(_SWEEP_SECONDS, self._close_idle)

    def _protocol(self) -> asyncio.BufferedProtocol:
        """What receives the bytes of the next connection."""
        connection = self.make_connection(self)
        return connection if self.tls is None else self.tls.layer(self, connection)

    # Called by connections.

    def secured(self, connection: Connection, tls: "ServerTls", session: ssl.SSLObject) -> None:
        """A TLS handshake is over. Raises `NoRuleFits` and `UnwantedSuite`."""
        assert self.tls is not None
        connection.info.principal = self.tls.principal(tls, session)

    def not_secured(self, connection: Connection, reason: str) -> None:
        """A TLS handshake has failed."""
        assert self.tls is not None
        self.tls.failed += 1
        connection.close(reason)

    def descriptor(self, transport: asyncio.Transport) -> int:
        """The socket's descriptor where bytes may be written to it directly, else -1."""
        if self.tls is not None:
            return -1
        sock = transport.get_extra_info("socket")
        if sock is None:
            return -1
        return int(sock.fileno())

    def opened(self, connection: Connection, transport: asyncio.Transport) -> None:
        local = transport.get_extra_info("sockname") or ("", 0)
        remote = transport.get_extra_info("peername") or ("", 0)
        local_host, remote_host = _plain_host(local[0]), _plain_host(remote[0])
        self.accepted += 1
        connection.info = ConnectionInfo(
            identity=f"{local_host}:{local[1]}-{remote_host}:{remote[1]}-{self.accepted}",
            listener_name=self.name,
            security_protocol=self.security_protocol,
            local_host=local_host,
            local_port=local[1],
            remote_host=remote_host,
            remote_port=remote[1],
        )
        connection.last_active = now()
        self.connections.add(connection)
        if self.logins is not None:
            connection.login = self.logins.begin(connection)
        refused = self.counts.enter(remote_host)
        refused = self.own_counts.enter(remote_host) or refused
        if refused or self._all_closed is not None:
            connection.close(refused)
            return
        for counts in (self.counts, self.own_counts):
            if counts.lacks_room:
                counts.waiting[connection] = None
                connection.wait()
                return
        throttle_ms = self.broker.address_quota.connected(remote_host, self.broker.now_ms())
        if throttle_ms > 0:
            connection.refuse_later(
                throttle_ms / 1000, f"{remote_host} connects more often than its quota allows"
            )
            return
        delay_seconds = max(
            self.counts.delay_seconds(connection.last_active),
            self.own_counts.delay_seconds(connection.last_active),
        )
        if delay_seconds > 0:
            connection.hold_back(delay_seconds)

    def closed(self, connection: Connection, reason: str) -> None:
        if reason and self._lines.allow(now()):
            more = f" (and {self._lines.withheld} more like it)" if self._lines.withheld else ""
            self._lines.withheld = 0
            self.log.info("Closed connection %s: %s%s", connection.info.identity, reason, more)
        self.connections.discard(connection)
        self.broker.shares.connection_closed(connection.info)
        for counts in (self.counts, self.own_counts):
            counts.waiting.pop(connection, None)
            counts.leave(connection.info.remote_host)
            counts.serve_next()
        if self._all_closed is not None and not self.connections:
            self._all_closed.set()

    # Idle connections, and the end.

    def _close_idle(self) -> None:
        self._sweep = self.loop.call_later(_SWEEP_SECONDS, self._close_idle)
        lingering = now() - _LINGER_SECONDS
        for connection in [
            each for each in self.connections if each.closing and each.last_active < lingering
        ]:
            connection.abort()
        max_idle_ms = self.counts.limits.max_idle_ms
        if max_idle_ms < 0:
            return
        oldest = now() - max_idle_ms / 1000
        for connection in [
            each for each in self.connections if each.last_active < oldest and not each.waiting
        ]:
            connection.close("")

    async def close(self, timeout_s: float) -> None:
        """Accept no more; connections with a request in hand may finish it within the time, then all are closed."""
        if self._sweep is not None:
            self._sweep.cancel()
        if self.tls is not None:
            self.tls.close()
        if self._server is not None:
            self._server.close()
        self._all_closed = asyncio.Event()
        # What was accepted before that may still be on its way here.
        for _ in range(_TURNS_OF_ACCEPTING):
            await asyncio.sleep(0)
        for connection in list(self.connections):
            connection.close_when_answered()
        if self.connections:
            try:
                await asyncio.wait_for(self._all_closed.wait(), timeout_s)
            except TimeoutError:
                for connection in list(self.connections):
                    connection.abort()
                await asyncio.sleep(0)


class LineBudget:
    """How many lines a listener may still log: some at once, and then some a second."""

    __slots__ = ("_left", "_since", "withheld")

    def __init__(self) -> None:
        self._left = float(_LINES_AT_ONCE)
        self._since = 0.0
        self.withheld = 0
        """Lines that were not allowed since the last that was."""

    def allow(self, moment: float) -> bool:
        """Whether one may be logged at `moment`, by the clock `now`."""
        self._left = min(_LINES_AT_ONCE, self._left + (moment - self._since) * _LINES_A_SECOND)
        self._since = moment
        if self._left < 1:
            self.withheld += 1
            return False
        self._left -= 1
        return True


def _plain_host(host: str) -> str:
    """An address as a client would write it: no zone, and no IPv6 clothing around an IPv4 address."""
    plain = host.partition("%")[0]
    if plain.startswith("::ffff:"):
        mapped = ipaddress.IPv6Address(plain).ipv4_mapped
        if mapped is not None:
            return str(mapped)
    return plain
