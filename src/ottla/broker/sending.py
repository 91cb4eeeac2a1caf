"""How an answer with file slices in it leaves: as the socket drains, so that a slow reader costs nothing.

The answer is a list of parts, encoded bytes and slices of segment files. Long slices go from the page cache to the socket
by sendfile(2), without being copied. Everything else is put together in one scratch buffer for the whole
loop: encoded bytes, short slices, and the beginning of a long one so that no head travels alone. Files are read into it
from the page cache (`preadv` with RWF_NOWAIT), and it is written to the socket at once; what the socket does not take is
forgotten and read again when there is room. TLS, disks that are no files, and systems without RWF_NOWAIT read all slices so.

A full socket is waited for by giving a small piece to the transport, which tells when it has gone. So a client that never
reads holds `_HANDOVER_BYTES`, and no second registration of its socket with the loop is needed.

Bytes that are not in the page cache are read by a thread into one of a few cold buffers; who finds none free waits in line.

If a slice was cut meanwhile (its log truncated), the connection closes: nothing foreign is ever sent in its place.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from ottla.broker.threads import Threads
from ottla.broker.turns import PIECE_SECONDS, Turns, now
from ottla.protocol.types import RecordsSource
from ottla.storage.file_slice import FileSlice, SliceGone

CHUNK_BYTES = 256 * 1024
"""What is copied at a time."""
_SEND_BYTES = 512 * 1024
"""What sendfile is asked for at a time: a tenth of a millisecond where the socket takes it all."""
_HANDOVER_BYTES = 4 * 1024
"""What goes through the transport when the socket is full; also the part of a long slice that is copied behind its head."""
_THROUGH_BYTES = 64 * 1024
"""What goes through a transport at a time that has to be used for all (TLS): so much is held by a client that never reads."""
_SENDFILE_BYTES = 32 * 1024
"""A shorter rest of a slice is copied: the call by which it would be sent costs as much."""
_COLD_BUFFERS = 8

Part: TypeAlias = bytes | bytearray | memoryview | RecordsSource
Sent: TypeAlias = Callable[[Exception | None], None]


class FileReads:
    """The memory and the threads by which all connections of a broker read files."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads, turns: Turns) -> None:
        self.loop = loop
        self.turns = turns
        self.scratch = memoryview(bytearray(CHUNK_BYTES))
        self.cold_reads = 0
        """Chunks that a thread had to fetch from the disk."""
        self._threads = threads
        self._free: list[memoryview] = []
        self._made = 0
        self._line: deque[SliceSender] = deque()

    def read_cold(self, sender: "SliceSender") -> None:
        """Read the sender's next chunk on a thread; `sender.cold_chunk` is called on the loop."""
        if self._free:
            buffer = self._free.pop()
        elif self._made < _COLD_BUFFERS:
            self._made += 1
            buffer = memoryview(bytearray(CHUNK_BYTES))
        else:
            self._line.append(sender)
            return
        self.cold_reads += 1

        def done(outcome: int | Exception) -> None:
            try:
                sender.cold_chunk(buffer, outcome)
            finally:
                self._free.append(buffer)
                while self._line and self._free:
                    self.read_cold(self._line.popleft())

        self._threads.run(lambda: sender.fill(buffer, nowait=False), done)


def read_at_once(parts: Sequence[Part], size: int) -> bytearray | None:
    """A small answer whole, if every byte of it is in the page cache; None if not.

    Raises `SliceGone`.
    """
    whole = bytearray(size)
    view = memoryview(whole)
    position = 0
    for part in parts:
        if isinstance(part, FileSlice):
            at, end = 0, part.size_in_bytes
            while at < end:
                try:
                    count = part.read_into(view[position : position + end - at], at, nowait=True)
                except BlockingIOError:
                    return None
                at += count
                position += count
        else:
            end = position + len(cast("bytes", part))
            view[position:end] = cast("bytes", part)
            position = end
    return whole


