"""Operations whose records are on their way into the log, oldest first: told when committed, undone when not written."""

import logging
from collections import deque

from ottla.groups.offsets import Offsets
from ottla.groups.replaying import Replaying
from ottla.groups.results import CoordinatorResult
from ottla.protocol.errors import ErrorCode

MAX_UNCOMMITTED_OPERATIONS = 10_000
"""Further operations that would write are refused until the log has caught up."""

_NO_TIME = 0
"""Nothing is scheduled for a state about to be forgotten."""

_log = logging.getLogger(__name__)

Result = CoordinatorResult[object]


class Appends:
    """The uncommitted operations of one coordinator."""

    def __init__(self, replaying: Replaying, offsets: Offsets) -> None:
        self._replaying = replaying
        self._offsets = offsets
        self._waiting: deque[Result] = deque()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MAX_UNCOMMITTED_OPERATIONS

    def submit(self, result: Result) -> None:
        """Apply the result's records to the latest state and expect word of them."""
        if result.records:
            self._replaying.apply(result)
            self._waiting.append(result)

    def committed(self, result: Result, now_ms: int) -> None:
        """The result's records are committed, and with them those of all operations before it."""
        if result not in self._waiting:
            return
        while self._waiting:
            oldest = self._waiting.popleft()
            self._offsets.commit(oldest)
            if oldest.on_committed is not None:
                oldest.on_committed(now_ms)
            if oldest is result:
                return

    def failed(self, result: Result, error: ErrorCode, now_ms: int) -> None:
        """The result's records were not written, so neither can be those of operations that built on it."""
        if result not in self._waiting:
            return
        undone: list[Result] = []
        while not undone or undone[-1] is not result:
            newest = self._waiting.pop()
            self._offsets.revert(newest)
            for undo in reversed(newest.undo):
                undo()
            undone.append(newest)
        _log.warning("%d operations could not be written to __consumer_offsets: %s", len(undone), error.name)
        for each in undone:
            if each.on_failed is not None:
                each.on_failed(error, now_ms)

    def timed_out(self, result: Result, now_ms: int) -> None:
        """The records may be committed yet, but whoever waits is answered now. The state stays."""
        if result in self._waiting and result.on_failed is not None:
            on_failed, result.on_failed, result.on_committed = result.on_failed, None, None
            on_failed(ErrorCode.REQUEST_TIMED_OUT, now_ms)

    def dismiss(self) -> None:
        """Answer all with NOT_COORDINATOR; the state is about to be forgotten."""
        while self._waiting:
            result = self._waiting.popleft()
            if result.on_failed is not None:
                result.on_failed(ErrorCode.NOT_COORDINATOR, _NO_TIME)
