"""What the languages' rules come to over the REST API: tables, references written out, schemas no program can read."""

from __future__ import annotations

import json
from typing import Any

from registries import RegistryProcess, record


def fields(*names: str) -> str:
    return record("Row", *((name, "long") for name in names))


def set_policy(registry: RegistryProcess, subject: str, **settings: Any) -> None:
    assert registry.put(f"/config/{subject}", settings).status == 200


def test_a_subject_that_feeds_tables_keeps_its_columns(registry: RegistryProcess, subject: str) -> None:
    """`compatibilityPolicy` LOGICAL: what Avro would let go is kept for the tables."""
    path = f"/subjects/{subject}/versions"
    registry.register(subject, fields("a", "b"))
    set_policy(registry, subject, compatibilityPolicy="LOGICAL")
    refused = registry.post(path, {"schema": fields("a")})
    assert refused.error == (409, 40901)
    assert 'errorType:"FIELD_DELETED", category:["ICEBERG_V2"]' in refused.body["message"]
    asked = registry.post(
        f"/compatibility/subjects/{subject}/versions/latest?verbose=true", {"schema": fields("b", "a")}
    )
    assert asked.body["is_compatible"] is False
    assert 'errorType:"FIELD_REORDERED"' in asked.body["messages"][0]
    set_policy(registry, subject, compatibilityPolicy="STRICT")
    assert registry.post(path, {"schema": fields("a")}).status == 200


def test_a_schema_without_columns_feeds_no_tables(registry: RegistryProcess, subject: str) -> None:
    """Told at the first version, whatever the level."""
    set_policy(registry, subject, compatibilityPolicy="LOGICAL", compatibility="NONE")
    anything = json.dumps({"type": "object", "properties": {"a": {}}})
    refused = registry.post(f"/subjects/{subject}/versions", {"schemaType": "JSON", "schema": anything})
    assert refused.error == (409, 40901)
    assert "VARIANT" in refused.body["message"]
    assert registry.register(subject, fields("a")) > 0


def test_tables_are_never_read_by_earlier_schemas(registry: RegistryProcess, subject: str) -> None:
    """LOGICAL and FORWARD cannot both be promised, in whatever order they are asked for."""
    path = f"/config/{subject}"
    both = {"compatibilityPolicy": "LOGICAL", "compatibility": "FORWARD_TRANSITIVE"}
    assert registry.put(path, both).error == (422, 42203)
    set_policy(registry, subject, compatibilityPolicy="LOGICAL")
    assert registry.put(path, {"compatibility": "FORWARD"}).error == (422, 42203)
    set_policy(registry, subject, compatibility="FULL")
    set_policy(registry, subject, compatibility="FORWARD", compatibilityPolicy=None)
    assert registry.put(path, {"compatibilityPolicy": "LOGICAL"}).error == (422, 42203)


def test_what_a_client_has_written_out_is_found(registry: RegistryProcess, subject: str) -> None:
    """A serializer may know its type alone: no new version comes of it."""
    enum = {"type": "enum", "name": "x.Kind", "symbols": ["A", "B"]}
    registry.register(f"{subject}-kind", json.dumps(enum))
    row = {"type": "record", "name": "Row", "fields": [{"name": "kind", "type": "x.Kind"}]}
    references = [{"name": "x.Kind", "subject": f"{subject}-kind", "version": 1}]
    schema_id = registry.register(subject, json.dumps(row), references=references)
    whole = json.dumps({**row, "fields": [{"name": "kind", "type": enum}]})
    found = registry.post(f"/subjects/{subject}", {"schema": whole})
    assert (found.status, found.body["id"], found.body["version"]) == (200, schema_id, 1)
    assert registry.register(subject, whole) == schema_id
    assert registry.get(f"/subjects/{subject}/versions").body == [1]
    other = {**enum, "symbols": ["A", "C"]}
    text = json.dumps({**row, "fields": [{"name": "kind", "type": other}]})
    assert registry.post(f"/subjects/{subject}", {"schema": text}).error == (404, 40403)


def test_what_no_program_can_read_is_refused(registry: RegistryProcess, subject: str) -> None:
    """Two fields of one number: the text is in order, a descriptor is not."""
    text = 'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }'
    refused = registry.post(f"/subjects/{subject}/versions", {"schemaType": "PROTOBUF", "schema": text})
    assert refused.error == (422, 42201)
    assert "the field number 1 in M is that of a and of b" in refused.body["message"]
