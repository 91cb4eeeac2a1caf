"""Operations whose records are on their way into the log, oldest first: told when committed, undone when not written."""

import logging
from collections import deque
from typing import Protocol

from ottla.coordination.results import CoordinatorResult
from ottla.protocol.errors import ErrorCode

MAX_UNCOMMITTED_OPERATIONS = 10_000
"""Further operations that would write are refused until the log has caught up."""

_NO_TIME = 0
"""Nothing is scheduled for a state about to be forgotten."""

_log = logging.getLogger(__name__)

Result = CoordinatorResult[object]


class State(Protocol):
    """What records become, as the appends see it.

    A coordinator that answers reads from committed records only keeps two views; one that doesn't leaves `commit` empty.
    """

    def apply(self, result: Result) -> None:
        """Show the result's records; put onto `result.undo` what takes them back."""

    def commit(self, result: Result) -> None:
        """The oldest result applied and not committed yet is in the log for good."""

    def revert(self, result: Result) -> None:
        """The newest result will never be; called before its `undo` runs."""


class Appends:
    """The uncommitted operations of one coordinator."""

    def __init__(self, state: State, log_name: str) -> None:
        """`log_name`: the topic, for messages."""
        self._state = state
        self._log_name = log_name
        self._waiting: deque[Result] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MAX_UNCOMMITTED_OPERATIONS

    def submit(self, result: Result) -> None:
        """Apply the result's records to the latest state and expect word of them."""
        if result.records:
            self._state.apply(result)
            self._waiting.append(result)

    def follow(self, result: Result) -> bool:
        """A result without records waits for the operations before it, as its answer may tell of what they did. False
        if there are none."""
        if not self._waiting:
            return False
        self._waiting.append(result)
        return True

    def committed(self, result: Result, now_ms: int) -> None:
        """The result's records are committed, and with them those of all operations before it."""
        if result not in self._waiting:
            return
        found = False
        while self._waiting and not (found and self._waiting[0].records):
            oldest = self._waiting.popleft()
            if oldest.records:
                self._state.commit(oldest)
            if oldest.on_committed is not None:
                oldest.on_committed(now_ms)
            found = found or oldest is result

    def failed(self, result: Result, error: ErrorCode, now_ms: int) -> None:
        """The result's records were not written, so neither can be those of operations that built on it."""
        if result not in self._waiting:
            return
        undone: list[Result] = []
        while not undone or undone[-1] is not result:
            newest = self._waiting.pop()
            if newest.records:
                self._state.revert(newest)
            for undo in reversed(newest.undo):
                undo()
            undone.append(newest)
        _log.warning("%d operations could not be written to %s: %s", len(undone), self._log_name, error.name)
        for each in undone:
            if each.on_failed is not None:
                each.on_failed(error, now_ms)

    def timed_out(self, result: Result, now_ms: int) -> None:
        """The records may be committed yet, but whoever waits is answered now. The state stays."""
        for each in self._with_followers(result):
            if each.on_failed is not None:
                on_failed, each.on_failed, each.on_committed = each.on_failed, None, None
                on_failed(ErrorCode.REQUEST_TIMED_OUT, now_ms)

    def _with_followers(self, result: Result) -> list[Result]:
        """The result, if it waits, and those without records behind it."""
        found: list[Result] = []
        for each in self._waiting:
            if each is result or (found and not each.records):
                found.append(each)
            elif found:
                break
        return found

    def dismiss(self) -> None:
        """Answer all with NOT_COORDINATOR; the state is about to be forgotten."""
        while self._waiting:
            result = self._waiting.popleft()
            if result.on_failed is not None:
                result.on_failed(ErrorCode.NOT_COORDINATOR, _NO_TIME)
