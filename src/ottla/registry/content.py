"""What makes two schemas the same: type, text, references, metadata and rules. One content has one id in a context.

    md5 = MD5(text ‖ each reference ‖ 01 ‖ metadata ‖ 01 ‖ rules)      the 01s only before what is there
    reference = name ‖ subject ‖ version, four bytes

The type is no part of the original's hash, so the same text in two languages has one hash and one GUID, but two
`identity`s here, and so two ids. Confluent: entities.Schema.updateHash, storage.MD5.
"""

from __future__ import annotations

from hashlib import md5
from typing import Final

from ottla.registry.json_fields import Json, JsonObject
from ottla.registry.metadata import Metadata
from ottla.registry.rule_sets import RuleSet
from ottla.registry.schemas.schema import Reference, SchemaType

TYPE_TAGS: Final = {SchemaType.AVRO: b"A", SchemaType.JSON: b"J", SchemaType.PROTOBUF: b"P"}


class SchemaContent:
    """Shared by all subjects that have it. Never changed once made."""

    __slots__ = ("md5", "metadata", "references", "rule_set", "text", "type")

    def __init__(
        self,
        schema_type: SchemaType,
        text: str,
        references: tuple[Reference, ...] = (),
        metadata: Metadata | None = None,
        rule_set: RuleSet | None = None,
    ) -> None:
        self.type = schema_type
        self.text = text
        self.references = references
        self.metadata = metadata
        self.rule_set = rule_set
        self.md5 = self._hash()

    @property
    def identity(self) -> bytes:
        """Equal for equal contents only."""
        return self.md5 + TYPE_TAGS[self.type]

    @property
    def guid(self) -> str:
        """The hash as a UUID: the same in every registry."""
        digits = self.md5.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def as_json(self) -> JsonObject:
        """Type, references, metadata, rules and text as answers tell them; Avro is what goes without saying."""
        parts: JsonObject = {}
        if self.type is not SchemaType.AVRO:
            parts["schemaType"] = self.type
        if self.references:
            parts["references"] = references_as_json(self.references)
        if self.metadata is not None:
            parts["metadata"] = self.metadata.as_json()
        if self.rule_set is not None:
            parts["ruleSet"] = self.rule_set.as_json()
        parts["schema"] = self.text
        return parts

    def _hash(self) -> bytes:
        digest = md5(self.text.encode("utf-8", "surrogatepass"), usedforsecurity=False)
        for reference in self.references:
            digest.update(reference.name.encode())
            digest.update(reference.subject.encode())
            digest.update(reference.version.to_bytes(4, "big", signed=True))
        for part in (self.metadata, self.rule_set):
            if part is not None:
                digest.update(b"\x01")
                for text in part.hashed():
                    digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest()


def references_as_json(references: tuple[Reference, ...]) -> list[Json]:
    """As requests, answers and records have them."""
    return [
        {"name": reference.name, "subject": reference.subject, "version": reference.version}
        for reference in references
    ]
