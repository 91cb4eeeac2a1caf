"""Answers that need a change of metadata: the handler's coroutine runs as a task, its outcome becomes the answer.

Only administrative requests come this way. The change goes on when the client has left: half a topic is no use to anyone.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from ottla.broker.pending import Pending

Answer = TypeVar("Answer")

_running: set[asyncio.Task[object]] = set()
"""The loop itself keeps only weak references to tasks. Bounded by the connections, which have one request each in hand."""


def answer_later(answering: Coroutine[object, object, Answer]) -> Pending[Answer]:
    """Run `answering` on the loop; what it returns, or raises, settles the `Pending`."""
    pending: Pending[Answer] = Pending()

    async def run() -> None:
        try:
            answer = await answering
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the connection's to answer and to log
            pending.fail(error)
        else:
            pending.complete(answer)

    task = asyncio.get_running_loop().create_task(run())
    _running.add(task)
    task.add_done_callback(_running.discard)
    return pending
