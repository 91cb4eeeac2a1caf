"""JSON Schemas as the registry keeps them: texts, references, drafts, and what is refused."""

import json
from typing import Any

import pytest

from ottla.registry.schemas.json_schema import JsonSchema
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, SchemaType

MODERN = "https://json-schema.org/draft/2020-12/schema"


def schema(json_schema: Any, resolved: dict[str, Any] | None = None) -> JsonSchema:
    text = json_schema if isinstance(json_schema, str) else json.dumps(json_schema)
    texts = {
        name: document if isinstance(document, str) else json.dumps(document)
        for name, document in (resolved or {}).items()
    }
    references = tuple(Reference(name, f"subject-of-{name}", 1) for name in texts)
    made = parse(SchemaType.JSON, text, references, texts)
    assert isinstance(made, JsonSchema)
    return made


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{ "type" : "string" }', '{"type":"string"}'),
        ('{"z": 1, "a": {"y": [1, 2.50, -0, 1e2], "x": null}}', '{"z":1,"a":{"y":[1,2.50,0,1E+2],"x":null}}'),
        ("true", "true"),
        (
            '{"title": "\\u00e9\\u001f\\n\\"\\/", "x": {}, "y": []}',
            '{"title":"é\\u001F\\n\\"/","x":{},"y":[]}',
        ),
        ('{"type": "string", "type": "number"}', '{"type":"number"}'),
        ('{"maximum": 123456789012345678901234567890.10}', '{"maximum":123456789012345678901234567890.10}'),
    ],
)
def test_canonical_texts(text: str, canonical: str) -> None:
    """The members keep their order and numbers their digits; white space goes."""
    assert schema(text).canonical == canonical


def test_normalized_texts() -> None:
    """Members in alphabetical order, on every level; arrays as they are."""
    assert schema({"type": "object", "properties": {"b": {"b": 1, "a": [2, 1]}, "a": {}}}).normalized == (
        '{"properties":{"a":{},"b":{"a":[2,1],"b":1}},"type":"object"}'
    )


def test_equality() -> None:
    """Two schemas are one if text and references are."""
    assert schema('{"type":"string"}') == schema('{"type": "string"}')
    assert hash(schema('{"type":"string"}')) == hash(schema('{"type": "string"}'))
    assert schema('{"type":"string"}') != schema('{"type": "null"}')
    assert schema('{"type":"string"}') != schema('{"type":"string"}', {"a.json": {}})


def changes(original: JsonSchema, update: JsonSchema) -> list[str]:
    return [str(change) for change in update.changes_from(original)]


