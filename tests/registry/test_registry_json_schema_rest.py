"""JSON Schema and Avro over the REST API: references, normalization, verdicts with their reasons, policies, refusals."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from registries import RegistryProcess, Reply

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
WIDER = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}


def post(registry: RegistryProcess, path: str, schema: Any, **fields: object) -> Reply:
    return registry.post(path, {"schemaType": "JSON", "schema": json.dumps(schema), **fields})


def register(registry: RegistryProcess, subject: str, schema: Any, **fields: object) -> int:
    return registry.register(subject, json.dumps(schema), schemaType="JSON", **fields)


def test_references_lead_to_other_subjects(registry: RegistryProcess, subject: str) -> None:
    """The reference's name is what `$ref` says; what changes there counts as it does here."""
    register(registry, f"{subject}-name", {"type": "string", "maxLength": 10})
    references = [{"name": "name.json", "subject": f"{subject}-name", "version": 1}]
    schema = {**CLOSED, "properties": {"a": {"$ref": "name.json"}}}
    assert post(registry, f"/subjects/{subject}/versions", schema).error == (422, 42201)
    schema_id = register(registry, subject, schema, references=references)
    assert registry.get(f"/schemas/ids/{schema_id}").body["references"] == references
    registry.put(f"/config/{subject}-name", {"compatibility": "NONE"})
    register(registry, f"{subject}-name", {"type": "string", "maxLength": 5})
    references[0]["version"] = 2
    refused = post(registry, f"/subjects/{subject}/versions", schema, references=references)
    assert refused.error == (409, 40901)
    assert "MAX_LENGTH_DECREASED" in refused.body["message"]
    assert "#/properties/a/maxLength" in refused.body["message"]


def test_verdicts_tell_why(registry: RegistryProcess, subject: str) -> None:
    """The kind of change, a sentence, the earlier version and the level."""
    register(registry, subject, OPEN)
    path = f"/compatibility/subjects/{subject}/versions/latest"
    verdict = post(registry, f"{path}?verbose=true", WIDER).body
    assert verdict["is_compatible"] is False
    [reason, version, earlier, settings] = verdict["messages"]
    assert reason.startswith('{errorType:"OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", description:"')
    assert version == "{oldSchemaVersion: 1}"
    assert earlier == f"{{oldSchema: '{json.dumps(OPEN, separators=(',', ':'))}'}}"
    assert settings == "{validateFields: 'false', compatibility: 'BACKWARD'}"
    assert post(registry, path, WIDER).body == {"is_compatible": False}
    assert post(registry, path, {**OPEN, "title": "a"}).body == {"is_compatible": True}


def test_a_lenient_subject_lets_open_schemas_grow(registry: RegistryProcess, subject: str) -> None:
    """The policy of the subject, not of the schema."""
    register(registry, subject, OPEN)
    assert post(registry, f"/subjects/{subject}/versions", WIDER).status == 409
    registry.put(f"/config/{subject}", {"compatibilityPolicy": "LENIENT"})
    assert post(registry, f"/subjects/{subject}/versions", WIDER).status == 200


def test_reserved_names_are_for_nobody(registry: RegistryProcess, subject: str) -> None:
    """A name that metadata reserve is refused as a property, and may not be given up."""
    metadata = {"properties": {"confluent:reserved": "b, c"}}
    register(registry, subject, CLOSED, metadata=metadata)
    grown = {**WIDER, "additionalProperties": False}
    refused = post(registry, f"/subjects/{subject}/versions", grown, metadata=metadata)
    assert refused.error == (409, 40901)
    assert "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY" in refused.body["message"]
    fewer = {"properties": {"confluent:reserved": "c"}}
    refused = post(registry, f"/subjects/{subject}/versions", CLOSED, metadata=fewer)
    assert "RESERVED_PROPERTY_REMOVED" in refused.body["message"]


def test_normalize_takes_one_meaning_for_one_schema(registry: RegistryProcess, subject: str) -> None:
    """Members of objects in another order."""
    path = f"/subjects/{subject}/versions?normalize=true"
    turned = dict(reversed(CLOSED.items()))
    assert post(registry, path, CLOSED).body["id"] == post(registry, path, turned).body["id"]
    assert post(registry, f"/subjects/{subject}?normalize=true", turned).body["version"] == 1


def test_avro_references_are_resolved_where_asked_for(registry: RegistryProcess, subject: str) -> None:
    """`format=resolved` writes the referenced definitions out."""
    enum = {"type": "enum", "name": "x.E", "symbols": ["A"]}
    registry.register(f"{subject}-enum", json.dumps(enum))
    record = {"type": "record", "name": "R", "fields": [{"name": "e", "type": "x.E"}]}
    references = [{"name": "x.E", "subject": f"{subject}-enum", "version": 1}]
    schema_id = registry.register(subject, json.dumps(record), references=references)
    told = registry.get(f"/schemas/ids/{schema_id}").body["schema"]
    resolved = registry.get(f"/schemas/ids/{schema_id}?format=resolved").body["schema"]
    assert json.loads(told)["fields"][0]["type"] == "x.E"
    assert json.loads(resolved)["fields"][0]["type"]["symbols"] == ["A"]


def test_defaults_of_new_avro_schemas_fit_their_fields(registry: RegistryProcess, subject: str) -> None:
    """Unless the subject does not hold new schemas to that."""
    wrong = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "one"}]}
    path = f"/subjects/{subject}/versions"
    refused = registry.post(path, {"schema": json.dumps(wrong)})
    assert refused.error == (422, 42201)
    assert "Invalid default for field a" in refused.body["message"]
    registry.put(f"/config/{subject}", {"validateNewSchemas": False})
    assert registry.post(path, {"schema": json.dumps(wrong)}).status == 200


@pytest.mark.parametrize(
    ("schema_type", "text"),
    [
        ("JSON", '{"not":' * 1_000 + "{}" + "}" * 1_000),
        ("AVRO", '{"type":"array","items":' * 1_000 + '"int"' + "}" * 1_000),
        ("JSON", "[" * 100_000),
        ("JSON", '{"$ref":"#"}'),
        ("JSON", '{"$ref":"http://127.0.0.1:9/schema.json"}'),
        ("JSON", '{"pattern":"("}'),
        ("JSON", '{"type":"strnig"}'),
        ("JSON", '{"title":"\\udc00"}'),
        ("AVRO", '{"type":"record","name":"R","fields":[{"name":"a","type":"Unknown"}]}'),
        ("AVRO", '["int","int"]'),
    ],
    ids=lambda text: text[:30],
)
def test_hostile_schemas_are_refused(
    registry: RegistryProcess, subject: str, schema_type: str, text: str
) -> None:
    """With 42201 and a reason, and nobody else waits for it."""
    begun = time.monotonic()
    refused = registry.post(f"/subjects/{subject}/versions", {"schemaType": schema_type, "schema": text})
    assert refused.error == (422, 42201)
    assert len(refused.body["message"]) < 300_000
    assert time.monotonic() - begun < 30
