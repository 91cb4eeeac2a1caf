"""An answer that comes later: what a handler returns when it has to wait for something.

A `Pending` is completed once, by anyone, on the loop's thread. It is no future: nothing is scheduled when it completes,
the one continuation (the connection that writes the answer) runs right there. When the client goes away first, the
connection cancels it, and whoever waits on its behalf lets go of what it holds.
"""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

Answer = TypeVar("Answer")


class Pending(Generic[Answer]):
    """One answer, not there yet. Bounded by its connection: a connection has one request in hand at a time."""

    __slots__ = ("_answer", "_continuation", "_error", "_on_cancel", "_settled")

    def __init__(self, on_cancel: Callable[[], None] | None = None) -> None:
        """`on_cancel` is called when the connection closes before the answer; it must not raise."""
        self._answer: Answer | None = None
        self._error: Exception | None = None
        self._settled = False
        self._continuation: Callable[[Pending[Answer]], None] | None = None
        self._on_cancel = on_cancel

    @property
    def settled(self) -> bool:
        """Whether it has been completed, failed or cancelled."""
        return self._settled

    def complete(self, answer: Answer) -> bool:
        """Give the answer. False when it was settled before, and then nothing happens."""
        if self._settled:
            return False
        self._answer = answer
        self._settle()
        return True

    def fail(self, error: Exception) -> bool:
        """Answer as if the handler had raised `error`. False when it was settled before."""
        if self._settled:
            return False
        self._error = error
        self._settle()
        return True

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if self._settled:
            return
        self._settled = True
        self._continuation = None
        on_cancel, self._on_cancel = self._on_cancel, None
        if on_cancel is not None:
            on_cancel()

    def result(self) -> Answer:
        """The answer; raises what `fail` was given. Only after it has settled."""
        if self._error is not None:
            raise self._error
        return cast("Answer", self._answer)

    def then(self, continuation: "Callable[[Pending[Answer]], None]") -> None:
        """Call `continuation(self)` once settled (at once, if it is already), never after a cancel."""
        if not self._settled:
            self._continuation = continuation
        elif self._on_cancel is None or self._answer is not None or self._error is not None:
            continuation(self)

    def follow(self, other: "Pending[Answer]") -> None:
        """Settle as `other` has settled."""
        if other._error is not None:
            self.fail(other._error)
        else:
            self.complete(cast("Answer", other._answer))

    def _settle(self) -> None:
        self._settled = True
        self._on_cancel = None
        continuation, self._continuation = self._continuation, None
        if continuation is not None:
            continuation(self)
