"""TLS between a socket and a connection: towards the loop a protocol, towards the `Connection` its transport.

    socket ─ ciphertext ─▶ get_buffer, buffer_updated ─▶ OpenSSL ─▶ the connection's own memory, buffer_updated
    socket ◀─ ciphertext ─ os.write ◀─ OpenSSL ◀─ write ◀─ the connection

Ours and not the loop's own, because of what surrounds a handshake: the connection counts from the moment it is accepted, so that
all limits hold for clients who never finish one; handshakes, a millisecond or two each, queue with other put-off work,
so that hundreds don't hold the loop; a renewed certificate holds for the next connection; and what goes wrong is told in one
line. It costs what uvloop's own costs: 1.7 CPU-seconds for a GB from librdkafka, which makes a TLS record of each message.
The benchmark rows are `tls_produce` and `tls_consume`.

    NEW ──▶ SHAKING ──▶ OPEN ──▶ CLOSED
               └─────▶ FAILED ──▶ CLOSED

NEW: nothing has been received, and nothing of OpenSSL's made. FAILED: the alert has been sent, and what the client still sends is
dropped for a moment. A socket that is closed with unread bytes is reset, and the client would lose the alert that tells it why.
"""

import asyncio
import contextlib
import enum
import os
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from ottla.security.principal_mapping import NoRuleFits
from ottla.security.tls import ServerTls, failure

if TYPE_CHECKING:
    from ottla.broker.connection import Connection
    from ottla.broker.listener import Listener

RECEIVE_BYTES: Final = 128 * 1024
"""What one read takes from the socket. A connection that is paused holds at most as much, encrypted."""

PIECE_BYTES: Final = 64 * 1024
"""What is encrypted before it goes to the socket: OpenSSL's memory buffers keep the size they once had, and there is one for
each direction of each connection."""

HANDSHAKE_SECONDS: Final = 30.0
"""A handshake that isn't over by then is given up; Apache leaves this to `connections.max.idle.ms`, ten minutes."""

_LINGER_SECONDS: Final = 1.0


class _State(enum.Enum):
    NEW = enum.auto()
    SHAKING = enum.auto()
    OPEN = enum.auto()
    FAILED = enum.auto()
    CLOSED = enum.auto()


_NEW, _SHAKING, _OPEN, _FAILED, _CLOSED = _State  # naming a member of an enum costs a tenth of a microsecond


