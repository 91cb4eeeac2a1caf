"""What a write or a read takes does not depend on how much is stored: counted, not timed.

Python's own steps are counted one by one, and what C does at once, such as copying a list, shows in the memory it takes.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import Any

import pytest

from in_process_registry import primary, register, store
from ottla.registry.content import SchemaContent
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Facts, Registry
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.messages import Answer, Request
from ottla.registry.schemas.schema import SchemaType
from ottla.registry.state import RegistryState
from ottla.registry.subject_config import SubjectConfig
from registries import record

FEW, MANY = 50, 5_000
SHARED = '"string"'
ROUNDS = 7
"""A dictionary that grows copies itself once in a while: the cheapest round is one without."""
STEPS_APART, BYTES_APART = 100, 4_096

Act = Callable[[Registry, int], Awaitable[object]]


class NoForwarder:
    """The registry in question is the primary."""

    async def forward(self, url: str, request: Request) -> Answer:
        raise AssertionError(f"{request.target} was passed on to {url}")


def filled(amount: int) -> RegistryState:
    """Subjects of one schema each, a schema that as many subjects share, and a subject with as many versions."""
    state = RegistryState()
    for number in range(amount):
        own = SchemaContent(SchemaType.AVRO, record(f"R{number}", ("a", "int")))
        store(state, StoredSchema(f"own-{number}", 1, 10 + 2 * number, own))
        store(state, StoredSchema(f"key-{number}", 1, 1, SchemaContent(SchemaType.AVRO, SHARED)))
        version = SchemaContent(SchemaType.AVRO, record("V", ("a", "int"), a=number))
        store(state, StoredSchema("versions", number + 1, 11 + 2 * number, version))
    assert len(state.subject_names()) == 2 * amount + 1
    return state


@contextmanager
def counted(steps: list[int]) -> Iterator[None]:
    """The steps that Python takes inside."""
    taken = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        taken += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
        steps.append(taken)


def cost(amount: int, act: Act) -> tuple[int, int]:
    """Steps and bytes that one act takes where so much is stored."""
    steps: list[int] = []
    sizes: list[int] = []

    async def run() -> None:
        registry = await primary(filled(amount), Facts(schema_cache_size=10))
        numbers = count()
        await act(registry, next(numbers))  # what is loaded or listed once
        for _ in range(ROUNDS):
            with counted(steps):
                await act(registry, next(numbers))
        tracemalloc.start()
        try:
            for _ in range(ROUNDS):
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                await act(registry, next(numbers))
                sizes.append(tracemalloc.get_traced_memory()[1] - before)
        finally:
            tracemalloc.stop()

    gc.disable()
    try:
        asyncio.run(run())
    finally:
        gc.enable()
    return min(steps), min(sizes)


async def a_new_schema(registry: Registry, number: int) -> None:
    await register(registry, f"new-{number}", record(f"N{number}", ("a", "int")))


async def a_known_schema_under_a_new_subject(registry: Registry, number: int) -> None:
    await register(registry, f"new-key-{number}", SHARED)


async def a_new_version(registry: Registry, number: int) -> None:
    await register(registry, "versions", record("V", ("a", "int"), a=-1 - number))


async def a_deletion(registry: Registry, number: int) -> None:
    schema = registry.state.latest(f"own-{number}")
    assert schema is not None
    await registry.delete_version(schema, permanent=False)


def asked(method: str, target: str, query: str = "", body: bytes = b"") -> Act:
    async def ask(registry: Registry, _number: int) -> None:
        answer = Dispatch(registry, NoForwarder()).at_once(Request(method, target, query, {}, body))
        assert answer is not None
        assert answer.status == 200, answer.body

    return ask


REGISTERED = b'{"schema": "\\"string\\""}'
ACTS: dict[str, Act] = {
    "new schema": a_new_schema,
    "known schema, new subject": a_known_schema_under_a_new_subject,
    "new version": a_new_version,
    "deletion": a_deletion,
    "by id": asked("GET", "/schemas/ids/12"),
    "by id of many subjects": asked("GET", "/schemas/ids/1"),
    "by id and subject": asked("GET", "/schemas/ids/1", "subject=key-40"),
    "latest": asked("GET", "/subjects/versions/versions/latest"),
    "registered": asked("POST", "/subjects/key-40/versions", body=REGISTERED),
    "looked up": asked("POST", "/subjects/key-40", body=REGISTERED),
}


@pytest.mark.parametrize("name", ACTS)
def test_it_takes_as_much_with_a_hundred_times_as_much_stored(name: str) -> None:
    """The same steps, give or take those of a longer number, and no memory that grows."""
    few, many = cost(FEW, ACTS[name]), cost(MANY, ACTS[name])
    assert many[0] <= few[0] + STEPS_APART, "steps"
    assert many[1] <= few[1] + BYTES_APART, "bytes"


def test_subjects_are_listed_without_sorting_them_anew() -> None:
    """After a write as after a deletion for good: the list is kept in order."""

    async def run() -> None:
        state = filled(FEW)
        registry = await primary(state)
        names = state.subject_names()
        for number in range(20):
            await register(registry, f"{(number * 7) % 20:02}-new", record(f"N{number}", ("a", "int")))
        assert state.subject_names() is names
        for permanent in (False, True):
            await registry.delete_subject("own-7", permanent=permanent)
        assert state.subject_names() is names
        assert names == sorted(names)
        assert "own-7" not in names

    asyncio.run(run())


def test_settings_are_looked_up_only_where_there_are_any() -> None:
    """Without any of them, nothing is put together for a subject."""
    state = RegistryState()
    assert state.config_in_scope("a") is state.config_in_scope("b")
    assert isinstance(state.config_in_scope("a"), SubjectConfig)
