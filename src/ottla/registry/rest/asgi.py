"""The border to the ASGI server: bodies read up to a limit, answers compressed where the client wants it, CORS; and requests that a
browser was led to send to a service on loopback are refused.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote

from ottla.registry.errors import RegistryError, too_busy
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.messages import DEFAULT_TYPE, Answer, Request, error_answer, http_error
from ottla.security.rebinding import may_lead_here

MAX_BODY_BYTES: Final = 20 * 1024 * 1024
"""More than the largest record that a broker takes with usual settings, many times over."""
_MAX_LENGTH_DIGITS: Final = 20
MIN_COMPRESSED_BYTES: Final = 1_024
"""Shorter answers cost more to compress than to send."""
COMPRESSION_LEVEL: Final = 1

LARGE_ANSWER_BYTES: Final = 64 * 1024
"""Longer ones are compressed, and bodies that come compressed are read, in a thread: a millisecond each 100 KB."""
MAX_KEPT_BYTES: Final = 16 * 1024
"""Shorter answers are kept as they were compressed, for the next who asks: a schema is told to all its readers."""
KEPT_ANSWERS: Final = 256
MAX_HELD_BYTES: Final = 256 * 1024 * 1024
"""Of the bodies of all requests being answered. One that would make it more is refused with 503."""
LOOKED_AT: Final = "ottla.request"
"""In the scope: the request, of which is known that it takes more than looking."""
ANSWER: Final = "ottla.answer"
"""In the scope: how to answer with status, headers and body in one write; it says whether it could."""

Headers: TypeAlias = list[tuple[bytes, bytes]]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


class CrossOrigin(NamedTuple):
    """What pages of other origins may do; an empty `origin` is nothing."""

    origin: str = ""
    methods: str = ""
    headers: str = ""


NO_CROSS_ORIGIN: Final = CrossOrigin()


class Application:
    """An ASGI application. `compresses` is `compression.enable`."""

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        compresses: bool = True,
        cross_origin: CrossOrigin = NO_CROSS_ORIGIN,
        own_names: frozenset[str] | None = None,
    ) -> None:
        """`own_names`: those that requests may call this registry by, beside addresses and private names, where it listens on
        loopback alone; None: any."""
        self._held_bytes = 0
        """Of the bodies of all requests that are not answered yet."""
        self._dispatch = dispatch
        self._own_names = own_names
        self._compresses = compresses
        self._cross_origin = cross_origin

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _lifespan(receive, send)
            return
        looked_at: Request | None = scope.get(LOOKED_AT)
        if looked_at is not None:
            await self._respond(looked_at, scope, send)
            return
        headers = _decoded(tuple(scope["headers"]))
        body = _Body(self)
        try:
            await self._answer_read(scope, headers, body, receive, send)
        finally:
            self._held_bytes -= body.held_bytes

    async def _answer_read(
        self, scope: Message, headers: Mapping[str, str], body: _Body, receive: Receive, send: Send
    ) -> None:
        try:
            self._check_host(headers)
            content = b"" if scope["method"] in {"GET", "HEAD"} else await body.read(receive, headers)
        except RegistryError as error:
            await self._send(error_answer(error), scope, headers, send)
            return
        path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        target = path.split(b"?", 1)[0].decode("latin-1")
        request = Request(scope["method"], target, scope["query_string"].decode("latin-1"), headers, content)
        if "principal" in scope:
            request.principal = scope["principal"]
        await self._respond(request, scope, send)

    async def _respond(self, request: Request, scope: Message, send: Send) -> None:
        answer = self._dispatch.answer(request)
        if not isinstance(answer, Answer):
            answer = await answer
        await self._send(answer, scope, request.headers, send)

    def at_once(self, method: str, url: bytes, headers: Headers, body: bytes) -> AtOnce:
        """What a request is answered with for which it is enough to look: by the server, without a task.

        `url` is path and query. What needs more is called as an ASGI application, `AtOnce.request` in its scope as `LOOKED_AT`.
        """
        named = _decoded(tuple(headers))
        path, _, query = url.decode("latin-1").partition("?")
        request = Request(method, path, query, named, body)
        try:
            self._check_host(named)
            answer = self._dispatch.at_once(request)
        except RegistryError as error:
            answer = error_answer(error)
        if answer is None or (len(answer.body) >= LARGE_ANSWER_BYTES and self._is_zipped(answer, named)):
            return AtOnce(request)
        sent, content = self._sent(answer, named)
        return AtOnce(request, answer.status, sent, content)

    def _check_host(self, headers: Mapping[str, str]) -> None:
        if self._own_names is not None and not may_lead_here(headers.get("host", ""), self._own_names):
            raise http_error(421, "Misdirected Request")

    def hold(self, size: int) -> None:
        """So many bytes of a body have come; raises 503 where all bodies together are too many."""
        self._held_bytes += size
        if self._held_bytes > MAX_HELD_BYTES:
            raise too_busy("The bodies of the requests that are being answered are too many bytes")

    def _is_zipped(self, answer: Answer, headers: Mapping[str, str]) -> bool:
        return (
            self._compresses
            and len(answer.body) >= MIN_COMPRESSED_BYTES
            and "gzip" in headers.get("accept-encoding", "")
        )

    async def _send(self, answer: Answer, scope: Message, headers: Mapping[str, str], send: Send) -> None:
        zipped = None
        if len(answer.body) >= LARGE_ANSWER_BYTES and self._is_zipped(answer, headers):
            zipped = await asyncio.to_thread(_zipped, answer.body)
        sent, body = self._sent(answer, headers, zipped)
        answers: Callable[[int, Headers, bytes], bool] | None = scope.get(ANSWER)
        if answers is not None and answers(answer.status, sent, body):
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _sent(
        self, answer: Answer, headers: Mapping[str, str], zipped: bytes | None = None
    ) -> tuple[Headers, bytes]:
        """The answer's headers and its body as it is sent; `zipped`: the body compressed already."""
        body = answer.body
        sent: Headers = [(b"content-type", (answer.content_type or DEFAULT_TYPE).encode())] if body else []
        if self._compresses and len(body) >= MIN_COMPRESSED_BYTES:
            sent.append((b"vary", b"Accept-Encoding"))
            if self._is_zipped(answer, headers):
                body = zipped or (_often_zipped if len(body) <= MAX_KEPT_BYTES else _zipped)(body)
                sent.append((b"content-encoding", b"gzip"))
        if answer.status != 204:
            sent.append((b"content-length", str(len(body)).encode()))
        sent += [(name.encode(), value.encode()) for name, value in answer.headers]
        if self._cross_origin.origin and "origin" in headers:
            sent += self._cross_origin_headers(headers["origin"])
        return sent, body

    def _cross_origin_headers(self, origin: str) -> Headers:
        allowed = [each.strip() for each in self._cross_origin.origin.split(",")]
        if "*" not in allowed and origin not in allowed:
            return []
        found = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        if self._cross_origin.methods:
            found.append((b"access-control-allow-methods", self._cross_origin.methods.encode()))
        if self._cross_origin.headers:
            found.append((b"access-control-allow-headers", self._cross_origin.headers.encode()))
        return found


