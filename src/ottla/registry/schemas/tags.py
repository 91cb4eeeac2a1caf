"""Tags inside schemas: `confluent:tags`, by which data contracts find the fields that rules are about.

| language | an entity's path | kind |
|---|---|---|
| Avro | `com.acme.Order`, `com.acme.Order.email` | `sr_record`, `sr_field` |
| JSON Schema | `object`, `object.email`, `object.lines.array.object.price`, `object.pay.oneof.0.object.card`, `object.definitions.Card.object.no` | likewise |

Source: Confluent's `SchemaEntity`, `ParsedSchema.inlineTaggedEntities` and `copy(tagsToAdd, tagsToRemove)`. Parts of a
combination are counted as they stand in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ottla.registry.schemas.json_text import JsonValue, read_json, write_json
from ottla.registry.schemas.schema import InvalidSchema, SchemaType

TAGS: Final = "confluent:tags"
Json = dict[str, JsonValue]
Tags = Mapping["Entity", Sequence[str]]


class EntityType(StrEnum):
    """What has a tag."""

    RECORD = "sr_record"
    FIELD = "sr_field"


class Entity(NamedTuple):
    """A record or a field of a schema; a dot before the path counts for nothing."""

    path: str
    type: EntityType


def tagged_entities(schema_type: SchemaType, text: str) -> dict[Entity, list[str]]:
    """What has tags in a schema's text, in its order."""
    found = {}
    for entity, json in _entities(schema_type, _read(schema_type, text)):
        tags = _tags(json)
        if tags:
            found[entity] = tags
    return found


def retagged(schema_type: SchemaType, text: str, add: Tags, remove: Tags) -> str:
    """The text with tags added and, after that, removed; raises InvalidSchema where there is no such entity."""
    json = _read(schema_type, text)
    entities = dict(_entities(schema_type, json))
    for entity in dict.fromkeys((*add, *remove)):
        place = entities.get(entity._replace(path=entity.path.removeprefix(".")))
        if place is None:
            raise InvalidSchema(f"No matching entity found for path '{entity.path}' of type {entity.type}")
        gone = frozenset(remove.get(entity, ()))
        tags = [tag for tag in dict.fromkeys((*_tags(place), *add.get(entity, ()))) if tag not in gone]
        if tags:
            place[TAGS] = [*tags]
        else:
            place.pop(TAGS, None)
    return write_json(json)


def with_tags_of(schema_type: SchemaType, text: str, earlier: str) -> str:
    """The text with the tags that what it shares with an earlier text has there; as it is where either can't be read."""
    try:
        tags = tagged_entities(schema_type, earlier)
        shared = tags.keys() & {entity for entity, _ in _entities(schema_type, _read(schema_type, text))}
        return retagged(schema_type, text, {each: tags[each] for each in tags if each in shared}, {})
    except InvalidSchema:
        return text


def _read(schema_type: SchemaType, text: str) -> JsonValue:
    if schema_type is SchemaType.PROTOBUF:
        raise InvalidSchema(
            "tags inside Protobuf schemas are not looked at: give them as tags of the metadata"
        )
    return read_json(text, decimals=schema_type is SchemaType.JSON, comments=schema_type is SchemaType.AVRO)


def _tags(json: Json) -> list[str]:
    tags = json.get(TAGS)
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


Found = Iterator[tuple[Entity, Json]]


def _entities(schema_type: SchemaType, json: JsonValue) -> Found:
    return _avro(json, None) if schema_type is SchemaType.AVRO else _json_schema(json, "", in_field=False)


def _avro(json: JsonValue, space: str | None) -> Found:
    if isinstance(json, list):
        for branch in json:
            yield from _avro(branch, space)
    elif isinstance(json, dict):
        if json.get("type") in ("record", "error"):
            yield from _avro_record(json, space)
        else:
            yield from _avro(json.get("items"), space)
            yield from _avro(json.get("values"), space)


def _avro_record(json: Json, space: str | None) -> Found:
    name, own_space = str(json.get("name")), json.get("namespace")
    if "." in name:
        space = name.rpartition(".")[0]
    elif isinstance(own_space, str):
        space = own_space
    full_name = name if "." in name or not space else f"{space}.{name}"
    yield Entity(full_name, EntityType.RECORD), json
    fields = json.get("fields")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict):
            yield Entity(f"{full_name}.{field.get('name')}", EntityType.FIELD), field
            yield from _avro(field.get("type"), space)


def _json_schema(json: JsonValue, scope: str, *, in_field: bool) -> Found:
    if not isinstance(json, dict):
        return
    for criterion in ("allOf", "anyOf", "oneOf"):
        parts = json.get(criterion)
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            yield from _json_schema(part, f"{scope}{criterion.lower()}.{index}.", in_field=False)
    yield from _json_schema(json.get("items"), f"{scope}array.", in_field=False)
    yield from _json_schema(json.get("not"), f"{scope}not.", in_field=False)
    for keyword in ("if", "then", "else"):
        yield from _json_schema(json.get(keyword), f"{scope}conditional.{keyword}.", in_field=False)
    if "properties" in json or json.get("type") == "object":
        yield from _json_object(json, f"{scope}object", in_field=in_field)


def _json_object(json: Json, scope: str, *, in_field: bool) -> Found:
    if not in_field:
        yield Entity(scope, EntityType.RECORD), json
    properties = json.get("properties")
    for name, part in properties.items() if isinstance(properties, dict) else ():
        if isinstance(part, dict):
            yield Entity(f"{scope}.{name}", EntityType.FIELD), part
            yield from _json_schema(part, f"{scope}.{name}.", in_field=True)
    for keyword in ("definitions", "$defs"):
        definitions = json.get(keyword)
        for name, part in definitions.items() if isinstance(definitions, dict) else ():
            yield from _json_schema(part, f"{scope}.{keyword}.{name}.", in_field=False)
