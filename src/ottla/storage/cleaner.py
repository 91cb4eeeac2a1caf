"""What compaction does, decided without touching a disk: which log, up to where, which segments together, which records stay.

A compacted log has a clean head, where each key stands once, and a dirty tail::

    log start         first dirty            first uncleanable      end
    ├── clean ────────┼── dirty, cleanable ──┼── not yet ───────────┤
                                              active segment, open transactions, min.compaction.lag.ms

A round maps each key of the dirty part to its last offset, then copies head and dirty part, leaving out every record whose
key occurs again later. Kept besides:

- a tombstone for `delete.retention.ms` after the first round that saw it: that round writes the time at which it may go
  into the batch (the delete horizon, KIP-534);
- a transaction's marker as long as records of the transaction stay, then like a tombstone;
- the last batch of each producer, empty if need be, since its sequence numbers and epoch are the producer's state;
- the last batch of the round, empty if need be, so that the log keeps its end.

Records of aborted transactions go at once. Sources: Apache's LogCleaner, LogCleanerManager, Cleaner,
CleanedTransactionMetadata.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.records.batch import BatchHeader
from ottla.storage.txn_index import AbortedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.config.topic_config import TopicConfig

LATEST: Final = 2**63 - 1

_RELATIVE_OFFSET_MAX: Final = 2**31 - 1
"""An index entry holds a segment's offsets relative to its base in 31 bits."""


class CleanableSegment(NamedTuple):
    """What the plan needs to know of a segment."""

    base_offset: int
    size_bytes: int
    offset_index_bytes: int
    time_index_bytes: int
    largest_timestamp_ms: int
    first_timestamp_ms: int
    """Largest timestamp of its first batch; -1 where it has none."""
    modified_ms: int


class LogFacts(NamedTuple):
    """A log as the plan sees it: its segments, oldest first, the active one last."""

    segments: Sequence[CleanableSegment]
    config: TopicConfig
    log_start_offset: int
    log_end_offset: int
    last_stable_offset: int


class CleaningPlan(NamedTuple):
    """How far a log is cleaned and could be."""

    first_dirty_offset: int
    first_uncleanable_offset: int
    clean_bytes: int
    cleanable_bytes: int
    overdue: bool
    """Whether `max.compaction.lag.ms` demands cleaning now, whatever the ratio."""
    checkpoint_is_wrong: bool
    """Whether the checkpointed offset lies outside of the log, and is to be replaced."""

    @property
    def cleanable_ratio(self) -> float:
        """Share of the bytes up to the first uncleanable offset that is dirty."""
        total_bytes = self.clean_bytes + self.cleanable_bytes
        return self.cleanable_bytes / total_bytes if total_bytes else 0.0


def plan_cleaning(log: LogFacts, checkpoint: int | None, now_ms: int) -> CleaningPlan:
    """What a round on this log would clean. `checkpoint` is the first dirty offset of the last round, if there was one."""
    first_dirty_offset = log.log_start_offset if checkpoint is None else checkpoint
    outside = not log.log_start_offset <= first_dirty_offset <= log.log_end_offset
    if outside:
        first_dirty_offset = log.log_start_offset
    dirty = _closed_segments_from(log.segments, first_dirty_offset)
    first_uncleanable_offset = _first_uncleanable_offset(log, dirty, now_ms)
    cleanable_end = next(
        (segment.base_offset for segment in _closed_segments_from(log.segments, first_uncleanable_offset)),
        log.segments[-1].base_offset,
    )
    return CleaningPlan(
        first_dirty_offset=first_dirty_offset,
        first_uncleanable_offset=cleanable_end,
        clean_bytes=sum(s.size_bytes for s in log.segments if s.base_offset < first_dirty_offset),
        cleanable_bytes=sum(s.size_bytes for s in dirty if s.base_offset < cleanable_end),
        overdue=_is_overdue(dirty, log.config.max_compaction_lag_ms, now_ms),
        checkpoint_is_wrong=outside,
    )


