"""Every kind of change between two JSON Schemas, in every draft that can tell it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ottla.registry.schemas.json_schema import JsonSchema
from ottla.registry.schemas.json_schema_changes import COMPATIBLE, LENIENT
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import CompatibilityPolicy, Conditions, SchemaType

DIALECTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}


class Evolution(NamedTuple):
    """A change and all that is found of it, schemas in the words of 2020-12; `since` a draft that has these words."""

    original: Any
    update: Any
    found: list[str]
    since: int = 4

    def __str__(self) -> str:
        return " ".join(self.found) or "nothing"


def limits() -> Iterator[Evolution]:
    """Keywords with a number: given, taken away, made more, made less."""
    for carrier, keywords, since in (
        ("string", ("maxLength", "minLength"), 4),
        ("number", ("maximum", "minimum"), 4),
        ("number", ("exclusiveMaximum", "exclusiveMinimum"), 6),
        ("object", ("maxProperties", "minProperties"), 4),
        ("array", ("maxItems", "minItems"), 4),
    ):
        plain = {"type": carrier}
        for keyword in keywords:
            less, more = {**plain, keyword: 2}, {**plain, keyword: 3}
            kind = "".join(f"_{letter}" if letter.isupper() else letter for letter in keyword).upper()
            for before, after, change in (
                (plain, less, "ADDED"),
                (less, plain, "REMOVED"),
                (less, more, "INCREASED"),
                (more, less, "DECREASED"),
                (less, less, None),
            ):
                yield Evolution(before, after, [f"{kind}_{change} #/{keyword}"] if change else [], since)


TEXT, NUMBER, ANY_OBJECT = {"type": "string"}, {"type": "number"}, {"type": "object"}
CLOSED = {"type": "object", "additionalProperties": False}
OF_TEXT = {"type": "object", "additionalProperties": TEXT}
PATTERNED = {"type": "object", "patternProperties": {"^x": TEXT}, "additionalProperties": False}
TUPLE = {"type": "array", "prefixItems": [TEXT]}
CLOSED_TUPLE = {**TUPLE, "items": False}
TEXTS_TUPLE = {**TUPLE, "items": TEXT}


def with_a(base: dict[str, Any], part: Any, *required: str, name: str = "a") -> dict[str, Any]:
    return {**base, "properties": {name: part}} | ({"required": [*required]} if required else {})


def tuple_of(base: dict[str, Any], *parts: Any) -> dict[str, Any]:
    return {**base, "prefixItems": [*parts]}


def one_of(*parts: Any) -> dict[str, Any]:
    return {"oneOf": [*parts]}


EVOLUTIONS = [
    *limits(),
    # annotations
    Evolution({**TEXT, "$id": "a"}, {**TEXT, "$id": "b"}, ["ID_CHANGED #/"]),
    Evolution({**TEXT, "title": "a"}, TEXT, ["TITLE_CHANGED #/"]),
    Evolution(TEXT, {**TEXT, "description": "a"}, ["DESCRIPTION_CHANGED #/"]),
    Evolution({**TEXT, "default": "a"}, {**TEXT, "default": "b"}, ["DEFAULT_CHANGED #/"]),
    # types
    Evolution({"type": "integer"}, NUMBER, ["TYPE_EXTENDED #/"]),
    Evolution(NUMBER, {"type": "integer"}, ["TYPE_NARROWED #/"]),
    Evolution(TEXT, NUMBER, ["TYPE_CHANGED #/"]),
    Evolution(TEXT, {"type": "boolean"}, ["TYPE_CHANGED #/"]),
    Evolution({"type": "null"}, {"type": "boolean"}, ["TYPE_CHANGED #/"]),
    Evolution({}, TEXT, ["TYPE_CHANGED #/"]),
    Evolution(TEXT, {}, []),
    Evolution(TEXT, {"type": ["string", "null"]}, ["SUM_TYPE_EXTENDED #/"]),
    Evolution({"type": ["string", "null"]}, TEXT, ["TYPE_CHANGED #/"]),
    Evolution({"type": ["string"]}, TEXT, []),
    Evolution(TEXT, {"type": ["string"]}, []),
    # strings and numbers
    Evolution(TEXT, {**TEXT, "pattern": "a"}, ["PATTERN_ADDED #/pattern"]),
    Evolution({**TEXT, "pattern": "a"}, TEXT, ["PATTERN_REMOVED #/pattern"]),
    Evolution({**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, ["PATTERN_CHANGED #/pattern"]),
    Evolution(NUMBER, {**NUMBER, "multipleOf": 2}, ["MULTIPLE_OF_ADDED #/multipleOf"]),
    Evolution({**NUMBER, "multipleOf": 2}, NUMBER, ["MULTIPLE_OF_REMOVED #/multipleOf"]),
    Evolution({**NUMBER, "multipleOf": 2}, {**NUMBER, "multipleOf": 4}, ["MULTIPLE_OF_EXPANDED #/multipleOf"]),
    Evolution({**NUMBER, "multipleOf": 4}, {**NUMBER, "multipleOf": 2}, ["MULTIPLE_OF_REDUCED #/multipleOf"]),
    Evolution({**NUMBER, "multipleOf": 4}, {**NUMBER, "multipleOf": 3}, ["MULTIPLE_OF_CHANGED #/multipleOf"]),
    # values
    Evolution({"enum": ["a"]}, {"enum": ["a", "b"]}, ["ENUM_ARRAY_EXTENDED #/enum"]),
    Evolution({"enum": ["a", "b"]}, {"enum": ["a"]}, ["ENUM_ARRAY_NARROWED #/enum"]),
    Evolution({"enum": ["a", "b"]}, {"enum": ["a", "c"]}, ["ENUM_ARRAY_CHANGED #/enum"]),
    Evolution({"const": "a"}, {"const": "b"}, ["ENUM_ARRAY_CHANGED #/const"], 6),
    Evolution({"const": "a"}, {"const": "a"}, [], 6),
    Evolution({"not": {**TEXT, "maxLength": 3}}, {"not": TEXT}, ["NOT_TYPE_EXTENDED #/not"]),
    Evolution({"not": TEXT}, {"not": {**TEXT, "maxLength": 3}}, ["NOT_TYPE_NARROWED #/not"]),
    # what is required
    Evolution(with_a(CLOSED, TEXT), with_a(CLOSED, TEXT, "a"), ["REQUIRED_ATTRIBUTE_ADDED #/required/a"]),
    Evolution(with_a(CLOSED, TEXT, "a"), with_a(CLOSED, TEXT), ["REQUIRED_ATTRIBUTE_REMOVED #/required/a"]),
    Evolution(
        with_a(CLOSED, {**TEXT, "default": ""}),
        with_a(CLOSED, {**TEXT, "default": ""}, "a"),
        ["REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED #/required/a"],
    ),
    Evolution({**ANY_OBJECT, "required": ["a"]}, ANY_OBJECT, []),
    # properties that come
    Evolution(ANY_OBJECT, with_a(ANY_OBJECT, TEXT), ["OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"]),
    Evolution(ANY_OBJECT, with_a(ANY_OBJECT, TEXT, "a"), ["REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"]),
    Evolution(
        ANY_OBJECT,
        with_a(ANY_OBJECT, {**TEXT, "default": ""}, "a"),
        ["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"],
    ),
    Evolution(
        ANY_OBJECT, with_a(ANY_OBJECT, {}), ["PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"]
    ),
    Evolution(CLOSED, with_a(CLOSED, TEXT), ["OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"]),
    Evolution(CLOSED, with_a(CLOSED, TEXT, "a"), ["REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"]),
    Evolution(
        CLOSED,
        with_a(CLOSED, {**TEXT, "default": ""}, "a"),
        ["REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"],
    ),
    Evolution(
        OF_TEXT,
        with_a(OF_TEXT, TEXT),
        [
            "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a",
            "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a",
        ],
    ),
    Evolution(
        OF_TEXT,
        with_a(OF_TEXT, {**TEXT, "maxLength": 1}),
        [
            "MAX_LENGTH_ADDED #/properties/a/maxLength",
            "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a",
            "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a",
        ],
    ),
    Evolution(
        PATTERNED,
        with_a(PATTERNED, TEXT, name="xa"),
        [
            "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/xa",
            "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/xa",
        ],
    ),
    Evolution(PATTERNED, with_a(PATTERNED, TEXT), ["OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"]),
    # properties that go
    Evolution(with_a(ANY_OBJECT, TEXT), ANY_OBJECT, ["PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL #/properties/a"]),
    Evolution(with_a(CLOSED, TEXT), CLOSED, ["PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"]),
    Evolution(
        with_a(CLOSED, False), CLOSED, ["PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"], 6
    ),
    Evolution(
        with_a(OF_TEXT, TEXT), OF_TEXT, ["PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a"]
    ),
    Evolution(
        with_a(OF_TEXT, NUMBER),
        OF_TEXT,
        [
            "TYPE_CHANGED #/properties/a",
            "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a",
        ],
    ),
    # further properties
    Evolution(CLOSED, ANY_OBJECT, ["ADDITIONAL_PROPERTIES_ADDED #/additionalProperties"]),
    Evolution(CLOSED, OF_TEXT, ["ADDITIONAL_PROPERTIES_ADDED #/additionalProperties"]),
    Evolution(ANY_OBJECT, CLOSED, ["ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"]),
    Evolution(OF_TEXT, CLOSED, ["ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"]),
    Evolution(OF_TEXT, ANY_OBJECT, ["ADDITIONAL_PROPERTIES_EXTENDED #/additionalProperties"]),
    Evolution(ANY_OBJECT, OF_TEXT, ["ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties"]),
    Evolution({**ANY_OBJECT, "additionalProperties": True}, ANY_OBJECT, []),
    Evolution(
        {**ANY_OBJECT, "unevaluatedProperties": False}, ANY_OBJECT, ["UNEVALUATED_PROPERTIES_ADDED #/unevaluatedProperties"], 2019
    ),
    Evolution(
        ANY_OBJECT, {**ANY_OBJECT, "unevaluatedProperties": False}, ["UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties"], 2019
    ),
    Evolution(
        {**ANY_OBJECT, "unevaluatedProperties": TEXT}, ANY_OBJECT, ["UNEVALUATED_PROPERTIES_EXTENDED #/unevaluatedProperties"], 2019
    ),
    Evolution(
        ANY_OBJECT, {**ANY_OBJECT, "unevaluatedProperties": TEXT}, ["UNEVALUATED_PROPERTIES_NARROWED #/unevaluatedProperties"], 2019
    ),
    # dependencies
    Evolution(ANY_OBJECT, {**ANY_OBJECT, "dependentRequired": {"a": ["b"]}}, ["DEPENDENCY_ARRAY_ADDED #/dependencies/a"]),
    Evolution({**ANY_OBJECT, "dependentRequired": {"a": ["b"]}}, ANY_OBJECT, ["DEPENDENCY_ARRAY_REMOVED #/dependencies/a"]),
    *(
        Evolution(
            {**ANY_OBJECT, "dependentRequired": {"a": before}},
            {**ANY_OBJECT, "dependentRequired": {"a": after}},
            [f"DEPENDENCY_ARRAY_{change} #/dependencies/a"],
        )
        for before, after, change in (
            (["b"], ["b", "c"], "EXTENDED"), (["b", "c"], ["b"], "NARROWED"), (["b"], ["c"], "CHANGED")
        )
    ),
    Evolution(ANY_OBJECT, {**ANY_OBJECT, "dependentSchemas": {"a": TEXT}}, ["DEPENDENCY_SCHEMA_ADDED #/dependencies/a"]),
    Evolution({**ANY_OBJECT, "dependentSchemas": {"a": TEXT}}, ANY_OBJECT, ["DEPENDENCY_SCHEMA_REMOVED #/dependencies/a"]),
    Evolution(
        {**ANY_OBJECT, "dependentSchemas": {"a": TEXT}}, {**ANY_OBJECT, "dependentSchemas": {"a": NUMBER}}, ["TYPE_CHANGED #/dependencies/a"]
    ),
    # items
    Evolution({"type": "array"}, {"type": "array", "items": TEXT}, ["SCHEMA_ADDED #/items"]),
    Evolution({"type": "array", "items": TEXT}, {"type": "array"}, ["SCHEMA_REMOVED #/items"]),
    Evolution({"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}, ["TYPE_CHANGED #/items"]),
    Evolution({"type": "array"}, {"type": "array", "uniqueItems": True}, ["UNIQUE_ITEMS_ADDED #/uniqueItems"]),
    Evolution({"type": "array", "uniqueItems": True}, {"type": "array"}, ["UNIQUE_ITEMS_REMOVED #/uniqueItems"]),
    Evolution(TUPLE, tuple_of(TUPLE, TEXT, TEXT), ["ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/1"]),
    Evolution(TUPLE, tuple_of(TUPLE, TEXT, {}), ["ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL #/items/1"]),
    Evolution(CLOSED_TUPLE, tuple_of(CLOSED_TUPLE, TEXT, TEXT), ["ITEM_ADDED_TO_CLOSED_CONTENT_MODEL #/items/1"]),
    Evolution(TEXTS_TUPLE, tuple_of(TEXTS_TUPLE, TEXT, TEXT), ["ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1"]),
    Evolution(
        TEXTS_TUPLE,
        tuple_of(TEXTS_TUPLE, TEXT, NUMBER),
        ["TYPE_CHANGED #/items/1", "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1"],
    ),
    Evolution(tuple_of(TUPLE, TEXT, TEXT), TUPLE, ["ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL #/items/1"]),
    Evolution(tuple_of(CLOSED_TUPLE, TEXT, TEXT), CLOSED_TUPLE, ["ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL #/items/1"]),
    Evolution(
        tuple_of(CLOSED_TUPLE, TEXT, False), CLOSED_TUPLE, ["ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL #/items/1"], 6
    ),
    Evolution(tuple_of(TEXTS_TUPLE, TEXT, TEXT), TEXTS_TUPLE, ["ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1"]),
    Evolution(
        tuple_of(TEXTS_TUPLE, TEXT, NUMBER),
        TEXTS_TUPLE,
        ["TYPE_CHANGED #/items/1", "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/items/1"],
    ),
    Evolution(CLOSED_TUPLE, TUPLE, ["ADDITIONAL_ITEMS_ADDED #/additionalItems"]),
    Evolution(TUPLE, CLOSED_TUPLE, ["ADDITIONAL_ITEMS_REMOVED #/additionalItems"]),
    Evolution(TEXTS_TUPLE, TUPLE, ["ADDITIONAL_ITEMS_EXTENDED #/additionalItems"]),
    Evolution(TUPLE, TEXTS_TUPLE, ["ADDITIONAL_ITEMS_NARROWED #/additionalItems"]),
    *(
        Evolution(before, after, [f"UNEVALUATED_ITEMS_{change} #/unevaluatedItems"], 2019)
        for before, after, change in (
            ({**TUPLE, "unevaluatedItems": False}, TUPLE, "ADDED"),
            (TUPLE, {**TUPLE, "unevaluatedItems": False}, "REMOVED"),
            ({**TUPLE, "unevaluatedItems": TEXT}, TUPLE, "EXTENDED"),
            (TUPLE, {**TUPLE, "unevaluatedItems": TEXT}, "NARROWED"),
        )
    ),
    *(
        Evolution(
            {"type": "array", "contains": TEXT, **before},
            {"type": "array", "contains": TEXT, **after},
            [f"{kind} #/{kind[:3].lower()}Contains"],
            2019,
        )
        for before, after, kind in (
            ({}, {"maxContains": 2}, "MAX_CONTAINS_ADDED"),
            ({"maxContains": 2}, {}, "MAX_CONTAINS_REMOVED"),
            ({"maxContains": 2}, {"maxContains": 3}, "MAX_CONTAINS_INCREASED"),
            ({"maxContains": 3}, {"maxContains": 2}, "MAX_CONTAINS_DECREASED"),
            ({"minContains": 2}, {"minContains": 3}, "MIN_CONTAINS_INCREASED"),
            ({"minContains": 3}, {}, "MIN_CONTAINS_DECREASED"),
        )
    ),
    Evolution({"type": "array"}, {"type": "array", "contains": TEXT}, ["MIN_CONTAINS_ADDED #/minContains"], 2019),
    Evolution({"type": "array", "contains": TEXT}, {"type": "array"}, ["MIN_CONTAINS_REMOVED #/minContains"], 2019),
    # combinations
    Evolution(one_of(TEXT, NUMBER), one_of(TEXT, NUMBER, {"type": "null"}), ["SUM_TYPE_EXTENDED #/"]),
    Evolution(one_of(TEXT, NUMBER, {"type": "null"}), one_of(TEXT, NUMBER), ["SUM_TYPE_NARROWED #/"]),
    Evolution(
        {"allOf": [TEXT, {"not": {"enum": ["a"]}}]},
        {"allOf": [TEXT, {"not": {"enum": ["a"]}}, {"not": {"enum": ["b"]}}]},
        ["PRODUCT_TYPE_EXTENDED #/", "NOT_TYPE_NARROWED #/allOf/1/not"],
    ),
    Evolution({"allOf": [TEXT, {"enum": ["a"]}]}, {"allOf": [TEXT]}, ["PRODUCT_TYPE_NARROWED #/"]),
    Evolution(one_of(TEXT, NUMBER), {"anyOf": [TEXT, NUMBER]}, ["COMBINED_TYPE_EXTENDED #/"]),
    Evolution({"allOf": [TEXT, NUMBER]}, {"anyOf": [TEXT, NUMBER]}, ["COMBINED_TYPE_EXTENDED #/"]),
    Evolution({"anyOf": [TEXT]}, one_of(TEXT), ["COMBINED_TYPE_EXTENDED #/"]),
    Evolution({"anyOf": [TEXT, NUMBER]}, one_of(TEXT, NUMBER), ["COMBINED_TYPE_CHANGED #/"]),
    Evolution(one_of(TEXT, NUMBER), {"allOf": [TEXT, NUMBER]}, ["COMBINED_TYPE_CHANGED #/"]),
    Evolution(one_of(TEXT, NUMBER), one_of(TEXT, {"type": "boolean"}), ["COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"]),
    Evolution(one_of(TEXT, TEXT, NUMBER), one_of(NUMBER, TEXT), []),
    Evolution(TEXT, one_of(NUMBER, {"type": "null"}), ["TYPE_CHANGED #/"]),
    Evolution(TEXT, {"anyOf": [NUMBER, {}]}, ["SUM_TYPE_EXTENDED #/"]),
    # references
    Evolution({"$defs": {"a": TEXT}, **with_a(CLOSED, {"$ref": "#/$defs/a"})}, with_a(CLOSED, TEXT), []),
    Evolution(with_a(CLOSED, TEXT), {"$defs": {"a": NUMBER}, **with_a(CLOSED, {"$ref": "#/$defs/a"})}, ["TYPE_CHANGED #/properties/a"]),
    Evolution(with_a(CLOSED, {"$ref": "#"}), with_a(CLOSED, {"$ref": "#"}), []),
    Evolution(
        {**with_a(CLOSED, {"$ref": "#"}), "minProperties": 1},
        {**with_a(CLOSED, {"$ref": "#"}), "minProperties": 2},
        ["MIN_PROPERTIES_INCREASED #/minProperties"],
    ),
]  # fmt: skip


def spelled(neutral: Any, draft: int) -> Any:
    """The schema in the words of a draft."""
    if isinstance(neutral, list):
        return [spelled(each, draft) for each in neutral]
    if not isinstance(neutral, dict):
        return neutral
    words = {"$defs": "definitions"} if draft < 2019 else {}
    if draft == 4:
        words["$id"] = "id"
    if draft < 2020 and "prefixItems" in neutral:
        words |= {"prefixItems": "items", "items": "additionalItems"}
    if draft < 2019:
        words |= {"dependentRequired": "dependencies", "dependentSchemas": "dependencies"}
    return {
        words.get(name, name): part.replace("#/$defs", "#/definitions")
        if name == "$ref" and draft < 2019
        else spelled(part, draft)
        for name, part in neutral.items()
    }


def made(neutral: Any, draft: int) -> JsonSchema:
    text = json.dumps({"$schema": DIALECTS[draft], **spelled(neutral, draft)})
    schema = parse(SchemaType.JSON, text)
    assert isinstance(schema, JsonSchema)
    return schema


@pytest.mark.parametrize("evolution", EVOLUTIONS, ids=str)
def test_a_change_has_its_kind_and_path_in_every_draft(evolution: Evolution) -> None:
    """And both verdicts, strict and lenient, follow from the kinds."""
    for draft in DIALECTS:
        if draft < evolution.since:
            continue
        before, after = made(evolution.original, draft), made(evolution.update, draft)
        assert [str(change) for change in after.changes_from(before)] == evolution.found, draft
        kinds = {each.split()[0] for each in evolution.found}
        for policy, bearable in (
            (CompatibilityPolicy.STRICT, COMPATIBLE),
            (CompatibilityPolicy.LENIENT, LENIENT),
        ):
            readable = not after.unreadable(before, Conditions(policy))
            assert readable is kinds.issubset(bearable), (draft, policy)


def test_every_kind_of_change_is_tried() -> None:
    """Those that a reader bears, and those it does not."""
    kinds = {each.split()[0] for evolution in EVOLUTIONS for each in evolution.found}
    assert kinds >= LENIENT
    assert len(kinds - COMPATIBLE) > 40


def test_a_schema_may_change_its_draft() -> None:
    """What is said counts, not the words of which draft it is said in."""
    for evolution in EVOLUTIONS:
        if (
            evolution.since == 4
            and "$id" not in evolution.update
            and "$ref" not in json.dumps(evolution.update)
        ):
            for before, after in ((7, 2020), (2020, 7), (4, 2019)):
                schema = made(evolution.update, after)
                assert schema.changes_from(made(evolution.update, before)) == schema.changes_from(schema)
