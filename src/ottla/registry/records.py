"""The records of `_schemas`: keys and values in the original's JSON.

| kind | key | value |
|---|---|---|
| SCHEMA | `{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}` | the schema; null: deleted for good |
| DELETE_SUBJECT | `{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}` | `{"subject":"s","version":N}`: all up to N are deleted |
| CLEAR_SUBJECT | `{"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}` | `{"subject":"s"}`: what is deleted is forgotten |
| CONFIG | `{"keytype":"CONFIG","subject":"s","magic":0}` | the settings; null: none |
| MODE | `{"keytype":"MODE","subject":"s","magic":0}` | `{"subject":"s","mode":"IMPORT"}`; null: none |
| CONTEXT | `{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}` | `{"tenant":"default","context":".c"}` |
| ASSOC | `{"keytype":"ASSOC","tenant":"default","resourceName":"t","resourceNamespace":"n","resourceType":"topic","associationType":"value","subject":"s","magic":0}` | the association; null: none |
| NOOP | `{"keytype":"NOOP","magic":0}` | null, or ours: `{"highestIds":{".":12}}` |

Compaction compares keys by their bytes, so the order of their fields counts, and a record that replaces one written by
another registry takes over its very key. A value that is empty instead of null is a tombstone too: Karapace writes such.

Ours in NOOP: the highest ids ever given, which the schemas no longer tell once the one with the highest was deleted for
good. The original reads no value of a NOOP.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias, cast

from ottla.registry import json_fields
from ottla.registry.associations import TOPIC, Association, Lifecycle, Resource
from ottla.registry.content import SchemaContent, references_as_json
from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import Json, JsonObject, to_json
from ottla.registry.metadata import Metadata
from ottla.registry.modes import Mode
from ottla.registry.rule_sets import RuleSet
from ottla.registry.schemas.schema import Reference, SchemaType
from ottla.registry.subject_config import SubjectConfig

DEFAULT_TENANT: Final = "default"
SCHEMA_MAGIC: Final = 1


class MalformedRecordError(Exception):
    """A record that is none of the kinds above, or not as its kind has to be. It stays in the topic, and is passed over."""


class StoredSchema:
    """A version of a subject. `deleted` is the soft kind: its id is still served."""

    __slots__ = ("content", "deleted", "id", "key", "subject", "timestamp_ms", "version")

    def __init__(
        self,
        subject: str,
        version: int,
        schema_id: int,
        content: SchemaContent,
        *,
        deleted: bool = False,
        timestamp_ms: int = 0,
        key: bytes | None = None,
    ) -> None:
        self.subject = subject
        self.version = version
        self.id = schema_id
        self.content = content
        self.deleted = deleted
        self.timestamp_ms = timestamp_ms
        """When its record was written; 0 where the broker did not tell."""
        self.key = key
        """The bytes of its record's key where they are not those we would write."""

    def as_json(self) -> JsonObject:
        """As answers tell a version."""
        parts: JsonObject = {
            "subject": self.subject,
            "version": self.version,
            "id": self.id,
            "guid": self.content.guid,
            **self.content.as_json(),
        }
        if self.timestamp_ms:
            parts["ts"] = self.timestamp_ms
        if self.deleted:
            parts["deleted"] = True
        return parts


class SchemaRecord(NamedTuple):
    subject: str
    version: int
    schema: StoredSchema | None


class DeleteSubjectRecord(NamedTuple):
    subject: str
    version: int


class ClearSubjectRecord(NamedTuple):
    subject: str | None


class ConfigRecord(NamedTuple):
    subject: str | None
    config: SubjectConfig | None


class ModeRecord(NamedTuple):
    subject: str | None
    mode: Mode | None


class ContextRecord(NamedTuple):
    context: str
    exists: bool


class AssociationRecord(NamedTuple):
    key: bytes
    association: Association | None


class NoopRecord(NamedTuple):
    highest_ids: Mapping[str, int]


Record: TypeAlias = (
    SchemaRecord
    | DeleteSubjectRecord
    | ClearSubjectRecord
    | ConfigRecord
    | ModeRecord
    | ContextRecord
    | AssociationRecord
    | NoopRecord
)


def decode(key: bytes | None, value: bytes | None, timestamp_ms: int = 0) -> Record:
    """Read one record; raises MalformedRecordError."""
    try:
        return _decode(_object(key), _object(value) if value else None, key or b"", timestamp_ms)
    except (RegistryError, ValueError, RecursionError) as error:
        raise MalformedRecordError(str(error)) from error


def _object(text: bytes | None) -> JsonObject:
    fields = json.loads(text or b"null")
    if not isinstance(fields, dict):
        raise MalformedRecordError(f"no JSON object: {(text or b'')[:100]!r}")
    return cast("JsonObject", fields)


def _decode(key: JsonObject, value: JsonObject | None, key_bytes: bytes, timestamp_ms: int) -> Record:
    subject = json_fields.text(key, "subject")
    match key.get("keytype"):
        case "SCHEMA":
            return _schema_record(key, value, key_bytes, timestamp_ms)
        case "DELETE_SUBJECT":
            return DeleteSubjectRecord(subject or "", json_fields.integer(value or {}, "version") or 0)
        case "CLEAR_SUBJECT":
            return ClearSubjectRecord(subject)
        case "CONFIG":
            return ConfigRecord(subject, None if value is None else SubjectConfig.from_json(value))
        case "MODE":
            return ModeRecord(subject, None if value is None else Mode(json_fields.text(value, "mode") or ""))
        case "CONTEXT":
            return ContextRecord(json_fields.text(key, "context") or "", value is not None)
        case "ASSOC":
            return AssociationRecord(key_bytes, None if value is None else _association(key, value))
        case "NOOP":
            highest = json_fields.mapping(value or {}, "highestIds") or {}
            return NoopRecord({name: json_fields.integer(highest, name) or 0 for name in highest})
        case other:
            raise MalformedRecordError(f"records of type {other} are not known here")