def is_worth_cleaning(plan: CleaningPlan, config: TopicConfig) -> bool:
    """Whether a round is due by `min.cleanable.dirty.ratio` or `max.compaction.lag.ms`."""
    if plan.cleanable_bytes == 0:
        return False
    return plan.overdue or plan.cleanable_ratio > config.min_cleanable_dirty_ratio


def _closed_segments_from(segments: Sequence[CleanableSegment], offset: int) -> Sequence[CleanableSegment]:
    """Those before the active one, beginning with the one that holds `offset`."""
    if offset >= segments[-1].base_offset:
        return ()
    closed = segments[:-1]
    at_or_below = bisect_right(closed, offset, key=_base_offset_of)
    return closed[max(at_or_below - 1, 0) :]


def _base_offset_of(segment: CleanableSegment) -> int:
    return segment.base_offset


def _first_uncleanable_offset(log: LogFacts, dirty: Sequence[CleanableSegment], now_ms: int) -> int:
    bound = min(log.last_stable_offset, log.segments[-1].base_offset)
    lag_ms = log.config.min_compaction_lag_ms
    if lag_ms > 0:
        for segment in dirty:
            if segment.largest_timestamp_ms > now_ms - lag_ms:
                return min(bound, segment.base_offset)
    return bound


def _is_overdue(dirty: Sequence[CleanableSegment], max_lag_ms: int, now_ms: int) -> bool:
    earliest_ms = min((s.first_timestamp_ms for s in dirty if s.first_timestamp_ms > 0), default=LATEST)
    return earliest_ms < now_ms - max(max_lag_ms, 0)


def group_segments(
    segments: Sequence[CleanableSegment],
    *,
    segment_bytes: int,
    index_bytes: int,
    first_uncleanable_offset: int,
) -> list[list[CleanableSegment]]:
    """Put neighbours together that fit into one segment by bytes, by index entries and by offsets.

    Sizes before cleaning count, so what comes out fits surely.
    """
    groups: list[list[CleanableSegment]] = []
    for index, segment in enumerate(segments):
        next_base = segments[index + 1].base_offset if index + 1 < len(segments) else first_uncleanable_offset
        if groups and _fits(groups[-1], segment, next_base - 1, segment_bytes, index_bytes):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _fits(
    group: list[CleanableSegment],
    segment: CleanableSegment,
    last_offset: int,
    segment_bytes: int,
    index_bytes: int,
) -> bool:
    return (
        sum(s.size_bytes for s in group) + segment.size_bytes <= segment_bytes
        and sum(s.offset_index_bytes for s in group) + segment.offset_index_bytes <= index_bytes
        and sum(s.time_index_bytes for s in group) + segment.time_index_bytes <= index_bytes
        # An empty segment brings no offsets, however far apart it stands.
        and (segment.size_bytes == 0 or last_offset - group[0].base_offset <= _RELATIVE_OFFSET_MAX)
    )


class ProducerTail(NamedTuple):
    """The last batch that a live producer has in the log."""

    producer_epoch: int
    last_data_offset: int | None
    """None where only a transaction marker is left of it."""


class MarkerKind(Enum):
    """What a control batch says, as far as compaction cares."""

    COMMIT = "commit"
    ABORT = "abort"
    OTHER = "other"
    EMPTY = "empty"
    """Its record was removed by an earlier round."""


