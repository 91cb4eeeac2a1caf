"""What takes long is done beside the loop: others are answered meanwhile, and the answers are what they would be."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conditions import until
from in_process_registry import primary, register, store
from ottla.registry import long_work
from ottla.registry.content import SchemaContent
from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import JsonObject
from ottla.registry.long_work import LongWork, TakesLong
from ottla.registry.parsed_schemas import ParsedSchemas
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Facts, Registry
from ottla.registry.schemas.schema import SchemaType
from ottla.registry.state import RegistryState
from ottla.registry.subject_config import SubjectConfig
from registries import RegistryProcess, record

CONTEXT = "."
MANY_TURNS = 50
"""Of the loop: what is done on it takes a handful."""


def large(count: int = 3_000, **more: object) -> str:
    """A record of many fields."""
    return record("R", *((f"f{number}", "int") for number in range(count)), ("last", str(more or "int")))


def slow(default: int) -> str:
    """A schema of 15 KB that takes long to be compared with another of its kind: a union of many records."""
    records = [
        {"type": "record", "name": f"R{number}", "fields": [{"name": "a", "type": "int", "default": default}]}
        for number in range(150)
    ]
    return json.dumps(records, separators=(",", ":"))


def turns_during(work: Callable[[], Coroutine[Any, Any, object]]) -> int:
    """How often the loop turned for others until it was done."""

    async def run() -> int:
        task = asyncio.create_task(work())
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        return turns

    return asyncio.run(run())


def test_the_loop_turns_while_a_schema_is_parsed() -> None:
    """And who needs it again finds it parsed."""
    schemas = ParsedSchemas(RegistryState())

    def parse() -> object:
        return schemas.parse(CONTEXT, SchemaType.AVRO, large(), new=True)

    assert turns_during(lambda: schemas.long_work.decided(parse)) > MANY_TURNS
    assert parse() is parse()


@pytest.mark.parametrize("cache", [0, 1_000])
def test_the_loop_turns_while_a_large_schema_is_compared(cache: int) -> None:
    """Also where no parsed schema is kept, and the versions before it have to be parsed again."""

    async def compare() -> None:
        registry = await primary(facts=Facts(schema_cache_size=cache))
        await register(registry, "s", large())
        await register(registry, "s", large(2_999))

    assert turns_during(compare) > MANY_TURNS


def test_the_loop_turns_while_a_short_one_is_compared_that_takes_long() -> None:
    """It is the product of their lengths that counts."""

    async def compare() -> None:
        registry = await primary()
        await register(registry, "s", slow(1))
        await register(registry, "s", slow(2))

    assert len(slow(1)) < long_work.LARGE_CHARACTERS
    assert turns_during(compare) > MANY_TURNS


def test_the_loop_turns_while_a_schema_is_compared_with_hundreds_of_short_ones() -> None:
    """All versions of a subject with a transitive level; the one that does not get along is found."""
    state = RegistryState()
    for number in range(300):
        fields = [("a", "int"), *((f"b{each}", "int") for each in range(20))]
        defaults = {name: number for name, _ in fields}
        text = record("R", *fields, **({} if number == 7 else defaults))
        store(state, StoredSchema("s", number + 1, number + 1, SchemaContent(SchemaType.AVRO, text)))
    found: list[RegistryError] = []

    async def compare() -> None:
        registry = await primary(state)
        given: JsonObject = {"compatibilityLevel": "FULL_TRANSITIVE"}
        await registry.set_config("s", SubjectConfig.from_json(given), given)
        try:
            await register(registry, "s", record("R", ("other", "int"), other=1))
        except RegistryError as error:
            found.append(error)

    assert turns_during(compare) > MANY_TURNS
    assert found[0].code == 40901
    assert "oldSchemaVersion: 8}" in found[0].message


@pytest.mark.parametrize("text", [large(3_000, type="no type"), "[" * 100_000, "{"])
def test_what_is_refused_is_refused_all_the_same(text: str) -> None:
    """With the same words, whether it was parsed beside the loop or on it."""
    schemas = ParsedSchemas(RegistryState())

    def refused(*, beside: bool) -> str:
        def parse() -> object:
            return schemas.parse(CONTEXT, SchemaType.AVRO, text)

        with pytest.raises(RegistryError) as error:
            asyncio.run(schemas.long_work.decided(parse)) if beside else parse()
        return str(error.value.message)

    assert refused(beside=True) == refused(beside=False)


def test_a_decision_is_taken_anew_when_what_it_lacked_is_there() -> None:
    """From the state as it is then; each piece is made once; what fails is raised where it was asked for."""
    work = LongWork()
    made: list[str] = []
    state = ["before"]

    def make(name: str) -> str:
        made.append(name)
        state[0] = "after"
        if name == "third":
            raise ValueError(name)
        return name.upper()

    def decide() -> tuple[str, str, str, str]:
        first = work.made("first", lambda: make("first"))
        second = work.made("second", lambda: make("second"))
        try:
            work.made("third", lambda: make("third"))
        except ValueError as error:
            return state[0], first, second, str(error)
        raise AssertionError("what failed was not raised")

    assert asyncio.run(work.decided(decide)) == ("after", "FIRST", "SECOND", "third")
    assert made == ["first", "second", "third"]
    with pytest.raises(TakesLong):
        work.attempt(decide, {})
    assert decide() == ("after", "FIRST", "SECOND", "third")


def test_too_much_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 for whoever comes when the queue is full; those in it are served."""
    monkeypatch.setattr(long_work, "MAX_WAITING", 3)
    go_on = threading.Event()

    async def run() -> list[object]:
        work = LongWork()
        waiting = [asyncio.create_task(work.run(lambda: go_on.wait(60))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(RegistryError) as refused:
            await work.run(lambda: None)
        assert refused.value.status == 503
        go_on.set()
        outcomes: list[object] = [*await asyncio.gather(*waiting)]
        return [*outcomes, await work.run(lambda: "again")]

    assert asyncio.run(run()) == [True, True, True, "again"]


def test_two_registrations_of_one_large_schema_are_one() -> None:
    """Though both are decided while the other is looked at."""

    async def both() -> list[int]:
        registry: Registry = await primary()
        schemas = await asyncio.gather(*(register(registry, f"s{n % 2}", large()) for n in range(4)))
        assert {each.version for each in schemas} == {1}
        return [each.id for each in schemas]

    assert asyncio.run(both()) == [1, 1, 1, 1]


def test_nobody_waits_for_the_order_of_a_write_that_takes_long() -> None:
    """A schema is in the queue of what takes long; settings are changed and other schemas registered meanwhile."""
    go_on = threading.Event()

    async def run() -> None:
        registry = await primary()
        before = asyncio.create_task(registry.work.run(lambda: go_on.wait(60)))
        long = asyncio.create_task(register(registry, "s", large()))
        await asyncio.sleep(0)
        given: JsonObject = {"compatibilityLevel": "FULL"}
        async with asyncio.timeout(30):
            await registry.set_config("s", SubjectConfig.from_json(given), given)
            await register(registry, "s", '"string"')
            await register(registry, "t", '"int"')
        assert not long.done()
        go_on.set()
        assert await before
        # By what holds now, not by what held when it came.
        with pytest.raises(RegistryError) as refused:
            await long
        assert refused.value.code == 40901

    asyncio.run(run())


def test_versions_that_come_in_between_are_compared_with_too() -> None:
    """Hundreds of versions, and more of them while the first are being compared with."""
    state = RegistryState()

    def version(number: int) -> StoredSchema:
        fields = [(f"f{each}", "int") for each in range(40)]
        text = record("R", *fields, **{name: number for name, _ in fields})
        return StoredSchema("s", number, number, SchemaContent(SchemaType.AVRO, text))

    for number in range(1, 101):
        store(state, version(number))

    async def run() -> None:
        registry = await primary(state)
        given: JsonObject = {"compatibilityLevel": "FULL_TRANSITIVE"}
        await registry.set_config("s", SubjectConfig.from_json(given), given)
        registering = asyncio.create_task(register(registry, "s", record("R", ("other", "int"), other=1)))
        for number in range(101, 140):
            await asyncio.sleep(0)
            if not registering.done():
                store(state, version(number))
        schema = await registering
        assert schema.version == state.last_version("s")

    asyncio.run(run())


def test_large_schemas_over_rest(registry: RegistryProcess, subject: str) -> None:
    """Checked, registered, looked up, told in a format and refused like others."""
    path = f"/subjects/{subject}/versions"
    schema_id = registry.register(subject, large())
    assert registry.register(subject, json.dumps(json.loads(large()), indent=1)) == schema_id
    assert registry.post(f"/subjects/{subject}", {"schema": large()}).body["id"] == schema_id
    assert registry.post(f"/subjects/{subject}?normalize=true", {"schema": large()}).body["id"] == schema_id
    assert registry.post(f"/subjects/{subject}", {"schema": large(3_001)}).error == (404, 40403)
    assert registry.get(f"{path}/1?format=resolved").body["schema"] == json.dumps(
        json.loads(large()), separators=(",", ":")
    )
    verdict = registry.post(f"/compatibility{path}/latest", {"schema": large(3_001)})
    assert verdict.body == {"is_compatible": False}
    assert registry.post(path, {"schema": large(3_001)}).error == (409, 40901)
    assert registry.post(path, {"schema": large(3_000, type="no type")}).error == (422, 42201)
    assert registry.post(f"{path}-nowhere", {"schema": large()}).status == 404
    assert registry.post(f"/subjects/{subject}-none", {"schema": large()}).error == (404, 40401)


def test_others_are_answered_while_schemas_are_compared(registry: RegistryProcess, subject: str) -> None:
    """Several requests, one after the other, within one comparison of schemas that are made to be slow."""
    path = f"/compatibility/subjects/{subject}/versions/latest"
    registry.register(subject, slow(1))
    compared: list[int] = []
    enough = threading.Event()

    def compare() -> None:
        while not enough.is_set():
            verdict = registry.post(path, {"schema": slow(2 + len(compared))})
            compared.append(verdict.status)

    def answered_within_one() -> int:
        answered, before = 0, len(compared)
        while len(compared) == before and answered < 3:
            assert registry.get("/schemas/types").status == 200
            answered += 1
        return answered if len(compared) == before else 0

    comparing = threading.Thread(target=compare)
    comparing.start()
    try:
        until(answered_within_one, lambda answered: answered == 3)
    finally:
        enough.set()
        comparing.join()
    assert set(compared) == {200}


@pytest.mark.parametrize("schema_type", [SchemaType.AVRO, SchemaType.JSON])
def test_a_text_of_millions_of_values_is_refused(schema_type: SchemaType) -> None:
    """Before any of them is made; one of as many characters that are words is read."""
    schemas = ParsedSchemas(RegistryState())
    with pytest.raises(RegistryError) as refused:
        schemas.parse(CONTEXT, schema_type, '{"type": [' + "[]," * 1_000_000 + "[]]}")
    assert refused.value.code == 42201
    assert "more than 500000 brackets" in refused.value.message
    text = json.dumps({"type": "record", "name": "R", "fields": [], "doc": "x" * 3_000_000})
    if schema_type is SchemaType.JSON:
        text = json.dumps({"type": "object", "description": "x" * 3_000_000})
    assert len(schemas.parse(CONTEXT, schema_type, text).canonical) > 3_000_000
