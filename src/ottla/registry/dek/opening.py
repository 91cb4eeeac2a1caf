"""The DEK registry is made by the first request that needs it: its topic, its threads and its libraries are not there before.

Requests that come meanwhile wait for the same one, each as long as for a write. If it fails, they are answered with 50001 and
the next one tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.registry.errors import store_failed, timed_out
from ottla.registry.schemas_topic import Place, StartError, StateTopic

if TYPE_CHECKING:
    from ottla.registry.dek.dek_registry import DekRegistry
    from ottla.registry.dek.records import KeyId, KeyRecord
    from ottla.registry.registry import Registry


class DekRegistryOnFirstUse:
    """Belongs to one event loop. `client` are librdkafka's properties, `environment` the process's."""

    def __init__(
        self,
        registry: Registry,
        place: Place,
        client: Mapping[str, str],
        environment: Mapping[str, str],
        *,
        max_keys: int,
    ) -> None:
        self._registry = registry
        self._place = place
        self._client = client
        self._environment = environment
        self._max_keys = max_keys
        self._opening: asyncio.Task[DekRegistry] | None = None
        self._topic: StateTopic[KeyRecord, KeyId] | None = None

    async def opened(self) -> DekRegistry:
        """The DEK registry with its topic read; raises 50001, or 50002 while it is being read."""
        if self._opening is None or _has_failed(self._opening):
            self._opening = asyncio.create_task(self._open())
        try:
            async with asyncio.timeout(self._place.write_timeout_s):
                # Whoever gives up waiting does not end it for the others.
                return await asyncio.shield(self._opening)
        except StartError as error:
            raise store_failed(f"The keys can't be read: {error}") from None
        except TimeoutError:
            raise timed_out(f"Topic {self._place.topic} is still being read") from None

    async def stop(self) -> None:
        """End the threads; what is under way fails."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._topic is not None:
            await self._topic.stop()

    async def _open(self) -> DekRegistry:
        from ottla.registry.dek import records  # noqa: PLC0415 - loaded by the first use, as the module's head says
        from ottla.registry.dek.dek_registry import DekRegistry  # noqa: PLC0415
        from ottla.registry.dek.shared_keys import SharedKeys  # noqa: PLC0415
        from ottla.registry.dek.state import KeyState  # noqa: PLC0415

        state = KeyState()
        topic: StateTopic[KeyRecord, KeyId] = StateTopic(state, records.decode, self._place, self._client)
        found = DekRegistry(
            self._registry, state, topic, SharedKeys(self._environment), max_keys=self._max_keys
        )
        topic.on_conflict = found.resolve
        self._topic = topic
        try:
            await topic.start()
        except BaseException:
            await topic.stop()
            self._topic = None
            raise
        return found


def _has_failed(task: asyncio.Task[DekRegistry]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
