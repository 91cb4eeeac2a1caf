"""Avro schemas as the registry keeps them (Confluent's `AvroSchema`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schemas.avro_compatibility import AmbiguousField, TooComplex, avro_incompatibilities
from ottla.registry.schemas.avro_parser import AvroParser
from ottla.registry.schemas.avro_resolution import same
from ottla.registry.schemas.avro_text import avro_text
from ottla.registry.schemas.avro_types import Named, Record, Type
from ottla.registry.schemas.computed_once import computed_once
from ottla.registry.schemas.json_text import check_text
from ottla.registry.schemas.schema import (
    STRICTLY,
    Conditions,
    InvalidSchema,
    Reference,
    ResolvedReferences,
    Schema,
    SchemaType,
)

if TYPE_CHECKING:
    from ottla.registry.schemas.logical_types import Typed


def parse(
    text: str, references: tuple[Reference, ...], resolved: ResolvedReferences, *, new: bool
) -> AvroSchema:
    """Reads an Avro schema after those it refers to. A `new` one's defaults have to fit their fields."""
    parser = AvroParser(validate_defaults=new)
    try:
        referred = [parser.parse(referred_text) for referred_text in resolved.values()]
        avro_type = parser.parse(text)
        known = frozenset(each.name.full for each in referred if isinstance(each, Named))
        return AvroSchema(avro_type, references, known)
    except RecursionError:
        raise InvalidSchema("the schema's types are nested too deeply") from None


class AvroSchema:
    """An Avro schema; `known` are the names that its references define, which its text leaves out."""

    type = SchemaType.AVRO

    def __init__(self, avro_type: Type, references: tuple[Reference, ...], known: frozenset[str]) -> None:
        self.avro_type = avro_type
        self.references = references
        self._known = known
        self.canonical = check_text(avro_text(avro_type, known))

    @computed_once
    def normalized(self) -> str:
        return avro_text(self.avro_type, self._known, normalized=True)

    def formatted(self, format_name: str) -> str:
        """`resolved`: with the definitions of all names it uses."""
        return avro_text(self.avro_type) if format_name == "resolved" else self.canonical

    def validate(self, *, strict: bool) -> None:
        """`$$` cannot stand in a name of Avro's, so that reading it has shown all there is to see."""

    def has_top_level_field(self, name: str) -> bool:
        return isinstance(self.avro_type, Record) and name in self.avro_type.fields_by_name

    def unreadable(self, writer: Schema, conditions: Conditions = STRICTLY) -> list[str]:  # noqa: ARG002
        assert isinstance(writer, AvroSchema)
        try:
            found = avro_incompatibilities(self.avro_type, writer.avro_type)
        except AmbiguousField as error:
            return [f"Unexpected exception during compatibility check: {error}"]
        except RecursionError:
            return ["Unexpected exception during compatibility check: the schemas are nested too deeply"]
        except TooComplex:
            return ["The schemas have too many types that could stand for each other to be compared"]
        return [incompatibility.text() for incompatibility in found]

    def says_the_same(self, other: Schema) -> bool:
        """Docs and aliases count for nothing here, as in Java's `Schema.equals`."""
        return isinstance(other, AvroSchema) and same(self.avro_type, other.avro_type)

    def logical(self) -> Typed:
        from ottla.registry.schemas.avro_logical import avro_columns  # noqa: PLC0415 - few subjects ask for it

        return avro_columns(self.avro_type)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AvroSchema):
            return NotImplemented
        return self.canonical == other.canonical and self.references == other.references

    def __hash__(self) -> int:
        return hash((self.canonical, self.references))
