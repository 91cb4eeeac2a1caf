"""A range of one segment's file: what a fetch answer is made of.

The bytes are read by the connection as its socket drains, long after the log was asked. Meanwhile the segment may have
been truncated, and other bytes written at the same place: each truncation raises the segment's ``truncation_epoch``, the
slice remembers the one it was made in, and reading says so rather than give foreign bytes. What was sent from the file lies
in the socket as pages of the file until the client has it, as with Apache's `FileRecords.writeTo`: a truncation below the
high watermark (only an unclean election makes one) may still change them there, the CRC of their batch tells.

A segment deleted by retention stays readable while its file is open or until ``file.delete.delay.ms`` is over.
"""

from typing import Protocol


class SliceGone(Exception):
    """The bytes of a slice are no longer there: truncated, deleted, or the file ends before them. Close the connection."""


class SliceSegment(Protocol):
    """What a slice needs of its segment."""

    truncation_epoch: int

    def read_at(self, view: memoryview, position: int, *, nowait: bool) -> int: ...

    def send_at(self, descriptor: int, position: int, size_in_bytes: int) -> int: ...


class FileSlice:
    """``size_in_bytes`` bytes from ``position`` of a segment's ``.log`` file. Holds no descriptor."""

    __slots__ = ("position", "segment", "size_in_bytes", "truncation_epoch")

    def __init__(
        self, segment: SliceSegment, position: int, size_in_bytes: int, truncation_epoch: int | None = None
    ) -> None:
        """`truncation_epoch` is the segment's when the position was looked up, by default the one of now."""
        self.segment = segment
        self.position = position
        self.size_in_bytes = size_in_bytes
        self.truncation_epoch = segment.truncation_epoch if truncation_epoch is None else truncation_epoch

    def read_into(self, view: memoryview, at: int, *, nowait: bool = False) -> int:
        """Fill ``view`` from byte ``at`` of the slice; how many bytes were read, at least 1, at most to the slice's end.

        ``nowait``: raises ``BlockingIOError`` when the first byte is not in the page cache; then call again without,
        from a thread (safe beside appends and truncation). Raises ``SliceGone``.
        """
        segment = self.segment
        left = self.size_in_bytes - at
        if len(view) > left:
            view = view[:left]
        if segment.truncation_epoch != self.truncation_epoch:
            raise SliceGone("the segment was truncated or deleted")
        count = segment.read_at(view, self.position + at, nowait=nowait)
        if segment.truncation_epoch != self.truncation_epoch:
            raise SliceGone("the segment was truncated or deleted while it was read")
        if count == 0:
            raise SliceGone(f"the segment's file ends before byte {self.position + at}")
        return count

    def send_to(self, descriptor: int, at: int, size_max: int) -> int:
        """Hand at most ``size_max`` bytes from byte ``at`` on to a socket that doesn't block; how many it took.

        0 when they have to be read instead: they are not all in the page cache, or the disk can't send. Raises
        ``BlockingIOError`` when the socket is full, and ``SliceGone``. For the loop's thread, which truncates, so that
        none can come in between.
        """
        segment = self.segment
        if segment.truncation_epoch != self.truncation_epoch:
            raise SliceGone("the segment was truncated or deleted")
        return segment.send_at(descriptor, self.position + at, min(size_max, self.size_in_bytes - at))

    def read_all(self) -> bytearray:
        """The whole slice, waiting for the disk: for a thread, loading coordinators and tools."""
        content = bytearray(self.size_in_bytes)
        view = memoryview(content)
        at = 0
        while at < self.size_in_bytes:
            at += self.read_into(view[at:], at)
        return content
