"""One replica's log as it is read: its segments, its offsets, and what is found in them.

Offsets of a log, in order::

    log_start_offset ≤ last stable offset ≤ high watermark ≤ log_end_offset ≤ next_offset
                                            (replication's)   readable        assigned

``read`` and the look-ups by time may run on another thread than the loop's, which changes the log meanwhile: the list of
segments is replaced, never changed, and whoever met half of a truncation is told by the count of these.

Source: Apache's ``UnifiedLog`` and ``LocalLog``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.records.errors import RecordsError
from ottla.storage.file_cache import FileCache, LogDirectoryPath
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.log_directory import DirectoryState, LogDirectory
from ottla.storage.log_reading import aborted_between, read_segments
from ottla.storage.produced_batch import kafka_error
from ottla.storage.producer_state import ActiveProducer, ProducerState
from ottla.storage.read_result import AbortedTransaction, EpochEndOffset, ReadResult, TimestampOffset
from ottla.storage.segment import READ_ERRORS, Segment
from ottla.storage.time_lookup import find_max_timestamp, find_timestamp

_OFFLINE: Final = DirectoryState.OFFLINE
"""On the hot path: a member of an enum is looked up anew each time it is named, for 0.1 µs."""


class ReadableLog:
    """What a log consists of. `PartitionLog` changes it."""

    __slots__ = (
        "cache",
        "config",
        "directory",
        "directory_path",
        "epochs",
        "log_end_offset",
        "log_start_offset",
        "next_offset",
        "producers",
        "segments",
        "topic_partition",
        "truncations",
        "written_offset",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        directory: LogDirectory,
        directory_path: LogDirectoryPath,
        config: TopicConfig,
        cache: FileCache,
        epochs: LeaderEpochCache | None,
        start_offset: int,
        now_ms: int,
    ) -> None:
        self.topic_partition = topic_partition
        self.directory = directory
        """The log directory, whose state decides whether the log can be used."""
        self.directory_path = directory_path
        self.config = config
        self.cache = cache
        self.epochs = epochs if epochs is not None else LeaderEpochCache()
        self.producers = ProducerState()
        self.log_start_offset = start_offset
        self.log_end_offset = start_offset
        """Offset after the last record that is written and may be read."""
        self.written_offset = start_offset
        """Offset after what is in the files; ahead of ``log_end_offset`` while an fsync is waited for."""
        self.next_offset = start_offset
        """Offset that the next append gets; ahead of ``log_end_offset`` while appends wait in the queue."""
        self.truncations = 0
        """Counts the beginnings and the ends of cutting the end off: odd meanwhile."""
        self.segments: list[Segment] = [self.new_segment(start_offset, now_ms)]
        """Oldest first, the active one last; never empty. Replaced, never changed: other threads read it."""

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.topic_partition}, {self.log_start_offset}..{self.log_end_offset})"
        )

    @property
    def path(self) -> str:
        """Where its files lie."""
        return self.directory_path.path

    @property
    def active_segment(self) -> Segment:
        return self.segments[-1]

    @property
    def size_in_bytes(self) -> int:
        return sum(segment.size_in_bytes for segment in self.segments)

    def new_segment(self, base_offset: int, now_ms: int) -> Segment:
        """A segment of this log that has no files yet and is not yet one of ``segments``."""
        return Segment(self.cache, self.directory_path, base_offset, created_ms=now_ms, config=self.config)

    # -- reading

    def read(
        self,
        fetch_offset: int,
        max_bytes: int,
        *,
        upper_bound_offset: int | None = None,
        min_one_batch: bool = True,
        nowait: bool = False,
    ) -> ReadResult:
        """The range of a file that begins with the batch holding ``fetch_offset``; never reads the batches themselves.

        ``upper_bound_offset``: no batch at or above it is in the answer (high watermark, last stable offset;
        ``None`` for ``log_end_offset``). ``min_one_batch``: a first batch larger than ``max_bytes`` comes whole.
        ``nowait`` is the loop's way: the newest batches are found without any file, and ``BlockingIOError`` is raised
        rather than wait for an index or a header that is not in the page cache; then ask again from a thread without.

        Raises ``KafkaError`` OFFSET_OUT_OF_RANGE below ``log_start_offset`` or above ``log_end_offset``,
        KAFKA_STORAGE_ERROR.
        """
        end_offset = self.log_end_offset
        if not self.log_start_offset <= fetch_offset <= end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.topic_partition}: offset {fetch_offset} is not in "
                f"{self.log_start_offset} to {end_offset}",
            )
        if upper_bound_offset is not None and upper_bound_offset < end_offset:
            end_offset = upper_bound_offset
        if fetch_offset >= end_offset:
            return ReadResult(None, fetch_offset)
        if self.directory.state is _OFFLINE:
            self.directory.ensure_readable()
        truncations = self.truncations
        try:
            return read_segments(
                self.segments,
                fetch_offset,
                max_bytes,
                end_offset=end_offset,
                written_offset=self.written_offset,
                min_one_batch=min_one_batch,
                nowait=nowait,
            )
        except BlockingIOError:
            raise
        except READ_ERRORS as error:
            raise self.unreadable(error, truncations) from error

    # -- look-ups

    def offset_for_timestamp(self, timestamp_ms: int) -> TimestampOffset | None:
        """The first record of at least this time, exact inside its batch; ``None`` if there is none.

        Reads and decompresses one batch: for a thread. Raises ``KafkaError``: CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR.
        """
        truncations = self.truncations
        try:
            return find_timestamp(self.segments, timestamp_ms, self.log_start_offset)
        except READ_ERRORS as error:
            raise self.unreadable(error, truncations) from error

    def offset_of_max_timestamp(self) -> TimestampOffset | None:
        """The record with the largest timestamp, exact inside its batch; ``None`` for an empty log. For a thread."""
        truncations = self.truncations
        try:
            return find_max_timestamp(self.segments, self.log_start_offset)
        except READ_ERRORS as error:
            raise self.unreadable(error, truncations) from error

    def offset_for_leader_epoch(self, leader_epoch: int) -> EpochEndOffset:
        """Where the largest epoch not above ``leader_epoch`` ends (KIP-101, KIP-279)."""
        return EpochEndOffset(*self.epochs.end_offset_for(leader_epoch, self.log_end_offset))

    def latest_epoch(self) -> int | None:
        """The newest leader epoch that a batch of this log was written in."""
        return self.epochs.latest_epoch

    def last_stable_offset(self, high_watermark: int) -> int:
        """Below this every transaction is decided and replicated; ``high_watermark`` where none is open."""
        unstable = self.producers.first_unstable_offset(high_watermark)
        if unstable is None or unstable >= high_watermark:
            return high_watermark
        return max(unstable, self.log_start_offset)

    def aborted_transactions(self, start_offset: int, end_offset: int) -> Sequence[AbortedTransaction]:
        """Aborted transactions that overlap ``[start_offset, end_offset)``, ordered by first offset."""
        try:
            return aborted_between(self.segments, start_offset, end_offset)
        except READ_ERRORS as error:
            raise self.unreadable(error) from error

    def epoch_of_offset(self, offset: int) -> int:
        """The leader epoch in which the record at ``offset`` was written; -1 where that is not known."""
        epoch = self.epochs.epoch_for_offset(offset)
        return -1 if epoch is None else epoch

    def active_producers(self) -> Iterator[ActiveProducer]:
        """Every producer whose state is kept as of the first step, in no order."""
        return self.producers.active_producers()

    # -- failures

    def unreadable(self, error: Exception, truncations: int | None = None) -> KafkaError:
        """The error to raise where segments or indexes could not be read.

        ``truncations`` as counted before: a thread that read while the loop was truncating may have met half of it.
        """
        meanwhile = truncations is not None and (truncations % 2 or truncations != self.truncations)
        if isinstance(error, RecordsError) and not meanwhile:
            return kafka_error(error)
        if isinstance(error, OSError):
            self.directory.mark_offline(error)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: {error}")
