"""JSON Schemas as the registry keeps them (Confluent's `JsonSchema`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schemas.computed_once import computed_once
from ottla.registry.schemas.json_schema_changes import Change, compatible_kinds
from ottla.registry.schemas.json_schema_comparison import Comparison, TooComplex
from ottla.registry.schemas.json_schema_loader import load_shape
from ottla.registry.schemas.json_schema_rules import changes
from ottla.registry.schemas.json_schema_shapes import Object, Shape
from ottla.registry.schemas.json_text import JsonValue, check_text, read_json, value_text, write_json
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
    text: str,
    references: tuple[Reference, ...],
    resolved: ResolvedReferences,
    *,
    new: bool,  # noqa: ARG001
) -> JsonSchema:
    """Reads a JSON Schema; what it refers to must be in it or in `resolved`: nothing is fetched."""
    json = read_json(text, decimals=True)
    documents = {name: read_json(document, decimals=True) for name, document in resolved.items()}
    try:
        return JsonSchema(json, load_shape(json, documents), references)
    except RecursionError:
        raise InvalidSchema("the schema is nested too deeply") from None


class JsonSchema:
    """A JSON Schema of any draft, and what it says about values."""

    type = SchemaType.JSON

    def __init__(self, json: JsonValue, shape: Shape, references: tuple[Reference, ...]) -> None:
        self.shape = shape
        self.references = references
        self.canonical = check_text(write_json(json))
        properties = json.get("properties") if isinstance(json, dict) else None
        self._fields = frozenset(properties if isinstance(properties, dict) else ())

    @computed_once
    def normalized(self) -> str:
        return value_text(read_json(self.canonical, decimals=True))

    def formatted(self, format_name: str) -> str:  # noqa: ARG002
        """JSON Schema has no formats of its own."""
        return self.canonical

    def validate(self, *, strict: bool) -> None:
        """With `strict`, names of fields that begin with `$$` are refused: they are the registry's."""
        if strict and isinstance(self.shape, Object):
            for name in self.shape.properties:
                if name.startswith("$$"):
                    raise InvalidSchema(f"#/properties/{name}: Field names cannot start with $$ prefix")

    def has_top_level_field(self, name: str) -> bool:
        return name in self._fields

    def changes_from(self, original: JsonSchema, conditions: Conditions = STRICTLY) -> list[Change]:
        """What differs, with what a reader bears. Raises TooComplex."""
        result = Comparison(changes, conditions.policy).compare(original.shape, self.shape)
        return [*self._reserved_changes(conditions), *result.changes]

    def _reserved_changes(self, conditions: Conditions) -> list[Change]:
        removed = sorted(conditions.earlier_reserved - conditions.reserved)
        found = [Change("RESERVED_PROPERTY_REMOVED", name) for name in removed]
        if isinstance(self.shape, Object):
            found.extend(
                Change("RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY", f"#/properties/{name}")
                for name in sorted(conditions.reserved.intersection(self.shape.properties))
            )
        return found

    def unreadable(self, writer: Schema, conditions: Conditions = STRICTLY) -> list[str]:
        assert isinstance(writer, JsonSchema)
        bearable = compatible_kinds(conditions.policy)
        try:
            found = self.changes_from(writer, conditions)
        except TooComplex:
            return ["The schemas have too many parts that could stand for each other to be compared"]
        return [change.text() for change in found if change.kind not in bearable]

    def says_the_same(self, other: Schema) -> bool:
        """A `$ref` is never written out: it stays what it is."""
        return self.canonical == other.canonical

    def logical(self) -> Typed:
        from ottla.registry.schemas.json_schema_logical import (  # noqa: PLC0415 - few subjects ask for it
            json_schema_columns,
        )

        return json_schema_columns(self.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JsonSchema):
            return NotImplemented
        return self.canonical == other.canonical and self.references == other.references

    def __hash__(self) -> int:
        return hash((self.canonical, self.references))
