"""What changed between two JSON Schemas, and whether the later one reads what was written with the earlier."""

import json
from pathlib import Path
from typing import Any

import pytest

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.json_schema import JsonSchema
from ottla.registry.schemas.json_schema_changes import COMPATIBLE, compatible_kinds
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import STRICTLY, CompatibilityPolicy, Conditions, SchemaType

VERDICTS = Path(__file__).parent / "compatibility-verdicts"
MODERN = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
DRAFT_6 = {"$schema": "http://json-schema.org/draft-06/schema#"}
DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}


def schema(json_schema: Any) -> JsonSchema:
    made = parse(SchemaType.JSON, json.dumps(json_schema))
    assert isinstance(made, JsonSchema)
    return made


def changes(original: Any, update: Any, conditions: Conditions = STRICTLY) -> list[str]:
    """`KIND path` for each change."""
    return [str(change) for change in schema(update).changes_from(schema(original), conditions)]


def readable(original: Any, update: Any) -> bool:
    return not schema(update).unreadable(schema(original))


def verdict_cases() -> list[dict]:
    return [case for path in sorted(VERDICTS.glob("json-*.json")) for case in json.loads(path.read_text())]


def reserved(metadata: dict | None) -> frozenset[str]:
    names = ((metadata or {}).get("properties") or {}).get("confluent:reserved", "")
    return frozenset(name.strip() for name in names.split(",") if name.strip())


def test_the_originals_verdicts() -> None:
    """Kinds of change, paths and both verdicts, strict and lenient, of every case of Confluent's."""
    cases = verdict_cases()
    assert len(cases) > 160
    for case in cases:
        original, update = schema(case["original_schema"]), schema(case["update_schema"])
        for policy in (CompatibilityPolicy.STRICT, CompatibilityPolicy.LENIENT):
            conditions = Conditions(
                policy, reserved(case.get("update_metadata")), reserved(case.get("original_metadata"))
            )
            found = update.changes_from(original, conditions)
            assert [str(change) for change in found] == case["changes"], case["description"]
            expected = case["compatible"]
            if policy is CompatibilityPolicy.LENIENT:
                expected = case.get("compatible_lenient", expected)
            kinds = {change.kind for change in found}
            assert kinds.issubset(compatible_kinds(policy)) is expected, case["description"]
            assert (not update.unreadable(original, conditions)) is expected, case["description"]


