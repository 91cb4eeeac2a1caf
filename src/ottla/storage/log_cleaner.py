"""Compaction of the broker's logs: when and which, the helper that does the work, and the swap of what it wrote.

A round passes from thread to thread like this::

    loop      choose the log with the highest share of dirty bytes, take down its facts       (`cleaner`)
    round's   run the helper process, which writes .cleaned files                             (`cleaning`)
      loop    for each group: hold the files of the segments that it replaces
      round's rename: .cleaned to .swap to live, the old ones to .deleted                     (`segment_swap`)
      loop    give the log its new segment
    loop      write down how far the log is clean

The log is appended to and read all the time; retention leaves it alone while a swap is under way. Source: Apache's
LogCleaner, LogCleanerManager.
"""

from __future__ import annotations

import errno
import logging
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.config.values import LONG_MAX
from ottla.protocol.errors import KafkaError
from ottla.records.errors import RecordsError
from ottla.storage.checkpoints import CLEANER_OFFSET_FILE, CheckpointError, OffsetCheckpoint
from ottla.storage.cleaner import CleanableSegment, CleaningPlan, LogFacts, is_worth_cleaning, plan_cleaning
from ottla.storage.cleaning import CleanedGroup, CleaningError, CleaningJob, CleaningRound
from ottla.storage.index_builder import OFFSET_ENTRY, TIME_ENTRY
from ottla.storage.index_file import CorruptIndexError
from ottla.storage.job_process import JobError, JobProcess
from ottla.storage.producer_state import ROW
from ottla.storage.segment_swap import remove_cleaned, swap_in
from ottla.storage.store_checkpoints import CheckpointWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ottla.protocol.types import TopicPartition
    from ottla.storage.append_queue import Post
    from ottla.storage.disk import Disk
    from ottla.storage.log_directory import LogDirectory
    from ottla.storage.partition_log import PartitionLog
    from ottla.storage.segment import Segment

_logger = logging.getLogger(__name__)

_LOOP_TIMEOUT_S: Final = 30.0
"""How long a round waits for the loop to take its turn, before it gives up."""


class CleanerSettings(NamedTuple):
    """The broker's `log.cleaner.*` settings; defaults are Apache Kafka 4.1.1's."""

    enable: bool = True
    threads: int = 1
    """Rounds at once, each of another log."""
    dedupe_buffer_bytes: int = 134_217_728
    """Memory for the offset maps of all rounds at once."""
    io_max_bytes_per_second: float = 1.7976931348623157e308
    """Bytes read and written by all rounds together."""
    backoff_ms: int = 15_000
    """Time until the next look when no log was worth a round."""
    max_decompressed_bytes: int = 256 * 1024 * 1024


class _RoundGivenUpError(Exception):
    """The log went away, or changed under the round: nothing is wrong."""


