"""Who may work now and who in a later turn of the loop: no turn is to last longer than about 10 ms.

One turn of the loop serves every socket that has become readable, in a row, and there may be two thousand. So a connection that
finds the turn late puts its work off: it goes to the end of a queue of which each turn does a few milliseconds' worth.
Long work (a request over a thousand partitions, a big answer) cuts itself into pieces and queues for each of them.

No loop says when a turn began. What is known is how long work has followed upon work without a pause: a wait in between,
or a run of the queue, is a new turn for certain. So under steady load one request in a few milliseconds is put off without
need, which costs a few microseconds.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

ARRIVALS_SECONDS = 0.004
"""How long work may go on before newly arrived requests are put off."""

PAUSE_SECONDS = 0.0003
"""The loop needs less than this from one readable socket to the next."""

_RECEIVE_SECONDS_A_BYTE = 1e-9
"""What a read takes at most, by the size of what it brought, on a machine that is not overloaded."""

QUEUED_SECONDS = 0.003
"""How long a turn works on what was put off."""

CROWD_SECONDS = 0.00002
"""Work that begins so soon after other work was waiting for it: this turn serves several."""

PIECE_SECONDS = 0.002
"""How long one connection, or one piece of long work, goes on before it queues again."""

now = time.perf_counter
"""The clock for all of this."""


class Turns:
    """Shared by everything that works on one broker's loop. Bounded: a connection is in the queue once."""

    __slots__ = ("_began", "_loop", "_queue", "_running", "_to_send", "worked_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[Callable[[], None]] = deque()
        self._to_send: list[Callable[[], None]] = []
        self._running = False
        self._began = 0.0
        self.worked_at = 0.0
        """When some work was last done."""

    def is_late(self, moment: float, received_bytes: int = 0) -> bool:
        """Whether this turn has lasted long enough; `moment` is `now()`, when the work in question arrived.

        What the loop took to receive its bytes is no pause. It matters where a client sends megabytes: libuv reads up to
        32 times from a socket before it looks at another, and each of these reads takes longer than a pause.
        """
        if moment - self.worked_at > PAUSE_SECONDS + received_bytes * _RECEIVE_SECONDS_A_BYTE:
            self._began = moment
        return moment - self._began > ARRIVALS_SECONDS

    def is_crowded(self, moment: float) -> bool:
        """Whether the work that arrived at `moment` followed at once upon other work."""
        return moment - self.worked_at < CROWD_SECONDS

    def send_last(self, send: Callable[[], None]) -> None:
        """Call `send` when all that is readable now has been read.

        Sending wakes the one who waits for the answer, and to wake an idle processor costs the sender tens of
        microseconds. So the answers to a crowd leave together: the first wakes the clients, the others find them awake.
        A lone client's answer would only wait.
        """
        self._to_send.append(send)
        if len(self._to_send) == 1:
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        to_send, self._to_send = self._to_send, []
        for send in to_send:
            self._guarded(send, "Sending an answer failed")

    def worked(self) -> None:
        """Some work of this turn is done; told by whoever asks `is_late`."""
        self.worked_at = now()

    def put_off(self, work: Callable[[], None]) -> None:
        """Do `work` in a later turn, in the order in which it was put off."""
        self._queue.append(work)
        if not self._running:
            self._running = True
            self._loop.call_soon(self._run)

    def _guarded(self, work: Callable[[], None], message: str) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - what else is in the queue has nothing to do with it
            self._loop.call_exception_handler({"message": message, "exception": error})

    def _run(self) -> None:
        queue = self._queue
        self._began = now()
        ends = self._began + QUEUED_SECONDS
        # What is put off meanwhile is for the next turn.
        for _ in range(len(queue)):
            work = queue.popleft()
            self._guarded(work, "Put-off work failed")
            if now() > ends:
                break
        # What arrives next is served at once: those who were put off have had their share.
        self._began = self.worked_at = now()
        if queue:
            self._loop.call_soon(self._run)
        else:
            self._running = False
