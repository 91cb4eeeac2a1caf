"""The records of `_dek_registry_keys`: keys and values in the original's JSON.

| kind | key | value |
|---|---|---|
| KEK | `{"tenant":"default","name":"k","type":"KEK"}` | name, kmsType, kmsKeyId, kmsProps, doc, shared, deleted, type |
| DEK | `{"tenant":"default","kekName":"k","subject":"s","algorithm":"AES256_GCM","version":1,"type":"DEK"}` | kekName, subject, algorithm, version, encryptedKeyMaterial, deleted, type |

A null value deletes for good. A new primary's marker is such a deletion, of a KEK whose name no KEK can have.

Ours in each value: `revision`, which counts the values that a key has had. The original reads no field that it does not
know. By it a record is known that was written without knowledge of the one before (`state.py`).

Confluent: KeyEncryptionKeyId, DataEncryptionKeyId, KeyEncryptionKey, DataEncryptionKey.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias, cast

from ottla.registry import json_fields
from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import Json, JsonObject, to_json
from ottla.registry.records import DEFAULT_TENANT, MalformedRecordError

SECRET_PROPERTIES: Final = frozenset(
    {
        "approle.secret.id",
        "client.secret",
        "old.secrets",
        "private.key",
        "secret",
        "secret.access.key",
        "ssl.keystore.password",
        "token.id",
    }
)
"""Properties of a KEK by which its KMS is logged in to. They are stored, and never told."""


class Algorithm(StrEnum):
    """What a DEK is for: the original's DekFormat."""

    AES128_GCM = "AES128_GCM"
    AES256_GCM = "AES256_GCM"
    AES256_SIV = "AES256_SIV"


class KekId(NamedTuple):
    """Which KEK."""

    name: str


class DekId(NamedTuple):
    """Which version of a DEK."""

    kek_name: str
    subject: str
    algorithm: Algorithm
    version: int


KeyId: TypeAlias = KekId | DekId


class Kek(NamedTuple):
    """A key encryption key: where a KMS has it. `deleted` is the soft kind."""

    name: str
    kms_type: str
    kms_key_id: str
    kms_props: Mapping[str, str]
    doc: str | None
    shared: bool
    deleted: bool = False
    timestamp_ms: int = 0
    revision: int = 0

    def __repr__(self) -> str:
        return f"Kek({self.name!r}, {self.kms_type}://{self.kms_key_id})"

    @property
    def id(self) -> KekId:
        return KekId(self.name)

    def is_as(self, other: Kek) -> bool:
        """Whether both name the same, deleted or not."""
        return self[:6] == other[:6]

    def as_json(self) -> JsonObject:
        """As answers tell it."""
        props: JsonObject = {
            name: value for name, value in sorted(self.kms_props.items()) if name not in SECRET_PROPERTIES
        }
        return {**self._parts(props), **_when(self.timestamp_ms, deleted=self.deleted)}

    def value(self) -> bytes:
        """As the topic has it."""
        parts = self._parts(dict(sorted(self.kms_props.items())))
        return to_json({**parts, "deleted": self.deleted, "type": "KEK", "revision": self.revision})

    def _parts(self, kms_props: JsonObject) -> JsonObject:
        doc: JsonObject = {} if self.doc is None else {"doc": self.doc}
        return {
            "name": self.name,
            "kmsType": self.kms_type,
            "kmsKeyId": self.kms_key_id,
            "kmsProps": kms_props,
            **doc,
            "shared": self.shared,
        }


class Dek(NamedTuple):
    """One version of a data encryption key, encrypted by its KEK. `deleted` is the soft kind."""

    kek_name: str
    subject: str
    algorithm: Algorithm
    version: int
    encrypted_key_material: str | None
    """In base64."""
    deleted: bool = False
    timestamp_ms: int = 0
    revision: int = 0

    @property
    def id(self) -> DekId:
        return DekId(self.kek_name, self.subject, self.algorithm, self.version)

    def is_as(self, other: Dek) -> bool:
        """Whether both are the same key, deleted or not."""
        return self[:5] == other[:5]

    def as_json(self, key_material: str | None = None) -> JsonObject:
        """As answers tell it, with the opened key where they do."""
        opened: JsonObject = {} if key_material is None else {"keyMaterial": key_material}
        return {**self._parts(), **opened, **_when(self.timestamp_ms, deleted=self.deleted)}

    def value(self) -> bytes:
        """As the topic has it."""
        return to_json({**self._parts(), "deleted": self.deleted, "type": "DEK", "revision": self.revision})

    def _parts(self) -> JsonObject:
        parts: JsonObject = {
            "kekName": self.kek_name,
            "subject": self.subject,
            "version": self.version,
            "algorithm": self.algorithm,
        }
        if self.encrypted_key_material is not None:
            parts["encryptedKeyMaterial"] = self.encrypted_key_material
        return parts


