"""Segments on their way out: by retention, by a truncation, or replaced by compaction.

Slices of a removed segment may have been given out already. Its files are renamed to `.deleted` at once and stay for
`file.delete.delay.ms`; a truncation removes them on the spot, and the slices say that they are gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from ottla.storage.file_cache import FileCache
from ottla.storage.log_directory import LogDirectory
from ottla.storage.segment import DELETED_SUFFIX, Segment


class SegmentRemoval:
    """The removed segments of one log whose files are still there."""

    __slots__ = ("_cache", "directory", "doomed")

    def __init__(self, cache: FileCache, directory: LogDirectory) -> None:
        self._cache = cache
        self.directory = directory
        self.doomed: list[tuple[int, Segment]] = []
        """When, in ms, the files of which segment go."""

    def doom(self, segments: Sequence[Segment], due_ms: int) -> None:
        """Rename the files now, remove them at `due_ms`. Raises `OSError`."""
        for segment in segments:
            for log_file in segment.files():
                if log_file.exists:
                    self._cache.disk.rename(log_file.path, log_file.path + DELETED_SUFFIX)
                log_file.name += DELETED_SUFFIX
        self.doomed += [(due_ms, segment) for segment in segments]

    def take_renamed(self, segments: Sequence[Segment], due_ms: int) -> None:
        """Like `doom` for segments from `pin` whose files another thread has renamed; lets go of them."""
        self.unpin(segments)
        for segment in segments:
            for log_file in segment.files():
                log_file.name += DELETED_SUFFIX
        self.doomed += [(due_ms, segment) for segment in segments]

    def unlink_due(self, now_ms: int) -> None:
        """Remove the files whose time has come, on the directory's thread. Raises `KafkaError` if it is too busy."""
        due = [segment for due_ms, segment in self.doomed if due_ms <= now_ms]
        if due:
            self.directory.submit(lambda: self.unlink(due))
            self.doomed = [doomed for doomed in self.doomed if doomed[0] > now_ms]

    def unlink(self, segments: Sequence[Segment]) -> None:
        """Remove the files here and now; slices of them are gone. A failure takes the directory offline."""
        for segment in segments:
            segment.truncation_epoch += 1
            segment.close()
            for log_file in segment.files():
                try:
                    self._cache.disk.unlink_if_exists(log_file.path)
                except OSError as error:
                    self.directory.mark_offline(error)
                    return

    def pin(self, segments: Sequence[Segment]) -> None:
        """Hold the files open, so that they stay readable while another thread renames them. Raises `OSError`."""
        for place, segment in enumerate(segments):
            try:
                segment.pin_files()
            except OSError:
                self.unpin(segments[:place])
                raise

    @staticmethod
    def unpin(segments: Sequence[Segment]) -> None:
        for segment in segments:
            segment.unpin_files()