# original, update, what is found; a reader bears it or not
EVOLUTIONS = [
    # strings
    ({"type": "string"}, {"type": "string", "minLength": 1}, ["MIN_LENGTH_ADDED #/minLength"], False),
    (
        {"type": "string", "minLength": 2},
        {"type": "string", "minLength": 1},
        ["MIN_LENGTH_DECREASED #/minLength"],
        True,
    ),
    ({"type": "string"}, {"type": "string", "maxLength": 1}, ["MAX_LENGTH_ADDED #/maxLength"], False),
    ({"type": "string"}, {"type": "string", "pattern": "a"}, ["PATTERN_ADDED #/pattern"], False),
    ({"type": "string", "pattern": "a"}, {"type": "string"}, ["PATTERN_REMOVED #/pattern"], True),
    # numbers
    ({"type": "number"}, {"type": "number", "maximum": 1}, ["MAXIMUM_ADDED #/maximum"], False),
    ({"minimum": 1.5}, {"minimum": 1.25}, ["MINIMUM_DECREASED #/minimum"], True),
    ({"minimum": 1.0}, {"minimum": 1}, [], True),
    (
        {"exclusiveMaximum": 5},
        {"exclusiveMaximum": 4},
        ["EXCLUSIVE_MAXIMUM_DECREASED #/exclusiveMaximum"],
        False,
    ),
    (
        {"exclusiveMaximum": 5},
        {"exclusiveMaximum": 6},
        ["EXCLUSIVE_MAXIMUM_INCREASED #/exclusiveMaximum"],
        True,
    ),
    (
        {"type": "integer", "exclusiveMinimum": 5},
        {"type": "integer"},
        ["EXCLUSIVE_MINIMUM_REMOVED #/exclusiveMinimum"],
        True,
    ),
    (
        {"type": "integer"},
        {"type": "integer", "exclusiveMinimum": 5},
        ["EXCLUSIVE_MINIMUM_ADDED #/exclusiveMinimum"],
        False,
    ),
    ({"multipleOf": 2}, {"multipleOf": 4}, ["MULTIPLE_OF_EXPANDED #/multipleOf"], False),
    ({"multipleOf": 0.4}, {"multipleOf": 0.1}, ["MULTIPLE_OF_REDUCED #/multipleOf"], True),
    ({"multipleOf": 2}, {"type": "number"}, ["MULTIPLE_OF_REMOVED #/multipleOf"], True),
    ({"type": "number"}, {"type": "number", "multipleOf": 2}, ["MULTIPLE_OF_ADDED #/multipleOf"], False),
    # values
    ({"enum": [1, 2]}, {"enum": [2, 1]}, [], True),
    ({"enum": [1, 2]}, {"enum": [1]}, ["ENUM_ARRAY_NARROWED #/enum"], False),
    ({"enum": [1, True]}, {"enum": [1, 2]}, ["ENUM_ARRAY_CHANGED #/enum"], False),
    ({"enum": [{"a": 1, "b": 2}]}, {"enum": [{"b": 2, "a": 1}]}, [], True),
    ({"const": {"a": [1]}}, {"const": {"a": [1]}}, [], True),
    ({"const": 1}, {"enum": [1]}, ["TYPE_CHANGED #/"], False),
    ({"enum": ["a"]}, {"type": "string"}, ["TYPE_CHANGED #/"], False),
    # annotations
    ({"type": "null", "default": None}, {"type": "null"}, ["DEFAULT_CHANGED #/"], True),
    ({"type": "boolean", "default": True}, {"type": "boolean", "default": 1}, ["DEFAULT_CHANGED #/"], True),
    # objects
    (
        {"properties": {"a": {"type": "string"}}},
        {"properties": {"a": {"type": "string", "default": "x"}}, "required": ["a"]},
        ["REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED #/required/a", "DEFAULT_CHANGED #/properties/a"],
        True,
    ),
    (
        {"properties": {}, "additionalProperties": False},
        {
            "properties": {"a": {"type": "string", "default": ""}},
            "required": ["a"],
            "additionalProperties": False,
        },
        ["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"],
        True,
    ),
    (
        {"properties": {}},
        {"properties": {"a": {"type": "string", "default": ""}}, "required": ["a"]},
        ["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"],
        False,
    ),
    (
        {"properties": {}},
        {"properties": {"a": {"type": "string"}}, "required": ["a"]},
        ["REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"],
        False,
    ),
    (
        {"properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"properties": {}, "additionalProperties": False},
        ["PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"],
        False,
    ),
    (
        {"patternProperties": {"^a": {"type": "string"}}, "properties": {}},
        {"patternProperties": {"^a": {"type": "string"}}, "properties": {"ab": {"type": "number"}}},
        [
            "TYPE_CHANGED #/properties/ab",
            "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/ab",
            "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/ab",
        ],
        False,
    ),
    (
        {"dependencies": {"a": ["b"]}},
        {"dependencies": {"a": ["b", "c"]}},
        ["DEPENDENCY_ARRAY_EXTENDED #/dependencies/a"],
        False,
    ),
    (
        {"dependencies": {"a": ["b", "c"]}},
        {"dependencies": {"a": ["c"]}},
        ["DEPENDENCY_ARRAY_NARROWED #/dependencies/a"],
        True,
    ),
    (
        {"dependencies": {"a": ["b"]}},
        {"dependencies": {"a": ["c"]}},
        ["DEPENDENCY_ARRAY_CHANGED #/dependencies/a"],
        False,
    ),
    (
        {"additionalProperties": {"type": "string"}},
        {"additionalProperties": True},
        ["ADDITIONAL_PROPERTIES_EXTENDED #/additionalProperties"],
        True,
    ),
    (
        {"maxProperties": 1},
        {"minProperties": 0},
        ["MAX_PROPERTIES_REMOVED #/maxProperties", "MIN_PROPERTIES_ADDED #/minProperties"],
        False,
    ),
    (
        {**MODERN, "properties": {"a": True}, "unevaluatedProperties": False},
        {**MODERN, "properties": {"a": True}},
        ["UNEVALUATED_PROPERTIES_ADDED #/unevaluatedProperties"],
        True,
    ),
    (
        {**MODERN, "properties": {"a": True}},
        {**MODERN, "properties": {"a": True}, "unevaluatedProperties": {"type": "string"}},
        ["UNEVALUATED_PROPERTIES_NARROWED #/unevaluatedProperties"],
        False,
    ),
    # arrays
    ({"type": "array"}, {"type": "array", "maxItems": 3}, ["MAX_ITEMS_ADDED #/maxItems"], False),
    ({"maxItems": 3}, {"maxItems": 4}, ["MAX_ITEMS_INCREASED #/maxItems"], True),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, ["UNIQUE_ITEMS_ADDED #/uniqueItems"], False),
    (
        {"items": [True], "additionalItems": False},
        {"items": [], "additionalItems": False},
        ["ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL #/items/0"],
        False,
    ),
    (
        {"items": []},
        {"items": [{"type": "string"}]},
        ["ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/0"],
        False,
    ),
    (
        {**MODERN, "type": "array"},
        {**MODERN, "type": "array", "contains": {"type": "string"}},
        ["MIN_CONTAINS_ADDED #/minContains"],
        False,
    ),
    (
        {**MODERN, "contains": True, "minContains": 1, "maxContains": 2},
        {**MODERN, "contains": True, "minContains": 2, "maxContains": 3},
        ["MAX_CONTAINS_INCREASED #/maxContains", "MIN_CONTAINS_INCREASED #/minContains"],
        False,
    ),
    (
        {**MODERN, "prefixItems": [True], "unevaluatedItems": False},
        {**MODERN, "prefixItems": [True], "unevaluatedItems": {"type": "null"}},
        ["UNEVALUATED_ITEMS_ADDED #/unevaluatedItems"],
        True,
    ),
    # combinations
    (
        {"allOf": [{"type": "string"}, {"maxLength": 4}]},
        {"type": "string"},
        ["PRODUCT_TYPE_NARROWED #/"],
        True,
    ),
    ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}, ["TYPE_CHANGED #/"], False),
    ({"anyOf": [{"type": "string"}]}, {"type": "string"}, [], True),
    (
        {"oneOf": [{"type": "integer"}, {"type": "number", "maximum": 1}]},
        {"oneOf": [{"type": "number", "maximum": 2}, {"type": "integer"}]},
        ["MAXIMUM_INCREASED #/oneOf/1/maximum"],
        True,
    ),
    # the integer could take either place, the bounded number only one
    (
        {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        {"anyOf": [{"type": "number"}, {"type": "integer"}]},
        [],
        True,
    ),
    (
        {"not": {"type": "string"}},
        {"not": {"type": "string", "maxLength": 3}},
        ["NOT_TYPE_NARROWED #/not"],
        True,
    ),
    ({"type": ["string", "null"]}, {"type": ["null", "string", "boolean"]}, ["SUM_TYPE_EXTENDED #/"], True),
    # true, false, nothing said
    (True, {"type": "string"}, ["TYPE_CHANGED #/"], False),
    (False, {"type": "string"}, [], True),
    ({"type": "string"}, True, [], True),
    ({"type": "string"}, False, ["TYPE_CHANGED #/"], False),
    ({}, True, [], True),
    # Kafka Connect's decimals are strings or numbers as its converter is set
    (
        {"type": "string", "connect.type": "bytes"},
        {"type": "number", "connect.type": "bytes"},
        [],
        True,
    ),
    # drafts
    ({**DRAFT_4, "id": "a"}, {**DRAFT_4, "id": "b"}, ["ID_CHANGED #/"], True),
    ({**DRAFT_4, "maximum": 5, "exclusiveMaximum": True}, {**DRAFT_4, "maximum": 5}, [], True),
    ({**DRAFT_4, "const": 1}, {**DRAFT_4, "const": 2}, [], True),
    ({**DRAFT_6, "const": 1}, {**DRAFT_6, "const": 2}, ["ENUM_ARRAY_CHANGED #/const"], False),
    ({**MODERN, "items": [{"type": "string"}]}, {**MODERN, "prefixItems": [{"type": "string"}]}, [], True),
    ({"items": {"type": "string"}}, {**MODERN, "items": {"type": "string"}}, [], True),
]