class KeyRecord(NamedTuple):
    """One record. None deletes the key for good."""

    id: KeyId
    key: Kek | Dek | None


def _when(timestamp_ms: int, *, deleted: bool) -> JsonObject:
    parts: JsonObject = {}
    if timestamp_ms:
        parts["ts"] = timestamp_ms
    if deleted:
        parts["deleted"] = True
    return parts


def key_bytes(key_id: KeyId) -> bytes:
    """The key of a key's record. Compaction compares bytes: the order of the fields counts."""
    if isinstance(key_id, KekId):
        return to_json({"tenant": DEFAULT_TENANT, "name": key_id.name, "type": "KEK"})
    return to_json(
        {
            "tenant": DEFAULT_TENANT,
            "kekName": key_id.kek_name,
            "subject": key_id.subject,
            "algorithm": key_id.algorithm,
            "version": key_id.version,
            "type": "DEK",
        }
    )


MARKER_KEY: Final = key_bytes(KekId(".primary"))
"""With a null value, what a new primary writes and reads past before its first write."""


def decode(key: bytes | None, value: bytes | None, timestamp_ms: int = 0) -> KeyRecord:
    """Read one record; raises MalformedRecordError."""
    try:
        return _decode(_object(key), _object(value) if value else None, timestamp_ms)
    except (RegistryError, ValueError, RecursionError) as error:
        raise MalformedRecordError(str(error)) from error


def _object(text: bytes | None) -> JsonObject:
    fields = json.loads(text or b"null")
    if not isinstance(fields, dict):
        # Not shown: it may be half of a value with a secret in it.
        raise MalformedRecordError("no JSON object")
    return cast("JsonObject", fields)


def _decode(key: JsonObject, value: JsonObject | None, timestamp_ms: int) -> KeyRecord:
    tenant = json_fields.text(key, "tenant")
    if tenant != DEFAULT_TENANT:
        raise MalformedRecordError(f"a key of the tenant {tenant}")
    match key.get("type"):
        case "KEK":
            kek_id = KekId(_text(key, "name"))
            return KeyRecord(kek_id, None if value is None else _kek(kek_id, value, timestamp_ms))
        case "DEK":
            dek_id = DekId(
                _text(key, "kekName"),
                _text(key, "subject"),
                Algorithm(_text(key, "algorithm")),
                json_fields.integer(key, "version") or 1,
            )
            return KeyRecord(dek_id, None if value is None else _dek(dek_id, value, timestamp_ms))
        case other:
            raise MalformedRecordError(f"records of type {_shown(other)} are not known here")


def _kek(kek_id: KekId, value: JsonObject, timestamp_ms: int) -> Kek:
    return Kek(
        kek_id.name,
        _text(value, "kmsType"),
        _text(value, "kmsKeyId"),
        json_fields.text_map(value, "kmsProps"),
        json_fields.text(value, "doc"),
        bool(json_fields.boolean(value, "shared")),
        bool(json_fields.boolean(value, "deleted")),
        timestamp_ms,
        json_fields.integer(value, "revision", bits=64) or 0,
    )


def _dek(dek_id: DekId, value: JsonObject, timestamp_ms: int) -> Dek:
    return Dek(
        *dek_id,
        json_fields.text(value, "encryptedKeyMaterial"),
        bool(json_fields.boolean(value, "deleted")),
        timestamp_ms,
        json_fields.integer(value, "revision", bits=64) or 0,
    )


def _text(fields: JsonObject, name: str) -> str:
    found = json_fields.text(fields, name)
    if found is None:
        raise MalformedRecordError(f"a record without {name}")
    return found


def _shown(value: Json) -> str:
    return str(value)[:100]