class SliceSender:
    """One answer on its way out. Ends by `sent(None)`, or `sent(error)` when the connection has to close."""

    __slots__ = (
        "_abandoned",
        "_at",
        "_descriptor",
        "_part",
        "_parts",
        "_queued",
        "_reading",
        "_reads",
        "_sent",
        "_transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        descriptor: int,
        parts: Sequence[Part],
        reads: FileReads,
        sent: Sent,
    ) -> None:
        """`descriptor` is the socket's, or -1 where bytes must go through the transport (TLS)."""
        self._transport = transport
        self._descriptor = descriptor
        self._parts = parts
        self._reads = reads
        self._sent = sent
        self._part = 0
        self._at = 0
        self._reading = False
        self._queued = False
        self._abandoned = False

    def start(self) -> None:
        # With a high-water mark of 0 a write tries the socket at once and tells when all of it has gone.
        self._transport.set_write_buffer_limits(high=0)
        if self._transport.get_write_buffer_size() == 0:
            self._run()

    def resume(self) -> None:
        """The transport has room again."""
        if self._reading or self._abandoned or self._queued:
            return
        turns = self._reads.turns
        if turns.is_late(now()):
            self._put_off()
        else:
            self._run()
            turns.worked()

    def abandon(self) -> None:
        """The connection is gone."""
        self._abandoned = True

    def _gone(self) -> bool:
        """Whether nothing more is to be sent. A transport that closes may have let go of its descriptor already, whose
        number another connection has by now."""
        return self._abandoned or self._transport.is_closing()

    def _run(self) -> None:
        """Send chunks until the socket is full, a byte is cold, or this connection's turn is over."""
        self._queued = False
        if self._reading or self._gone():
            return
        ends = now() + PIECE_SECONDS
        while self._part < len(self._parts):
            try:
                whole = self._send_chunk()
            except BlockingIOError:
                self._reading = True
                self._reads.read_cold(self)
                return
            except (SliceGone, OSError) as error:
                self._end(error)
                return
            if not whole:
                return
            if now() > ends:
                self._put_off()
                return
        self._end(None)

    def _send_chunk(self) -> bool:
        """Send what comes next; whether the socket may take more. Raises `BlockingIOError` if it is cold."""
        room = CHUNK_BYTES if self._descriptor >= 0 else _THROUGH_BYTES
        part, at = self._parts[self._part], self._at
        if isinstance(part, FileSlice) and self._sends(part, at):
            try:
                taken = part.send_to(self._descriptor, at, _SEND_BYTES)
            except BlockingIOError:
                room = _HANDOVER_BYTES
            else:
                if taken:
                    self._advance(taken)
                    return True
        scratch = self._reads.scratch[:room]
        size = self.fill(scratch, nowait=True)
        if size == 0:  # nothing is left but empty parts
            self._part = len(self._parts)
            return True
        return self._write(scratch[:size])

    def _sends(self, part: FileSlice, at: int) -> bool:
        """Whether the rest of a slice goes by sendfile, page cache and disk permitting."""
        return self._descriptor >= 0 and part.size_in_bytes - at >= _SENDFILE_BYTES

    def _put_off(self) -> None:
        self._queued = True
        self._reads.turns.put_off(self._run)

    def cold_chunk(self, buffer: memoryview, outcome: int | Exception) -> None:
        """A thread has filled `buffer` with `outcome` bytes, or failed."""
        self._reading = False
        if self._gone():
            return
        if isinstance(outcome, Exception):
            self._end(outcome)
        elif self._write(buffer[:outcome]):
            self._run()

    def fill(self, buffer: memoryview, *, nowait: bool) -> int:
        """Put the next bytes of the answer into `buffer`; how many. 0 at the end.

        With `nowait` raises `BlockingIOError` if not even the first byte is at hand. Does not move the cursor.
        """
        filled, room = 0, len(buffer)
        part_number, at = self._part, self._at
        while filled < room and part_number < len(self._parts):
            part = self._parts[part_number]
            if isinstance(part, FileSlice):
                if at < part.size_in_bytes:
                    if filled and self._sends(part, at):
                        room = min(room, filled + _HANDOVER_BYTES)
                    try:
                        count = part.read_into(buffer[filled:room], at, nowait=nowait)
                    except BlockingIOError:
                        if filled:
                            return filled
                        raise
                    filled += count
                    at += count
                length = part.size_in_bytes
            else:
                held = cast("bytes", part)
                length = len(held)
                count = min(length - at, room - filled)
                buffer[filled : filled + count] = held[at : at + count]
                filled += count
                at += count
            if at >= length:
                part_number, at = part_number + 1, 0
        return filled

    def _write(self, chunk: memoryview) -> bool:
        """Give the chunk to the socket; whether it took all, so that the next may follow."""
        size = taken = len(chunk)
        if self._descriptor < 0:
            self._transport.write(bytes(chunk))
        else:
            try:
                taken = os.write(self._descriptor, chunk)
            except (BlockingIOError, InterruptedError):
                taken = 0
            except OSError as error:
                self._end(error)
                return False
            if taken < size:
                rest = chunk[taken : taken + _HANDOVER_BYTES]
                self._transport.write(bytes(rest))
                taken += len(rest)
        self._advance(taken)
        return self._transport.get_write_buffer_size() == 0

    def _advance(self, size: int) -> None:
        while size:
            part = self._parts[self._part]
            length = part.size_in_bytes if isinstance(part, FileSlice) else len(cast("bytes", part))
            step = min(size, length - self._at)
            self._at += step
            size -= step
            if self._at == length:
                self._part, self._at = self._part + 1, 0

    def _end(self, error: Exception | None) -> None:
        self._abandoned = True
        if error is None:
            self._transport.set_write_buffer_limits()
        self._sent(error)
