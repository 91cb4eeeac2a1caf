"""One fsync of a log: what it covers is taken down on the loop, done on the directory's thread, noted on the loop again.

In this order, so that a crash in between loses nothing: the batches, their indexes, the producers' snapshot, the leader
epochs; then the names of new files. Only then may the log's recovery point move.
"""

from __future__ import annotations

import os

from ottla.storage.disk import DiskFile, OpenMode
from ottla.storage.file_cache import FileCache, LogDirectoryPath
from ottla.storage.index_file import IndexFile
from ottla.storage.leader_epochs import LeaderEpochCache
from ottla.storage.producer_snapshot import encode, snapshot_name
from ottla.storage.segment import Segment

LEADER_EPOCH_FILE = "leader-epoch-checkpoint"


class FlushJob:
    """Made and finished on the loop's thread, `run` on any."""

    __slots__ = (
        "_active",
        "_cache",
        "_directory",
        "_epochs",
        "_indexes",
        "_producer_rows",
        "_segments",
        "end_offset",
        "fsync_failed",
        "holds_end",
    )

    def __init__(
        self,
        cache: FileCache,
        directory: LogDirectoryPath,
        segments: list[Segment],
        *,
        epochs: LeaderEpochCache,
        end_offset: int,
        producer_rows: list[tuple[int, bytes]] | None,
        holds_end: bool,
        active: Segment | None,
    ) -> None:
        self._cache = cache
        self._directory = directory
        self._segments = [segment for segment in segments if segment.size_in_bytes]
        self._epochs = epochs
        self._producer_rows = producer_rows
        self.end_offset = end_offset
        """What is fsynced, and may be read, when the job is done."""
        self._active = active
        """Goes on being appended to; `None` when the log is closed."""
        self.holds_end = holds_end
        """The log's readable end waits for this job (`flush.messages`)."""
        self.fsync_failed = False
        """An fsync failed, as opposed to a write before it: then nobody knows what the disk holds."""
        self._indexes: list[tuple[IndexFile, int, bytes]] = []
        for segment in self._segments:
            for index in (segment.offset_index, segment.time_index, segment.txn_index):
                if index is not segment.txn_index or len(index):
                    self._indexes.append((index, *index.pending()))

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to make durable."""
        return bool(self._segments or self._producer_rows is not None or self._epochs.is_dirty)

    @property
    def has_snapshot(self) -> bool:
        return self._producer_rows is not None

    def begin(self) -> None:
        """From now on appends count for the next job. On the loop's thread, when the job is sure to run."""
        for segment in self._segments:
            segment.unflushed = False

    def cancel(self) -> None:
        """The job has failed before an fsync did: what it covers is still to be fsynced."""
        for segment in self._segments:
            segment.unflushed = True

    def try_run(self) -> OSError | None:
        """`run`, the error as a value."""
        try:
            self.run()
        except OSError as error:
            return error
        return None

    def run(self) -> None:
        """Waits for the disk. Raises `OSError`, after which the directory cannot be trusted."""
        for segment in self._segments:
            with segment.pinned() as file:
                if segment.is_preallocated and segment is not self._active:
                    file.truncate(segment.size_in_bytes)
                    segment.is_preallocated = False
                self._fsync(file)
        for index, place, content in self._indexes:
            index.write(place, content)
            with index.pinned() as file:
                self._fsync(file)
        if self._producer_rows is not None:
            self._write_snapshot(self._producer_rows)
        disk = self._cache.disk
        path = self._directory.path
        self._epochs.write_if_dirty(disk, f"{path}/{LEADER_EPOCH_FILE}")
        if self._producer_rows is not None or any(segment.is_new for segment in self._segments):
            disk.fsync_directory(path)
            disk.fsync_directory(os.path.dirname(path))

    def _fsync(self, file: DiskFile) -> None:
        try:
            file.fsync()
        except OSError:
            self.fsync_failed = True
            raise

    def _write_snapshot(self, rows: list[tuple[int, bytes]]) -> None:
        file = self._cache.disk.open(
            f"{self._directory.path}/{snapshot_name(self.end_offset)}", OpenMode.CREATE
        )
        try:
            file.write_all(encode(rows), 0)
            self._fsync(file)
        finally:
            file.close()

    def mark_written(self) -> None:
        """Note on the loop's thread that `run` has succeeded."""
        for index, place, content in self._indexes:
            index.mark_written(place, content)
        for segment in self._segments:
            segment.is_new = False
