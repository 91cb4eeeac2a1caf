"""One replica's log: an ordered run of segments that is appended to at one end and deleted from at the other.

Changed by the event loop's thread alone; how it is read stands in `ReadableLog`. Bytes reach the disk in order: at once, or
through the log's append queue on the log directory's thread while the directory is slow. fsync always runs on that thread.

A write that fails leaves the file in an unknown state beyond ``log_end_offset``. The directory is no longer ONLINE then;
if it comes back (a full disk), everything beyond is cut off before the next append, so that no torn batch is ever followed
by a whole one.

Source: Apache's ``UnifiedLog`` and ``LocalLog``.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from struct import Struct
from typing import Final

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.records.batch import (
    CONTROL_BIT,
    LOG_APPEND_TIME_BIT,
    LOG_OVERHEAD_BYTES,
    NO_TIMESTAMP,
    BatchHeader,
    check_crc,
    iterate_batches,
    set_log_append_time,
)
from ottla.records.control import EndTxnMarker, end_txn_marker_in
from ottla.records.errors import RecordsError
from ottla.storage.append_queue import Post
from ottla.storage.append_result import AppendOrigin, AppendResult
from ottla.storage.file_cache import FileCache, LogDirectoryPath
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.log_directory import DirectoryState, LogDirectory
from ottla.storage.log_flushing import LogFlusher
from ottla.storage.log_loading import load_segment, load_segments
from ottla.storage.log_truncation import cut, cut_unreadable
from ottla.storage.log_writer import LogWriter
from ottla.storage.produced_batch import ProduceRules, kafka_error
from ottla.storage.producer_snapshot import snapshot_name
from ottla.storage.readable_log import ReadableLog
from ottla.storage.record_walk import needs_walk, walk
from ottla.storage.segment import READ_ERRORS, Segment
from ottla.storage.segment_removal import SegmentRemoval

_logger = logging.getLogger(__name__)

DRAIN_TIMEOUT_S: Final = 30.0
"""How long a truncation or a close waits for queued writes of a stalled disk before it gives up with an error."""


_ONLINE, _CLIENT = DirectoryState.ONLINE, AppendOrigin.CLIENT
"""On the hot path: a member of an enum is looked up anew each time it is named, for 0.1 µs."""

_pack_place = Struct(">qii").pack_into
"""Base offset, length (as it stands there) and leader epoch of a batch: what comes before its checksum's range."""

_make_result = tuple.__new__
"""`AppendResult` by its fields, without the call of a Python function that its own constructor is."""


