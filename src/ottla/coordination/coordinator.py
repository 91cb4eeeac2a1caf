"""The coordinator of one partition of an internal topic: what all of them do alike.

Every operation answers with a `CoordinatorResult`: records to append to the partition, and a reply. For each result with
records, in the order of the operations:

1. The operation has applied them already: the latest state shows them, and the next operation builds on them.
2. They are appended, as one batch.
3. `append_committed`: the reply is complete (or will be, when others came).
   `append_failed`: this and all later operations not committed yet are undone, newest first, and answered.

At most `appends.MAX_UNCOMMITTED_OPERATIONS` wait for the log; then operations that write are answered
COORDINATOR_NOT_AVAILABLE, which clients retry.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

from ottla.coordination.append_errors import answer_for
from ottla.coordination.appends import Appends, State
from ottla.coordination.results import (
    NO_PRODUCER_ID,
    CoordinatorRecord,
    CoordinatorResult,
    Replies,
    Reply,
)
from ottla.coordination.states import CoordinatorState
from ottla.coordination.timers import Timers
from ottla.protocol.errors import ErrorCode, KafkaError

T = TypeVar("T")

CoordinatorTimers = Timers[Sequence[CoordinatorRecord]]
"""What a timer does gives records to append."""

Undo = list[Callable[[], None]]


class PartitionCoordinator(ABC):
    """State over one partition. It begins by loading.

    A request that is refused as a whole raises KafkaError (NOT_COORDINATOR and COORDINATOR_LOAD_IN_PROGRESS included);
    the service makes a response of that. `now_ms` is milliseconds since 1970.
    """

    def __init__(self, partition: int, topic: str, replies: Replies) -> None:
        self.partition = partition
        self.state = CoordinatorState.LOADING
        self._topic = topic
        self._replies = replies
        self._timers: CoordinatorTimers = Timers()
        self._appends: Appends
        """Set by `_keep`."""

    def _keep(self, state: State) -> None:
        """What operations' records are applied to; called once, by the constructor of each kind."""
        self._appends = Appends(state, self._topic)

    # Becoming and ceasing to be the coordinator.

    @abstractmethod
    def replay(self, offset: int, key: bytes, value: bytes | None, producer_id: int = NO_PRODUCER_ID) -> None:
        """One record of the partition's log, found at `offset`; `producer_id` where it is part of a transaction.

        Raises ProtocolError for one that can't be read; loading has failed then.
        """

    def replay_end_transaction_marker(self, producer_id: int, *, committed: bool) -> None:  # noqa: B027
        """A control record of the log. Only topics that transactions write to have any."""

    def on_loaded(self, now_ms: int) -> Sequence[CoordinatorResult[None]]:
        """The whole log was replayed: serve requests. Answers what is to be written at once."""
        self.state = CoordinatorState.ACTIVE
        return self._begin(now_ms)

    def on_load_failed(self) -> None:
        self.state = CoordinatorState.FAILED
        self._forget_all()

    def on_resigned(self) -> None:
        """Answer all that waits with NOT_COORDINATOR and forget everything."""
        self.state = CoordinatorState.CLOSED
        self._dismiss()
        self._appends.dismiss()
        self._forget_all()

    def _begin(self, _now_ms: int) -> Sequence[CoordinatorResult[None]]:
        """What a coordinator does first when it is loaded: timers, mostly."""
        return ()

    def _dismiss(self) -> None:  # noqa: B027
        """Answer requests that wait for something else than the log."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop all state."""

    def _forget_all(self) -> None:
        self._timers.clear()
        self._forget()

    # Records on their way.

    def append_committed(self, result: CoordinatorResult[object], now_ms: int) -> None:
        self._appends.committed(result, now_ms)

    def append_failed(self, result: CoordinatorResult[object], error: ErrorCode, now_ms: int) -> None:
        self._appends.failed(result, error, now_ms)

    def append_timed_out(self, result: CoordinatorResult[object], now_ms: int) -> None:
        self._appends.timed_out(result, now_ms)

    def _submit(self, result: CoordinatorResult[T]) -> CoordinatorResult[T]:
        self._appends.submit(cast("CoordinatorResult[object]", result))
        return result

    def _answered_when_committed(
        self,
        records: Sequence[CoordinatorRecord],
        response: T,
        error_response: Callable[[ErrorCode], T],
        *,
        undo: Undo | None = None,
        producer_id: int = NO_PRODUCER_ID,
        producer_epoch: int = -1,
    ) -> CoordinatorResult[T]:
        """The result of a request whose response is true once its records are committed."""
        reply: Reply[T] = Reply(self._replies)
        result = CoordinatorResult(
            reply,
            records,
            on_committed=lambda _: _ignore(reply.complete(response)),
            on_failed=lambda error, _: _ignore(reply.complete(error_response(answer_for(error)))),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
        )
        if undo:
            result.undo.extend(undo)
        if records:
            return self._submit(result)
        if not self._appends.follow(cast("CoordinatorResult[object]", result)):
            reply.complete(response)
        return result

    def _background(
        self, records: Sequence[CoordinatorRecord], *, atomic: bool = True
    ) -> CoordinatorResult[None]:
        """Records that nobody waits for."""
        reply: Reply[None] = Reply(self._replies)
        reply.complete(None)
        return self._submit(CoordinatorResult(reply, records, atomic=atomic))

    # Time.

    def next_timer_ms(self) -> int | None:
        """When `run_timers` has something to do next; None: nothing is scheduled."""
        return self._timers.next_deadline_ms()

    def run_timers(self, now_ms: int) -> Iterator[CoordinatorResult[None]]:
        """What is due at `now_ms`, one after the other: append a result's records before asking for the next."""
        while (action := self._timers.pop_due(now_ms)) is not None:
            yield self._background(action(now_ms), atomic=False)

    # Whether it may serve.

    def _check_active(self) -> None:
        if self.state is CoordinatorState.LOADING:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        if self.state is not CoordinatorState.ACTIVE:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)

    def _check_can_write(self) -> None:
        self._check_active()
        if self._appends.is_full:
            raise KafkaError(
                ErrorCode.COORDINATOR_NOT_AVAILABLE, f"The log of {self._topic} does not keep up."
            )


def _ignore(_: bool) -> None:
    """A callback's answer that says nothing new."""
