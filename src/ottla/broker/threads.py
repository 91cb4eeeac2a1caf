"""The few threads that wait so that the loop does not: for disks, for decompression.

Made when first needed. What waits for a thread is bounded by the connections, which have one request in hand each, and by
the callers' own bounds.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ottla.broker.pending import Pending

Answer = TypeVar("Answer")

THREADS = 4


class Threads:
    """Used from the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._executor: ThreadPoolExecutor | None = None

    def run(self, function: Callable[[], Answer], done: Callable[[Answer | Exception], None]) -> None:
        """Call `function` on a thread, then `done` on the loop with what it returned or raised."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="ottla-io")
        self._executor.submit(self._call, function, done)

    def pending(self, function: Callable[[], Answer]) -> Pending[Answer]:
        """Call `function` on a thread; what comes of it is the answer."""
        pending: Pending[Answer] = Pending()

        def done(outcome: Answer | Exception) -> None:
            if isinstance(outcome, Exception):
                pending.fail(outcome)
            else:
                pending.complete(outcome)

        self.run(function, done)
        return pending

    async def result(self, function: Callable[[], Answer]) -> Answer:
        """Wait for what `function` returns, or raises, on a thread."""
        made: asyncio.Future[Answer] = self._loop.create_future()

        def done(outcome: Answer | Exception) -> None:
            if made.done():  # whoever asked waits no more
                return
            if isinstance(outcome, Exception):
                made.set_exception(outcome)
            else:
                made.set_result(outcome)

        self.run(function, done)
        return await made

    def close(self) -> None:
        """End the threads; waits for what they are doing, drops what waits for them."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def _call(self, function: Callable[[], Answer], done: Callable[[Answer | Exception], None]) -> None:
        outcome: Answer | Exception
        try:
            outcome = function()
        except Exception as error:  # noqa: BLE001 - handed over
            outcome = error
        try:
            self._loop.call_soon_threadsafe(done, outcome)
        except RuntimeError:  # the loop has closed: nobody waits any more
            return
