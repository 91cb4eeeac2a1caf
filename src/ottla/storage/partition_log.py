"""One replica's log: an ordered run of segments that is appended to at one end and deleted from at the other.

Used from the event loop's thread, which alone changes it. ``read`` and the look-ups by time may also run on another
thread. Bytes reach the disk through the log's append queue: at once, or on the log directory's thread while the
directory is slow, always in order.

Offsets of a log, in order::

    log_start_offset ≤ last_stable_offset ≤ high_watermark ≤ log_end_offset ≤ next_offset
                                            (replication's)   written        assigned

Source: Apache's ``UnifiedLog`` and ``LocalLog``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ottla.config.topic_config import TopicConfig
from ottla.protocol.types import TopicPartition
from ottla.storage.append_result import AppendOrigin, AppendResult
from ottla.storage.file_slice import FileSlice


class ReadResult(NamedTuple):
    """What a read found: at most one range of one segment's file."""

    slice: FileSlice | None
    """``None`` when there is nothing to read below the upper bound."""
    next_offset: int
    """Offset after the last whole batch of the slice; the fetch offset itself when there is no slice. A slice ends with
    a whole batch unless it was cut at ``max_bytes``: then the client drops the last part."""


class TimestampOffset(NamedTuple):
    """A record found by its time."""

    timestamp: int
    """ms since the epoch, -1 for none."""
    offset: int
    leader_epoch: int
    """-1 where the batch has none."""


class EpochEndOffset(NamedTuple):
    """The end of the largest leader epoch not above the one asked for; both -1 when that is unknown."""

    leader_epoch: int
    end_offset: int


class AbortedTransaction(NamedTuple):
    """A transaction of which a read-committed consumer drops the records."""

    producer_id: int
    first_offset: int


class ActiveProducer(NamedTuple):
    """One producer that has written to the partition (DescribeProducers)."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    current_txn_start_offset: int
    """-1 without an open transaction."""


class PartitionLog:
    """One replica's log. Nothing is on disk before the first append."""

    topic_partition: TopicPartition
    config: TopicConfig
    log_start_offset: int
    log_end_offset: int
    """Offset after the last record that is written and may be read."""
    next_offset: int
    """Offset that the next append gets; ahead of ``log_end_offset`` while appends wait in the queue."""
    recovery_point: int
    """Offset below which everything is known to be fsynced."""
    on_advance: Callable[["PartitionLog"], None] | None
    """Called on the loop when ``log_end_offset`` has grown otherwise than within an append call."""

    def append_as_leader(
        self,
        records: memoryview,
        *,
        leader_epoch: int,
        now_ms: int,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendResult:
        """Check one produced batch, give it its offsets in place and write it. Hot path: 6 µs besides the write.

        ``records``: writable, exactly one batch of magic 2; used until this returns, never after (a queued append copies).
        Compressed batches whose records must be walked (compacted topic) or recompressed go through
        ``ottla.storage.record_walk`` first, which may run on a thread.

        Raises ``KafkaError``: CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE,
        UNSUPPORTED_COMPRESSION_TYPE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE,
        TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR (directory not online, write failed, queue full).
        """
        raise NotImplementedError

    def append_as_follower(self, records: memoryview, *, now_ms: int) -> int:
        """Write batches (one or more, whole, of ascending offsets) as a leader has stored them; the new next offset.

        Raises ``KafkaError``: CORRUPT_MESSAGE, OFFSET_OUT_OF_RANGE (an offset below ``next_offset``), KAFKA_STORAGE_ERROR.
        """
        raise NotImplementedError

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
        ``nowait``: raise ``BlockingIOError`` rather than wait for an index or a header that is not in the page cache;
        the caller then asks again from a thread. Reads at the end of the log need no file at all.

        Raises ``KafkaError`` OFFSET_OUT_OF_RANGE below ``log_start_offset`` or above ``log_end_offset``,
        KAFKA_STORAGE_ERROR.
        """
        raise NotImplementedError

    def offset_for_timestamp(self, timestamp_ms: int) -> TimestampOffset | None:
        """The first record of at least this time, exact inside its batch; ``None`` if there is none.

        Reads and decompresses one batch: for a thread.
        """
        raise NotImplementedError

    def offset_of_max_timestamp(self) -> TimestampOffset | None:
        """The record with the largest timestamp, exact inside its batch; ``None`` for an empty log. For a thread."""
        raise NotImplementedError

    def offset_for_leader_epoch(self, leader_epoch: int) -> EpochEndOffset:
        """Where the largest epoch not above ``leader_epoch`` ends (KIP-101, KIP-279)."""
        raise NotImplementedError

    def latest_epoch(self) -> int | None:
        """The newest leader epoch that a batch of this log was written in."""
        raise NotImplementedError

    def last_stable_offset(self, high_watermark: int) -> int:
        """Below this every transaction is decided and replicated; ``high_watermark`` where none is open."""
        raise NotImplementedError

    def aborted_transactions(self, start_offset: int, end_offset: int) -> Sequence[AbortedTransaction]:
        """Aborted transactions that overlap ``[start_offset, end_offset)``, ordered by first offset."""
        raise NotImplementedError

    def active_producers(self) -> list[ActiveProducer]:
        """Every producer whose state is kept, ordered by id."""
        raise NotImplementedError

    def truncate_to(self, offset: int) -> bool:
        """Remove every record at and above ``offset``; false if there was none. A batch that holds it goes whole."""
        raise NotImplementedError

    def truncate_fully_and_start_at(self, offset: int) -> None:
        """Remove everything; the next append gets ``offset``."""
        raise NotImplementedError

    def advance_log_start_offset(self, offset: int) -> bool:
        """Make records below ``offset`` unreadable (DeleteRecords); whole segments go at the next retention run."""
        raise NotImplementedError

    def roll(self, now_ms: int) -> None:
        """Close the active segment and begin a new one at ``next_offset``."""
        raise NotImplementedError

    def flush(self) -> None:
        """fsync what is written and move the recovery point. Blocks: for a thread, and at close."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush, write the producers' snapshot, close every file."""
        raise NotImplementedError