class LogCleaner:
    """Runs the rounds. `tick` and everything without another word belongs to the loop's thread."""

    def __init__(
        self, disk: Disk, settings: CleanerSettings, post: Post, directories: Iterable[LogDirectory]
    ) -> None:
        self._disk = disk
        self._settings = settings
        self._post = post
        self._directories = tuple(directories)
        self._checkpoints = CheckpointWriter(disk)
        self._offsets: dict[str, dict[TopicPartition, int]] = {each.path: {} for each in directories}
        """First dirty offsets, by log directory."""
        self._uncleanable: set[TopicPartition] = set()
        self._rounds: dict[TopicPartition, _Round] = {}
        self._next_look_ms = self._now_ms = 0
        self.rounds_done = 0
        self.is_moving: Callable[[TopicPartition], bool] = lambda _log: False
        """Logs on their way to another directory are left alone."""

    def load(self) -> None:
        """Read how far the logs are clean. Waits for the disks."""
        for directory in self._directories:
            try:
                checkpoint = OffsetCheckpoint(self._disk, directory.path, CLEANER_OFFSET_FILE)
                self._offsets[directory.path] = checkpoint.read()
            except CheckpointError as error:
                _logger.warning("%s; compaction begins at the start of the logs", error)
            except OSError as error:
                directory.mark_offline(error)

    def is_swapping(self, log: PartitionLog) -> bool:
        """Whether segments of the log are about to be replaced: retention waits for its next turn."""
        found = self._rounds.get(log.topic_partition)
        return found is not None and found.is_swapping

    def forget(self, topic_partition: TopicPartition) -> None:
        """The log is deleted."""
        for offsets in self._offsets.values():
            offsets.pop(topic_partition, None)
        self._uncleanable.discard(topic_partition)
        found = self._rounds.pop(topic_partition, None)
        if found is not None:
            found.stop()

    def first_dirty_offset(self, topic_partition: TopicPartition) -> int | None:
        """Where the log's next round begins; None before its first."""
        found = (offsets[topic_partition] for offsets in self._offsets.values() if topic_partition in offsets)
        return next(found, None)

    def tick(self, logs: Iterable[PartitionLog], now_ms: int) -> None:
        """Begin rounds that are due, if there is a thread for them."""
        settings = self._settings
        self._now_ms = now_ms
        if not settings.enable or now_ms < self._next_look_ms or len(self._rounds) >= settings.threads:
            return
        chosen = self._filthiest(logs, now_ms)
        if chosen is None:
            self._next_look_ms = now_ms + settings.backoff_ms
            return
        log, plan, facts = chosen
        self._rounds[log.topic_partition] = begun = _Round(
            self, log, self._job(log, plan, facts, now_ms), now_ms
        )
        begun.start()

    def _filthiest(
        self, logs: Iterable[PartitionLog], now_ms: int
    ) -> tuple[PartitionLog, CleaningPlan, LogFacts] | None:
        worth: list[tuple[float, PartitionLog, CleaningPlan, LogFacts]] = []
        for log in logs:
            name = log.topic_partition
            if not log.config.compact or name in self._uncleanable or name in self._rounds:
                continue
            if self.is_moving(name):
                continue
            if len(log.segments) == 1 or not log.directory.is_online:
                continue
            if log.recovery_point < log.active_segment.base_offset:
                self._flush(log, now_ms)  # after a crash; otherwise a roll has seen to it
                continue
            facts = _facts_of(log)
            offsets = self._offsets[log.directory.path]
            plan = plan_cleaning(facts, offsets.get(name), now_ms)
            if plan.checkpoint_is_wrong:
                _logger.info("%s: compaction begins anew at offset %d", name, plan.first_dirty_offset)
                offsets[name] = plan.first_dirty_offset
            if is_worth_cleaning(plan, log.config):
                worth.append((plan.cleanable_ratio, log, plan, facts))
        if not worth:
            return None
        return max(worth, key=lambda candidate: candidate[0])[1:]

    @staticmethod
    def _flush(log: PartitionLog, now_ms: int) -> None:
        try:
            log.start_flush(now_ms)
        except KafkaError as error:
            _logger.info("%s: not flushed for compaction yet: %s", log.topic_partition, error)

    def _job(self, log: PartitionLog, plan: CleaningPlan, facts: LogFacts, now_ms: int) -> CleaningJob:
        settings = self._settings
        return CleaningJob(
            directory=log.path,
            segments=tuple(s for s in facts.segments if s.base_offset < plan.first_uncleanable_offset),
            first_dirty_offset=plan.first_dirty_offset,
            first_uncleanable_offset=plan.first_uncleanable_offset,
            aborted=(),
            producers=(),
            now_ms=now_ms,
            segment_bytes=log.config.segment_bytes,
            segment_index_bytes=log.config.segment_index_bytes,
            index_interval_bytes=log.config.index_interval_bytes,
            delete_retention_ms=log.config.delete_retention_ms,
            dedupe_buffer_bytes=settings.dedupe_buffer_bytes // max(settings.threads, 1),
            io_max_bytes_per_second=settings.io_max_bytes_per_second / max(settings.threads, 1),
            max_decompressed_bytes=settings.max_decompressed_bytes,
        )

    def round_ended(self, round_: _Round, end_offset: int | None, error: Exception | None) -> None:
        """A round is over; on the loop."""
        log = round_.log
        name = log.topic_partition
        if self._rounds.get(name) is round_:
            del self._rounds[name]
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            # Appends may well find room that a copy of whole segments does not.
            _logger.warning("%s: no room to compact it: %s", name, error)
            self._next_look_ms = self._now_ms + self._settings.backoff_ms
        elif isinstance(error, OSError):
            log.directory.mark_offline(error)
        elif isinstance(error, (CleaningError, JobError, RecordsError, CorruptIndexError)):
            self._uncleanable.add(name)
            _logger.error("%s is not compacted any more: %s", name, error)
        if end_offset is not None and not log.is_closed:
            self._offsets[log.directory.path][name] = end_offset
            self.rounds_done += 1
            self._checkpoint(log.directory)

    def _checkpoint(self, directory: LogDirectory) -> None:
        """Write how far the logs are clean; without it, at worst, they are cleaned once more."""
        self._checkpoints.start(directory, CLEANER_OFFSET_FILE, dict(self._offsets[directory.path]))

    def stop(self) -> None:
        """End all rounds, however far they are, and wait for their threads. From any thread."""
        for running in list(self._rounds.values()):
            running.stop()
        for running in list(self._rounds.values()):
            running.join()
        self._rounds.clear()

    @property
    def disk(self) -> Disk:
        return self._disk

    def post(self, call: Callable[[], None]) -> None:
        self._post(call)


