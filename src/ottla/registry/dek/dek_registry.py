"""The DEK registry: keys told from its state, and written by the primary alone.

It is the primary that the registry's group has elected, of schemas and of keys. Before its first write of a term it writes a
marker and reads past it, so that it decides by all that an earlier primary wrote before. What one writes that doesn't know
yet that it is replaced has no effect if it is about a key that the new one wrote (`state.py`): whoever wrote it decides
again, and the primary writes after it what holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from ottla.registry.dek import changes
from ottla.registry.dek.changes import KekUpdate, Versions
from ottla.registry.dek.records import MARKER_KEY, Dek, Kek, KeyId
from ottla.registry.dek.state import KeyState
from ottla.registry.errors import RegistryError, no_leader, store_failed
from ottla.registry.registration import Write
from ottla.registry.registry import Registry

if TYPE_CHECKING:
    from ottla.registry.dek.shared_keys import SharedKeys

MAX_ATTEMPTS: Final = 5
"""How often a change is decided again because another primary's came first."""

_log = logging.getLogger("ottla.registry")


class KeysTopic(Protocol):
    """What is needed of the topic."""

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[KeyId]: ...


class DekRegistry:
    """Belongs to one event loop."""

    def __init__(
        self, registry: Registry, state: KeyState, topic: KeysTopic, shared_keys: SharedKeys, *, max_keys: int
    ) -> None:
        self.state = state
        self.shared_keys = shared_keys
        self._registry = registry
        self._topic = topic
        self._max_keys = max_keys
        self._changing = asyncio.Lock()
        self._term: asyncio.Future[None] | None = None
        """The term as primary whose marker has been read."""
        self._tasks: set[asyncio.Task[None]] = set()

    # Changes

    async def create_kek(self, kek: Kek) -> Kek:
        """The KEK as it is stored."""
        await self._change(lambda: changes.create_kek(self.state, kek, max_keys=self._max_keys))
        return changes.known_kek(self.state, kek.name)

    async def update_kek(self, name: str, update: KekUpdate) -> Kek:
        """The KEK as it is afterwards."""
        await self._change(lambda: changes.update_kek(self.state, name, update))
        return changes.known_kek(self.state, name)

    async def delete_kek(self, name: str, *, permanent: bool) -> None:
        await self._change(lambda: changes.delete_kek(self.state, name, permanent=permanent))

    async def undelete_kek(self, name: str) -> None:
        await self._change(lambda: changes.undelete_kek(self.state, name))

    async def create_dek(self, dek: Dek, *, rewrap: bool) -> Dek:
        """The DEK as it is stored."""

        def decide() -> list[Write]:
            return changes.create_dek(
                self.state, dek, self.shared_keys, rewrap=rewrap, max_keys=self._max_keys
            )

        await self._change(decide)
        return changes.found_dek(self.state, dek.id, deleted=True)

    async def delete_deks(self, versions: Versions, *, permanent: bool) -> None:
        await self._change(lambda: changes.delete_deks(self.state, versions, permanent=permanent))

    async def undelete_deks(self, versions: Versions) -> None:
        await self._change(lambda: changes.undelete_deks(self.state, versions))

    async def _change(self, decide: Callable[[], list[Write]]) -> None:
        """Raises RegistryError, 50004 where this is not the primary."""
        async with self._changing:
            for _ in range(MAX_ATTEMPTS):
                await self._catch_up()
                if not await self._write(decide()):
                    return
        raise store_failed("Error while writing the key: other registries write it too")

    async def _catch_up(self) -> None:
        """Know all that was written before; raises 50004."""
        if not self._registry.is_primary:
            raise no_leader()
        term = self._registry.term
        if self._term is not term:
            await self._write([Write(MARKER_KEY, None)])
            self._term = term
        await self._restore()

    async def _restore(self) -> None:
        writes = changes.restored(self.state)
        if writes:
            _log.warning("%d keys were written twice; what came second is taken back", len(writes))
            await self._write(writes)

    async def _write(self, writes: list[Write]) -> list[KeyId]:
        if not self._registry.is_primary:
            raise no_leader()
        return await self._topic.append(writes)

    # Others' records

    def resolve(self, key_id: KeyId) -> None:  # noqa: ARG002 - the state knows all that are contested
        """A record without effect has come in: the primary writes after it what holds."""
        if self._registry.is_primary:
            task = asyncio.create_task(self._resolve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _resolve(self) -> None:
        try:
            async with self._changing:
                await self._catch_up()
        except RegistryError as error:
            _log.warning("Keys that were written twice could not be put right: %s", error)
