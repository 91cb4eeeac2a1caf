"""One HTTP connection of uvicorn's, held to bounds that uvicorn has none for: how many there are, how long a request's head is, and
how slowly requests come and answers go.

A client that sends its head without an end, or a byte a minute, would keep memory and a connection for ever. Both are told what
was wrong, as JSON like any other refusal, and the connection ends. One that doesn't read its answer is cut off.

A request that comes in one piece may be answered at once, if the application can (`AtOnce`): there is no task, and head and body of the
answer go in one write. That is twice as quick. Whatever is unusual goes uvicorn's way.

    head complete ─▶ GET: at once ────────────────────────────────────────▶ written
                 └─▶ POST of a known length ─▶ body complete: at once ────▶ written
                                            └▶ more to come, or no answer ─▶ uvicorn: scope, cycle, task ─▶ `ANSWER` ─▶ written

Source: Jetty, on which the original runs: 431 and 408, `idle.timeout.ms`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ottla.registry.rest.asgi import ANSWER, LOOKED_AT

MAX_HEAD_BYTES: Final = 64 * 1024
"""Jetty has 8 KB; a subject's name alone may have several of them, and each byte of it three when it is encoded."""
IDLE_TIMES: Final = 20
"""A body as a whole may take so many times the longest silence between two parts of it."""

MAX_CONNECTIONS: Final = 4_096
"""Further ones are told 503 and closed. Each has one request under way at most."""
AT_ONCE_BYTES: Final = 16 * 1024
"""A longer body goes uvicorn's way."""
_REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_UNUSUAL: Final = frozenset({b"content-encoding", b"expect", b"transfer-encoding"})


class Outcome(Protocol):
    """What an application says to a request at once; `status` 0: nothing."""

    @property
    def request(self) -> object: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def body(self) -> bytes: ...


AtOnce: TypeAlias = Callable[[str, bytes, list[tuple[bytes, bytes]], bytes], Outcome]
"""Called with a request's method, its path with the query, its headers, their names in lower case, and its body."""


class Limits(NamedTuple):
    """What a connection is held to."""

    idle_timeout_s: float = 30.0
    """For a head as a whole, and between two parts of a body."""
    head_bytes: int = MAX_HEAD_BYTES
    connections: int = MAX_CONNECTIONS


