"""Replies that wait for other replies: a request that goes to one coordinator after the other, or to several.

Each coordinator tells its replies' listeners when it is through with a call (results.py). What comes of several needs a
list of completed replies of its own, told as soon as the last one is there.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ottla.coordination.results import Replies, Reply

A = TypeVar("A")
B = TypeVar("B")


class ReplyChains:
    """Makes replies of replies. Bounded, as those are, by the requests in flight."""

    __slots__ = ("_replies",)

    def __init__(self) -> None:
        self._replies = Replies()

    def answered(self, value: A) -> Reply[A]:
        """There already."""
        reply: Reply[A] = Reply(self._replies)
        reply.complete(value)
        return reply

    def then(self, first: Reply[A], follow: Callable[[A], Reply[B]]) -> Reply[B]:
        """What `follow` answers to the first reply's value, when it does."""
        chained: Reply[B] = Reply(self._replies)
        first.on_complete(lambda value: follow(value).on_complete(lambda last: self._complete(chained, last)))
        return chained

    def mapped(self, first: Reply[A], change: Callable[[A], B]) -> Reply[B]:
        """The first reply's value, changed."""
        changed: Reply[B] = Reply(self._replies)
        first.on_complete(lambda value: self._complete(changed, change(value)))
        return changed

    def gathered(self, replies: Sequence[Reply[A]]) -> Reply[list[A]]:
        """All of them, in their order, when the last one is there."""
        gathered: Reply[list[A]] = Reply(self._replies)
        values: dict[int, A] = {}

        def arrived(position: int, value: A) -> None:
            values[position] = value
            if len(values) == len(replies):
                self._complete(gathered, [values[each] for each in range(len(replies))])

        for position, reply in enumerate(replies):
            reply.on_complete(lambda value, position=position: arrived(position, value))  # type: ignore[misc]
        if not replies:
            gathered.complete([])
        return gathered

    def _complete(self, reply: Reply[A], value: A) -> None:
        reply.complete(value)
        self._replies.deliver()
