"""Any JSON at all is a schema or an InvalidSchema, and schemas can be compared whatever they say."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Schema, SchemaType

KEYWORDS = {
    SchemaType.AVRO: [
        *("type", "name", "namespace", "fields", "items", "values", "symbols", "size"),
        *("default", "aliases", "doc", "order", "logicalType"),
    ],
    SchemaType.JSON: [
        *("$schema", "$id", "id", "$ref", "$anchor", "$dynamicRef", "$defs", "definitions", "type", "enum"),
        *("const", "title", "default", "allOf", "anyOf", "oneOf", "not", "if", "then", "properties"),
        *("patternProperties", "additionalProperties", "unevaluatedProperties", "required", "dependencies"),
        *("dependentRequired", "dependentSchemas", "propertyNames", "minProperties", "items", "prefixItems"),
        *("additionalItems", "unevaluatedItems", "contains", "minContains", "uniqueItems", "maxItems"),
        *("minLength", "pattern", "format", "minimum", "exclusiveMaximum", "multipleOf", "connect.type"),
    ],
}
VALUES = {
    SchemaType.AVRO: ["record", "enum", "fixed", "array", "map", "int", "string", "null", "A", "x.A", "a-b"],
    SchemaType.JSON: [
        *("string", "integer", "object", "array", "#", "#/definitions/a", "#/$defs/a", "#a", "a", "a.json"),
        *("http://x.org/a.json", "http://json-schema.org/draft-04/schema#", "^a", "(", "(?=a)"),
        "https://json-schema.org/draft/2020-12/schema",
    ],
}


def values(schema_type: SchemaType) -> st.SearchStrategy[Any]:
    """JSON of the words of a schema language, put together without any sense."""
    words = st.sampled_from(VALUES[schema_type])
    names = st.sampled_from([*KEYWORDS[schema_type], "a"])
    leaves = st.one_of(
        words, st.booleans(), st.none(), st.sampled_from([-1, 0, 1, 2.5, 10**30]), st.text(max_size=3)
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
        max_leaves=12,
    )


def documents(schema_type: SchemaType) -> st.SearchStrategy[Any]:
    """Objects whose members hold what the language expects there, more often than not."""
    if schema_type is SchemaType.AVRO:
        return values(schema_type)
    anything = values(schema_type)
    schemas = st.deferred(lambda: objects)
    named = st.dictionaries(st.sampled_from(["a", "b", "$ref"]), schemas, max_size=2)
    names = st.lists(st.sampled_from(["a", "b"]), max_size=2)
    counts = st.sampled_from([0, 1, 2, 2.5])
    types = st.sampled_from(["string", "integer", "object", "array", "null", ["string", "null"]])
    fitting = {
        **dict.fromkeys(
            ("properties", "$defs", "definitions", "dependentSchemas", "patternProperties"), named
        ),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), st.lists(schemas, max_size=3)),
        **dict.fromkeys(
            ("not", "items", "additionalProperties", "unevaluatedItems", "contains", "if"), schemas
        ),
        **dict.fromkeys(("minItems", "maxLength", "minimum", "multipleOf", "minContains"), counts),
        **dict.fromkeys(("type",), types),
        **dict.fromkeys(("required",), names),
        **dict.fromkeys(("enum", "default", "const"), st.lists(anything, max_size=2)),
        **dict.fromkeys(("$ref",), st.sampled_from(["#", "#/definitions/a", "#/$defs/b", "#/properties/a"])),
        **dict.fromkeys(("$schema",), st.just("https://json-schema.org/draft/2020-12/schema")),
    }
    pairs = [st.tuples(st.just(keyword), strategy) for keyword, strategy in fitting.items()]
    fit = st.one_of(*pairs)
    odd = st.tuples(st.sampled_from(KEYWORDS[schema_type]), anything)
    objects: st.SearchStrategy[Any] = st.one_of(
        st.booleans(), st.lists(st.one_of(fit, fit, fit, odd), max_size=4).map(dict)
    )
    return objects


def schema_or_none(schema_type: SchemaType, json_value: Any) -> Schema | None:
    try:
        return parse(schema_type, json.dumps(json_value), new=True)
    except InvalidSchema as error:
        assert str(error)
        return None


@pytest.mark.parametrize("schema_type", [SchemaType.AVRO, SchemaType.JSON])
def test_any_json(schema_type: SchemaType) -> None:
    """Nothing but InvalidSchema comes out of a parser; what it takes is read the same from its canonical text."""

    @settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(one=documents(schema_type), other=documents(schema_type))
    def any_json(one: Any, other: Any) -> None:
        reader, writer = schema_or_none(schema_type, one), schema_or_none(schema_type, other)
        for made in (reader, writer):
            if made is not None:
                again = parse(schema_type, made.canonical)
                assert again == made
                assert parse(schema_type, made.normalized).normalized == made.normalized
                assert made.has_top_level_field("a") in (True, False)
        if reader is not None and writer is not None:
            check(CompatibilityLevel.FULL, reader, [writer])

    any_json()


@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text(text: str) -> None:
    """No text does harm, be it JSON or not."""
    for schema_type in (SchemaType.AVRO, SchemaType.JSON):
        try:
            parse(schema_type, text)
        except InvalidSchema as error:
            assert str(error)