class HeadTooLong(Exception):  # noqa: N818 - it ends a request, and is no fault of ours
    """A request's head is longer than the limit."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn makes one for each connection."""

    def __init__(self, *, limits: Limits, at_once: AtOnce | None = None, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._limits = limits
        self._try_at_once = at_once
        self._is_answered = False
        """Whether the request that is being read has been answered: what is left of it is passed over."""
        self._gathered: bytearray | None = None
        """The body of a request that may be answered once it is complete."""
        self._stalled: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        """What came since the last request ended: no head is longer than this."""
        self._began_s = 0.0
        self._heard_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._status = 400
        self._certificate_name = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._in_head, self._head_bytes = False, 1
            self._refuse(503)
            return
        session = transport.get_extra_info("ssl_object")
        if session is not None:
            self._certificate_name = _certificate_name(session)
        self._began_s = self._heard_s = self.loop.time()
        self._in_head = True
        self._timer = self.loop.call_later(self._limits.idle_timeout_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _watch_answer(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self._limits.idle_timeout_s, self._look_at_answer)

    def _look_at_answer(self) -> None:
        """Cut off a client that has read nothing of its answer for so long."""
        if self.transport.get_write_buffer_size() >= self._unsent_bytes:
            self.transport.abort()
        else:
            self._watch_answer()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._gathered is not None:
            self._go_uvicorns_way()
        if not (self._in_head or self._in_body):
            self._stop_timer()
            self._wait_for_next()
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

    def _wait_for_next(self) -> None:
        """An empty line between requests, or the rest of a body that nobody waits for, ends no wait for the next request."""
        is_answered = self.cycle is None or self.cycle.response_complete
        if is_answered and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserError:
                self._refuse(self._status)
            except httptools.HttpParserUpgrade as offer:
                data = self._without_offer(data[offer.args[0] :])
                continue
            return

    def _without_offer(self, rest: bytes) -> bytes:
        """A request, to be read again, without its offer to go on in another protocol: the parser has passed over the body.

        Java's own HttpClient makes the first request of each connection such an offer, of HTTP/2.
        """
        if self.parser.get_method() == b"CONNECT":
            self._refuse(self._status)
            return b""
        head = b"".join(
            b"%b: %b\r\n" % (name, b"close" if name == b"connection" and b"close" in value.lower() else value)
            for name, value in self.headers
            if name != b"upgrade" and (name != b"connection" or b"close" in value.lower())
        )
        first = b"%b %b HTTP/%b\r\n" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode("ascii"),
        )
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return first + head + b"\r\n" + rest

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()
        if self._certificate_name:
            # As ASGI's TLS extension has it.
            self.scope["extensions"] = {"tls": {"client_cert_name": self._certificate_name}}

    def on_headers_complete(self) -> None:
        if self._head_bytes > self._limits.head_bytes:
            # What came may be a body for the most part.
            held = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if held > self._limits.head_bytes:
                self._status = 431
                raise HeadTooLong
        self._in_head, self._in_body = False, True
        if self.parser.should_upgrade():
            return
        if not self._is_usual():
            super().on_headers_complete()
        elif self.parser.get_method() == b"POST":
            self._gathered = bytearray()
        elif not self._answer_at_once(b""):
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._is_answered:
            return
        if self._gathered is None:
            super().on_body(body)
            return
        self._gathered += body
        if len(self._gathered) > AT_ONCE_BYTES:
            self._go_uvicorns_way()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_body = False
        self._head_bytes = 0
        if self._gathered is not None:
            body, self._gathered = bytes(self._gathered), None
            if not self._answer_at_once(body):
                super().on_headers_complete()
        if self._is_answered:
            self._is_answered = False
            return
        super().on_message_complete()

    def _is_usual(self) -> bool:
        """Whether the application may be asked for an answer at once: nothing is before it or in its way."""
        method, url = self.parser.get_method(), self.url
        return (
            self._try_at_once is not None
            and method in (b"GET", b"HEAD", b"POST")
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and url.startswith(b"/")
            and url.isascii()
            and b"#" not in url
            and _UNUSUAL.isdisjoint([name for name, _ in self.headers])
        )

    def _answer_at_once(self, body: bytes) -> bool:
        """Whether the request that has been read could be answered."""
        assert self._try_at_once is not None
        method = self.parser.get_method().decode("ascii")
        outcome = self._try_at_once(method, self.url, self.headers, body)
        if not outcome.status:
            self.scope[LOOKED_AT] = outcome.request  # type: ignore[typeddict-unknown-key]
            return False
        self._is_answered = True
        keeps = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        body = b"" if method == "HEAD" else outcome.body
        self._write(outcome.status, outcome.headers, body, keeps=keeps)
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is self.app:
            cycle.scope[ANSWER] = partial(self._answer, cycle)  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def _answer(
        self, cycle: RequestResponseCycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> bool:
        """Answer a request as a whole; False: piece by piece as ASGI has it, for the client reads too slowly."""
        if cycle.disconnected:
            return True
        if self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._write(status, headers, b"" if cycle.scope["method"] == "HEAD" else body, keeps=cycle.keep_alive)
        return True

    def _write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, keeps: bool) -> None:
        """An answer in one write: head and body apart would be two system calls, and two packets."""
        if self.transport.is_closing():  # the client has gone, of which the protocol hears in a later turn
            return
        pieces = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            pieces += (name, b": ", value, b"\r\n")
        pieces += (b"\r\n" if keeps else b"connection: close\r\n\r\n", body)
        self.transport.write(b"".join(pieces))
        if not keeps:
            self.transport.close()
        self.on_response_complete()

    def _go_uvicorns_way(self) -> None:
        """With what has come of a body, of which more is to come."""
        gathered, self._gathered = self._gathered, None
        try:
            super().on_headers_complete()
        except httptools.HttpParserError:
            self._refuse(400)
            return
        if gathered:
            super().on_body(bytes(gathered))

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
        nothing_came = self._is_answered or (self._in_head and self._head_bytes == 0)
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


def _certificate_name(session: ssl.SSLObject) -> str:
    """The distinguished name in the client's certificate, as Java writes it; empty where it showed none."""
    certificate = session.getpeercert(binary_form=True)
    if not certificate:
        return ""
    from ottla.security.tls_names import subject_of  # noqa: PLC0415 - few clients show one

    return subject_of(certificate)
