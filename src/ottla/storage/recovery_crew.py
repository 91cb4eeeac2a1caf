"""Recovering many logs at once after a crash: threads of the broker, each with a helper process that does the work.

Source: Apache's LogManager (`num.recovery.threads.per.data.dir`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from ottla.protocol.errors import KafkaError
from ottla.records.errors import RecordsError
from ottla.storage.checkpoints import CheckpointError
from ottla.storage.helper_process import HelperError, HelperProcess
from ottla.storage.recovery import RecoveryJob, RecoveryResult, bytes_to_recover, recover_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.storage.disk import Disk
    from ottla.storage.log_finding import FoundLog
    from ottla.storage.log_opening import LogOpener
    from ottla.storage.partition_log import PartitionLog

_logger = logging.getLogger(__name__)


class RecoveryCrew:
    """Recovers logs on threads, each with a helper process of its own where the disk can be shared.

    `on_done` is called on those threads with each log, or with None and the error for one that could not be recovered.
    """

    __slots__ = (
        "_disk",
        "_helpers",
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
        self._helpers: list[HelperProcess] = []
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
        helper = None
        try:
            while (found := self._next()) is not None:
                if helper is None and self._disk.shareable:
                    helper = self._start_helper()
                log, error = self._recover(found, helper)
                if not self._stopped:
                    self._on_done(found, log, error)
        finally:
            if helper is not None:
                with self._lock:
                    self._helpers.remove(helper)
                helper.close()

    def _next(self) -> FoundLog | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _start_helper(self) -> HelperProcess | None:
        try:
            helper = HelperProcess("ottla.storage.recovery_process")
        except OSError as error:
            _logger.warning("no helper process for recovery (%s): it runs in the broker", error)
            return None
        with self._lock:
            self._helpers.append(helper)
        return helper

    def recover_here(self, found: FoundLog) -> tuple[PartitionLog | None, Exception | None]:
        """Recover a log on the calling thread: the open log, or why there is none."""
        return self._recover(found, None)

    def _recover(
        self, found: FoundLog, helper: HelperProcess | None
    ) -> tuple[PartitionLog | None, Exception | None]:
        try:
            job = self._opener.job(found)
            result = self._run(job, helper)
            _logger.info(
                "%s: recovered up to offset %d, %d bytes read, %d cut off",
                found.path,
                result.log_end_offset,
                result.bytes_read,
                result.truncated_bytes,
            )
            return self._opener.open_recovered(found, result), None
        except (OSError, RecordsError, CheckpointError, HelperError, KafkaError) as error:
            return None, error

    def _run(self, job: RecoveryJob, helper: HelperProcess | None) -> RecoveryResult:
        if helper is not None and helper.is_alive:
            try:
                return self._ask(helper, job)
            except HelperError as error:
                if self._stopped:
                    raise
                _logger.warning("%s: %s; it is recovered in the broker", job.directory, error)
        return recover_log(self._disk, job, self._on_progress)

    def _ask(self, helper: HelperProcess, job: RecoveryJob) -> RecoveryResult:
        for answer in helper.request(job.to_json()):
            progress = answer.get("progress")
            if isinstance(progress, int):
                self._on_progress(progress)
            if answer.get("done"):
                fields = {name: value for name, value in answer.items() if name != "done"}
                return RecoveryResult.from_json(fields)
        raise HelperError(f"no answer for {job.directory}")


def measure(disk: Disk, logs: list[FoundLog]) -> int:
    """Set each log's `recovery_bytes`; their sum."""
    for found in logs:
        found.recovery_bytes = bytes_to_recover(disk, found.path, found.recovery_point)
    return sum(found.recovery_bytes for found in logs)