@pytest.mark.parametrize(("original", "update", "found", "borne"), EVOLUTIONS)
def test_evolutions(original: Any, update: Any, found: list[str], borne: bool) -> None:
    """What each keyword's change is called, where it is, and whether old data can be read after it."""
    assert changes(original, update) == found
    assert readable(original, update) is borne


def test_every_schema_reads_its_own_data() -> None:
    """A schema compared with itself differs in nothing but its negations, which a reader bears."""
    for original, update, _, _ in EVOLUTIONS:
        for one in (original, update):
            assert {change.split()[0] for change in changes(one, one)} <= {"NOT_TYPE_NARROWED"}


def test_a_combination_dissolves_in_another_in_modern_drafts() -> None:
    """`type` beside `enum` are two parts of a oneOf there, as in the original; in draft 7 they stay together."""
    parts = {"oneOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}
    wider = {"oneOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]}
    assert changes({**MODERN, **parts}, {**MODERN, **wider}) == ["ENUM_ARRAY_EXTENDED #/oneOf/1/enum"]
    assert changes(parts, wider) == ["ENUM_ARRAY_EXTENDED #/oneOf/0/allOf/0/enum"]


def test_recursive_schemas() -> None:
    """A tree of nodes: what changes in a node is found once, at the first path that leads there."""

    def tree(value_type: str) -> dict:
        node = {
            "type": "object",
            "properties": {"v": {"type": value_type}, "left": {"$ref": "#/definitions/node"}},
        }
        return {"$ref": "#/definitions/node", "definitions": {"node": node}}

    assert changes(tree("string"), tree("string")) == []
    assert changes(tree("string"), tree("number")) == ["TYPE_CHANGED #/properties/v"]


def test_what_is_assumed_of_a_recursive_pair_is_checked() -> None:
    """T0 leads to T2 and that back to T0. While T0 is compared, T2 seems bearable, but T0's id is not: nor is then T2."""

    def record(id_type: str, target: str) -> dict:
        reference = {"oneOf": [{"$ref": f"#/definitions/{target}"}]}
        return {"type": "object", "properties": {"id": {"type": id_type}, "ref": reference}}

    def union(first: str, second: str) -> dict:
        types = {"T0": record(first, "T2"), "T1": record(second, "T2"), "T2": record("integer", "T0")}
        root = {"oneOf": [{"$ref": "#/definitions/T0"}, {"$ref": "#/definitions/T1"}]}
        return {"definitions": types, "properties": {"root": root}}

    assert not readable(union("integer", "boolean"), union("boolean", "number"))
    assert readable(union("integer", "boolean"), union("integer", "boolean"))


def test_unions_of_records_that_refer_to_one_another() -> None:
    """Twelve records, each with two fields that may be any of the twelve: compared pair by pair, not way by way."""
    names = [f"T{number}" for number in range(12)]

    def trade(id_type: str) -> dict:
        def union() -> dict:
            return {"oneOf": [{"$ref": f"#/definitions/{name}"} for name in names]}

        fields = {"id": {"type": "string"}, "underlying": union(), "reference": union()}
        types = {name: {"type": "object", "properties": dict(fields)} for name in names}
        types["T5"]["properties"]["id"] = {"type": id_type}
        return {"definitions": types, "properties": {"product": union()}}

    assert readable(trade("string"), trade("string"))
    assert not readable(trade("string"), trade("number"))


def test_more_ways_than_could_be_walked() -> None:
    """Sixty levels that use the next one twice: there are 2^60 paths to the change; a thousand are named."""

    def levels(bottom: str) -> dict:
        types: dict[str, Any] = {"d0": {"type": bottom}}
        for level in range(1, 60):
            below = {"$ref": f"#/definitions/d{level - 1}"}
            types[f"d{level}"] = {"type": "object", "properties": {"a": below, "b": below}}
        return {"$ref": "#/definitions/d59", "definitions": types}

    assert len(changes(levels("string"), levels("number"))) == 1_000
    assert readable(levels("string"), levels("string"))


def test_a_long_chain_of_references() -> None:
    """Two thousand schemas, each leading to the next, are no deeper for the comparison than two."""

    def chain(end: str) -> dict:
        types: dict[str, Any] = {"d0": {"type": end}}
        for link in range(1, 2_000):
            types[f"d{link}"] = {"properties": {"n": {"$ref": f"#/definitions/d{link - 1}"}}}
        return {"$ref": "#/definitions/d1999", "definitions": types}

    assert readable(chain("integer"), chain("number"))
    assert not readable(chain("number"), chain("integer"))


def test_too_much_to_compare_is_refused() -> None:
    """Two unions of a thousand parts each, none alike: a million pairs are not looked at."""

    def union(field: str) -> dict:
        return {"oneOf": [{"required": [f"{field}{number}"], "maxProperties": 1} for number in range(1_000)]}

    [text] = schema(union("b")).unreadable(schema(union("a")))
    assert "too many parts" in text


def test_too_many_changes_to_note_are_too_much() -> None:
    """Fifty records of a thousand fields each against fifty others: five million fields come or go."""

    def union(field: str) -> dict:
        names = {f"{field}{number}": {} for number in range(1_000)}
        closed = {"properties": names, "additionalProperties": False}
        return {"oneOf": [{**closed, "title": f"{field}{number}"} for number in range(50)]}

    [text] = schema(union("b")).unreadable(schema(union("a")))
    assert "too many parts" in text


def test_patterns_that_explode_are_no_trouble() -> None:
    """An expression that takes a backtracking matcher 2^30 steps on this name is matched by RE2 at once."""
    closed = {"additionalProperties": False, "patternProperties": {"^(a+)+$": {"type": "string"}}}
    name = "a" * 30 + "!"
    assert changes(closed, {**closed, "properties": {name: {"type": "string"}}}) == [
        f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/{name}"
    ]


def test_reserved_names_of_metadata() -> None:
    """A reserved name may neither be given up nor used."""
    plain = {"properties": {"a": {"type": "string"}}, "additionalProperties": False}
    conditions = Conditions(reserved=frozenset({"a"}), earlier_reserved=frozenset({"a", "b"}))
    assert changes(plain, plain, conditions) == [
        "RESERVED_PROPERTY_REMOVED b",
        "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY #/properties/a",
    ]


def test_every_incompatible_kind_has_a_sentence() -> None:
    """What the registry answers with: the kind, and a sentence that names the path and both schemas."""
    for original, update, found, borne in EVOLUTIONS:
        texts = [
            incompatibility.text
            for incompatibility in check(CompatibilityLevel.BACKWARD, schema(update), [schema(original)])
        ]
        kinds = [change.split()[0] for change in found if change.split()[0] not in COMPATIBLE]
        assert bool(texts) is not borne
        assert len(texts) == len(kinds)
        for text, kind in zip(texts, kinds, strict=True):
            assert text.startswith(f'{{errorType:"{kind}", description:"')
            assert "#/" in text
            assert "new schema" in text
            assert "old schema" in text
            assert "%" not in text
