"""Writes of one log that wait for its directory's thread, in order.

A buffered write can stall for seconds while the kernel throttles writers of a disk. While that lasts the directory is
"slow": the loop copies a batch and queues it here, the directory's thread writes it. Once anything waits, everything after
it waits too, whatever the directory says meanwhile; so a log's bytes always arrive in the order of its offsets.

The loop's thread puts and settles; the directory's thread writes. `settle` runs on the loop, posted by the thread, or called
by whoever has waited for the directory to come to rest.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.storage.log_directory import LogDirectory
from ottla.storage.segment import Segment

Post = Callable[[Callable[[], None]], None]
"""Runs a function on the loop's thread soon: `loop.call_soon_threadsafe`."""

QUEUE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of one log that may wait; one batch larger than this may wait alone. Beyond it appends are refused."""

WRITE_BUFFERS_MAX: Final = 64
"""Neighbouring batches written by one system call."""


class PendingWrite(NamedTuple):
    """A batch on its way to the disk."""

    segment: Segment
    position: int
    content: bytes
    next_offset: int
    """Offset after its last record: the log's readable end once it is written."""


class AppendQueue:
    """The waiting writes of one log."""

    __slots__ = (
        "_directory",
        "_done",
        "_lock",
        "_on_failed",
        "_on_written",
        "_pending",
        "_post",
        "_running",
        "error",
        "pending_bytes",
    )

    def __init__(
        self,
        directory: LogDirectory,
        post: Post,
        on_written: Callable[[list[PendingWrite]], None],
        on_failed: Callable[[OSError], None],
    ) -> None:
        self._directory = directory
        self._post = post
        self._on_written = on_written
        self._on_failed = on_failed
        self._pending: deque[PendingWrite] = deque()
        self._done: deque[list[PendingWrite]] = deque()
        self._lock = threading.Lock()
        self._running = False
        self.error: OSError | None = None
        """Why nothing is written any more; what waited was dropped."""
        self.pending_bytes = 0

    def put(self, write: PendingWrite) -> None:
        """Queue a write. Raises `KafkaError` KAFKA_STORAGE_ERROR when too much waits; nothing was queued then."""
        size = len(write.content)
        if self.error is not None or (self.pending_bytes and self.pending_bytes + size > QUEUE_BYTES_MAX):
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"{self.pending_bytes} bytes wait for the slow log directory {self._directory.path}",
            )
        with self._lock:
            if not self._running:
                self._directory.submit(self._run)
                self._running = True
            self._pending.append(write)
        self.pending_bytes += size

    def settle(self) -> None:
        """Tell the log what was written since, and what failed. On the loop's thread."""
        while self._done:
            writes = self._done.popleft()
            self.pending_bytes -= sum(len(write.content) for write in writes)
            self._on_written(writes)
        if self.error is not None:
            self._on_failed(self.error)

    @property
    def is_idle(self) -> bool:
        """Nothing waits, is being written, or is written but not settled."""
        return not self._running and not self._pending and not self._done

    def _run(self) -> None:
        """On the directory's thread: write until nothing waits."""
        while writes := self._take():
            started = time.perf_counter()
            try:
                _write(writes)
            except OSError as error:
                self._fail(error)
                return
            self._directory.observe_write((time.perf_counter() - started) * 1000)
            self._done.append(writes)
            self._post(self.settle)

    def _take(self) -> list[PendingWrite]:
        """The next writes that stand one behind another in one segment."""
        with self._lock:
            writes: list[PendingWrite] = []
            while self._pending and len(writes) < WRITE_BUFFERS_MAX:
                if writes and self._pending[0].segment is not writes[0].segment:
                    break
                writes.append(self._pending.popleft())
            if not writes:
                self._running = False
            return writes

    def _fail(self, error: OSError) -> None:
        with self._lock:
            self.error = error
            self._pending.clear()
            self._running = False
        self._post(self.settle)


def _write(writes: list[PendingWrite]) -> None:
    first = writes[0]
    with first.segment.pinned() as file:
        total = sum(len(write.content) for write in writes)
        written = file.pwritev([write.content for write in writes], first.position)
        if written < total:
            file.write_all(b"".join(write.content for write in writes)[written:], first.position + written)