class AtOnce(NamedTuple):
    """An answer, or that it takes more than looking: then `status` is 0."""

    request: Request
    status: int = 0
    headers: Headers = []  # noqa: RUF012 - nobody changes it
    body: bytes = b""


class _Body:
    """A request's body, as it comes."""

    __slots__ = ("_application", "held_bytes")

    def __init__(self, application: Application) -> None:
        self._application = application
        self.held_bytes = 0

    async def read(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        """All of it, unzipped; raises 413, 400 and 503."""
        announced = headers.get("content-length", "0")
        if len(announced) > _MAX_LENGTH_DIGITS or int(announced) > MAX_BODY_BYTES:
            raise _too_long()
        pieces = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RegistryError(400, "The connection ended before the request did")
            piece = message.get("body", b"")
            self._hold(len(piece))
            pieces += piece
            more = message.get("more_body", False)
            if len(pieces) > MAX_BODY_BYTES:
                raise _too_long()
        if headers.get("content-encoding", "").lower() != "gzip":
            return bytes(pieces)
        # It may be a thousand times as long as it came; only so much is made of it at once.
        text = await asyncio.to_thread(_unzipped, pieces)
        self._hold(len(text))
        return text

    def _hold(self, size: int) -> None:
        self.held_bytes += size
        self._application.hold(size)


@lru_cache(maxsize=256)
def _decoded(headers: tuple[tuple[bytes, bytes], ...]) -> Mapping[str, str]:
    """By name; a connection's requests mostly have the same. Of repeated ones the last counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, COMPRESSION_LEVEL, mtime=0)


_often_zipped = lru_cache(maxsize=KEPT_ANSWERS)(_zipped)


def _unzipped(body: bytearray) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        text = stream.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise RegistryError(400, f"The request body is no gzip: {error}") from None
    if len(text) > MAX_BODY_BYTES:
        raise _too_long()
    return text


def _too_long() -> RegistryError:
    return RegistryError(413, f"The request body is longer than {MAX_BODY_BYTES} bytes")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
