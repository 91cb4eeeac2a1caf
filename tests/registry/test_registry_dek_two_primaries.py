"""Two registries that both take themselves for the primary write the same keys at once: everybody ends with the same ones.

The topic is a list here, so that a seed decides who reads when.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.dek.dek_registry import DekRegistry
from ottla.registry.dek.records import Algorithm, Dek, Kek, KeyId, decode
from ottla.registry.dek.shared_keys import SharedKeys
from ottla.registry.dek.state import KeyState
from ottla.registry.errors import RegistryError
from ottla.registry.registry import Registry, Role
from ottla.registry.state import Conflict, RegistryState

KEK = Kek("k", "local-kms", "id", {"secret": "of the tests"}, None, shared=True)
VERSIONS = (1, 2, 3)
EXISTS = 40971


class NoSchemas:
    """The topic of schemas, which nobody writes here."""

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[Conflict]:
        return []


class Node:
    """A registry that believes it is the primary, and reads the log when it likes."""

    def __init__(self, log: list[tuple[bytes, bytes | None]], chance: random.Random) -> None:
        self._log = log
        self._chance = chance
        self._position = 0
        self._own: dict[int, KeyId | None] = {}
        self.state = KeyState()
        registry = Registry(RegistryState(), NoSchemas())
        registry.role = Role.PRIMARY
        self.keys = DekRegistry(registry, self.state, self, SharedKeys({}), max_keys=100)

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[KeyId]:
        await self._wait()
        offsets = range(len(self._log), len(self._log) + len(writes))
        self._log += writes
        self._own |= dict.fromkeys(offsets)
        await self._wait()
        self.read(offsets.stop)
        told = [self._own.pop(offset) for offset in offsets]
        return [each for each in told if each is not None]

    async def _wait(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)

    def read(self, end: int) -> None:
        for offset in range(self._position, end):
            key, value = self._log[offset]
            contested = self.state.apply(decode(key, value, 1), key)
            if offset in self._own:
                self._own[offset] = contested
            elif contested is not None:
                self.keys.resolve(contested)
        self._position = max(self._position, end)

    async def create_all(self) -> dict[int, str]:
        """The keys that were answered, by version."""
        answered = {}
        for version in VERSIONS:
            wanted = Dek("k", "s", Algorithm.AES256_GCM, version, None)
            try:
                made = await self.keys.create_dek(wanted, rewrap=False)
            except RegistryError as error:
                assert error.code == EXISTS
            else:
                answered[version] = self.keys.shared_keys.opened(KEK, made)
        return answered


@given(st.integers(0, 2**32), st.integers(2, 3))
def test_each_key_is_given_once_and_stays(seed: int, count: int) -> None:
    """Who came second is told so, and what was answered is what all of them have, and whoever reads the topic later."""

    async def run() -> None:
        log: list[tuple[bytes, bytes | None]] = []
        chance = random.Random(seed)
        nodes = [Node(log, chance) for _ in range(count)]
        await nodes[0].keys.create_kek(KEK)
        answered = await asyncio.gather(*(node.create_all() for node in nodes))
        given_keys = {version: key for keys in answered for version, key in keys.items()}
        assert sorted(version for keys in answered for version in keys) == list(VERSIONS)
        await nodes[0].keys.undelete_kek("k")
        late = Node(log, chance)
        for node in (*nodes, late):
            node.read(len(log))
            held = node.state.versions("k", "s", Algorithm.AES256_GCM)
            assert {dek.version: node.keys.shared_keys.opened(KEK, dek) for dek in held} == given_keys

    asyncio.run(run())
