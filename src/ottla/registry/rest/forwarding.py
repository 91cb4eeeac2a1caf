"""Passing a write on to the primary: the same request, its answer handed back.

Connections are kept for the next one. A write whose connection ended before its answer came may have been carried out: it
is not sent again, and the client is told that passing it on failed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import h11

from ottla.registry.errors import forwarding_failed
from ottla.registry.rest.messages import Answer, Request

MAX_IDLE_CONNECTIONS: Final = 8
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
READ_BYTES: Final = 65536

_PASSED_ON: Final = ("content-type", "accept", "authorization", "x-request-id")
_NEVER: Final = frozenset(
    {
        *_PASSED_ON,
        "host",
        "x-forward",
        "content-length",
        "transfer-encoding",
        "content-encoding",
        "connection",
    }
)
"""Sent by ourselves, or said of one connection alone: a setting can't have them passed on."""


class _Connection:
    """One connection to another registry, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @property
    def is_reusable(self) -> bool:
        return not self._reader.at_eof() and self._http.our_state is h11.IDLE

    async def exchange(self, request: h11.Request, body: bytes) -> Answer:
        for part in (request, h11.Data(data=body), h11.EndOfMessage()):
            self._writer.write(self._http.send(part) or b"")
        await self._writer.drain()
        head: h11.Response | None = None
        pieces = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                pieces += event.data
                if len(pieces) > MAX_ANSWER_BYTES:
                    raise h11.RemoteProtocolError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                break
            else:
                raise h11.RemoteProtocolError("the connection ended before the answer")
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
        content_type = dict(head.headers).get(b"content-type")
        return Answer(bytes(pieces), head.status_code, (), content_type.decode() if content_type else None)

    def close(self) -> None:
        self._writer.close()


class HttpForwarder:
    """Belongs to one event loop. Implements `dispatch.Forwarder`."""

    def __init__(
        self,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        headers: Sequence[str] = (),
    ) -> None:
        """`tls`: what new connections speak to registries with https. `headers`: which are passed on besides."""
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._tls = tls
        self._headers = (*_PASSED_ON, *(name for each in headers if (name := each.lower()) not in _NEVER))
        self._idle: dict[str, list[_Connection]] = {}

    async def forward(self, url: str, request: Request) -> Answer:
        """The answer of the registry at `url`; raises 50003."""
        try:
            connection = await self._connection(url)
        except (OSError, TimeoutError) as error:
            raise forwarding_failed(f"The primary at {url} cannot be reached: {error}") from None
        try:
            async with asyncio.timeout(self._read_timeout_s):
                answer = await connection.exchange(_as_sent(url, request, self._headers), request.body)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError | TimeoutError | h11.ProtocolError):
                raise forwarding_failed(
                    f"Error while forwarding the request to the primary at {url}: {error or 'no answer in time'}"
                ) from None
            raise
        self._keep(url, connection)
        return answer

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _connection(self, url: str) -> _Connection:
        idle = self._idle.get(url, [])
        while idle:
            connection = idle.pop()
            if connection.is_reusable:
                return connection
            connection.close()
        parts = urlsplit(url)
        if _is_link_local(parts.hostname or ""):
            raise OSError(
                "no registry has an address of the link's own, where clouds keep their machines' secrets"
            )
        tls = (self._tls() or ssl.create_default_context()) if parts.scheme == "https" else None
        async with asyncio.timeout(self._connect_timeout_s):
            return _Connection(*await asyncio.open_connection(parts.hostname, parts.port, ssl=tls))

    def _keep(self, url: str, connection: _Connection) -> None:
        idle = self._idle.setdefault(url, [])
        if connection.is_reusable and len(idle) < MAX_IDLE_CONNECTIONS:
            idle.append(connection)
        else:
            connection.close()


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def _as_sent(url: str, request: Request, passed_on: Sequence[str]) -> h11.Request:
    headers = [(name, request.headers[name]) for name in passed_on if name in request.headers]
    headers += [("host", urlsplit(url).netloc), ("x-forward", "false")]
    headers.append(("content-length", str(len(request.body))))
    target = request.target + (f"?{request.query_text}" if request.query_text else "")
    return h11.Request(method=request.method, target=target, headers=headers)
