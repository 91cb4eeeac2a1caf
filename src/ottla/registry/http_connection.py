"""One HTTP connection of uvicorn's, held to bounds that uvicorn has none for: how long a request's head is, and how slowly it comes.

A client that sends its head without an end, or a byte a minute, would keep memory and a connection for ever. Both are told what
was wrong, as JSON like any other refusal, and the connection ends.

Source: Jetty, on which the original runs: 431 and 408, `idle.timeout.ms`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Jetty has 8 KB; a subject's name alone may have several of them, and each byte of it three when it is encoded."""
IDLE_TIMES: Final = 20
"""A body as a whole may take so many times the longest silence between two parts of it."""

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class Limits(NamedTuple):
    """What a connection is held to."""

    idle_timeout_s: float = 30.0
    """For a head as a whole, and between two parts of a body."""
    head_bytes: int = MAX_HEAD_BYTES


class HeadTooLong(Exception):  # noqa: N818 - it ends a request, and is no fault of ours
    """A request's head is longer than the limit."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn makes one for each connection."""

    def __init__(self, *, limits: Limits, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._limits = limits
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        """What came since the last request ended: no head is longer than this."""
        self._began_s = 0.0
        self._heard_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._status = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._began_s = self._heard_s = self.loop.time()
        self._in_head = True
        self._timer = self.loop.call_later(self._limits.idle_timeout_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not (self._in_head or self._in_body):
            self._stop_timer()
            return
        if self.transport.is_closing():
            return
        if self._in_head and self._head_bytes > self._limits.head_bytes:
            self._refuse(431)
            return
        self._heard_s = self.loop.time()
        if self._timer is None:
            self._began_s = self._heard_s
            self._timer = self.loop.call_later(self._limits.idle_timeout_s, self._look)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._head_bytes > self._limits.head_bytes:
            # What came may be a body for the most part.
            held = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if held > self._limits.head_bytes:
                self._status = 431
                raise HeadTooLong
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's way to refuse what is no HTTP, and by the parser what we refuse in it."""
        del msg
        self._refuse(self._status)

    def _look(self) -> None:
        """Whether the request that is coming came in time so far."""
        self._timer = None
        now_s, idle_s = self.loop.time(), self._limits.idle_timeout_s
        if self._in_head:
            left_s = self._began_s + idle_s - now_s
        else:
            left_s = min(self._heard_s + idle_s, self._began_s + IDLE_TIMES * idle_s) - now_s
        if self.flow.read_paused:
            # It is we who don't listen: what came before is still being worked on.
            left_s = idle_s
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._look)
        else:
            self._refuse(408)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        """Answer, unless an answer has begun, and end the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        nothing_came = self._in_head and self._head_bytes == 0
        if not nothing_came and (
            self.cycle is None or not self.cycle.response_started or self.cycle.response_complete
        ):
            reason = _REASONS[status]
            body = json.dumps({"error_code": status, "message": f"HTTP {status} {reason}"}).encode()
            head = (
                f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/vnd.schemaregistry.v1+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
