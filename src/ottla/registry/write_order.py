"""Which writes may be under way together: those of different subjects and contents, or one that concerns more than that.

Registering decides by what is there and is there itself only once it is durable; meanwhile nobody else may decide by the
same things. Different subjects don't meet, so that many can wait for the broker at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager


class WriteOrder:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._held: dict[str | bytes, asyncio.Lock] = {}
        self._waiting: dict[str | bytes, int] = {}
        self._shared = 0
        self._free = asyncio.Condition()
        self._alone = False

    @asynccontextmanager
    async def of(self, subject: str) -> AsyncIterator[None]:
        """While registering under a subject."""
        async with self._together(), self.holding(subject):
            yield

    @asynccontextmanager
    async def of_all(self, keys: Callable[[], Iterable[str]]) -> AsyncIterator[None]:
        """While what concerns several subjects is written; `keys` tells them when no setting changes any more."""
        async with self._together(), AsyncExitStack() as held:
            # Always in one order: two that wait for each other's would wait for good.
            for key in sorted(set(keys())):
                await held.enter_async_context(self.holding(key))
            yield

    @asynccontextmanager
    async def _together(self) -> AsyncIterator[None]:
        """While nobody is alone."""
        async with self._free:
            await self._free.wait_for(lambda: not self._alone)
            self._shared += 1
        try:
            yield
        finally:
            self._shared -= 1
            if not self._shared:
                async with self._free:
                    self._free.notify_all()

    @asynccontextmanager
    async def holding(self, key: str | bytes) -> AsyncIterator[None]:
        """While nobody else holds the same key. A subject comes before a content, always."""
        lock = self._held.setdefault(key, asyncio.Lock())
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._held[key]

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While nothing else is written: deletions, settings, modes."""
        async with self._free:
            await self._free.wait_for(lambda: not self._alone)
            self._alone = True
        try:
            async with self._free:
                await self._free.wait_for(lambda: not self._shared)
            yield
        finally:
            async with self._free:
                self._alone = False
                self._free.notify_all()
