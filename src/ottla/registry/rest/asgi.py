"""The border to the ASGI server: bodies read up to a limit, answers compressed where the client wants it, CORS."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote

from ottla.registry.errors import RegistryError
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.messages import DEFAULT_TYPE, Answer, Request, error_answer

MAX_BODY_BYTES: Final = 20 * 1024 * 1024
"""More than the largest record that a broker takes with usual settings, many times over."""
_MAX_LENGTH_DIGITS: Final = 20
MIN_COMPRESSED_BYTES: Final = 1_024
"""Shorter answers cost more to compress than to send."""
COMPRESSION_LEVEL: Final = 1

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
        self, dispatch: Dispatch, *, compresses: bool = True, cross_origin: CrossOrigin = NO_CROSS_ORIGIN
    ) -> None:
        self._dispatch = dispatch
        self._compresses = compresses
        self._cross_origin = cross_origin

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await _lifespan(receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            body = b"" if scope["method"] in {"GET", "HEAD"} else await _body(receive, headers)
        except RegistryError as error:
            await self._send(error_answer(error), scope, headers, send)
            return
        path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        target = path.split(b"?", 1)[0].decode("latin-1")
        request = Request(scope["method"], target, scope["query_string"].decode("latin-1"), headers, body)
        answer = self._dispatch.answer(request)
        if not isinstance(answer, Answer):
            answer = await answer
        await self._send(answer, scope, headers, send)

    async def _send(self, answer: Answer, scope: Message, headers: dict[str, str], send: Send) -> None:
        body = answer.body
        sent = [(b"content-type", (answer.content_type or DEFAULT_TYPE).encode())] if body else []
        if self._compresses and len(body) >= MIN_COMPRESSED_BYTES:
            sent.append((b"vary", b"Accept-Encoding"))
            if "gzip" in headers.get("accept-encoding", ""):
                body = gzip.compress(body, COMPRESSION_LEVEL, mtime=0)
                sent.append((b"content-encoding", b"gzip"))
        if answer.status != 204:
            sent.append((b"content-length", str(len(body)).encode()))
        sent += [(name.encode(), value.encode()) for name, value in answer.headers]
        if self._cross_origin.origin and "origin" in headers:
            sent += self._cross_origin_headers(headers["origin"])
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _cross_origin_headers(self, origin: str) -> list[tuple[bytes, bytes]]:
        allowed = [each.strip() for each in self._cross_origin.origin.split(",")]
        if "*" not in allowed and origin not in allowed:
            return []
        found = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        if self._cross_origin.methods:
            found.append((b"access-control-allow-methods", self._cross_origin.methods.encode()))
        if self._cross_origin.headers:
            found.append((b"access-control-allow-headers", self._cross_origin.headers.encode()))
        return found


async def _body(receive: Receive, headers: dict[str, str]) -> bytes:
    announced = headers.get("content-length", "0")
    if len(announced) > _MAX_LENGTH_DIGITS or int(announced) > MAX_BODY_BYTES:
        raise _too_long()
    pieces = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RegistryError(400, "The connection ended before the request did")
        pieces += message.get("body", b"")
        more = message.get("more_body", False)
        if len(pieces) > MAX_BODY_BYTES:
            raise _too_long()
    if headers.get("content-encoding", "").lower() == "gzip":
        return _unzipped(bytes(pieces))
    return bytes(pieces)


def _unzipped(body: bytes) -> bytes:
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