def _schema_record(
    key: JsonObject, value: JsonObject | None, key_bytes: bytes, timestamp_ms: int
) -> SchemaRecord:
    subject, version = json_fields.text(key, "subject"), json_fields.integer(key, "version")
    if subject is None or version is None:
        raise MalformedRecordError("a SCHEMA key without subject or version")
    if value is None:
        return SchemaRecord(subject, version, None)
    schema_id = json_fields.integer(value, "id")
    if schema_id is None:
        raise MalformedRecordError(f"version {version} of {subject} has no id")
    content = SchemaContent(
        SchemaType(json_fields.text(value, "schemaType") or SchemaType.AVRO),
        json_fields.text(value, "schema") or "",
        references_from_json(json_fields.objects(value, "references")),
        Metadata.from_json(json_fields.mapping(value, "metadata")),
        RuleSet.from_json(json_fields.mapping(value, "ruleSet")),
    )
    stored = StoredSchema(
        subject,
        version,
        schema_id,
        content,
        deleted=bool(json_fields.boolean(value, "deleted")),
        timestamp_ms=timestamp_ms,
        key=None if key_bytes == schema_key(subject, version) else key_bytes,
    )
    return SchemaRecord(subject, version, stored)


def _association(key: JsonObject, value: JsonObject) -> Association:
    """What the value doesn't tell, the key does."""
    fields = {**key, **{name: field for name, field in value.items() if field is not None}}
    subject = json_fields.text(fields, "subject")
    if not subject:
        raise MalformedRecordError("an association without a subject")
    resource = Resource(
        json_fields.text(fields, "resourceName") or "",
        json_fields.text(fields, "resourceNamespace") or "",
        json_fields.text(fields, "resourceId"),
        json_fields.text(fields, "resourceType") or TOPIC,
    )
    return Association(
        subject,
        json_fields.text(fields, "guid") or "",
        resource,
        json_fields.text(fields, "associationType") or "",
        Lifecycle(json_fields.text(fields, "lifecycle") or Lifecycle.WEAK),
        bool(json_fields.boolean(fields, "frozen")),
        json_fields.integer(fields, "createTs", bits=64) or 0,
    )


def references_from_json(listed: list[JsonObject]) -> tuple[Reference, ...]:
    """As requests and records have them; raises FieldError. A version left out is the latest, -1."""
    return tuple(
        Reference(
            json_fields.text(each, "name") or "",
            json_fields.text(each, "subject") or "",
            version if (version := json_fields.integer(each, "version")) is not None else -1,
        )
        for each in listed
    )


def schema_key(subject: str, version: int) -> bytes:
    return to_json({"keytype": "SCHEMA", "subject": subject, "version": version, "magic": SCHEMA_MAGIC})


def schema_value(schema: StoredSchema) -> bytes:
    content = schema.content
    value: JsonObject = {
        "subject": schema.subject,
        "version": schema.version,
        "id": schema.id,
        "md5": b64encode(content.md5).decode(),
    }
    if content.type is not SchemaType.AVRO:
        value["schemaType"] = content.type
    if content.references:
        value["references"] = references_as_json(content.references)
    if content.metadata is not None:
        value["metadata"] = content.metadata.as_json()
    if content.rule_set is not None:
        value["ruleSet"] = content.rule_set.as_json()
    value["schema"] = content.text
    value["deleted"] = schema.deleted
    return to_json(value)


def subject_key(keytype: str, subject: str | None) -> bytes:
    """The key of a CONFIG, MODE, DELETE_SUBJECT or CLEAR_SUBJECT record."""
    return to_json({"keytype": keytype, "subject": subject, "magic": 0})


def delete_subject_value(subject: str, version: int) -> bytes:
    return to_json({"subject": subject, "version": version})


def clear_subject_value(subject: str | None) -> bytes:
    return to_json({"subject": subject})


def config_value(subject: str | None, config: SubjectConfig) -> bytes:
    return to_json({"subject": subject, **config.as_json()})


def mode_value(subject: str | None, mode: Mode) -> bytes:
    return to_json({"subject": subject, "mode": mode})


def context_key(context: str) -> bytes:
    return to_json({"keytype": "CONTEXT", "tenant": DEFAULT_TENANT, "context": context, "magic": 0})


def context_value(context: str) -> bytes:
    return to_json({"tenant": DEFAULT_TENANT, "context": context})


def association_key(association: Association) -> bytes:
    resource = association.resource
    return to_json(
        {
            "keytype": "ASSOC",
            "tenant": DEFAULT_TENANT,
            "resourceName": resource.name,
            "resourceNamespace": resource.namespace,
            "resourceType": resource.type,
            "associationType": association.type,
            "subject": association.subject,
            "magic": 0,
        }
    )


def association_value(association: Association) -> bytes:
    value: JsonObject = {
        "subject": association.subject,
        "guid": association.guid,
        "tenant": DEFAULT_TENANT,
        **association.resource.as_json(),
        "associationType": association.type,
        "lifecycle": association.lifecycle,
        "frozen": association.frozen,
    }
    if association.created_ms:
        value["createTs"] = association.created_ms
    return to_json(value)


NOOP_KEY: Final = b'{"keytype":"NOOP","magic":0}'


def noop_value(highest_ids: Mapping[str, int]) -> bytes:
    ids: dict[str, Json] = dict(highest_ids)
    return to_json({"highestIds": ids})
