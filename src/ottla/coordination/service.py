"""All coordinators of one kind that a broker has, behind one face: requests in, replies out, appends asked for.

The shell around it (broker/coordinator_shell.py) has no rule of Kafka's. It gives one function,
`append(partition, result)`, and calls:

1. `elected(partition, epoch)` when this broker becomes leader of the internal topic's partition; then `replay(...)` for
   each record of that log from its start to its end, in order; then `loaded(partition, now_ms)`. Until then requests for
   the partition are answered COORDINATOR_LOAD_IN_PROGRESS. `load_failed(partition)` if the log can't be read.
2. `resigned(partition, now_ms)` when it leads no more or the log's directory went offline: waiting requests get
   NOT_COORDINATOR, all state goes.
3. a request method for each request; `run_timers(now_ms)` at or after `next_timer_ms()` (ask again after each call: a
   request may have made it earlier).

Each call of 3 may call `append(partition, result)`. The state already shows the result's records when it does; `append`
writes them in ONE batch (several where `result.atomic` is False and it has to) to that partition's log with the usual
acks=all rules, and then, within that very call or later,

- `append_committed(partition, result, now_ms)` when the high watermark has passed the batch, in the order of the appends;
- `append_failed(partition, result, error, now_ms)` when it was not written. State is rolled back: this result and
  every later one of the partition not committed yet, newest first, each answered with the error. (An append refused at
  once is always the newest. When a queued write fails, its directory is offline: call `resigned` instead.);
- `append_timed_out(partition, result, now_ms)` when the shell's time limit passed first: the waiting request is
  answered, the state stays, and one of the calls above still follows.

Listeners of replies run at the end of each of these calls, never in their middle; they may call the service again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from ottla.coordination.coordinator import PartitionCoordinator
from ottla.coordination.partitioning import partition_for
from ottla.coordination.results import NO_PRODUCER_ID, CoordinatorResult, Replies, Reply
from ottla.coordination.states import CoordinatorState
from ottla.protocol.errors import ErrorCode, KafkaError

T = TypeVar("T")
R = TypeVar("R")
C = TypeVar("C", bound=PartitionCoordinator)

Append = Callable[[int, CoordinatorResult[object]], None]


class CoordinatorService(ABC, Generic[C]):
    """Every method that takes `now_ms` wants milliseconds since 1970, as they go into the records."""

    def __init__(self, partition_count: int, append: Append) -> None:
        """`partition_count` is that of the internal topic."""
        self.partition_count = partition_count
        self._append = append
        self._replies = Replies()
        self._coordinators: dict[int, C] = {}
        self._leader_epochs: dict[int, int] = {}
        self._next_timer_ms: int | None = None

    @abstractmethod
    def _new_coordinator(self, partition: int, _leader_epoch: int) -> C:
        """An empty coordinator, about to be loaded."""

    def partition_for(self, key: str) -> int:
        """The partition whose leader coordinates what `key` names (FindCoordinator)."""
        return partition_for(key, self.partition_count)

    def is_active(self, partition: int) -> bool:
        """Whether the coordinator of that partition is here, and loaded."""
        coordinator = self._coordinators.get(partition)
        return coordinator is not None and coordinator.state is CoordinatorState.ACTIVE

    def coordinators(self) -> Sequence[C]:
        """Those of the partitions led here, for their counts."""
        return list(self._coordinators.values())

    # Leading partitions.

    def elected(self, partition: int, leader_epoch: int) -> bool:
        """Begin to load the partition. False if that leadership is known already, or a later one."""
        known_epoch = self._leader_epochs.get(partition, -1)
        if leader_epoch < known_epoch or (leader_epoch == known_epoch and partition in self._coordinators):
            return False
        self._leader_epochs[partition] = leader_epoch
        self._dismiss(partition)
        self._coordinators[partition] = self._new_coordinator(partition, leader_epoch)
        self._replies.deliver()
        return True

    def replay(
        self,
        partition: int,
        offset: int,
        key: bytes,
        value: bytes | None,
        producer_id: int = NO_PRODUCER_ID,
    ) -> None:
        """One record of the log being loaded; `producer_id` where it is part of a transaction.

        Raises ProtocolError for one that can't be read: call `load_failed` then.
        """
        self._coordinators[partition].replay(offset, key, value, producer_id)

    def replay_end_transaction_marker(self, partition: int, producer_id: int, *, committed: bool) -> None:
        """A control record of the log, found while loading or written later by the transaction coordinator."""
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.replay_end_transaction_marker(producer_id, committed=committed)

    def loaded(self, partition: int, now_ms: int) -> None:
        for result in self._coordinators[partition].on_loaded(now_ms):
            self._hand_over(partition, result)
        self._settle(partition)

    def load_failed(self, partition: int) -> None:
        self._coordinators[partition].on_load_failed()

    def resigned(self, partition: int, _now_ms: int) -> None:
        self._dismiss(partition)
        self._replies.deliver()

    def _dismiss(self, partition: int) -> None:
        coordinator = self._coordinators.pop(partition, None)
        if coordinator is not None:
            coordinator.on_resigned()

    # Records on their way.

    def append_committed(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_committed(result, now_ms)
            self._settle(partition)

    def append_failed(
        self, partition: int, result: CoordinatorResult[object], error: ErrorCode, now_ms: int
    ) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_failed(result, error, now_ms)
            self._settle(partition)

    def append_timed_out(self, partition: int, result: CoordinatorResult[object], now_ms: int) -> None:
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.append_timed_out(result, now_ms)
            self._settle(partition)

    def _hand_over(self, partition: int, result: CoordinatorResult[T]) -> None:
        if result.records:
            self._append(partition, cast("CoordinatorResult[object]", result))

    def _settle(self, partition: int) -> None:
        """At the end of a call: note when the next timer is due, and let waiting requests have their replies."""
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            self._note_deadline(coordinator)
        self._replies.deliver()

    def _note_deadline(self, coordinator: C) -> None:
        due_ms = coordinator.next_timer_ms()
        if due_ms is not None and (self._next_timer_ms is None or due_ms < self._next_timer_ms):
            self._next_timer_ms = due_ms

    # Time.

    def next_timer_ms(self) -> int | None:
        """When to call `run_timers` next; None: nothing waits. It may prove too early, never too late."""
        return self._next_timer_ms

    def run_timers(self, now_ms: int) -> None:
        self._next_timer_ms = None
        for partition, coordinator in list(self._coordinators.items()):
            self._run_timers_of(partition, coordinator, now_ms)
            self._settle(partition)

    def _run_timers_of(self, partition: int, coordinator: C, now_ms: int) -> None:
        try:
            for result in coordinator.run_timers(now_ms):
                self._hand_over(partition, result)
        except Exception:
            # Every other timer keeps its time.
            for each in self._coordinators.values():
                self._note_deadline(each)
            raise

    # Routing.

    def _coordinator(self, partition: int) -> C:
        coordinator = self._coordinators.get(partition)
        if coordinator is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        return coordinator

    def _by_partition(self, keys: Sequence[str]) -> dict[int, list[str]]:
        grouped: dict[int, list[str]] = {}
        for key in keys:
            grouped.setdefault(self.partition_for(key), []).append(key)
        return grouped

    def _perform(
        self,
        key: str,
        operation: Callable[[C], CoordinatorResult[T]],
        error_response: Callable[[ErrorCode], T],
        adapt: Callable[[T], T] | None = None,
    ) -> Reply[T]:
        """Run an operation of the coordinator of `key`, hand its records over and settle. `adapt` changes the response
        to what the request's version can say."""
        partition = self.partition_for(key)
        try:
            result = operation(self._coordinator(partition))
        except KafkaError as error:
            response = error_response(error.code)
            return self._answered(response if adapt is None else adapt(response))
        self._hand_over(partition, result)
        self._settle(partition)
        if adapt is None:
            return result.reply
        adapted: Reply[T] = Reply(self._replies)
        result.reply.on_complete(lambda response: _then(adapted, adapt(response)))
        return adapted

    def _answered(self, response: R) -> Reply[R]:
        reply: Reply[R] = Reply(self._replies)
        reply.complete(response)
        return reply


def _then(reply: Reply[T], response: T) -> None:
    reply.complete(response)
