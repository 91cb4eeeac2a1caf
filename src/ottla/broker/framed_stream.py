"""A connection's bytes: frames out of what arrives, answers into what leaves, and what keeps the next frame waiting.

Hot path: `buffer_updated` to `transport.write` without a task, a future or a copy of the request. What a frame means is
`Connection`'s, which stands on this.

Why the next frame can't be handled is a set of holds, bits of one number; with none it is handled at once. While one is in
hand, reading goes on until a whole further frame is there, so that a client which hangs up is noticed and its long poll
dropped; then reading pauses. A connection that has used its time in one turn of the loop gives the others theirs before it
goes on.
"""

import asyncio
import os
from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Final, cast

from ottla.broker.receive import Backlog, ReceiveMemory
from ottla.broker.sending import Part, SliceSender, read_at_once
from ottla.broker.turns import PIECE_SECONDS
from ottla.broker.turns import now as _now
from ottla.storage.file_slice import SliceGone

if TYPE_CHECKING:
    from ottla.broker.listener import Listener

_LENGTH = Struct(">i")
_unpack_length = _LENGTH.unpack_from

WAITING: Final = 1  # the answer is pending
SENDING: Final = 2  # file slices of the answer are leaving
CONGESTED: Final = 4  # unsent bytes above the high-water mark
YIELDING: Final = 8  # its turn of the loop is over
CLOSED: Final = 16
HELD_BACK: Final = 32  # it came sooner than max.connection.creation.rate allows
THROTTLED: Final = 64  # its client has used more than its quota

SMALLEST_REQUEST: Final = 8
"""Bytes of a request's shortest header."""

_GATHERED_BYTES: Final = 16 * 1024
"""Answers to requests that came together are sent when there are so many bytes of them, or no more of them."""

_AT_ONCE_BYTES: Final = 64 * 1024
"""A fetch answer below this is put together whole and written like any other, if its bytes are in the page cache."""


class FramedStream(asyncio.BufferedProtocol):
    """The protocol object of one accepted socket, as far as it is about bytes."""

    __slots__ = (
        "_backlog",
        "_closing",
        "_crowded",
        "_descriptor",
        "_ending",
        "_frame_max",
        "_frame_min",
        "_gathered",
        "_gathering",
        "_holds",
        "_listener",
        "_memory",
        "_paused",
        "_sender",
        "_started",
        "_transport",
        "_turns",
        "last_active",
    )

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._memory = listener.memory
        self._turns = listener.turns
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
        """It is to be closed when what is in hand is answered."""
        self._sender: SliceSender | None = None
        self._started = 0.0
        self._frame_min = SMALLEST_REQUEST
        self._frame_max = listener.max_request_bytes
        self.last_active = 0.0

    def _handle(self, frame: memoryview, started: float) -> float:
        """Answer the request in `frame`, which began at `started`, or begin to; when that was done."""
        raise NotImplementedError

    def _refuse_length(self, size: int, view: memoryview) -> None:
        """Close: `view` begins with a frame that says it is `size` bytes long, which is too short or too long."""
        raise NotImplementedError

    # Bytes that arrive.

    def eof_received(self) -> bool:
        return False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio says -1
        backlog = self._backlog
        return self._memory.shared if backlog is None else backlog.room()

    def buffer_updated(self, nbytes: int) -> None:
        if self._holds & CLOSED:
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
        return end if self._holds & CLOSED else position

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
        if backlog is None or self._holds & CLOSED:
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

    def receive_into(self, memory: ReceiveMemory | None) -> None:
        """Where frames come into from the next one on; None: with all others'."""
        self._memory = self._listener.memory if memory is None else memory

    def limit_frames(self, most_bytes: int | None, *, smallest: int = SMALLEST_REQUEST) -> None:
        """Accept frames of these sizes from now on; None: as large as requests may be."""
        self._frame_min = smallest
        self._frame_max = self._listener.max_request_bytes if most_bytes is None else most_bytes

    # Turns and pauses.

    def _yield_turn(self) -> None:
        self._holds |= YIELDING
        self._turns.put_off(self._next_turn)

    def _next_turn(self) -> None:
        self._holds &= ~YIELDING
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
        if not self._paused and not self._holds & CLOSED:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused and not self._holds & CLOSED:
            self._paused = False
            self._transport.resume_reading()

    # Bytes that leave.

    def pause_writing(self) -> None:
        self._holds |= CONGESTED

    def resume_writing(self) -> None:
        self._holds &= ~CONGESTED
        if self._holds & SENDING:
            assert self._sender is not None
            self._sender.resume()
        else:
            self._go_on()

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

    def _send_parts(self, parts: Sequence[Part]) -> None:
        """An answer with slices of files in it: whole if it is small and in the page cache, else as the socket drains."""
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
        self._holds |= SENDING
        self._sender = SliceSender(self._transport, self._descriptor, parts, self._listener.reads, self._sent)
        self._sender.start()

    def _sent(self, error: Exception | None) -> None:
        self._sender = None
        self._holds &= ~SENDING
        if error is not None:
            self.close(f"what its fetch was to get can't be read any more: {error}")
            return
        self.last_active = _now()
        if (self._backlog is not None or self._paused or self._ending) and not self._holds:
            self._yield_turn()

    # Ending.

    @property
    def closing(self) -> bool:
        """Whether it is closed, but for what is still to be sent."""
        return bool(self._holds & CLOSED)

    def close(self, reason: str) -> None:
        """Close once what is written has left. `reason` is for the log; empty when there is nothing to say."""
        if self._holds & CLOSED:
            return
        self._flush()
        self._holds |= CLOSED
        self._closing = reason
        self._transport.close()
        if self._holds & (CONGESTED | SENDING):
            self._transport.abort()

    def abort(self) -> None:
        """Close at once, dropping what is unsent."""
        self._holds |= CLOSED
        self._transport.abort()

    def _let_go(self) -> None:
        """The socket is gone: hold nothing for it any more."""
        self._holds |= CLOSED
        self._memory.forget(self._admit)
        self._drop_backlog()
        self._gathered = None
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.abandon()

    def _drop_backlog(self) -> None:
        backlog, self._backlog = self._backlog, None
        if backlog is not None:
            backlog.release()