@pytest.mark.parametrize(
    ("referring", "documents"),
    [
        # by the name that the registry's reference gives it
        ({"$ref": "name.json"}, {"name.json": {"type": "string"}}),
        ({"$ref": "./name.json"}, {"name.json": {"type": "string"}}),
        ({"$ref": "name.json#"}, {"name.json": {"type": "string"}}),
        ({"$ref": "name.json#/definitions/a~1b"}, {"name.json": {"definitions": {"a/b": {"type": "string"}}}}),
        ({"$ref": "a%20b.json#/definitions/a%25b"}, {"a%20b.json": {"definitions": {"a%b": {"type": "string"}}}}),
        ({"$ref": "urn:example:name"}, {"urn:example:name": {"type": "string"}}),
        ({"$ref": "http://x.org/name.json"}, {"http://x.org/name.json": {"type": "string"}}),
        # made absolute by identifiers
        ({"$id": "http://x.org/a/root.json", "$ref": "name.json"}, {"name.json": {"type": "string"}}),
        (
            {"$id": "http://x.org/a/root.json", "$ref": "http://x.org/b.json"},
            {"name.json": {"$id": "http://x.org/b.json", "type": "string"}},
        ),
        # inside the schema itself
        ({"$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}}, {}),
        ({"$ref": "#/definitions/0/anyOf/1", "definitions": [{"anyOf": [1, {"type": "string"}]}]}, {}),
        ({"$ref": "#a", "definitions": {"a": {"$id": "#a", "type": "string"}}}, {}),
        ({"$schema": MODERN, "$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "string"}}}, {}),
        ({"$schema": MODERN, "$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a", "type": "string"}}}, {}),
        (
            {"$id": "http://x.org/r.json", "$ref": "s.json", "definitions": {"s": {"$id": "s.json", "type": "string"}}},
            {},
        ),
        # one document leads to the next
        ({"$ref": "a.json"}, {"b.json": {"type": "string"}, "a.json": {"$ref": "b.json"}}),
        # of another draft
        (
            {"$ref": "a.json"},
            {"a.json": {"$schema": MODERN, "$ref": "#/$defs/s", "$defs": {"s": {"type": "string"}}}},
        ),
    ],
)  # fmt: skip
def test_where_references_lead(referring: Any, documents: dict[str, Any]) -> None:
    """Each of these refers to a string, so that a string can follow it and a number cannot."""
    original = schema(
        {"properties": {"a": {"$ref": "#/definitions/r"}}, "definitions": {}}
        | {"definitions": {"r": {"type": "string"}}}
    )
    assert changes(original, schema({"properties": {"a": {"type": "string"}}})) == []
    made = schema(referring, documents)
    assert "TYPE_CHANGED #/" not in changes(made, schema({"type": "string"}))
    assert "TYPE_CHANGED #/" in changes(made, schema({"type": "number"}))


def test_references_keep_an_annotation_of_their_own() -> None:
    """A default beside a `$ref` is the property's: a required property with one may be added."""
    original = {"properties": {}, "additionalProperties": False}
    added = {"$ref": "#/definitions/s", "default": "x"}
    update = {
        **original,
        "properties": {"a": added},
        "required": ["a"],
        "definitions": {"s": {"type": "string"}},
    }
    assert changes(schema(original), schema(update)) == [
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ('{"type": "string"} x', "not valid JSON"),
        ("// comments\n{}", "not valid JSON"),
        ('"string"', "#: expected a schema"),
        ("5", "#: expected a schema"),
        ("null", "#: expected a schema"),
        ("[]", "#: expected a schema"),
        ({"type": "strnig"}, "unknown type: .strnig"),
        ({"type": [{"type": "string"}]}, "unknown type"),
        ({"$schema": MODERN, "type": [[]]}, "unknown type"),
        ({"format": []}, "#/format: expected a string, found an array"),
        ({"$schema": MODERN, "format": 5}, "#/format: expected a string, found a number"),
        ({"type": 5}, "#/type: expected an array, found a number"),
        ({"properties": []}, "#/properties: expected an object, found an array"),
        ({"properties": {"a": 5}}, "#/properties/a: expected a schema"),
        ({"allOf": {}}, "#/allOf: expected an array, found an object"),
        ({"allOf": [None]}, "#/allOf/0: expected a schema"),
        ({"required": "a"}, "#/required: expected an array, found a string"),
        ({"required": [1]}, "#/required: expected strings only"),
        ({"minLength": "1"}, "#/minLength: expected a number, found a string"),
        ({"minLength": 1.5}, "#/minLength: expected a whole number"),
        ('{"minLength": 1e999999999}', "#/minLength: expected a whole number"),
        ({"maximum": True}, "#/maximum: expected a number, found a boolean"),
        ({"multipleOf": 0}, "multipleOf should not be 0"),
        ({"uniqueItems": "yes"}, "#/uniqueItems: expected a boolean"),
        ({"enum": "a"}, "#/enum: expected an array"),
        ({"title": 5}, "#/title: expected a string"),
        ({"pattern": "["}, "#/pattern: .* is no regular expression"),
        ({"patternProperties": {"(": {}}}, "#/patternProperties: .* is no regular expression"),
        ({"dependencies": {"a": 5}}, "#/dependencies/a: expected a schema"),
        ({"$schema": MODERN, "dependentRequired": {"a": 5}}, "#/dependentRequired/a: expected an array"),
        ({"$schema": MODERN, "prefixItems": {}}, "#/prefixItems: expected an array"),
        ({"$schema": MODERN, "if": 5}, "#/if: expected a schema"),
        ({"if": 5}, "#/if: expected a schema"),
        ({"$ref": 5}, "#/[$]ref: expected a string"),
        ({"$ref": "http://example.com/schema.json"}, "leads to no schema that this one was registered with"),
        ({"$ref": "file:///etc/passwd"}, "leads to no schema that this one was registered with"),
        ({"$id": "http://x.org/", "$ref": "http://[x"}, "no URI reference"),
        ({"properties": {"a": {"$ref": "#/definitions/a"}}}, "#/properties/a: .* leads to nothing: no 'definitions'"),
        ({"$ref": "#nowhere"}, "leads to no .anchor"),
        ({"$ref": "#"}, "leads back to itself"),
        (
            {"allOf": [{"$ref": "#/definitions/a"}], "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}},
            "leads back to itself",
        ),
        ('{"not":' * 1_000 + "{}" + "}" * 1_000, "nested"),
        ('{"properties":{"a":' * 1_000 + "{}" + "}}" * 1_000, "nested"),
        ("[" * 100_000, "nested"),
        ('{"title": "\\udc00"}', "surrogate"),
        ('{"maximum": Infinity}', "Infinity"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_refused(wrong: Any, says: str) -> None:
    """Each with an error that names the place and what should stand there."""
    with pytest.raises(InvalidSchema, match=says):
        schema(wrong)


@pytest.mark.parametrize(
    "unusual",
    [
        {"pattern": "(?=lookahead)(a)\\1"},
        {"$ref": "http://json-schema.org/draft-07/schema#"},
        {"$schema": MODERN, "properties": {"a": {"$ref": MODERN}}},
        {"$schema": "http://example.com/my-own-dialect", "type": "string"},
        {"unheard": {"$ref": "#/nowhere"}, "of": [1]},
        {"enum": [{"$ref": "#/nowhere", "$id": "x"}], "default": {"$id": 5}},
        {"properties": {"$id": {"type": "string"}, "$ref": {"type": "string"}, "id": {}}},
        {"minLength": 2.0},
        {"$id": "http://x.org/#"},
        '{"not":' * 100 + "{}" + "}" * 100,
        '{"allOf":[' * 90 + "{}" + "]}" * 90,
        '{"$schema":"https://json-schema.org/draft/2020-12/schema","allOf":['
        + '{"allOf":[' * 90
        + "{}"
        + "]}" * 90
        + "]}",
    ],
)
def test_what_is_taken(unusual: Any) -> None:
    """Unusual, but the original takes it: dialects it does not know, keywords it does not know, data that look like schemas."""
    made = schema(unusual)
    assert changes(made, made) in ([], ["NOT_TYPE_NARROWED #/not"])


def test_strict_validation_refuses_names_of_the_registry() -> None:
    """`validateFields`: properties whose names begin with `$$` are not for users."""
    made = schema({"properties": {"$$a": {}}})
    made.validate(strict=False)
    with pytest.raises(InvalidSchema, match="Field names cannot start with"):
        made.validate(strict=True)
    schema({"properties": {"$a": {}}}).validate(strict=True)


def test_top_level_fields() -> None:
    """The properties of the schema itself."""
    assert schema({"properties": {"a": {}}}).has_top_level_field("a")
    assert not schema({"properties": {"a": {}}}).has_top_level_field("b")
    assert not schema(True).has_top_level_field("a")


def test_a_big_schema() -> None:
    """Twenty thousand properties, one megabyte: read and compared in order of its size."""
    properties = {f"property-{number}": {"type": "string", "maxLength": number} for number in range(20_000)}
    for dialect in ({}, {"$schema": MODERN}):
        made = schema({**dialect, "properties": properties})
        wider = dict(properties)
        wider["property-7"] = {"type": "string"}
        assert changes(made, schema({**dialect, "properties": wider})) == [
            "MAX_LENGTH_REMOVED #/properties/property-7/maxLength"
        ]
