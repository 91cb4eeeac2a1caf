"""The ASGI server, and the one place that knows which it is. The figures it was chosen by are in docs/registry.md."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from ottla.registry.rest.asgi import Asgi
from ottla.registry.settings import Listener

if TYPE_CHECKING:
    import uvicorn

BACKLOG: Final = 2_048
STOP_TIMEOUT_S: Final = 3
"""How long requests under way may take to be answered at a stop."""
OTHER_FILES: Final = 128
"""Files besides the clients' connections: those to brokers and other registries, the log, what Python reads."""
KEEP_ALIVE_S: Final = 300
"""How long an idle connection stays open: clients keep theirs between two schemas they haven't seen."""


def listen(listener: Listener) -> socket.socket:
    """A socket that listens; raises OSError."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    return socket.create_server((listener.host, listener.port), family=family, backlog=BACKLOG)


def _connections() -> int:
    """As many as the process may have files open, with some left for the rest of it."""
    from ottla.registry.http_connection import MAX_CONNECTIONS  # noqa: PLC0415 - as above

    may_be_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if may_be_open == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, may_be_open - OTHER_FILES))


class HttpServer:
    """Serves an application at sockets that listen already, all with TLS or all without. Belongs to one event loop."""

    def __init__(
        self,
        application: Asgi,
        sockets: Sequence[socket.socket],
        *,
        idle_timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._application = application
        self._tls = tls
        self._idle_timeout_s = idle_timeout_s
        self._sockets = list(sockets)
        self._server: uvicorn.Server | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        # While they load, the topic is being read.
        import uvicorn  # noqa: PLC0415

        from ottla.registry.http_connection import BoundedConnection, Limits  # noqa: PLC0415

        limits = Limits(self._idle_timeout_s, connections=_connections())
        # Whoever stands in front of the application, as a log-in does, has to be asked first.
        at_once = getattr(self._application, "at_once", None)
        connection = partial(BoundedConnection, limits=limits, at_once=at_once)
        config = uvicorn.Config(
            self._application,
            http=cast("type[asyncio.Protocol]", connection),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            # Nobody asks where a request came from.
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
        config.load()
        config.ssl = self._tls
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=self._sockets)
        self._running = asyncio.create_task(self._server.main_loop())

    @property
    def connections(self) -> int:
        """How many there are."""
        return 0 if self._server is None else len(self._server.server_state.connections)

    async def stop(self) -> None:
        if self._server is not None and self._running is not None:
            self._server.should_exit = True
            await self._running
            await self._server.shutdown(sockets=self._sockets)
        for each in self._sockets:
            each.close()
