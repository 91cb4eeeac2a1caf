"""What an operation of a coordinator gives back: records to append, and a reply that may come later.

`Reply` is no future: it knows no loop and calls nobody while a state machine is at work. A completed reply is put on
its coordinator's list, and `deliver` (called when the operation's records were handed to the log) runs the listeners.
That way a listener, which may make the connection handle its next request at once, never finds a group half changed.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

from ottla.protocol.errors import ErrorCode

T = TypeVar("T")

NO_PRODUCER_ID = -1


class Replies:
    """Completed replies whose listeners have not run yet. Bounded by the requests in flight."""

    __slots__ = ("_delivering", "_queue")

    def __init__(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()
        self._delivering = False

    def put(self, deliver_one: Callable[[], None]) -> None:
        self._queue.append(deliver_one)

    def deliver(self) -> None:
        """Run the listeners of completed replies. Called from within a listener it does nothing: the outer call
        goes on to what was added. What a listener raises is raised when all have been told."""
        if self._delivering:
            return
        self._delivering = True
        failure: Exception | None = None
        while self._queue:
            try:
                self._queue.popleft()()
            except Exception as error:  # noqa: BLE001 - raised below
                failure = failure or error
        self._delivering = False
        if failure is not None:
            raise failure


class Reply(Generic[T]):
    """The answer to one request: there already (`done`), or to be told to one listener later. Completed once."""

    __slots__ = ("_listener", "_replies", "_value", "done")

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._value: T | None = None
        self._listener: Callable[[T], None] | None = None
        self.done = False

    @property
    def value(self) -> T:
        """The response. Only when `done`."""
        if not self.done:
            raise RuntimeError("the reply is not there yet")
        return cast("T", self._value)

    def on_complete(self, listener: Callable[[T], None]) -> None:
        """Tell `listener` the response, at once when it is there already. One listener a reply."""
        if self._listener is not None:
            raise RuntimeError("a reply has one listener")
        self._listener = listener
        if self.done:
            listener(self.value)

    def complete(self, value: T) -> bool:
        """Set the response; the listener runs with the next `deliver`. False if there was one already."""
        if self.done:
            return False
        self._value = value
        self.done = True
        if self._listener is not None:
            self._replies.put(self._tell)
        return True

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self.value)


class CoordinatorRecord(NamedTuple):
    """One record for the coordinator's partition: key and value as they stand in the log. `value` None: a tombstone."""

    key: bytes
    value: bytes | None


class CoordinatorResult(Generic[T]):
    """Records to append, and the reply.

    With no records the shell has nothing to do for the log. With records it appends them, in one batch where `atomic`,
    and then calls `append_committed`, `append_failed` or `append_timed_out`. `reply` may be complete before
    (JoinGroup's MEMBER_ID_REQUIRED), by that call (OffsetCommit), or later (a join that waits).
    """

    __slots__ = (
        "atomic",
        "on_committed",
        "on_failed",
        "producer_epoch",
        "producer_id",
        "records",
        "reply",
        "undo",
    )

    def __init__(
        self,
        reply: Reply[T],
        records: Sequence[CoordinatorRecord] = (),
        *,
        on_committed: Callable[[int], None] | None = None,
        on_failed: Callable[[ErrorCode, int], None] | None = None,
        atomic: bool = True,
        producer_id: int = NO_PRODUCER_ID,
        producer_epoch: int = -1,
    ) -> None:
        self.reply = reply
        self.records = list(records)
        self.on_committed = on_committed
        """Called with now_ms when the records are committed."""
        self.on_failed = on_failed
        """Called with the error to answer and now_ms when they were not written, or not in time."""
        self.atomic = atomic
        """False: tombstones that don't depend on each other and may be written in several batches."""
        self.producer_id = producer_id
        """Not -1: the batch is written as part of this producer's transaction."""
        self.producer_epoch = producer_epoch
        self.undo: list[Callable[[], None]] = []
        """Takes back what the operation changed, last first."""
