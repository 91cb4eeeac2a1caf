"""Requests that wait: for a batch to be safe, for records to arrive, or until their time is over.

There is no list of waiting requests to search. A request that waits watches the partitions it waits for (`Partition.watch`)
and has one entry in `Timers`; both let go of it when it is answered or its client hangs up. So what waits is bounded by
the connections: each has one request in hand.

A partition tells its watchers within the append that moved it. They only take note, and act in a turn of the loop of their own:
a thousand appends in one turn wake a long poll once.
"""

import asyncio
import heapq
from collections.abc import Callable

from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.produce import PartitionProduceResponse, ProduceResponse
from ottla.replication.partition import Partition

_STALE_ENTRIES = 1024


class Timer:
    """One entry of `Timers`."""

    __slots__ = ("_timers", "callback", "due")

    def __init__(self, timers: "Timers", due: float, callback: Callable[[], None]) -> None:
        self._timers = timers
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._timers.cancelled()


class Timers:
    """Many deadlines on one timer of the loop. Setting one costs under a microsecond; cancelled ones are swept when they
    are the larger half."""

    __slots__ = ("_armed", "_cancelled", "_heap", "_loop", "_number")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = 0
        self._cancelled = 0
        self._armed: asyncio.TimerHandle | None = None

    def after(self, delay_ms: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, `delay_ms` from now."""
        due = self._loop.time() + delay_ms / 1000
        timer = Timer(self, due, callback)
        self._number += 1
        heapq.heappush(self._heap, (due, self._number, timer))
        if self._heap[0][2] is timer:
            self._arm()
        return timer

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def cancelled(self) -> None:
        """An entry was cancelled in place."""
        self._cancelled += 1
        if self._cancelled > _STALE_ENTRIES and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def close(self) -> None:
        """Nothing is called any more."""
        self._heap.clear()
        if self._armed is not None:
            self._armed.cancel()

    def _arm(self) -> None:
        if self._armed is not None:
            self._armed.cancel()
        self._armed = self._loop.call_at(self._heap[0][0], self._run)

    def _run(self) -> None:
        self._armed = None
        # uvloop's clock has milliseconds: what is due within this one is due.
        now = self._loop.time() + 0.001
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                self._call(callback)
            heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        if heap and self._armed is None:
            self._arm()

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - whoever else waits has nothing to do with it
            self._loop.call_exception_handler({"message": "What was due failed", "exception": error})


class DelayedProduce:
    """A produce request whose batches are appended but not yet as safe as its `acks` asks.

    Completes when every partition is acknowledged or has failed; what is still open at the timeout is answered
    REQUEST_TIMED_OUT (the records stay, as in Apache).
    """

    __slots__ = ("_acks", "_loop", "_open", "_scheduled", "_timer", "pending", "response")

    def __init__(
        self,
        response: ProduceResponse,
        waits: list[tuple[Partition, int, PartitionProduceResponse]],
        acks: int,
        timeout_ms: int,
        timers: Timers,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`waits`: partition, last offset appended, and its row of `response`."""
        self.response = response
        self.pending: Pending[ProduceResponse | None] = Pending(self._let_go)
        self._acks = acks
        self._loop = loop
        self._scheduled = False
        self._open = {(partition, row.index): (last_offset, row) for partition, last_offset, row in waits}
        self._timer = timers.after(max(timeout_ms, 0), self._timed_out)
        for partition, _, _ in waits:
            partition.watch(self)
        # A request of many partitions yields between them: the first may have been written, and told so, before the
        # last was appended and anyone watched.
        self._schedule()

    def partition_moved(self, partition: Partition) -> None:
        del partition
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._check)

    def _check(self) -> None:
        self._scheduled = False
        for key, (last_offset, row) in list(self._open.items()):
            try:
                done = key[0].is_acknowledged(last_offset, self._acks)
            except KafkaError as error:
                _fail(row, error.code)
                done = True
            if done:
                del self._open[key]
                key[0].unwatch(self)
        if not self._open:
            self._let_go()
            self.pending.complete(self.response)

    def _timed_out(self) -> None:
        for _, row in self._open.values():
            _fail(row, ErrorCode.REQUEST_TIMED_OUT)
        self._let_go()
        self.pending.complete(self.response)

    def _let_go(self) -> None:
        self._timer.cancel()
        for partition, _ in self._open:
            partition.unwatch(self)
        self._open = {}


def _fail(row: PartitionProduceResponse, code: ErrorCode) -> None:
    row.error_code = code
    row.base_offset = row.log_append_time_ms = row.log_start_offset = -1
