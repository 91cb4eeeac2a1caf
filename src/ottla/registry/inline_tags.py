"""Tags inside schemas as requests and answers tell them.

{"schemaEntity": {"entityPath": "acme.Order.email", "entityType": "sr_field"}, "tags": ["PII"]}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ottla.registry import json_fields
from ottla.registry.content import SchemaContent
from ottla.registry.errors import FieldError, invalid_schema
from ottla.registry.json_fields import Json, JsonObject
from ottla.registry.registration import Submitted
from ottla.registry.schemas.schema import InvalidSchema
from ottla.registry.schemas.tags import Entity, EntityType, retagged, tagged_entities

ALL_TAGS: Final = "*"


def retagged_submission(submitted: Submitted, body: JsonObject, to_add: str, to_remove: str) -> Submitted:
    """The schema with the tags changed that these two fields of the body list; raises 42201 where it has no such place."""
    add, remove = _tags_by_entity(body, to_add), _tags_by_entity(body, to_remove)
    if not (add or remove):
        return submitted
    try:
        return replace(submitted, text=retagged(submitted.type, submitted.text or "", add, remove))
    except InvalidSchema as error:
        raise invalid_schema(f"Invalid schema of type {submitted.type}, details: {error}") from None


def tags_as_json(content: SchemaContent, wanted: Sequence[str]) -> list[Json]:
    """The places in a schema that have one of the tags wanted, with all of theirs."""
    try:
        tagged = tagged_entities(content.type, content.text)
    except InvalidSchema:
        return []
    return [
        {
            "schemaEntity": {"entityPath": entity.path, "entityType": str(entity.type)},
            "tags": list[Json](tags),
        }
        for entity, tags in tagged.items()
        if ALL_TAGS in wanted or not set(tags).isdisjoint(wanted)
    ]


def _tags_by_entity(body: JsonObject, name: str) -> dict[Entity, list[str]]:
    tags: dict[Entity, list[str]] = {}
    for each in json_fields.objects(body, name):
        fields = json_fields.mapping(each, "schemaEntity") or {}
        path, kind = json_fields.text(fields, "entityPath"), json_fields.text(fields, "entityType")
        if path is None or kind is None:
            raise FieldError(f"{name} has to name entityPath and entityType of each schemaEntity")
        try:
            entity = Entity(path, EntityType(kind.lower()))
        except ValueError:
            raise FieldError(f"entityType has to be one of {', '.join(EntityType)}") from None
        tags.setdefault(entity, []).extend(json_fields.texts(each, "tags"))
    return tags
