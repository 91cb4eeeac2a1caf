"""Answers that may be long: made piece by piece in turns of the loop, and written out on a thread.

Tools ask for lists that have no bound of the protocol's: a hundred thousand producers of a partition, a million transactional
ids. A handler makes such an answer in a generator that yields every now and then. A short one is there at the first look and
goes the way of any other; a long one gives the loop back after each piece, and its bytes, which cost as much again, are made
where nobody waits.
"""

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.context import RequestContext
from ottla.broker.pending import Pending
from ottla.broker.turns import PIECE_SECONDS, now
from ottla.protocol.codec import encode
from ottla.protocol.declare import Response

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

Answer = TypeVar("Answer", bound=Response)

Pieces = Generator[None, None, Answer]
"""Makes an answer. What it looks at may change wherever it yields; from one yield to the next it works for a fraction of a
millisecond."""

YIELD_EVERY = 64
"""Rows of an answer to make from one yield to the next."""


def answer_in_pieces(
    broker: "BrokerServer", context: RequestContext, pieces: Pieces[Answer]
) -> Answer | Pending[bytes]:
    """The answer if it is quickly there, else the promise of its encoded body. Raises what its first pieces raise.

    Bounded by the connections, which have one request in hand each; one whose client has left is not gone on with.
    """
    answer = _work_on(pieces)
    if answer is not None:
        return answer
    pending: Pending[bytes] = Pending()

    def go_on() -> None:
        if pending.settled:
            return
        try:
            answer = _work_on(pieces)
        except Exception as error:  # noqa: BLE001 - the connection answers it, or logs it
            pending.fail(error)
            return
        if answer is None:
            broker.turns.put_off(go_on)
        else:
            broker.threads.run(partial(encode, answer, context.api_version), give)

    def give(outcome: bytes | Exception) -> None:
        if isinstance(outcome, Exception):
            pending.fail(outcome)
        else:
            pending.complete(outcome)

    broker.turns.put_off(go_on)
    return pending


def _work_on(pieces: Pieces[Answer]) -> Answer | None:
    """One turn's share of the work; the answer if that was the last."""
    ends = now() + PIECE_SECONDS
    try:
        while True:
            next(pieces)
            if now() >= ends:
                return None
    except StopIteration as finished:
        answer: Answer = finished.value
        return answer
