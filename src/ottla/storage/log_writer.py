"""The end of a log where batches are put: into the active segment's file at once, or into the queue of a slow directory.

Positions, segments and index entries are decided here on the loop, whichever way the bytes take. A write that fails leaves
the file in an unknown state: the log is damaged from then on, until what stands beyond its readable end has been cut off.

Source: Apache's `LocalLog.append`, `LocalLog.roll`.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ottla.config.topic_config import TopicConfig
from ottla.config.values import LONG_MAX
from ottla.protocol.errors import KafkaError
from ottla.storage.append_queue import AppendQueue, PendingWrite
from ottla.storage.log_directory import SLOW_WRITE_MS
from ottla.storage.log_flushing import LogFlusher
from ottla.storage.segment import READ_ERRORS, RELATIVE_OFFSET_MAX, Segment
from ottla.storage.segment_rolling import lifetime_ms, must_roll, set_deadline

if TYPE_CHECKING:
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)

_SLOW_WRITE_S: Final = SLOW_WRITE_MS / 1000

_clock = time.perf_counter


def _waits() -> int:
    """How often this thread has given up its processor to wait for something; other platforms than Linux don't tell."""
    if sys.platform != "linux":
        return time.perf_counter_ns()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


class LogWriter:
    """Writes one log. On the loop's thread."""

    __slots__ = (
        "_flusher",
        "_is_writing_indexes",
        "_log",
        "_queue",
        "_random_fraction",
        "is_held",
        "materialize",
        "segment_bytes",
        "waits_for_flush",
    )

    def __init__(
        self,
        log: PartitionLog,
        flusher: LogFlusher,
        materialize: Callable[[PartitionLog], None] | None,
        random_fraction: Callable[[], float],
    ) -> None:
        self._log = log
        self._flusher = flusher
        self._queue: AppendQueue | None = None
        self.is_held = False
        self._is_writing_indexes = False
        self._random_fraction = random_fraction
        self.materialize = materialize
        """Makes the log's directory before its first file; `None` once that is done."""
        self.segment_bytes = 0
        self.waits_for_flush = False
        """`flush.messages` is set: what is written may be read once it is fsynced."""
        self.configure(log.config)

    def configure(self, config: TopicConfig) -> None:
        """Go by these settings from now on."""
        self.segment_bytes = config.segment_bytes
        self.waits_for_flush = config.flush_messages != LONG_MAX

    def write(self, records: memoryview, last_offset: int, max_timestamp: int, now_ms: int) -> None:
        """Put a batch, with its offsets in it, at the log's end. Hot path. Raises `KafkaError` KAFKA_STORAGE_ERROR."""
        log = self._log
        segment = log.segments[-1]
        size = len(records)
        deadline = segment.roll_deadline_ms
        if (
            deadline is None
            or max_timestamp > deadline
            or size > self.segment_bytes - segment.size_in_bytes
            or last_offset - segment.base_offset > RELATIVE_OFFSET_MAX
        ):
            segment = self._segment_for(size, last_offset, max_timestamp, now_ms)
        position = segment.size_in_bytes
        next_offset = last_offset + 1
        if (self._queue is None and not log.directory.is_slow) or self._is_calm_again():
            directory = log.directory
            watched = directory.watched_writes
            waits = 0
            if watched:
                directory.watched_writes = watched - 1
                waits = _waits()
            started = _clock()
            try:
                segment.write(records, position)
            except OSError as error:
                raise log.write_failed(error) from error
            elapsed = _clock() - started
            if elapsed > _SLOW_WRITE_S:
                directory.note_late_write(elapsed * 1000, waited=bool(watched) and _waits() != waits)
            segment.note_appended(last_offset, position, size, max_timestamp)
            segment.readable_bytes = position + size
            self._flusher.unflushed_records += next_offset - log.next_offset
            log.next_offset = log.written_offset = next_offset
            if self.waits_for_flush:
                self._flusher.after_append()
            else:
                log.log_end_offset = next_offset
        else:
            self._enqueue(PendingWrite(segment, position, bytes(records), next_offset))
            segment.note_appended(last_offset, position, size, max_timestamp)
            self._flusher.unflushed_records += next_offset - log.next_offset
            log.next_offset = next_offset

    # -- segments

    def _segment_for(self, size: int, last_offset: int, max_timestamp: int, now_ms: int) -> Segment:
        """The segment that a batch of this size and time goes into, rolled if it must."""
        log = self._log
        try:
            if self.materialize is not None:
                self.materialize(log)
                self.materialize = None
            segment = log.active_segment
            if segment.offset_index.is_tail_long:
                self._write_out_indexes(segment)
            if segment.size_in_bytes and segment.roll_deadline_ms is None:
                set_deadline(segment, segment.load_first_timestamp(), self._lifetime_ms())
            if must_roll(segment, log.config, size, last_offset, max_timestamp, now_ms):
                segment = self.roll(now_ms)
            if segment.size_in_bytes == 0:
                segment.created_ms = now_ms
                segment.first_timestamp = max_timestamp
                set_deadline(segment, max_timestamp, self._lifetime_ms())
                if log.config.preallocate:
                    segment.preallocate(self.segment_bytes)
        except OSError as error:
            raise log.write_failed(error) from error
        except READ_ERRORS as error:
            raise log.unreadable(error) from error
        return segment

    def _lifetime_ms(self) -> int:
        return lifetime_ms(self._log.config, self._random_fraction)

    def roll(self, now_ms: int) -> Segment:
        """Close the active segment and begin a new one at `next_offset`; the active one itself if it is empty.

        The closed one is fsynced, and the producers' snapshot written, on the directory's thread.
        Raises `KafkaError` KAFKA_STORAGE_ERROR.
        """
        log = self._log
        closed = log.active_segment
        if closed.size_in_bytes == 0 and closed.base_offset == log.next_offset:
            return closed
        closed.seal()
        self._flusher.submit(self._flusher.job(snapshot=True, sealed=True))
        segment = log.new_segment(log.next_offset, now_ms)
        # A closed one without bytes: its offsets were skipped by a follower, or removed.
        kept = log.segments if closed.size_in_bytes else log.segments[:-1]
        log.segments = [*kept, segment]
        return segment

    def _write_out_indexes(self, segment: Segment) -> None:
        """Bring index entries from memory into the files, on the directory's thread; one such task at a time.

        While that thread is busy (an fsync of a large segment takes seconds) entries gather in memory.
        """
        if self._is_writing_indexes:
            return
        log = self._log
        pending = [(index, *index.pending()) for index in (segment.offset_index, segment.time_index)]

        def note() -> None:
            self._is_writing_indexes = False
            for index, place, content in pending:
                index.mark_written(place, content)

        def give_up() -> None:
            self._is_writing_indexes = False

        def run() -> None:
            try:
                for index, place, content in pending:
                    index.write(place, content)
            except OSError as error:
                log.post(give_up)
                if not log.is_closed:  # its directory may have been renamed, for deletion
                    log.directory.mark_offline(error)
            else:
                log.post(note)

        try:
            log.directory.submit(run)
        except KafkaError as error:
            _logger.info("%s: index entries stay in memory: %s", log.topic_partition, error)
        else:
            self._is_writing_indexes = True

    # -- the queue

    def _is_calm_again(self) -> bool:
        """Whether the queue, if there is one, has done its work and the disk is no longer slow."""
        if self.is_held or self._log.directory.is_slow:
            return False
        if self._queue is not None and not self._queue.is_idle:
            return False
        self._queue = None
        return True

    def _enqueue(self, write: PendingWrite) -> None:
        if self._queue is None:
            self._queue = AppendQueue(self._log.directory, self._log.post, self._on_written, self._on_failed)
        self._queue.put(write)

    def hold(self) -> None:
        """From now on appends wait behind what has been given to the directory's thread so far, and what will be."""
        self.is_held = True
        if self._queue is None:
            self._queue = AppendQueue(self._log.directory, self._log.post, self._on_written, self._on_failed)

    def release(self) -> None:
        """The end of `hold`; what waits is written first."""
        self.is_held = False

    def settle(self) -> None:
        """Take note of what the directory's thread has written."""
        if self._queue is not None:
            self._queue.settle()

    def _on_written(self, writes: list[PendingWrite]) -> None:
        log = self._log
        for write in writes:
            write.segment.readable_bytes = write.position + len(write.content)
        log.written_offset = writes[-1].next_offset
        if self.waits_for_flush:
            self._flusher.after_append()
        else:
            log.advance(log.written_offset)

    def _on_failed(self, error: OSError) -> None:
        if self._queue is not None and not self._log.is_closed:
            self._queue = None
            self._log.write_failed(error)
            if self._log.on_failure is not None:
                self._log.on_failure(self._log)
