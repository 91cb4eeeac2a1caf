"""One client's connection: bytes to frames, frames to requests, answers to bytes.

Hot path: `buffer_updated` to `transport.write` without a task, a future or a copy of the request. Its budget is 10 µs a
request besides decoding, handling and encoding.

Rules it keeps:

- Requests are answered in their order: one is in hand at a time. The next one starts when the answer of the one before
  has been handed over and what is unsent lies below the transport's high-water mark. Why the next one can't start is a
  set of holds (`_WAITING`, `_SENDING`, `_CONGESTED`, `_YIELDING`, `_HELD_BACK`, `_THROTTLED`, `_CLOSED`); with none it starts at once.
- While one is in hand, reading goes on until a whole further frame is there, so that a client which hangs up is noticed
  and its long poll dropped; then reading pauses.
- A connection that has used its time in one turn of the loop gives the others theirs before it goes on.
- Whatever a client sends, it costs at most one log line and the connection (Apache's Processor closes likewise).
"""

import asyncio
import os
import time
from struct import Struct
from typing import TYPE_CHECKING, Any, cast

from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.dispatch import CloseConnection
from ottla.broker.pending import Pending
from ottla.broker.receive import Backlog, ReceiveMemory
from ottla.broker.sending import SliceSender, read_at_once
from ottla.broker.turns import PIECE_SECONDS
from ottla.broker.turns import now as _now
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.storage.file_slice import SliceGone

if TYPE_CHECKING:
    from ottla.broker.listener import Listener
    from ottla.broker.login import Login
    from ottla.broker.routes import Route

_LENGTH = Struct(">i")
_unpack_length = _LENGTH.unpack_from
_unpack_header = Struct(">iih").unpack_from
"""Api key and version as one number, correlation id, length of the client id."""
_unpack_route_number = Struct(">i").unpack_from
_SHORT_HEADER = Struct(">ii")
"""The same without a client id (version 0 of the header)."""

_WAITING = 1  # the answer is pending
_SENDING = 2  # file slices of the answer are leaving
_CONGESTED = 4  # unsent bytes above the high-water mark
_YIELDING = 8  # its turn of the loop is over
_CLOSED = 16
_HELD_BACK = 32  # it came sooner than max.connection.creation.rate allows
_THROTTLED = 64  # its client has used more than its quota

_SMALLEST_REQUEST = 8
"""Bytes of a request's shortest header."""

_GATHERED_BYTES = 16 * 1024
"""Answers to requests that came together are sent when there are so many bytes of them, or no more of them."""

_AT_ONCE_BYTES = 64 * 1024
"""A fetch answer below this is put together whole and written like any other, if its bytes are in the page cache."""

_wall_clock_ns = time.time_ns