class _Round:
    """One round on one log; its thread, and the swap that it is in."""

    def __init__(self, cleaner: LogCleaner, log: PartitionLog, job: CleaningJob, now_ms: int) -> None:
        self.log = log
        self.is_swapping = False
        self._cleaner = cleaner
        self._job = job
        self._now_ms = now_ms
        self._segments = log.segments
        self._producer_rows = log.producers.rows()
        self._helper: JobProcess | None = None
        self._stopped = threading.Event()
        self._adoption: Callable[[], None] | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"ottla-cleaner-{log.topic_partition}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Give up; from any thread."""
        self._stopped.set()
        if self._helper is not None:
            self._helper.kill()

    def join(self) -> None:
        """Wait for the thread, and finish a swap that the loop was still to take in."""
        self._thread.join()
        if self._adoption is not None:
            self._adoption()

    def _run(self) -> None:
        end_offset, failure = None, None
        try:
            end_offset = self._clean()
        except _RoundGivenUpError as reason:
            _logger.info("%s: compaction given up: %s", self.log.topic_partition, reason)
        except (OSError, RecordsError, CleaningError, JobError, CorruptIndexError) as error:
            if not (self._stopped.is_set() or self.log.is_closed):
                failure = error
        if end_offset is None:
            self._tidy_up()
        self._cleaner.post(lambda: self._cleaner.round_ended(self, end_offset, failure))

    def _clean(self) -> int:
        """The first offset that is dirty after the round."""
        job = self._complete_job()
        before_bytes = sum(segment.size_bytes for segment in job.segments)
        after_bytes = 0
        end_offset = job.first_dirty_offset
        for answer in self._answers(job):
            if isinstance(answer, CleanedGroup):
                self._swap(answer)
                after_bytes += answer.size_bytes
            else:
                end_offset = answer
        _logger.info(
            "%s: compacted up to offset %d, %d bytes became %d",
            self.log.topic_partition,
            end_offset,
            before_bytes,
            after_bytes,
        )
        return end_offset

    def _complete_job(self) -> CleaningJob:
        """Add what takes time: aborted transactions, live producers, and when the segments were last written."""
        aborted = [
            entry
            for segment in self._segments
            if len(segment.txn_index)
            for entry in segment.txn_index.aborted()
            if entry.first_offset < self._job.first_uncleanable_offset
        ]
        disk = self._cleaner.disk
        segments = tuple(
            segment._replace(
                modified_ms=disk.modified_ms(f"{self._job.directory}/{segment.base_offset:020d}.log")
            )
            for segment in self._job.segments
        )
        return self._job._replace(
            aborted=tuple(aborted), segments=segments, producers=tuple(_tails(self._producer_rows))
        )

    def _answers(self, job: CleaningJob) -> Iterator[CleanedGroup | int]:
        """The groups that are cleaned, and at last the round's end offset."""
        if not self._cleaner.disk.shareable:
            cleaning = CleaningRound(self._cleaner.disk, job)
            cleaning.map_keys()
            yield from cleaning.clean()
            yield cleaning.end_offset
            return
        self._helper = JobProcess("ottla.storage.cleaner_process")
        try:
            for answer in self._helper.request(job.to_json()):
                yield _group_or_end(answer)
        finally:
            self._helper.close()

    # -- putting a group in place

    def _swap(self, group: CleanedGroup) -> None:
        pinned: list[Segment] = []

        def pin() -> None:
            if self.log.is_closed:
                raise _RoundGivenUpError("the log is closed")
            if self._cleaner.is_moving(self.log.topic_partition):
                raise _RoundGivenUpError("the log is being moved")
            try:
                pinned.extend(self.log.pin_segments(group.replaced))
            except KeyError:
                raise _RoundGivenUpError("retention has removed segments meanwhile") from None
            self.is_swapping = True

        self._on_loop(pin)
        adoption_done = threading.Event()
        failures: list[Exception] = []

        def adopt() -> None:
            if adoption_done.is_set():
                return
            self._adoption = None
            self.is_swapping = False
            try:
                self.log.adopt_segment(group.base_offset, pinned, self._now_ms)
            except (OSError, RecordsError, CorruptIndexError) as error:
                failures.append(error)
            adoption_done.set()

        try:
            swap_in(self._cleaner.disk, self.log.path, group.base_offset, group.replaced)
        except OSError as error:
            self._cleaner.post(lambda: self.log.unpin_segments(pinned))
            if not self.log.is_closed:
                # Half of the files have other names now: only a start puts that right, room or no room.
                self.log.directory.mark_offline(error, fsync_failed=True)
            raise
        self._adoption = adopt
        self._cleaner.post(adopt)
        self._wait(adoption_done)
        if failures:
            raise failures[0]

    def _on_loop(self, action: Callable[[], None]) -> None:
        """Run `action` on the loop and wait for it; what it raises is raised here."""
        done = threading.Event()
        failures: list[Exception] = []

        def run() -> None:
            try:
                if not self._stopped.is_set():
                    action()
            except (_RoundGivenUpError, OSError) as error:
                failures.append(error)
            done.set()

        self._cleaner.post(run)
        self._wait(done)
        if failures:
            raise failures[0]
        if self._stopped.is_set():
            raise _RoundGivenUpError("the broker stops, or the topic is deleted")

    def _wait(self, done: threading.Event) -> None:
        waited_s = 0.0
        while not done.wait(0.05):
            waited_s += 0.05
            if self._stopped.is_set() or waited_s > _LOOP_TIMEOUT_S:
                raise _RoundGivenUpError("the broker stops, or its loop does not answer")

    def _tidy_up(self) -> None:
        try:
            remove_cleaned(self._cleaner.disk, self.log.path)
        except OSError as error:
            if not self.log.is_closed:
                _logger.warning("%s: left-overs of compaction stay: %s", self.log.path, error)


