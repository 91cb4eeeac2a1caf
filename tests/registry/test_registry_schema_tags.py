"""Tags inside schemas: where they are, and texts with others."""

import json
from typing import Any

import pytest

from ottla.registry.schemas.schema import InvalidSchema, SchemaType
from ottla.registry.schemas.tags import Entity, EntityType, retagged, tagged_entities

PII = {"confluent:tags": ["PII"]}


def field(path: str) -> Entity:
    return Entity(path, EntityType.FIELD)


def record(path: str) -> Entity:
    return Entity(path, EntityType.RECORD)


AVRO = {
    "type": "record",
    "name": "Order",
    "namespace": "acme",
    "fields": [
        {"name": "email", "type": "string", **PII},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": [
                    "null",
                    {"type": "record", "name": "Line", "fields": [{"name": "price", "type": "int", **PII}]},
                ],
            },
        },
        {"name": "other", "type": {"type": "record", "name": "x.Other", **PII, "fields": []}},
    ],
}

JSON = {
    **PII,
    "type": "object",
    "properties": {
        "email": {"type": "string", **PII},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {**PII}}}},
        "pay": {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"card": {**PII}}}]},
        "inner": {"type": "object", "properties": {"a": {**PII}}},
    },
    "definitions": {"Card": {"type": "object", **PII, "properties": {"no": {**PII}}}},
}


@pytest.mark.parametrize(
    ("schema_type", "schema", "entities"),
    [
        (SchemaType.AVRO, AVRO, [field("acme.Order.email"), field("acme.Line.price"), record("x.Other")]),
        (
            SchemaType.JSON,
            JSON,
            [
                record("object"),
                field("object.email"),
                field("object.lines.array.object.price"),
                field("object.pay.oneof.1.object.card"),
                field("object.inner.object.a"),
                record("object.definitions.Card.object"),
                field("object.definitions.Card.object.no"),
            ],
        ),
        (SchemaType.AVRO, "string", []),
        (SchemaType.JSON, True, []),
    ],
)  # fmt: skip
def test_what_is_tagged(schema_type: SchemaType, schema: Any, entities: list[Entity]) -> None:
    """Records and fields by their paths."""
    assert tagged_entities(schema_type, json.dumps(schema)) == {entity: ["PII"] for entity in entities}


@pytest.mark.parametrize(("schema_type", "schema"), [(SchemaType.AVRO, AVRO), (SchemaType.JSON, JSON)])
def test_other_tags(schema_type: SchemaType, schema: Any) -> None:
    """Added behind those there are, each once; an entity without tags has no list of them."""
    text = json.dumps(schema)
    first, second, *_ = tagged_entities(schema_type, text)
    dotted = second._replace(path="." + second.path)
    changed = retagged(schema_type, text, {dotted: ["A", "PII", "B"]}, {first: ["PII", "C"], dotted: ["B"]})
    found = tagged_entities(schema_type, changed)
    assert first not in found
    assert found[second] == ["PII", "A"]
    assert retagged(schema_type, text, {}, {}) == json.dumps(schema, separators=(",", ":"))


def test_what_cannot_be_tagged() -> None:
    """An entity that isn't there, one of another kind, and what is in a language whose tags are elsewhere."""
    for entity in (field("acme.Order.nothing"), record("acme.Order.email")):
        with pytest.raises(InvalidSchema, match="No matching entity"):
            retagged(SchemaType.AVRO, json.dumps(AVRO), {entity: ["A"]}, {})
    with pytest.raises(InvalidSchema, match="Protobuf"):
        tagged_entities(SchemaType.PROTOBUF, 'syntax = "proto3";')
