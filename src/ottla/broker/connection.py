"""One client's connection: frames to requests, and what comes of these to answers.

Its budget is 10 µs a request besides decoding, handling and encoding. `FramedStream`, below it, has the bytes.

Rules it keeps:

- Requests are answered in their order: one is in hand at a time. The next one starts when the answer of the one before
  has been handed over and what is unsent lies below the transport's high-water mark.
- Whatever a client sends, it costs at most one log line and the connection (Apache's Processor closes likewise).
"""

import asyncio
import time
from struct import Struct
from typing import TYPE_CHECKING, Any, cast

from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.dispatch import CloseConnection
from ottla.broker.framed_stream import (
    CLOSED,
    CONGESTED,
    HELD_BACK,
    SENDING,
    THROTTLED,
    WAITING,
    YIELDING,
    FramedStream,
)
from ottla.broker.pending import Pending
from ottla.broker.turns import now as _now
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError

if TYPE_CHECKING:
    from ottla.broker.listener import Listener
    from ottla.broker.login import Login
    from ottla.broker.routes import Route

_LENGTH = Struct(">i")
_unpack_header = Struct(">iih").unpack_from
"""Api key and version as one number, correlation id, length of the client id."""
_unpack_route_number = Struct(">i").unpack_from
_SHORT_HEADER = Struct(">ii")
"""The same without a client id (version 0 of the header)."""

_wall_clock_ns = time.time_ns