def _group_or_end(answer: Mapping[str, object]) -> CleanedGroup | int:
    if answer.get("done"):
        end_offset = answer["end_offset"]
        if not isinstance(end_offset, int):
            raise JobError(f"an end offset expected, found {end_offset!r}")
        return end_offset
    fields = dict(answer)
    replaced = fields["replaced"]
    if not isinstance(replaced, list):
        raise JobError(f"a cleaned group expected, found {answer!r}")
    fields["replaced"] = tuple(replaced)
    return CleanedGroup(**fields)  # type: ignore[arg-type]


def _facts_of(log: PartitionLog) -> LogFacts:
    """The plan's view of a log. First timestamps are looked up only where `max.compaction.lag.ms` asks for them."""
    needs_first = log.config.max_compaction_lag_ms < LONG_MAX
    return LogFacts(
        segments=[
            CleanableSegment(
                base_offset=segment.base_offset,
                size_bytes=segment.size_in_bytes,
                offset_index_bytes=len(segment.offset_index) * OFFSET_ENTRY.size,
                time_index_bytes=len(segment.time_index) * TIME_ENTRY.size,
                largest_timestamp_ms=segment.largest_timestamp,
                first_timestamp_ms=segment.load_first_timestamp() if needs_first else segment.first_timestamp,
                modified_ms=segment.created_ms,
            )
            for segment in log.segments
        ],
        config=log.config,
        log_start_offset=log.log_start_offset,
        log_end_offset=log.log_end_offset,
        # Segments that are not fsynced yet have writes to come, under names that the swap would give away.
        last_stable_offset=min(log.last_stable_offset(log.log_end_offset), log.recovery_point),
    )


def _tails(rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, int, int | None]]:
    """Of each producer its id, epoch and last offset with data, None where it has only markers."""
    for producer_id, row in rows:
        epoch, _sequence, last_offset = ROW.unpack_from(row)[:3]
        yield producer_id, epoch, last_offset if last_offset >= 0 else None
