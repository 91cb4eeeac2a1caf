"""Memory into which frames arrive.

A frame is a big-endian int32 length and as many bytes. All connections of a loop receive into one shared buffer; a
frame that lies in it complete is decoded and handled right there, nothing is copied. Only a frame that is still
unfinished gets memory of its own, a `Backlog`, and that grows with the bytes that have arrived, never with the length
the frame declares: a client that announces 100 MB and sends ten bytes costs a few hundred bytes here.

Backlogs of bulk producers are all about a megabyte, and fresh megabytes are dear (each page of them faults once), so a
few that have done their work are kept as spares. A spare is memory that exists already, therefore a frame that fits may
have the whole of it at once.

Bounds: the shared buffer and the spares by the constants below; backlogs by `socket.request.max.bytes` a connection and by
`queued.max.request.bytes` in sum (Apache's MemoryPool: a frame is counted whole when it begins, and when nothing is
left new frames wait; those that have begun go on, or none could ever finish).
"""

from collections.abc import Callable
from struct import Struct

SHARED_BYTES = 1 << 20
"""One read fetches at most this much. Bulk producers send megabytes; below half of this the CPU per GB rises."""

SPARE_BYTES = (1 << 20) + (1 << 16)
"""Holds the usual largest request: one batch of max.message.bytes with the request around it."""

SPARES = 4

_SMALLEST_BACKLOG = 512
_SMALLEST_FOR_SPARE = 1 << 16

_LENGTH = Struct(">i")


class ReceiveMemory:
    """What the connections of one broker share. Used from the loop's thread alone."""

    __slots__ = ("_limit_bytes", "_reserved_bytes", "_spares", "_waiting", "shared")

    def __init__(self, limit_bytes: int = -1) -> None:
        """`limit_bytes` is `queued.max.request.bytes`; -1 sets none."""
        self.shared = memoryview(bytearray(SHARED_BYTES))
        self._spares: list[memoryview] = []
        self._limit_bytes = limit_bytes
        self._reserved_bytes = 0
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def reserved_bytes(self) -> int:
        """Declared lengths of all frames that have begun and are not handled yet."""
        return self._reserved_bytes

    @property
    def exhausted(self) -> bool:
        """Whether new frames have to wait."""
        return 0 < self._limit_bytes <= self._reserved_bytes

    def reserve(self, size: int) -> None:
        self._reserved_bytes += size

    def release(self, size: int) -> None:
        """Give back what a frame had reserved; those who wait may try again."""
        self._reserved_bytes -= size
        if self._waiting and not self.exhausted:
            waiting, self._waiting = self._waiting, {}
            for resume in waiting:
                resume()

    def when_available(self, resume: Callable[[], None]) -> None:
        """Call `resume()` once when there is memory again. Bounded by the number of connections."""
        self._waiting[resume] = None

    def forget(self, resume: Callable[[], None]) -> None:
        """The one that waits has gone."""
        self._waiting.pop(resume, None)

    def take(self, used: int, wanted: int) -> memoryview:
        """Memory for a frame of `wanted` bytes of which `used` are there: a spare, or about twice `used`."""
        if _SMALLEST_FOR_SPARE <= wanted <= SPARE_BYTES and self._spares:
            return self._spares.pop()
        size = max(min(wanted, used * 2), _SMALLEST_BACKLOG)
        if size > SPARE_BYTES >> 1 and wanted <= SPARE_BYTES:
            size = SPARE_BYTES
        return memoryview(bytearray(size))

    def give_back(self, memory: memoryview) -> None:
        """`memory` is not used any more; it is kept if it is of the size of the spares."""
        if len(memory) == SPARE_BYTES and len(self._spares) < SPARES:
            self._spares.append(memory)


class Backlog:
    """What one connection has received and not handled: begins at the start of a frame.

    `declared` is the length of the first frame with its prefix, 0 while even that has not arrived.
    """

    __slots__ = ("_memory", "_reserved", "declared", "length", "view")

    def __init__(self, memory: ReceiveMemory, start: memoryview) -> None:
        """Begins with a copy of `start`. Its frame is not counted before `reserve`."""
        self._memory = memory
        self._reserved = 0
        self.declared = 0
        self.length = len(start)
        wanted = self.length
        if self.length >= 4:
            self.declared = 4 + _LENGTH.unpack_from(start)[0]
            wanted = max(self.declared, wanted)
        self.view = memory.take(self.length, wanted)
        self.view[: self.length] = start

    @property
    def whole(self) -> bool:
        """Whether the first frame is complete."""
        return 0 < self.declared <= self.length

    @property
    def admitted(self) -> bool:
        """Whether the rest of it may be received."""
        return self._reserved == self.declared

    def room(self) -> memoryview:
        """Where the next bytes go: never empty, and never past the first frame's end once that is known."""
        end = self.declared or 4
        if self.length >= end:
            end = self.length + _SMALLEST_BACKLOG
        if self.length >= len(self.view):
            grown = self._memory.take(self.length, end)
            grown[: self.length] = self.view[: self.length]
            self._memory.give_back(self.view)
            self.view = grown
        return self.view[self.length : min(end, len(self.view))]

    def received(self, size: int) -> None:
        self.length += size
        if not self.declared and self.length >= 4:
            self.declared = 4 + _LENGTH.unpack_from(self.view)[0]
            self.reserve()

    def reserve(self) -> None:
        """Count the frame among those that have begun."""
        self._reserved = self.declared
        self._memory.reserve(self.declared)

    def release(self) -> None:
        """Its bytes are handled or dropped."""
        self._memory.release(self._reserved)
        self._memory.give_back(self.view)