class Connection(asyncio.BufferedProtocol):
    """The protocol object of one accepted socket."""

    __slots__ = (
        "_backlog",
        "_client_id",
        "_client_id_bytes",
        "_closing",
        "_crowded",
        "_descriptor",
        "_ending",
        "_frame_max",
        "_frame_min",
        "_gathered",
        "_gathering",
        "_holds",
        "_in_hand",
        "_listener",
        "_memory",
        "_paused",
        "_pending",
        "_routes",
        "_sender",
        "_started",
        "_transport",
        "_turns",
        "info",
        "last_active",
        "login",
    )

    info: ConnectionInfo
    login: "Login | None"
    """On a listener with SASL."""

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._memory = listener.memory
        self._turns = listener.turns
        self._routes = listener.routes.by_number
        self._transport = cast("asyncio.Transport", None)
        self._backlog: Backlog | None = None
        self._holds = 0
        self._paused = False
        self._closing = ""
        self._gathered: bytes | bytearray | None = None
        self._gathering = False
        self._crowded = False
        self._descriptor = -1
        self._ending = False
        self._pending: Pending[Any] | None = None
        self._in_hand: tuple[Route, Any, RequestContext, float] | None = None
        self._sender: SliceSender | None = None
        self._client_id: str | None = None
        self._client_id_bytes: memoryview | None = None
        self._started = 0.0
        self._frame_min = _SMALLEST_REQUEST
        self._frame_max = listener.max_request_bytes
        self.last_active = 0.0
        self.login = None

    def hold_back(self, seconds: float) -> None:
        """Handle nothing for so long: connections are made faster than the broker allows."""
        self._holds |= _HELD_BACK
        self._listener.loop.call_later(seconds, self._let_on)

    def wait(self) -> None:
        """Handle nothing until `let_on`: there are as many connections as the broker allows."""
        self._holds |= _HELD_BACK

    def let_on(self) -> None:
        """There is room for this one now."""
        self._let_on()

    def _let_on(self) -> None:
        self._holds &= ~_HELD_BACK
        self._go_on()

    def throttle(self, seconds: float) -> None:
        """Handle nothing for so long, but send what is on its way: the client has used more than its quota."""
        self._holds |= _THROTTLED
        self._listener.loop.call_later(seconds, self._unthrottle)

    def _unthrottle(self) -> None:
        self._holds &= ~_THROTTLED
        self._go_on()

    def refuse_later(self, seconds: float, reason: str) -> None:
        """Handle nothing and close after so long."""
        self._holds |= _HELD_BACK
        self._listener.loop.call_later(seconds, self.close, reason)

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._descriptor = self._listener.descriptor(self._transport)
        self._listener.opened(self, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever ended it, it is over
        self._holds |= _CLOSED
        self._memory.forget(self._admit)
        self._drop_backlog()
        self._gathered = None
        if self.login is not None:
            self.login.drop()
        pending, self._pending, self._in_hand = self._pending, None, None
        if pending is not None:
            pending.cancel()
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.abandon()
        self._listener.closed(self, self._closing)

    def eof_received(self) -> bool:
        return False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio says -1
        backlog = self._backlog
        return self._memory.shared if backlog is None else backlog.room()

    def buffer_updated(self, nbytes: int) -> None:
        if self._holds & _CLOSED:
            return
        turns = self._turns
        started = self.last_active = self._started = _now()
        self._crowded = turns.is_crowded(started)
        self._listener.bytes_in += nbytes
        if turns.is_late(started, nbytes) and not self._holds:
            self._yield_turn()
        backlog = self._backlog
        if backlog is None:
            shared = self._memory.shared
            position = self._consume(shared, nbytes)
            if position < nbytes:
                self._keep(shared[position:nbytes])
        else:
            self._received(backlog, nbytes)
        turns.worked_at = _now()

    def _received(self, backlog: Backlog, nbytes: int) -> None:
        """More of the frame that is unfinished, or waits."""
        had_length = backlog.declared
        backlog.received(nbytes)
        if not had_length and backlog.length >= 4 and not self._acceptable(backlog.view):
            return
        if backlog.whole:
            if self._holds:
                self._pause_reading()
            else:
                self._consume_backlog()

    def pause_writing(self) -> None:
        self._holds |= _CONGESTED

    def resume_writing(self) -> None:
        self._holds &= ~_CONGESTED
        if self._holds & _SENDING:
            assert self._sender is not None
            self._sender.resume()
        else:
            self._go_on()

    # Frames.

    def _consume(self, view: memoryview, end: int) -> int:
        """Handle the whole frames in `view[:end]`; the position from which bytes are left over.

        Small answers are gathered and leave in one write: with five requests in a packet that saves a third of the
        sending.
        """
        self._gathering = True
        position = self._consume_frames(view, end)
        self._gathering = False
        if self._gathered is not None:
            if self._crowded:
                self._turns.send_last(self._flush)
            else:
                self._flush()
        return position

    def _consume_frames(self, view: memoryview, end: int) -> int:
        position = 0
        moment = self._started
        while not self._holds:
            if end - position < 4:
                return position
            (size,) = _unpack_length(view, position)
            if not self._frame_min <= size <= self._frame_max:
                self._refuse_length(size, view[position:end])
                return end
            frame_end = position + 4 + size
            if frame_end > end:
                return position
            if position and moment - self._started > PIECE_SECONDS:
                self._yield_turn()
                return position
            moment = self._handle(view[position + 4 : frame_end], moment)
            position = frame_end
        return end if self._holds & _CLOSED else position

    def _consume_backlog(self) -> None:
        backlog = self._backlog
        assert backlog is not None
        self._backlog = None
        view, end = backlog.view, backlog.length
        position = self._consume(view, end)
        rest = view[position:end]
        if position == 0 and len(rest):
            self._backlog = backlog
        elif len(rest):
            self._keep(rest)
            backlog.release()
        else:
            backlog.release()
        if self._backlog is not None and self._backlog.whole:
            self._pause_reading()
        elif self._paused and (self._backlog is None or self._backlog.admitted):
            self._resume_reading()

    def _keep(self, rest: memoryview) -> None:
        """`rest` begins with an unfinished frame, or with one that can't start yet."""
        if len(rest) >= 4 and not self._acceptable(rest):
            return
        self._backlog = backlog = Backlog(self._memory, rest)
        if backlog.whole:
            self._pause_reading()
        elif self._memory.exhausted:
            self._pause_reading()
            self._memory.when_available(self._admit)
        else:
            backlog.reserve()

    def _admit(self) -> None:
        """There may be memory for the frame that waits."""
        backlog = self._backlog
        if backlog is None or self._holds & _CLOSED:
            return
        if self._memory.exhausted:
            self._memory.when_available(self._admit)
            return
        backlog.reserve()
        self._resume_reading()

    def _acceptable(self, view: memoryview) -> bool:
        (size,) = _LENGTH.unpack_from(view)
        if self._frame_min <= size <= self._frame_max:
            return True
        self._refuse_length(size, view)
        return False

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

    def _yield_turn(self) -> None:
        self._holds |= _YIELDING
        self._turns.put_off(self._next_turn)

    def _next_turn(self) -> None:
        self._holds &= ~_YIELDING
        self._go_on()

    def _go_on(self) -> None:
        """Start the next request if it is there and nothing holds it back."""
        if self._holds:
            return
        if self._ending:
            self.close("")
            return
        self._started = _now()
        self._crowded = True  # whoever was put off was not alone
        backlog = self._backlog
        if backlog is not None and backlog.whole:
            self._consume_backlog()
        elif self._paused and (self._backlog is None or self._backlog.admitted):
            self._resume_reading()

    def _pause_reading(self) -> None:
        if not self._paused and not self._holds & _CLOSED:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused and not self._holds & _CLOSED:
            self._paused = False
            self._transport.resume_reading()

    def _drop_backlog(self) -> None:
        backlog, self._backlog = self._backlog, None
        if backlog is not None:
            backlog.release()

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
        try:
            end = 10
            if client_id_length >= 0:
                end = 10 + client_id_length
                if self._client_id_bytes is None or frame[10:end] != self._client_id_bytes:
                    self._take_client_id(bytes(frame[10:end]), client_id_length)
            else:
                self._take_client_id(None, client_id_length)
            if len(frame) > route.large_bytes:
                context = RequestContext(
                    route.api_key, route.api_version, correlation_id, self._client_id, self.info, now_ms
                )
                self._decode_beside(route, bytes(frame[end:]), context, started)
                return _now()
            request = route.decode(frame[end:])
        except (ProtocolError, UnicodeDecodeError) as error:
            self._close_unreadable(route, error)
            return started
        context = RequestContext(
            route.api_key, route.api_version, correlation_id, self._client_id, self.info, now_ms
        )
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
                    self._worked(route, context, started)
                self._wait_for(answer, route, request, context, started)
                return _now()
            if shortcut is not None:
                shortcut.learn(listener.broker, frame, request, context)
            self._answer(route, context, answer)
        ended = _now()
        route.observe(ended - started)
        if throttling is not None:
            self._worked(route, context, started)
        return ended

    # Large requests.

    def _decode_beside(self, route: "Route", body: bytes, context: RequestContext, started: float) -> None:
        """Decode on a thread, then go on as `_handle` does. The next request waits."""
        self._holds |= _WAITING

        def decoded(outcome: Any) -> None:
            if self._holds & _CLOSED:
                return
            self._holds &= ~_WAITING
            if isinstance(outcome, Exception):
                self._close_unreadable(route, outcome)
                return
            self._serve_decoded(route, outcome, context, started, len(body))
            if (self._backlog is not None or self._paused) and not self._holds:
                self._yield_turn()

        self._listener.broker.threads.run(lambda: route.decode(memoryview(body)), decoded)

    def _serve_decoded(
        self, route: "Route", request: Any, context: RequestContext, started: float, size_bytes: int
    ) -> None:
        throttling = self._listener.throttling
        began = _now()
        if throttling is not None:
            throttling.arrived(route.api_key, context, size_bytes)
        try:
            answer = route.handler(self._listener.broker, request, context)
        except Exception as error:  # noqa: BLE001 - as in _handle
            self._answer_error(route, request, context, error)
        else:
            if isinstance(answer, Pending):
                self._worked(route, context, began)
                self._wait_for(answer, route, request, context, started)
                return
            self._answer(route, context, answer)
        route.observe(_now() - started)
        self._worked(route, context, began)

    def _close_unreadable(self, route: "Route", error: Exception) -> None:
        self.close(f"{route.name} request of version {route.api_version} can't be read: {error}")

    # For a log-in.

    def receive_into(self, memory: ReceiveMemory | None) -> None:
        """Where frames come into from the next one on; None: with all others'."""
        self._memory = self._listener.memory if memory is None else memory

    def limit_frames(self, most_bytes: int | None, *, smallest: int = _SMALLEST_REQUEST) -> None:
        """Accept frames of these sizes from now on; None: as large as requests may be."""
        self._frame_min = smallest
        self._frame_max = self._listener.max_request_bytes if most_bytes is None else most_bytes

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
        self._holds |= _WAITING
        self._pending = pending
        # The request stays only for its answer in case of an error, and holds views of memory that is about to be used
        # again: handlers of such requests don't fail late.
        self._in_hand = (route, request, context, started)
        pending.then(self._pending_settled)

    def _pending_settled(self, pending: Pending[Any]) -> None:
        if self._holds & _CLOSED or self._in_hand is None:
            return
        route, request, context, started = self._in_hand
        throttled = self._listener.throttling is not None
        resumed = _now() if throttled else 0.0
        self._in_hand = self._pending = None
        self._holds &= ~_WAITING
        try:
            answer = pending.result()
        except Exception as error:  # noqa: BLE001 - as in _handle
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
        (size,) = _LENGTH.unpack_from(cast("memoryview", parts[0]))
        self._listener.bytes_out += size + 4
        if size < _AT_ONCE_BYTES:
            try:
                whole = read_at_once(parts, size + 4)
            except (SliceGone, OSError) as error:
                self._sent(error)
                return
            if whole is not None:
                self._write(whole)
                return
        if self._gathered is not None:
            self._flush()
        self._holds |= _SENDING
        self._sender = SliceSender(self._transport, self._descriptor, parts, self._listener.reads, self._sent)
        self._sender.start()

    def _write(self, answer: bytes | bytearray) -> None:
        gathered = self._gathered
        if gathered is not None:
            self._gathered = gathered = gathered + answer
            if len(gathered) > _GATHERED_BYTES:
                self._flush()
        elif self._gathering:
            self._gathered = answer
        else:
            self._send(answer)

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            self._send(gathered)

    def _send(self, answer: bytes | bytearray) -> None:
        """Give it to the socket here and now if nothing stands before it, which is cheaper than to have the loop do it.

        A transport that is closing may have let go of its descriptor, whose number another connection has by now.
        """
        transport = self._transport
        sent = 0
        if self._descriptor >= 0 and not transport.get_write_buffer_size() and not transport.is_closing():
            try:
                sent = os.write(self._descriptor, answer)
            except OSError:  # it is full, or gone, which the transport finds out as well
                sent = 0
        if sent < len(answer):
            transport.write(answer[sent:] if sent else answer)

    def _sent(self, error: Exception | None) -> None:
        self._sender = None
        self._holds &= ~_SENDING
        if error is not None:
            self.close(f"what its fetch was to get can't be read any more: {error}")
            return
        self.last_active = _now()
        if (self._backlog is not None or self._paused or self._ending) and not self._holds:
            self._yield_turn()

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

    # Ending.

    @property
    def closing(self) -> bool:
        """Whether it is closed, but for what is still to be sent."""
        return bool(self._holds & _CLOSED)

    @property
    def waiting(self) -> bool:
        """Whether it waits for the broker: such a connection isn't idle."""
        return bool(self._holds & _WAITING)

    def close_when_answered(self) -> None:
        """Take no further request; close when the one in hand is answered.

        Of those that wait only a produce request is answered: its batches are in the log already. A long poll or a
        member's join could wait for minutes.
        """
        producing = self._in_hand is not None and self._in_hand[0].api_key is ApiKey.PRODUCE
        if producing or self._holds & (_SENDING | _CONGESTED | _YIELDING):
            self._ending = True
            self._pause_reading()
        else:
            self.close("")

    def close(self, reason: str) -> None:
        """Close once what is written has left. `reason` is for the log; empty when there is nothing to say."""
        if self._holds & _CLOSED:
            return
        self._flush()
        self._holds |= _CLOSED
        self._closing = reason
        self._transport.close()
        if self._holds & (_CONGESTED | _SENDING):
            self._transport.abort()

    def abort(self) -> None:
        """Close at once, dropping what is unsent."""
        self._holds |= _CLOSED
        self._transport.abort()
