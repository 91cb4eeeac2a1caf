"""Ids for idempotent producers, handed out from a block that belongs to this broker alone.

Source: Apache's `RPCProducerIdManager`: the next block is asked for when a tenth of this one is left.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from ottla.protocol.errors import ErrorCode, KafkaError


class Block(Protocol):
    """Ids `first` to `first + size - 1`."""

    @property
    def first(self) -> int: ...

    @property
    def size(self) -> int: ...


_PREFETCH_SHARE = 10


class ProducerIds:
    """Used on the loop's thread."""

    def __init__(self, allocate: Callable[[], Awaitable[Block]]) -> None:
        self._allocate = allocate
        self._next = 0
        self._end = 0
        self._following: tuple[int, int] | None = None
        self._fetching: asyncio.Task[None] | None = None

    def next(self) -> int | None:
        """An id, or None when the block is used up and the next one has not come yet."""
        if self._next >= self._end:
            if self._following is None:
                return None
            self._next, self._end = self._following
            self._following = None
        producer_id = self._next
        self._next += 1
        if self._following is None and (self._end - self._next) * _PREFETCH_SHARE <= self._end - producer_id:
            self._fetch()
        return producer_id

    @property
    def is_empty(self) -> bool:
        """Whether `next` has none."""
        return self._next >= self._end and self._following is None

    async def fill(self) -> None:
        """Wait for a block if there is no id at hand. Raises what the allocation raises."""
        while self.is_empty:
            await asyncio.shield(self._fetch())

    def next_or_refuse(self) -> int:
        """An id. Raises `KafkaError` COORDINATOR_LOAD_IN_PROGRESS when a block has to be waited for, and asks for it."""
        producer_id = self.next()
        if producer_id is None:
            self._fetch()
            raise KafkaError(
                ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "The next block of producer ids has not come yet"
            )
        return producer_id

    async def close(self) -> None:
        """Give up what is being asked for."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _fetch(self) -> "asyncio.Task[None]":
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.get_running_loop().create_task(self._take_block())
            # A prefetch that fails is asked for again when an id is needed, and told then.
            self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._fetching

    async def _take_block(self) -> None:
        block = await self._allocate()
        self._following = (block.first, block.first + block.size)
