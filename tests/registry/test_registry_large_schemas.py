"""Large schemas are parsed beside the loop: others are answered meanwhile, and the answers are what they would be."""

from __future__ import annotations

import asyncio
import json

import pytest

from ottla.registry.errors import RegistryError
from ottla.registry.parsed_schemas import ParsedSchemas
from ottla.registry.schemas.schema import SchemaType
from ottla.registry.state import RegistryState
from registries import RegistryProcess, record

CONTEXT = "."


def large(count: int = 3_000, **more: object) -> str:
    """A record of many fields."""
    return record("R", *((f"f{number}", "int") for number in range(count)), ("last", str(more or "int")))


def test_the_loop_turns_while_a_schema_is_parsed() -> None:
    """And whoever needs it then finds it parsed."""
    schemas = ParsedSchemas(RegistryState())

    async def parse() -> int:
        ahead = asyncio.create_task(schemas.parse_ahead(CONTEXT, SchemaType.AVRO, large(), new=True))
        turns = 0
        while not ahead.done():
            await asyncio.sleep(0)
            turns += 1
        await ahead
        return turns

    assert asyncio.run(parse()) > 3
    found = schemas.parse(CONTEXT, SchemaType.AVRO, large(), new=True)
    assert found is schemas.parse(CONTEXT, SchemaType.AVRO, large(), new=True)


@pytest.mark.parametrize("text", [large(3_000, type="no type"), "[" * 100_000, "{"])
def test_what_is_refused_is_refused_all_the_same(text: str) -> None:
    """With the same words, whether it was parsed ahead or not."""

    def refused(schemas: ParsedSchemas) -> str:
        with pytest.raises(RegistryError) as error:
            schemas.parse(CONTEXT, SchemaType.AVRO, text)
        return str(error.value.message)

    ahead = ParsedSchemas(RegistryState())
    asyncio.run(ahead.parse_ahead(CONTEXT, SchemaType.AVRO, text))
    assert refused(ahead) == refused(ParsedSchemas(RegistryState()))


def test_large_schemas_over_rest(registry: RegistryProcess, subject: str) -> None:
    """Checked, registered, looked up and refused like others."""
    path = f"/subjects/{subject}/versions"
    schema_id = registry.register(subject, large())
    assert registry.register(subject, json.dumps(json.loads(large()), indent=1)) == schema_id
    assert registry.post(f"/subjects/{subject}", {"schema": large()}).body["id"] == schema_id
    assert registry.post(f"/subjects/{subject}", {"schema": large(3_001)}).error == (404, 40403)
    verdict = registry.post(f"/compatibility{path}/latest", {"schema": large(3_001)})
    assert verdict.body == {"is_compatible": False}
    assert registry.post(path, {"schema": large(3_001)}).error == (409, 40901)
    assert registry.post(path, {"schema": large(3_000, type="no type")}).error == (422, 42201)
    assert registry.post(f"{path}-nowhere", {"schema": large()}).status == 404
    assert registry.post(f"/subjects/{subject}-none", {"schema": large()}).error == (404, 40401)
