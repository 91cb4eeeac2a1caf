"""Recovering many logs at once after a crash: threads of the broker, each with a helper process that does the work.

Source: Apache's LogManager (`num.recovery.threads.per.data.dir`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.protocol.errors import KafkaError
from ottla.records.errors import RecordsError
from ottla.storage.checkpoints import CheckpointError
from ottla.storage.job_process import JobError, JobProcess
from ottla.storage.recovery import RecoveryResult, bytes_to_recover, recover_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.disk import Disk
    from ottla.storage.log_finding import FoundLog
    from ottla.storage.log_opening import LogOpener
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)


PORTION_LOGS_MAX: Final = 100
"""Logs handed to a helper process at once."""

PORTION_BYTES: Final = 8 * 1024 * 1024
"""Bytes to recover at which no further log is added to them."""


class RecoveryCrew:
    """Recovers logs on threads, each with a helper process of its own where the disk can be shared.

    `on_done` is called on those threads with each log, or with None and the error for one that could not be recovered.
    """

    __slots__ = (
        "_cancelled",
        "_disk",
        "_helpers",
        "_in_hands",
        "_lock",
        "_on_done",
        "_on_progress",
        "_opener",
        "_stopped",
        "_threads",
        "_waiting",
    )

    def __init__(
        self,
        disk: Disk,
        opener: LogOpener,
        on_done: Callable[[FoundLog, PartitionLog | None, Exception | None], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self._disk = disk
        self._opener = opener
        self._on_done = on_done
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._waiting: deque[FoundLog] = deque()
        self._threads: list[threading.Thread] = []
        self._helpers: list[JobProcess] = []
        self._in_hands: dict[str, JobProcess | None] = {}
        """Logs, by path, that are being recovered, and the helper that does it; None for a thread of the broker."""
        self._cancelled: set[str] = set()
        self._stopped = False

    def start(self, logs: list[FoundLog], jobs: int) -> None:
        """Begin with these logs, at most `jobs` at once; the largest first, so that the last one does not take long."""
        self._waiting.extend(sorted(logs, key=lambda found: found.recovery_bytes, reverse=True))
        for number in range(min(jobs, len(logs))):
            thread = threading.Thread(target=self._work, name=f"ottla-recovery-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, timeout_s: float | None) -> bool:
        """Wait until all is done; False when the time was not enough."""
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """End at once; a log in the middle of its recovery is recovered again at the next start."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            for helper in self._helpers:
                helper.kill()
        self.join(None)

    def _work(self) -> None:
        mine: list[JobProcess] = []
        try:
            while portion := self._next():
                if self._disk.shareable and not (mine and mine[-1].is_alive):
                    mine += self._start_helper()
                helper = mine[-1] if mine else None
                if helper is not None and helper.is_alive:
                    portion = self._recover_in_helper(portion, helper)
                for found in portion:
                    if self._take(found):
                        log, error = self.recover_here(found)
                        self._tell(found, log, error)
        finally:
            for helper in mine:
                with self._lock:
                    self._helpers.remove(helper)
                helper.close()

    def cancel(self, found: FoundLog) -> bool:
        """The log is deleted: whether nobody works on its files any more when this returns. On the loop; kills a helper."""
        with self._lock:
            self._cancelled.add(found.path)
            if found in self._waiting:
                self._waiting.remove(found)
            if found.path not in self._in_hands:
                return True
            helper = self._in_hands[found.path]
        if helper is None:
            return False
        helper.kill()
        return True

    def _take(self, found: FoundLog) -> bool:
        """Begin on a log in the calling thread, unless it was cancelled."""
        with self._lock:
            if found.path in self._cancelled:
                return False
            self._in_hands[found.path] = None
            return True

    def _next(self) -> list[FoundLog]:
        """A large log, or several small ones: handing them over one by one takes longer than recovering them."""
        portion: list[FoundLog] = []
        with self._lock:
            while self._waiting and len(portion) < PORTION_LOGS_MAX:
                if portion and sum(found.recovery_bytes for found in portion) > PORTION_BYTES:
                    break
                portion.append(self._waiting.popleft())
        return portion

    def _tell(self, found: FoundLog, log: PartitionLog | None, error: Exception | None) -> None:
        with self._lock:
            self._in_hands.pop(found.path, None)
        if not self._stopped:
            self._on_done(found, log, error)

    def _start_helper(self) -> list[JobProcess]:
        """A new helper, or none where it cannot be started."""
        try:
            helper = JobProcess("ottla.storage.recovery_process")
        except OSError as error:
            _logger.warning("no helper process for recovery (%s): it runs in the broker", error)
            return []
        with self._lock:
            self._helpers.append(helper)
        return [helper]

    def recover_here(self, found: FoundLog) -> tuple[PartitionLog | None, Exception | None]:
        """Recover a log on the calling thread: the open log, or why there is none."""
        try:
            result = recover_log(self._disk, self._opener.job(found), self._on_progress)
        except OSError as error:
            return None, error
        return self._open(found, result)

    def _open(self, found: FoundLog, result: RecoveryResult) -> tuple[PartitionLog | None, Exception | None]:
        if result.truncated_bytes or result.bytes_read > PORTION_BYTES:
            _logger.info(
                "%s: recovered up to offset %d, %d bytes read, %d cut off",
                found.path,
                result.log_end_offset,
                result.bytes_read,
                result.truncated_bytes,
            )
        try:
            return self._opener.open_recovered(found, result), None
        except (OSError, RecordsError, CheckpointError, KafkaError) as error:
            return None, error

    def _recover_in_helper(self, portion: list[FoundLog], helper: JobProcess) -> list[FoundLog]:
        """Let the helper recover these logs; those that it could not, for whatever reason."""
        with self._lock:
            left = {found.path: found for found in portion if found.path not in self._cancelled}
            self._in_hands.update(dict.fromkeys(left, helper))
        jobs = [self._opener.job(found).to_json() for found in left.values()]
        try:
            for answer in helper.request({"jobs": jobs}):
                progress = answer.get("progress")
                if isinstance(progress, int):
                    self._on_progress(progress)
                found = left.pop(str(answer.get("directory")), None)
                if found is not None:
                    fields = {name: value for name, value in answer.items() if name != "directory"}
                    log, error = self._open(found, RecoveryResult.from_json(fields))
                    self._tell(found, log, error)
        except (JobError, OSError) as error:
            # What the disk has against a log the broker finds out for itself, and answers for.
            if not self._stopped:
                _logger.warning("recovery goes on in the broker: %s", error)
        return [] if self._stopped else list(left.values())


def measure(disk: Disk, logs: list[FoundLog]) -> int:
    """Set each log's `recovery_bytes`; their sum."""
    for found in logs:
        found.recovery_bytes = bytes_to_recover(disk, found.path, found.recovery_point)
    return sum(found.recovery_bytes for found in logs)
