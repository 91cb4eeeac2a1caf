"""The page for machines that look after the broker: `/metrics`, `/healthz`, `/readyz`, by HTTP/1.1 on a port of its own.

h11 knows the protocol, this moves bytes. A metrics page goes out in pieces of half a millisecond's work; between two the
loop runs, and a reader that does not read holds one piece. At most MAX_CONNECTIONS at once; each has a minute for a request.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator

import h11

from ottla.metrics.page import CONTENT_TYPE
from ottla.security.rebinding import is_loopback, may_lead_here

_log = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
MAX_HEAD_BYTES = 16_384
REQUEST_SECONDS = 60.0

_PLAIN_TEXT = "text/plain; charset=utf-8"

Answer = tuple[int, str, Iterable[bytes]]
"""Status, content type, body in pieces."""


class HealthPages:
    """Serves the pages until `close`."""

    def __init__(self, *, is_ready: Callable[[], bool], metrics: Callable[[], Iterator[bytes]]) -> None:
        self._is_ready = is_ready
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self._is_local = False

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises `OSError`."""
        self._is_local = is_loopback(host)
        self._server = await asyncio.start_server(self._serve, host or None, port, limit=MAX_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop, cutting what is being sent."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) <= MAX_CONNECTIONS:
                await self._converse(reader, writer)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            _log.debug("A reader of the pages went away: %s", error)
        except asyncio.CancelledError:
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        while connection.states[h11.CLIENT] is h11.IDLE:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await self._request(connection, reader)
            if request is None:
                return
            status, content_type, pieces = self._answer(request)
            await self._send(connection, writer, request, status, content_type, pieces)
            if connection.our_state is h11.MUST_CLOSE or connection.their_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _request(self, connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
        request: h11.Request | None = None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(MAX_HEAD_BYTES))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif isinstance(event, h11.ConnectionClosed):
                return None

    def _answer(self, request: h11.Request) -> Answer:
        path = request.target.split(b"?", 1)[0]
        if self._is_local and not may_lead_here(_host(request)):
            return 421, _PLAIN_TEXT, (b"nobody calls this machine so\n",)
        if request.method not in (b"GET", b"HEAD"):
            return 405, _PLAIN_TEXT, (b"these pages are only read\n",)
        if path == b"/metrics":
            return 200, CONTENT_TYPE, self._metrics()
        if path == b"/healthz":
            return 200, _PLAIN_TEXT, (b"the process is alive\n",)
        if path == b"/readyz":
            if self._is_ready():
                return 200, _PLAIN_TEXT, (b"the broker serves\n",)
            return 503, _PLAIN_TEXT, (b"the broker does not serve: it is starting or stopping\n",)
        return 404, _PLAIN_TEXT, (b"there are /metrics, /healthz and /readyz\n",)

    async def _send(
        self,
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
        request: h11.Request,
        status: int,
        content_type: str,
        pieces: Iterable[bytes],
    ) -> None:
        head = h11.Response(
            status_code=status, headers=[("content-type", content_type), ("transfer-encoding", "chunked")]
        )
        writer.write(connection.send(head) or b"")
        if request.method != b"HEAD":
            for piece in pieces:
                writer.write(connection.send(h11.Data(data=piece)) or b"")
                async with asyncio.timeout(REQUEST_SECONDS):
                    await writer.drain()
                await asyncio.sleep(0)
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        async with asyncio.timeout(REQUEST_SECONDS):
            await writer.drain()


def _host(request: h11.Request) -> str:
    return next((value.decode("latin-1") for name, value in request.headers if name == b"host"), "")