class CleanedTransactions:
    """The transactions that a pass over the log, in offset order, is within: who aborts, whose records were seen."""

    __slots__ = ("_aborted_to_come", "_ongoing_aborted", "_ongoing_committed", "kept_aborts")

    def __init__(self, aborted: Iterable[AbortedEntry] = ()) -> None:
        self._aborted_to_come = sorted(aborted, key=_first_offset_of, reverse=True)
        self._ongoing_aborted: dict[int, tuple[AbortedEntry, bool]] = {}
        self._ongoing_committed: set[int] = set()
        self.kept_aborts: list[AbortedEntry] = []
        """Entries for the cleaned segment's transaction index: aborts of which a batch is still there."""

    def on_control_batch(self, batch: BatchHeader, marker: MarkerKind) -> bool:
        """Whether the marker may go: true once no record of its transaction is left."""
        self._begin_aborts_up_to(batch.last_offset)
        match marker:
            case MarkerKind.ABORT:
                entry, batches_seen = self._ongoing_aborted.pop(batch.producer_id, (None, False))
                if entry is None or not batches_seen:
                    return True
                self.kept_aborts.append(entry)
                return False
            case MarkerKind.COMMIT:
                if batch.producer_id in self._ongoing_committed:
                    self._ongoing_committed.discard(batch.producer_id)
                    return False
                return True
            case MarkerKind.EMPTY:
                return True
            case MarkerKind.OTHER:
                return False

    def on_data_batch(self, batch: BatchHeader) -> bool:
        """Whether the batch belongs to an aborted transaction."""
        self._begin_aborts_up_to(batch.last_offset)
        if not batch.is_transactional:
            return False
        ongoing = self._ongoing_aborted.get(batch.producer_id)
        if ongoing is None:
            self._ongoing_committed.add(batch.producer_id)
            return False
        self._ongoing_aborted[batch.producer_id] = (ongoing[0], True)
        return True

    def _begin_aborts_up_to(self, offset: int) -> None:
        while self._aborted_to_come and self._aborted_to_come[-1].first_offset <= offset:
            entry = self._aborted_to_come.pop()
            self._ongoing_aborted.setdefault(entry.producer_id, (entry, False))


def _first_offset_of(entry: AbortedEntry) -> int:
    return entry.first_offset


class BatchFate(Enum):
    """What becomes of a batch of which no record stays."""

    DELETE = "delete"
    """It goes, and none of its records need be looked at."""
    DELETE_IF_EMPTY = "delete if empty"
    RETAIN_IF_EMPTY = "retain if empty"
    """Its header stays without records."""


class BatchVerdict(NamedTuple):
    """How to treat one batch."""

    fate: BatchFate
    discard_records: bool
    """None of its records stays, whatever their keys."""
    marks_empty_transaction: bool
    """A marker whose transaction has no record left: it gets a delete horizon, like a tombstone."""


class BatchRetention:
    """Decides batch by batch, in offset order, for one round on one log."""

    __slots__ = ("_end_offset", "_now_ms", "_producers", "_transactions")

    def __init__(
        self,
        transactions: CleanedTransactions,
        producers: Mapping[int, ProducerTail],
        *,
        end_offset: int,
        now_ms: int,
    ) -> None:
        """`producers`: the log's live producers. `end_offset`: the first offset that the round does not clean."""
        self._transactions = transactions
        self._producers = producers
        self._end_offset = end_offset
        self._now_ms = now_ms

    def judge(self, batch: BatchHeader, marker: MarkerKind | None) -> BatchVerdict:
        """`marker` is None for data."""
        if marker is None:
            discard = discardable = self._transactions.on_data_batch(batch)
        else:
            discardable = self._transactions.on_control_batch(batch, marker)
            horizon_ms = batch.delete_horizon_ms
            discard = discardable and horizon_ms is not None and horizon_ms <= self._now_ms
        if self._is_last_of_producer(batch) or batch.next_offset == self._end_offset:
            fate = BatchFate.RETAIN_IF_EMPTY
        elif discard:
            fate = BatchFate.DELETE
        else:
            fate = BatchFate.DELETE_IF_EMPTY
        return BatchVerdict(fate, discard, discardable and marker is not None)

    def _is_last_of_producer(self, batch: BatchHeader) -> bool:
        if not batch.has_producer_id:
            return False
        tail = self._producers.get(batch.producer_id)
        if tail is None:
            return False
        if tail.last_data_offset is not None:
            return batch.last_offset == tail.last_data_offset
        return batch.is_control and batch.producer_epoch == tail.producer_epoch


def keeps_tombstones(batch: BatchHeader, now_ms: int) -> bool:
    """Whether tombstones of the batch must stay in this round: their horizon is not set yet, or lies ahead."""
    horizon_ms = batch.delete_horizon_ms
    return horizon_ms is None or now_ms < horizon_ms
