"""JSON Schemas of drafts 4, 6 and 7 as the library reads them by which Confluent's registry compares schemas: kinds that
change are what it calls TYPE_CHANGED, so each schema must become the same kinds here."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.registry.schemas.json_schema import JsonSchema
from ottla.registry.schemas.json_schema_shapes import (
    Anything,
    Array,
    Boolean,
    Combined,
    Conditional,
    Constant,
    Empty,
    Enumeration,
    Negation,
    Nothing,
    Null,
    Numeric,
    Object,
    Shape,
    Text,
    Unset,
)
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, SchemaType
from schema_judges import JsonSchemaJudge

DRAFTS = [f"http://json-schema.org/draft-0{draft}/schema#" for draft in (4, 6, 7)]
KINDS = {
    Anything: "True",
    Array: "Array",
    Boolean: "Boolean",
    Combined: "Combined",
    Conditional: "Conditional",
    Constant: "Const",
    Empty: "Empty",
    Enumeration: "Enum",
    Negation: "Not",
    Nothing: "False",
    Null: "Null",
    Numeric: "Number",
    Object: "Object",
    Text: "String",
}


@pytest.fixture(scope="module")
def judge() -> Iterator[JsonSchemaJudge]:
    with JsonSchemaJudge() as judge:
        yield judge


def documents() -> st.SearchStrategy[Any]:
    """Schemas of keywords that mostly hold what they should."""
    schemas = st.deferred(lambda: objects)
    named = st.dictionaries(st.sampled_from(["a", "b"]), schemas, max_size=2)
    names = st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True)
    kinds = ["string", "number", "integer", "object", "array", "boolean", "null"]
    fitting = {
        **dict.fromkeys(("properties", "patternProperties"), named),
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), st.lists(schemas, min_size=1, max_size=3)),
        **dict.fromkeys(("not", "contains", "propertyNames", "if", "then", "else"), schemas),
        **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), st.integers(0, 3)),
        **dict.fromkeys(("minProperties", "maxProperties", "minContains"), st.integers(0, 3)),
        **dict.fromkeys(("minimum", "exclusiveMaximum", "multipleOf"), st.sampled_from([1, 2.5, 0])),
        **dict.fromkeys(("additionalProperties", "additionalItems"), st.one_of(st.booleans(), schemas)),
        **dict.fromkeys(("title", "format", "pattern", "id", "$id"), st.sampled_from(["a", "date", "x"])),
        "uniqueItems": st.booleans(),
        "items": st.one_of(schemas, st.lists(schemas, max_size=3)),
        "required": names,
        "dependencies": st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(names, schemas), max_size=2),
        "type": st.one_of(
            st.sampled_from(kinds), st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True)
        ),
        "enum": st.lists(st.sampled_from(["a", 1, None, True, {"x": 1}]), max_size=3),
        "const": st.sampled_from(["a", 1, [1]]),
        "default": st.sampled_from(["a", None, {}]),
        "unknown": st.sampled_from([1, {"type": 5}]),
    }
    pairs = st.one_of(*(st.tuples(st.just(keyword), value) for keyword, value in fitting.items()))
    members = st.lists(pairs, max_size=4).map(dict)
    objects: st.SearchStrategy[Any] = st.one_of(members, members, st.booleans())
    return st.tuples(members, st.sampled_from(DRAFTS)).map(lambda made: {"$schema": made[1], **made[0]})


def described(shape: Shape | bool | None) -> Any:
    """A shape as the judge tells its own."""
    if not isinstance(shape, Shape):
        return shape
    parts: dict[str, Any] = {"kind": KINDS[type(shape)], "title": shape.title, "id": shape.id}
    parts["default"] = not isinstance(shape.default, Unset)
    match shape:
        case Text():
            parts |= {"minLength": shape.min_length, "maxLength": shape.max_length, "pattern": shape.pattern}
        case Numeric():
            parts |= {"integer": shape.integer, "multipleOf": number(shape.multiple_of)}
            parts |= {"minimum": number(shape.minimum), "maximum": number(shape.maximum)}
            parts["exclusiveMinimum"] = number(shape.exclusive_minimum)
            parts["exclusiveMaximum"] = number(shape.exclusive_maximum)
        case Enumeration():
            parts["values"] = len(shape.values)
        case Negation():
            parts["not"] = described(shape.shape)
        case Combined():
            parts |= {"criterion": shape.criterion, "shapes": [described(part) for part in shape.shapes]}
        case Array():
            parts |= {
                "allItems": described(shape.all_items),
                "items": [described(item) for item in shape.items],
            }
            parts |= {"additional": described(shape.additional_items), "uniqueItems": shape.unique_items}
            parts |= {"minItems": shape.min_items, "maxItems": shape.max_items}
        case Object():
            parts |= {"properties": each(shape.properties), "patterns": each(shape.patterns)}
            parts |= {
                "required": sorted(shape.required),
                "additional": described(shape.additional_properties),
            }
            parts |= {"minProperties": shape.min_properties, "maxProperties": shape.max_properties}
            dependencies = shape.property_dependencies
            parts["propertyDependencies"] = {name: sorted(on) for name, on in dependencies.items()}
            parts["schemaDependencies"] = each(shape.schema_dependencies)
    return parts


def each(shapes: dict[str, Shape]) -> dict[str, Any]:
    return {name: described(shape) for name, shape in shapes.items()}


def number(value: Any) -> float | None:
    return None if value is None else float(value)


def unordered(parts: Any) -> Any:
    """The library holds the kinds within one schema in no order."""
    if isinstance(parts, dict):
        parts = {name: unordered(part) for name, part in parts.items() if name != "distinct"}
        if "shapes" in parts:
            parts["shapes"] = sorted(parts["shapes"], key=lambda part: json.dumps(part, sort_keys=True))
        return parts
    return [unordered(part) for part in parts] if isinstance(parts, list) else parts


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=documents())
def test_schemas_become_the_same_kinds(judge: JsonSchemaJudge, schema: dict[str, Any]) -> None:
    """What both take has the same kinds, combinations and keywords in it; what is no schema here is none there."""
    expected = judge.parts(schema)
    try:
        made = parse(SchemaType.JSON, json.dumps(schema))
    except InvalidSchema:
        assert expected is None
        return
    assert isinstance(made, JsonSchema)
    if expected is not None:
        assert unordered(described(made.shape)) == unordered(expected)


PARTS: list[Any] = [
    *({"type": kind} for kind in ("string", "number", "integer", "object", "array", "boolean", "null")),
    *({"type": "string", "format": name} for name in ("date", "time", "unheard of")),
    {"maxLength": 3},
    {"type": "string", "maxLength": 3},
    {"type": "string", "maxLength": 3, "title": "a"},
    {"type": "string", "examples": ["a"]},
    {"type": "string", "readOnly": True},
    {"type": "integer", "minimum": 1},
    {"minimum": 1.0, "type": "integer"},
    {"type": "array", "contains": {"type": "string"}},
    {"type": "array", "contains": {"type": "number"}},
    {"type": "object", "propertyNames": {"maxLength": 2}},
    {"type": "object", "properties": {"a": True, "b": {"type": "string"}}},
    {"properties": {"b": {"type": "string"}, "a": True}, "type": "object"},
    {"if": {"type": "string"}, "then": {"maxLength": 1}},
    {"if": {"type": "string"}, "then": {"maxLength": 2}},
    {"enum": ["a", "b"]},
    {"const": "a"},
    {"$ref": "#/definitions/a"},
    {"$ref": "#/definitions/b"},
    {"connect.index": 1, "type": "string"},
    {"not": {}},
    True,
    {},
]


def test_what_stands_twice_in_a_combination_counts_once(judge: JsonSchemaJudge) -> None:
    """As the library prints it: by what is said, in whatever order, what is never compared told too."""
    for first in PARTS:
        for second in PARTS:
            schema = {"oneOf": [first, second], "definitions": {"a": {}, "b": {}}}
            made = parse(SchemaType.JSON, json.dumps(schema))
            assert isinstance(made, JsonSchema)
            assert isinstance(made.shape, Combined)
            expected = judge.parts(schema)
            assert expected is not None
            assert len(made.shape.distinct) == expected["distinct"], schema
