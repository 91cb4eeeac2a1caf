"""Work that takes longer than the loop may be held: one piece at a time, in a thread.

A decision is a plain function of the state. Where it comes to something that takes long, a large schema to be parsed, a comparison,
it ends there by `TakesLong`; what it lacks is made in a thread, and the decision is taken anew, from the state as it is then.

    decided ──▶ decide() ──▶ an outcome
                  │  ▲
       TakesLong  ▼  │  made
                a thread

Parsing and comparing is Python, which runs in one thread at a time anyway: a second would only be a third one to share with. What
takes turns with it is the loop, which so answers everybody else (`process.SHORT_TURN_S`). A piece is bounded by the limits of
its language: about a second for schemas made to be slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

from ottla.registry.errors import too_busy

LARGE_CHARACTERS: Final = 16 * 1024
"""Texts that may take longer than some ten milliseconds to be parsed; shorter ones are parsed on the loop."""
COMPARED_CHARACTERS: Final = 4 * 1024
"""Of the texts to be compared, together. Comparing may take time by the product of their lengths: less is some milliseconds."""
MAX_WAITING: Final = 256
"""Pieces of work; the request that brings one more is refused with 503."""

_Outcome = TypeVar("_Outcome")

Made = dict[Hashable, object]
"""What has been made for one decision; an exception for what could not be."""


class TakesLong(Exception):  # noqa: N818 - a decision is put off
    """`work` has to be done in a thread before the decision can be taken."""

    def __init__(self, key: Hashable, work: Callable[[], object]) -> None:
        super().__init__(key)
        self.key = key
        self.work = work


class LongWork:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._one = asyncio.Semaphore(1)
        self._waiting = 0
        self.on_busy: Callable[[bool], None] = lambda _busy: None
        """Told when a thread begins to work, and when it has ended."""
        self._made: Made | None = None
        """Of the decision being taken."""

    def made(self, key: Hashable, work: Callable[[], _Outcome]) -> _Outcome:
        """What `work` returns or raises: called by a decision. Raises TakesLong where it has not been done yet.

        Outside of `decided` and `attempt` it is done at once.
        """
        if self._made is None:
            return work()
        if key not in self._made:
            raise TakesLong(key, work)
        outcome = self._made[key]
        if isinstance(outcome, Exception):
            raise outcome
        return cast("_Outcome", outcome)

    def attempt(self, decide: Callable[[], _Outcome], made: Made) -> _Outcome:
        """Take a decision with what has been made for it; raises TakesLong."""
        self._made = made
        try:
            return decide()
        finally:
            self._made = None

    async def decided(self, decide: Callable[[], _Outcome], first: TakesLong | None = None) -> _Outcome:
        """What `decide` comes to, which is called until it lacks nothing; `first`: what an attempt has lacked already.

        Raises 503 where too much is waiting.
        """
        made: Made = {}
        lacking = first
        while True:
            if lacking is not None:
                await self.make(lacking, made)
            try:
                return self.attempt(decide, made)
            except TakesLong as found:
                lacking = found

    async def make(self, lacking: TakesLong, made: Made) -> None:
        """Do what a decision lacks, for its next attempt. Raises 503 where too much is waiting."""

        def outcome() -> object:
            try:
                return lacking.work()
            except Exception as error:  # noqa: BLE001 - raised where the decision asks for it
                return error

        made[lacking.key] = await self.run(outcome)

    async def run(self, work: Callable[[], _Outcome]) -> _Outcome:
        """What `work` returns or raises, called in a thread. Raises 503 where too much is waiting."""
        if self._waiting >= MAX_WAITING:
            raise too_busy("Too many large schemas are waiting to be looked at")
        self._waiting += 1
        try:
            async with self._one:
                self.on_busy(True)
                try:
                    return await asyncio.to_thread(work)
                finally:
                    self.on_busy(False)
        finally:
            self._waiting -= 1