class TlsLayer(asyncio.BufferedProtocol, asyncio.Transport):
    """One accepted socket."""

    __slots__ = (
        "_congested",
        "_connection",
        "_delivering",
        "_descriptor",
        "_incoming",
        "_listener",
        "_outgoing",
        "_paused",
        "_received",
        "_session",
        "_shake_later",
        "_socket",
        "_state",
        "_timer",
        "_tls",
    )

    def __init__(
        self,
        listener: "Listener",
        connection: "Connection",
        tls: ServerTls,
        received: memoryview,
        shake_later: Callable[[Callable[[], None]], None],
    ) -> None:
        """`received` is memory of `RECEIVE_BYTES` that all connections of the listener share. `shake_later` does a step of a
        handshake when its turn has come."""
        super().__init__()
        self._listener = listener
        self._connection = connection
        self._tls = tls
        self._received = received
        self._shake_later = shake_later
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = cast("ssl.SSLObject", None)
        """Made by the first bytes: who never sends any costs no memory of OpenSSL's."""
        self._socket = cast("asyncio.Transport", None)
        self._descriptor = -1
        self._state = _NEW
        self._paused = False
        self._congested = False
        """The client doesn't read: nothing of what it sends is looked at until it does."""
        self._delivering = False
        self._timer: asyncio.TimerHandle | None = None

    # The loop's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        self._descriptor = -1 if sock is None else sock.fileno()
        self._timer = self._listener.loop.call_later(HANDSHAKE_SECONDS, self._too_late)
        self._connection.connection_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _CLOSED
        if self._timer is not None:
            self._timer.cancel()
        connection, self._connection = self._connection, cast("Connection", None)
        connection.connection_lost(exc)
        # Each knows the other: without this, what OpenSSL holds for a session would wait for the garbage collector.
        self._session = cast("ssl.SSLObject", None)

    def eof_received(self) -> bool:
        return False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio says -1
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        if self._state is _OPEN:
            received = self._received
            for at in range(0, nbytes, PIECE_BYTES):
                self._incoming.write(received[at : min(at + PIECE_BYTES, nbytes)])
                self._deliver()
        elif self._state in (_NEW, _SHAKING):
            self._incoming.write(self._received[:nbytes])
            self._socket.pause_reading()
            self._shake_later(self._shake)

    def pause_writing(self) -> None:
        # Not the connection's matter alone: TLS has answers of its own, to a client that changes its keys again and again, which
        # would pile up for one that reads none of them.
        self._congested = True
        if self._state is _OPEN:
            self._socket.pause_reading()
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._congested = False
        self._connection.resume_writing()
        self._read_on()

    # The handshake.

    def _shake(self) -> None:
        """One step of it, with all that has been received."""
        if self._state not in (_NEW, _SHAKING) or self._socket.is_closing():
            return
        if self._state is _NEW:
            self._state = _SHAKING
            self._session = self._tls.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            self._socket.resume_reading()
            return
        except ssl.SSLError as error:
            self._fail(failure(error))
            return
        try:
            self._listener.secured(self._connection, self._tls, self._session)
        except (NoRuleFits, ValueError) as error:
            self._fail(str(error))
            return
        self._state = _OPEN
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (self._paused or self._congested):
            self._socket.resume_reading()
            self._deliver()

    def _too_late(self) -> None:
        if self._state in (_NEW, _SHAKING):
            self._listener.not_secured(
                self._connection, f"no TLS handshake within {HANDSHAKE_SECONDS:.0f} seconds"
            )

    def _fail(self, reason: str) -> None:
        self._state = _FAILED
        self._listener.not_secured(self._connection, f"SSL handshake failed: {reason}")
        self._flush()
        if self._socket.is_closing():
            return
        with contextlib.suppress(OSError, RuntimeError):  # the client has gone already
            self._socket.write_eof()
        self._socket.resume_reading()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._listener.loop.call_later(_LINGER_SECONDS, self._socket.abort)

    # Receiving.

    def _deliver(self) -> None:
        """Decrypt into the connection's memory, as much as there is or as it takes."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while not (self._paused or self._congested) and self._state is _OPEN and self._decrypt():
                pass
        finally:
            self._delivering = False

    def _decrypt(self) -> bool:
        """Fill the connection's buffer once; whether there may be more.

        A record at a time, 16 KB at most, is what OpenSSL gives, and to have it say that there is none costs an exception:
        where it has used up all that was received, it isn't asked.
        """
        room = self._connection.get_buffer(-1)
        session, incoming = self._session, self._incoming
        size, filled, more = len(room), 0, True
        try:
            while filled < size:
                count = session.read(size - filled, room[filled:] if filled else room)
                if not count:
                    self._end(filled, "")
                    return False
                filled += cast("int", count)
                if not incoming.pending and not session.pending():
                    more = False
                    break
        except ssl.SSLWantReadError:
            more = False
        except ssl.SSLError as error:
            self._end(filled, f"TLS failed: {failure(error)}")
            return False
        if self._outgoing.pending:  # an answer of TLS itself, to a client that changes its keys
            self._flush()
        if filled:
            self._connection.buffer_updated(filled)
        return more

    def _end(self, filled: int, reason: str) -> None:
        """The client has ended the session, or broken it."""
        if filled:
            self._connection.buffer_updated(filled)
        if self._state is _OPEN:
            self._flush()
            self._connection.close(reason)

    # The connection's side.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send. Nothing of `data` is kept: its memory may change at once."""
        if self._state is not _OPEN:
            return
        view = memoryview(data)
        size, at = len(view), 0
        write = self._session.write
        try:
            while at < size:
                end = min(at + PIECE_BYTES, size)
                while at < end:
                    at += write(view[at:end])
                self._flush()
        except ssl.SSLError as error:
            self._connection.close(f"TLS failed: {failure(error)}")
            self.abort()

    def _flush(self) -> None:
        """Send what OpenSSL has made: here and now if nothing stands before it."""
        made = self._outgoing.read()
        if not made:
            return
        transport = self._socket
        sent = 0
        if self._descriptor >= 0 and not transport.get_write_buffer_size() and not transport.is_closing():
            try:
                sent = os.write(self._descriptor, made)
            except OSError:  # it is full, or gone, which the transport finds out as well
                sent = 0
        if sent < len(made):
            transport.write(made[sent:] if sent else made)

    def pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            if self._state is _OPEN:
                self._socket.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._read_on()

    def _read_on(self) -> None:
        if self._state is _OPEN and not (self._paused or self._congested):
            self._socket.resume_reading()
            # Not at once: this is called from within the work on a frame, and the next would pile up on it.
            self._listener.loop.call_soon(self._deliver)

    def close(self) -> None:
        if self._state is _OPEN:
            self._state = _CLOSED
            with contextlib.suppress(ssl.SSLError, OSError):  # the client's own farewell isn't waited for
                self._session.unwrap()
            self._flush()
        if self._state is not _FAILED:
            self._state = _CLOSED
            self._socket.close()

    def abort(self) -> None:
        self._state = _CLOSED
        self._socket.abort()

    def is_closing(self) -> bool:
        return self._state in (_FAILED, _CLOSED) or self._socket.is_closing()

    def get_write_buffer_size(self) -> int:
        return self._socket.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._socket.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket.get_extra_info(name, default)