class Connection(FramedStream):
    """The protocol object of one accepted socket."""

    __slots__ = (
        "_client_id",
        "_client_id_bytes",
        "_in_hand",
        "_pending",
        "_routes",
        "info",
        "login",
    )

    info: ConnectionInfo
    login: "Login | None"
    """On a listener with SASL."""

    def __init__(self, listener: "Listener") -> None:
        super().__init__(listener)
        self._routes = listener.routes.by_number
        self._pending: Pending[Any] | None = None
        self._in_hand: tuple[Route, Any, RequestContext, float] | None = None
        self._client_id: str | None = None
        self._client_id_bytes: memoryview | None = None
        self.login = None

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._descriptor = self._listener.descriptor(self._transport)
        self._listener.opened(self, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it, it is over
        self._let_go()
        if self.login is not None:
            self.login.drop()
        pending, self._pending, self._in_hand = self._pending, None, None
        if pending is not None:
            pending.cancel()
        self._listener.closed(self, self._closing)

    # The listener's side.

    def hold_back(self, seconds: float) -> None:
        """Handle nothing for so long: connections are made faster than the broker allows."""
        self._holds |= HELD_BACK
        self._listener.loop.call_later(seconds, self.let_on)

    def wait(self) -> None:
        """Handle nothing until `let_on`: there are as many connections as the broker allows."""
        self._holds |= HELD_BACK

    def let_on(self) -> None:
        """Its time is over, or there is room for it now."""
        self._holds &= ~HELD_BACK
        self._go_on()

    def throttle(self, seconds: float) -> None:
        """Handle nothing for so long, but send what is on its way: the client has used more than its quota."""
        self._holds |= THROTTLED
        self._listener.loop.call_later(seconds, self._unthrottle)

    def _unthrottle(self) -> None:
        self._holds &= ~THROTTLED
        self._go_on()

    def refuse_later(self, seconds: float, reason: str) -> None:
        """Handle nothing and close after so long."""
        self._holds |= HELD_BACK
        self._listener.loop.call_later(seconds, self.close, reason)

    def _refuse_length(self, size: int, view: memoryview) -> None:
        limit = self._frame_max
        if view[0] == 0x16 and view[1] == 0x03:
            reason = f"a TLS handshake on listener {self.info.listener_name}, which speaks plain Kafka (security.protocol of the client?)"
        elif bytes(view[:4]) in (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI"):
            reason = "an HTTP request; this port speaks Kafka's protocol"
        elif size < self._frame_min:
            reason = f"Invalid receive (size = {size})"
        else:
            setting = "socket.request.max.bytes"
            if self.login is not None and not self.login.is_complete:
                setting = "sasl.server.max.receive.size"
            reason = f"Invalid receive (size = {size} larger than {limit}, {setting})"
        self.close(reason)

    # Requests.

    def _handle(self, frame: memoryview, started: float) -> float:
        """Answer the request in `frame`, which began at `started`, or begin to; when that was done."""
        login = self.login
        if login is not None and started >= login.ends_at and not login.admits(frame, started):
            return started
        listener = self._listener
        if len(frame) >= 10:
            route_number, correlation_id, client_id_length = _unpack_header(frame)
        else:
            route_number, correlation_id = _SHORT_HEADER.unpack_from(frame)
            client_id_length = -1
        route = self._routes.get(route_number)
        if route is None:
            self._unknown_api(route_number, correlation_id)
            return started
        now_ms = _wall_clock_ns() // 1_000_000
        shortcut = route.shortcut if listener.throttling is None else None
        if shortcut is not None:
            try:
                answer = shortcut.answer(
                    listener.broker, self.info, frame, client_id_length, correlation_id, now_ms
                )
            except Exception as error:
                listener.log.exception("%s request of %s failed", route.name, self.info.identity)
                self.close(f"{route.name} request failed: {error!r}")
                return started
            if answer is not None:
                if isinstance(answer, bytes):
                    listener.bytes_out += len(answer)
                    self._write(answer)
                    ended = _now()
                    route.observe(ended - started)
                    return ended
                context = RequestContext(
                    route.api_key, route.api_version, correlation_id, self._client_id, self.info, now_ms
                )
                self._wait_for(answer, route, None, context, started)
                return started
        return self._perform(route, frame, client_id_length, correlation_id, now_ms, started)

    def _perform(
        self,
        route: "Route",
        frame: memoryview,
        client_id_length: int,
        correlation_id: int,
        now_ms: int,
        started: float,
    ) -> float:
        """Decode the request in `frame`, a large one on a thread, and serve it; when that was done, or begun."""
        try:
            end = 10
            if client_id_length >= 0:
                end = 10 + client_id_length
                if self._client_id_bytes is None or frame[10:end] != self._client_id_bytes:
                    self._take_client_id(bytes(frame[10:end]), client_id_length)
            else:
                self._take_client_id(None, client_id_length)
            context = RequestContext(
                route.api_key, route.api_version, correlation_id, self._client_id, self.info, now_ms
            )
            if len(frame) > route.large_bytes:
                self._decode_beside(route, bytes(frame[end:]), context, started)
                return _now()
            request = route.decode(frame[end:])
        except (ProtocolError, UnicodeDecodeError) as error:
            self._close_unreadable(route, error)
            return started
        return self._serve(route, request, context, frame, started, started)

    def _serve(
        self,
        route: "Route",
        request: Any,
        context: RequestContext,
        frame: memoryview | bytes,
        started: float,
        resumed: float,
    ) -> float:
        """Hand the request to its handler; when that was done. The loop has been busy with it since `resumed`."""
        listener = self._listener
        throttling = listener.throttling
        if throttling is not None:
            throttling.arrived(route.api_key, context, len(frame))
        try:
            answer = route.handler(listener.broker, request, context)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes an answer or a closed connection
            self._answer_error(route, request, context, error)
        else:
            if isinstance(answer, Pending):
                if throttling is not None:
                    self._worked(route, context, resumed)
                self._wait_for(answer, route, request, context, started)
                return _now()
            if route.shortcut is not None and throttling is None and isinstance(frame, memoryview):
                route.shortcut.learn(listener.broker, frame, request, context)
            self._answer(route, context, answer)
        ended = _now()
        route.observe(ended - started)
        if throttling is not None:
            self._worked(route, context, resumed)
        return ended

    def _decode_beside(self, route: "Route", body: bytes, context: RequestContext, started: float) -> None:
        """Decode on a thread, then serve the request. The next one waits."""
        self._holds |= WAITING

        def decoded(outcome: Any) -> None:
            if self._holds & CLOSED:
                return
            self._holds &= ~WAITING
            if isinstance(outcome, Exception):
                self._close_unreadable(route, outcome)
                return
            self._serve(route, outcome, context, body, started, _now())
            if (self._backlog is not None or self._paused) and not self._holds:
                self._yield_turn()

        self._listener.broker.threads.run(lambda: route.decode(memoryview(body)), decoded)

    def _close_unreadable(self, route: "Route", error: Exception) -> None:
        self.close(f"{route.name} request of version {route.api_version} can't be read: {error}")

    def _take_client_id(self, client_id: bytes | None, length: int) -> None:
        if client_id is None:
            if length != -1:
                raise ProtocolError(f"the client id has length {length}")
            self._client_id = self._client_id_bytes = None
            return
        if len(client_id) != length:
            raise ProtocolError("the client id reaches past the frame's end")
        self._client_id = str(client_id, "utf-8")
        self._client_id_bytes = memoryview(client_id)

    def _wait_for(
        self, pending: Pending[Any], route: "Route", request: Any, context: RequestContext, started: float
    ) -> None:
        self._holds |= WAITING
        self._pending = pending
        # The request stays only for its answer in case of an error, and holds views of memory that is about to be used
        # again: handlers of such requests don't fail late.
        self._in_hand = (route, request, context, started)
        pending.then(self._pending_settled)

    def _pending_settled(self, pending: Pending[Any]) -> None:
        if self._holds & CLOSED or self._in_hand is None:
            return
        route, request, context, started = self._in_hand
        throttled = self._listener.throttling is not None
        resumed = _now() if throttled else 0.0
        self._in_hand = self._pending = None
        self._holds &= ~WAITING
        try:
            answer = pending.result()
        except Exception as error:  # noqa: BLE001 - as in _serve
            self._answer_error(route, request, context, error)
        else:
            self._answer(route, context, answer)
        route.observe(_now() - started)
        if throttled:
            self._worked(route, context, resumed)
        # Not at once: this may run inside another connection's request, whose client would wait for ours.
        if (self._backlog is not None or self._paused) and not self._holds:
            self._yield_turn()

    def _worked(self, route: "Route", context: RequestContext, since: float) -> None:
        throttling = self._listener.throttling
        if throttling is not None:
            now_ms = _wall_clock_ns() // 1_000_000
            throttling.worked(route.api_key, context, _now() - since, now_ms)

    # Answers.

    def _answer(self, route: "Route", context: RequestContext, answer: Any) -> None:
        throttling = self._listener.throttling
        if throttling is not None:
            now_ms = _wall_clock_ns() // 1_000_000
            answer, throttle_ms = throttling.answered(route.api_key, context, answer, now_ms)
            if throttle_ms > 0:
                self.throttle(throttle_ms / 1000)
        if answer is None:
            return
        try:
            parts = route.encode(answer, context.correlation_id)
        except Exception as error:
            self._listener.log.exception(
                "%s answer of version %d can't be encoded", route.name, context.api_version
            )
            self.close(f"its {route.name} answer can't be encoded: {error}")
            return
        if isinstance(parts, bytearray):
            self._listener.bytes_out += len(parts)
            self._write(parts)
            return
        self._send_parts(parts)

    def _answer_error(self, route: "Route", request: Any, context: RequestContext, error: Exception) -> None:
        if isinstance(error, CloseConnection):
            self.close(str(error))
            return
        if isinstance(error, KafkaError):
            code, message = error.code, error.message
        else:
            code, message = ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.UNKNOWN_SERVER_ERROR.message
            self._listener.log.error(
                "%s request of %s failed", route.name, self.info.identity, exc_info=error
            )
        route.failed(code)
        answer = route.error_answer(request, code, message)
        if answer is None:
            self.close(f"{route.name} request failed: {error!r}")
        else:
            self._answer(route, context, answer)

    def _unknown_api(self, route_number: int, correlation_id: int) -> None:
        api_key, api_version = route_number >> 16, route_number & 0xFFFF
        answer = self._listener.routes.unsupported_version_answer(api_key, correlation_id)
        if answer is not None:
            self._write(answer)
            return
        self.close(f"it asks for API {api_key} in version {api_version}, which is not served")

    # For a log-in.

    def serves(self, frame: memoryview) -> bool:
        """Whether there is a handler for the request in `frame`."""
        return _unpack_route_number(frame)[0] in self._routes

    def send_token(self, token: bytes) -> None:
        """Send a frame that is no answer to a request."""
        self._write(_LENGTH.pack(len(token)) + token)

    def put_off(self, frame: memoryview, pending: Pending[Any], started: float) -> bool:
        """Answer the request in `frame` by what becomes of `pending`, without handling it. False: it can't be, and
        the connection is closed."""
        route_number, correlation_id, client_id_length = _unpack_header(frame.tobytes().ljust(10, b"\xff"))
        route = self._routes.get(route_number)
        if route is None:
            self._unknown_api(route_number, correlation_id)
            return False
        try:
            request = route.decode(frame[10 + max(client_id_length, 0) :])
        except (ProtocolError, UnicodeDecodeError) as error:
            self._close_unreadable(route, error)
            return False
        context = RequestContext(route.api_key, route.api_version, correlation_id, None, self.info, 0)
        self._wait_for(pending, route, request, context, started)
        return True

    # Ending.

    @property
    def waiting(self) -> bool:
        """Whether it waits for the broker: such a connection isn't idle."""
        return bool(self._holds & WAITING)

    def close_when_answered(self) -> None:
        """Take no further request; close when the one in hand is answered.

        Of those that wait only a produce request is answered: its batches are in the log already. A long poll or a
        member's join could wait for minutes.
        """
        producing = self._in_hand is not None and self._in_hand[0].api_key is ApiKey.PRODUCE
        if producing or self._holds & (SENDING | CONGESTED | YIELDING):
            self._ending = True
            self._pause_reading()
        else:
            self.close("")