class PartitionLog(ReadableLog):
    """One replica's log. Nothing is on disk before the first append.

    ``name`` is that of its directory. ``materialize`` is called once, before the first file of a new log is made: it makes
    the directory and what else belongs there. ``post`` runs a function on the loop's thread soon. ``random_fraction`` gives
    numbers from 0 to 1 for ``segment.jitter.ms``.
    """

    __slots__ = (
        "_flusher",
        "_latest_epoch",
        "_rules",
        "_writer",
        "is_closed",
        "is_damaged",
        "last_flushed_ms",
        "on_advance",
        "on_failure",
        "post",
        "producer_id_expiration_ms",
        "recovery_point",
        "removal",
        "takes_as_is",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        directory: LogDirectory,
        config: TopicConfig,
        *,
        cache: FileCache,
        post: Post,
        name: str | None = None,
        epochs: LeaderEpochCache | None = None,
        materialize: Callable[[PartitionLog], None] | None = None,
        producer_id_expiration_ms: int = 86_400_000,
        start_offset: int = 0,
        now_ms: int = 0,
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        path = LogDirectoryPath(f"{directory.path}/{name or str(topic_partition)}")
        super().__init__(topic_partition, directory, path, config, cache, epochs, start_offset, now_ms)
        self.producer_id_expiration_ms = producer_id_expiration_ms
        self.recovery_point = start_offset
        """Offset below which everything is known to be fsynced."""
        self.on_advance: Callable[[PartitionLog], None] | None = None
        """Called on the loop when ``log_end_offset`` has grown otherwise than within an append call."""
        self.on_failure: Callable[[PartitionLog], None] | None = None
        """Called on the loop when appends that were assigned offsets were lost: ``next_offset`` falls back."""
        self.last_flushed_ms = now_ms
        self.removal = SegmentRemoval(cache, directory)
        self.is_closed = False
        self.is_damaged = False
        """A write or an fsync has failed: what stands beyond the readable end is not known."""
        self.post = post
        self._rules = ProduceRules(config)
        self.takes_as_is = _takes_as_is(config)
        """Whether no batch has to be looked into, by the log or by its caller, or compressed anew before it is appended."""
        self._latest_epoch = -1
        self._flusher = LogFlusher(self)
        self._writer = LogWriter(self, self._flusher, materialize, random_fraction)

    @property
    def unflushed_records(self) -> int:
        """Offsets appended since the last fsync was begun."""
        return self._flusher.unflushed_records

    def update_config(self, config: TopicConfig) -> None:
        """Go by other settings from the next append on."""
        self.config = config
        self._rules = ProduceRules(config)
        self.takes_as_is = _takes_as_is(config)
        self._writer.configure(config)
        self.active_segment.roll_deadline_ms = None

    # -- appending

    def append_as_leader(
        self,
        records: memoryview,
        leader_epoch: int,
        now_ms: int,
        origin: AppendOrigin = _CLIENT,
        walked: bool = False,
    ) -> AppendResult:
        """Check one produced batch, give it its offsets in place and write it. Hot path: 4 µs besides the write.

        ``records``: writable, exactly one batch of magic 2; used until this returns, never after (a queued append copies).
        Where ``record_walk.needs_walk`` says so a client's records are walked here and now, unless ``walked`` tells that
        the caller has done so on a thread.

        Raises ``KafkaError``: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE,
        UNSUPPORTED_COMPRESSION_TYPE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE,
        TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR (directory not online, write failed, queue full).
        """
        if self.directory.state is not _ONLINE or self.is_damaged:
            self._make_writable()
        rules = self._rules
        header = rules.plain_header(records, now_ms) if origin is _CLIENT else None
        if header is None:
            header, records = self._checked(records, now_ms, origin, walked=walked)
        marker = None
        if header.producer_id >= 0:
            if header.attributes & CONTROL_BIT:
                marker = self._check_marker(header, records, origin)
            else:
                duplicate = self.producers.check(header, origin)
                if duplicate is not None:
                    return AppendResult(
                        duplicate.base_offset,
                        duplicate.last_offset,
                        duplicate.timestamp,
                        duplicate.timestamp,
                        self.log_start_offset,
                        True,
                    )
        base_offset = self.next_offset
        last_offset = base_offset + header.last_offset_delta
        max_timestamp = header.max_timestamp
        log_append_time_ms = NO_TIMESTAMP
        if rules.log_append_time:
            set_log_append_time(records, now_ms)
            max_timestamp = log_append_time_ms = now_ms
            header = header._replace(max_timestamp=now_ms, attributes=header.attributes | LOG_APPEND_TIME_BIT)
        _pack_place(records, 0, base_offset, header.batch_length, leader_epoch)
        self._writer.write(records, last_offset, max_timestamp, now_ms)
        if header.producer_id >= 0:
            self._take_in(header, base_offset, marker)
        self.producers.end_offset = last_offset + 1
        if leader_epoch != self._latest_epoch:
            self._note_epoch(leader_epoch, base_offset)
        return _make_result(
            AppendResult,
            (base_offset, last_offset, log_append_time_ms, max_timestamp, self.log_start_offset, False),
        )

    def _checked(
        self, records: memoryview, now_ms: int, origin: AppendOrigin, *, walked: bool
    ) -> tuple[BatchHeader, memoryview]:
        """A batch that is not plain: its header and its bytes, which are others where its codec had to change."""
        header = self._rules.check(records, now_ms, origin)
        if not walked and origin is _CLIENT and needs_walk(records, self.config):
            rebuilt = walk(records, self.config)
            if rebuilt is not None:
                records = memoryview(rebuilt)
                header = self._rules.check(records, now_ms, origin)
        size = header.batch_length + LOG_OVERHEAD_BYTES
        return header, records if size == len(records) else records[:size]

    def append_as_follower(self, records: memoryview, *, now_ms: int) -> int:
        """Write batches (one or more, whole, of ascending offsets) as a leader has stored them; the new next offset.

        A batch cut short at the end is left out, as a fetch may end anywhere. Raises ``KafkaError``: CORRUPT_MESSAGE,
        INVALID_RECORD (message formats 0 and 1), OFFSET_OUT_OF_RANGE (an offset below ``next_offset``),
        KAFKA_STORAGE_ERROR. Batches before the refused one are appended.
        """
        if self.directory.state is not DirectoryState.ONLINE or self.is_damaged:
            self._make_writable()
        try:
            for header, batch in iterate_batches(records):
                check_crc(batch, header)
                self._append_stored(header, batch, now_ms)
        except RecordsError as error:
            raise kafka_error(error) from error
        return self.next_offset

    def _append_stored(self, header: BatchHeader, batch: memoryview, now_ms: int) -> None:
        if header.base_offset < self.next_offset or header.last_offset_delta < 0:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.topic_partition}: a batch of offsets {header.base_offset} to {header.last_offset} "
                f"cannot follow offset {self.next_offset - 1}",
            )
        marker = None
        if header.producer_id >= 0 and header.is_control:
            marker = self._check_marker(header, batch, AppendOrigin.REPLICATION)
        self._writer.write(batch, header.last_offset, header.max_timestamp, now_ms)
        if header.producer_id >= 0:
            self._take_in(header, header.base_offset, marker)
        self.producers.end_offset = header.last_offset + 1
        if header.partition_leader_epoch != self._latest_epoch:
            self._note_epoch(header.partition_leader_epoch, header.base_offset)

    def _check_marker(
        self, header: BatchHeader, batch: memoryview, origin: AppendOrigin
    ) -> tuple[EndTxnMarker, int] | None:
        try:
            marker = end_txn_marker_in(batch)
        except RecordsError as error:
            raise kafka_error(error) from error
        if marker is not None:
            self.producers.check_marker(header, marker[0], origin)
        return marker

    def _take_in(
        self, header: BatchHeader, base_offset: int, marker: tuple[EndTxnMarker, int] | None
    ) -> None:
        """Remember a batch that has a producer id and is written, or sure to be written in order."""
        if marker is not None:
            aborted = self.producers.end_transaction(header, marker[0], base_offset, marker[1])
            if aborted is not None:
                self.active_segment.txn_index.append(aborted)
        elif not header.attributes & CONTROL_BIT:
            self.producers.update(header, base_offset)

    def _note_epoch(self, leader_epoch: int, base_offset: int) -> None:
        if leader_epoch >= 0:
            self.epochs.assign(leader_epoch, base_offset)
        self._latest_epoch = leader_epoch

    # -- segments

    def load(self, now_ms: int) -> None:
        """Take over the files that lie in the log's directory, whole or recovered. Waits for the disk; for any thread
        while no other uses the log. Raises ``OSError``; ``RecordsError`` for a file that should have been recovered.
        """
        self._writer.materialize = None
        load_segments(self, now_ms)

    def adopt_segments(self, segments: list[Segment], end_offset: int) -> None:
        """Begin with these segments, oldest first, the last of which ends at ``end_offset``."""
        self.segments = segments
        self.log_start_offset = max(self.log_start_offset, segments[0].base_offset)
        self.next_offset = self.written_offset = max(end_offset, self.log_start_offset)
        self.log_end_offset = self.next_offset
        self.recovery_point = min(self.recovery_point, self.log_end_offset)

    @property
    def is_materialized(self) -> bool:
        """Whether the log has files."""
        return self._writer.materialize is None

    def roll(self, now_ms: int) -> Segment:
        """Close the active segment and begin a new one at ``next_offset``; the active one itself if it is empty.

        The closed one is fsynced, and the producers' snapshot written, on the directory's thread.
        Raises ``KafkaError`` KAFKA_STORAGE_ERROR.
        """
        return self._writer.roll(now_ms)

    def delete_oldest_segments(self, count: int, now_ms: int) -> list[Segment]:
        """Remove the ``count`` oldest segments and move the log start offset to the first that stays.

        If all are to go the log rolls first. Their files are renamed to ``.deleted`` at once, so that slices already given
        out stay readable, and go with ``unlink_doomed`` after ``file.delete.delay.ms``. Raises ``KafkaError``.
        """
        if count <= 0:
            return []
        if count >= len(self.segments) and self.active_segment.size_in_bytes:
            self.roll(now_ms)
        count = min(count, len(self.segments) - 1)
        while count > 0 and self.segments[count].base_offset > self.log_end_offset:
            count -= 1  # what is not written yet
        gone, kept = self.segments[:count], self.segments[count:]
        self.segments = kept
        self.advance_log_start_offset(max(self.log_start_offset, kept[0].base_offset))
        try:
            self.removal.doom(gone, now_ms + self.config.file_delete_delay_ms)
            for segment in gone:
                self.cache.disk.unlink_if_exists(f"{self.path}/{snapshot_name(segment.base_offset)}")
        except OSError as error:
            raise self.write_failed(error) from error
        return gone

    @property
    def doomed(self) -> list[tuple[int, Segment]]:
        """Removed segments, and when, in ms, the files of each go."""
        return self.removal.doomed

    def unlink_doomed(self, now_ms: int) -> None:
        """Remove the files of deleted segments whose time has come, on the directory's thread."""
        self.removal.unlink_due(now_ms)

    # -- cutting

    def truncate_to(self, offset: int) -> bool:
        """Remove every record at and above ``offset``; false if there was none. A batch that holds it goes whole.

        Waits for the disk. Raises ``KafkaError`` KAFKA_STORAGE_ERROR.
        """
        self._drain()
        self.epochs.truncate_from_end(offset)
        self._latest_epoch = -1
        if offset >= self.next_offset:
            return False
        if offset < self.segments[0].base_offset:
            self.truncate_fully_and_start_at(offset)
            return True
        try:
            with self._truncating():
                cut(self, offset)
        except OSError as error:
            raise self.write_failed(error) from error
        except READ_ERRORS as error:
            raise self.unreadable(error) from error
        return True

    def truncate_fully_and_start_at(self, offset: int) -> None:
        """Remove everything; the next append gets ``offset``. Waits for the disk."""
        self._drain()
        gone = self.segments
        self.segments = [self.new_segment(offset, self.active_segment.created_ms)]
        with self._truncating():
            self.removal.unlink(gone)
        self.epochs.clear()
        self._latest_epoch = -1
        self.producers.clear(offset)
        self.log_start_offset = self.log_end_offset = self.next_offset = self.written_offset = offset
        self.recovery_point = min(self.recovery_point, offset)

    def advance_log_start_offset(self, offset: int) -> bool:
        """Make records below ``offset`` unreadable (DeleteRecords); whole segments go at the next retention run.

        False if the log starts there or later already. Raises ``KafkaError`` OFFSET_OUT_OF_RANGE above
        ``log_end_offset``.
        """
        if offset > self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.topic_partition}: the log ends at {self.log_end_offset}, it cannot start at {offset}",
            )
        if offset <= self.log_start_offset:
            return False
        self.log_start_offset = offset
        self.epochs.truncate_from_start(offset)
        return True

    # -- compaction's swap

    def pin_segments(self, base_offsets: Sequence[int]) -> list[Segment]:
        """Hold the files of these segments open while another thread renames them; then ``adopt_segment``.

        Raises ``KeyError`` if one of them is no longer there (retention was faster): give the round up.
        """
        by_base = {segment.base_offset: segment for segment in self.segments}
        pinned = [by_base[base_offset] for base_offset in base_offsets]
        self.removal.pin(pinned)
        return pinned

    def unpin_segments(self, pinned: Sequence[Segment]) -> None:
        """Let go of what ``pin_segments`` holds: the swap did not come to its end."""
        self.removal.unpin(pinned)

    def adopt_segment(self, base_offset: int, replaced: Sequence[Segment], now_ms: int) -> None:
        """Put the segment whose files now lie under ``base_offset`` in the place of ``replaced`` (from ``pin_segments``).

        The files of ``replaced`` have been renamed to ``.deleted`` and go with ``unlink_doomed``. Raises ``OSError``,
        ``CorruptIndexError``.
        """
        self.removal.take_renamed(replaced, now_ms + self.config.file_delete_delay_ms)
        adopted = self.new_segment(base_offset, now_ms)
        load_segment(adopted, self.cache.disk, None)
        place = self.segments.index(replaced[0])
        self.segments = [*self.segments[:place], adopted, *self.segments[place + len(replaced) :]]

    # -- moving to another log directory

    def hold_writes(self) -> None:
        """Queue appends behind what has been given to the directory's thread, until `move_to` or `release_writes`."""
        self._writer.hold()

    def release_writes(self) -> None:
        """Let appends go on where the log lies."""
        self._writer.release()

    def move_to(self, directory: LogDirectory, path: str) -> None:
        """Go on in `directory`: copies of all files lie at `path` by now. Whoever reads the old ones reads on."""
        self.directory_path.path = path
        self.directory = self.removal.directory = directory
        for segment in self.segments:
            segment.renew_files()
        self._writer.release()

    # -- durability

    def start_flush(self, now_ms: int) -> None:
        """Begin to fsync what is written, on the directory's thread; the recovery point moves when it is done.

        Raises ``KafkaError`` KAFKA_STORAGE_ERROR when too many tasks wait for the directory.
        """
        self.last_flushed_ms = now_ms
        job = self._flusher.job()
        if job.is_needed:
            self._flusher.submit(job)

    def flush(self) -> None:
        """fsync what is written and move the recovery point. Blocks. Raises ``KafkaError`` KAFKA_STORAGE_ERROR."""
        self._drain()
        self._flusher.run(self._flusher.job())

    def flush_failed(self, error: OSError, *, fsync_failed: bool, appends_lost: bool) -> None:
        """Take note that a flush has failed: of its fsync, or before it for lack of space."""
        self.directory.mark_offline(error, fsync_failed=fsync_failed)
        if fsync_failed or appends_lost:
            self.is_damaged = True
            if self.on_failure is not None:
                self.on_failure(self)

    def advance(self, offset: int) -> None:
        """Let everything below ``offset`` be read."""
        if offset > self.log_end_offset:
            self.log_end_offset = offset
            if self.on_advance is not None:
                self.on_advance(self)

    def close(self) -> None:
        """Flush, write the producers' snapshot, close every file. Blocks. Raises ``KafkaError`` KAFKA_STORAGE_ERROR."""
        if self.is_closed:
            return
        try:
            if self.is_materialized and self.directory.is_online and not self.is_damaged:
                self._drain()
                self.active_segment.seal()
                self._flusher.run(self._flusher.job(snapshot=True, sealed=True))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close every file as it stands: at a failed directory, and where a test plays a kill."""
        self.is_closed = self.is_damaged = True
        for segment in (*self.segments, *(doomed for _due_ms, doomed in self.doomed)):
            segment.close()

    def write_failed(self, error: OSError) -> KafkaError:
        """Take note of a failed file operation; the error to raise."""
        self.is_damaged = True
        self.directory.mark_offline(error)
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"{self.topic_partition}: log directory {self.directory.path} failed: {error}",
        )

    @contextmanager
    def _truncating(self) -> Iterator[None]:
        """Count the beginning and the end: whoever reads meanwhile finds the number odd, or changed."""
        self.truncations += 1
        try:
            yield
        finally:
            self.truncations += 1

    def _make_writable(self) -> None:
        """Raise unless the directory is ONLINE; cut off what a failed write has left beyond the readable end."""
        self.directory.ensure_writable()
        if self.is_closed:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: the log is closed")
        if not self.is_damaged:
            return
        self._drain()
        try:
            with self._truncating():
                cut_unreadable(self)
        except OSError as error:
            raise self.write_failed(error) from error
        except READ_ERRORS as error:
            raise self.unreadable(error) from error
        self._latest_epoch = -1
        self.is_damaged = False
        _logger.warning(
            "%s: cut back to offset %d after a failed write", self.topic_partition, self.log_end_offset
        )

    def _drain(self) -> None:
        """Wait until queued writes and flushes are done. Raises ``KafkaError`` KAFKA_STORAGE_ERROR."""
        if not self.directory.drain(DRAIN_TIMEOUT_S):
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"{self.topic_partition}: log directory {self.directory.path} has not come to rest "
                f"for {DRAIN_TIMEOUT_S:.0f} s",
            )
        self._writer.settle()
        self.directory.ensure_writable()


def _takes_as_is(config: TopicConfig) -> bool:
    return not config.compact and config.compression_type == "producer" and not config.validates_schemas
