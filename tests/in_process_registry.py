"""A registry without Kafka and HTTP, for what only its own loop shows: how much a write does, and who is served meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from ottla.registry.records import StoredSchema, decode, schema_key, schema_value
from ottla.registry.registration import Submitted
from ottla.registry.registry import Facts, Registry
from ottla.registry.state import Conflict, RegistryState


class AppliedAtOnce:
    """A topic whose broker is infinitely quick: what is written is part of the state when it is asked for again."""

    def __init__(self, state: RegistryState) -> None:
        self._state = state

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[Conflict]:
        found = [self._state.apply(decode(key, value), key) for key, value in writes]
        return [conflict for conflict in found if conflict is not None]


async def primary(state: RegistryState | None = None, facts: Facts | None = None) -> Registry:
    """One that may write. Belongs to the running loop."""
    state = state or RegistryState()
    registry = Registry(state, AppliedAtOnce(state), facts)
    await registry.lead("http://127.0.0.1:8081")
    return registry


def store(state: RegistryState, schema: StoredSchema) -> None:
    """As if it had been in the topic."""
    key = schema_key(schema.subject, schema.version)
    state.apply(decode(key, schema_value(schema)), key)


async def register(registry: Registry, subject: str, text: str, schema_type: str = "AVRO") -> StoredSchema:
    return await registry.register(subject, Submitted(schema_type, text), normalize=False)
