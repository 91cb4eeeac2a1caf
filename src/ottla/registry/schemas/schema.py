"""What a schema of any type is to the registry: texts, references, and what keeps it from reading another's data.

A schema is parsed once and never changes. It has two texts: the canonical one, by which it is stored and found again,
and the normalized one, the same for all spellings of one meaning. The words are those of Confluent's `ParsedSchema`.

`parsing.parse` makes one from text, `compatibility.check` compares it with those before it; both look up the type's
module by name, so that a registry which holds Avro alone never loads what JSON Schema or Protobuf need.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from ottla.registry.schemas.logical_types import Typed


class SchemaType(StrEnum):
    """The languages schemas are written in, by the names of the REST API."""

    AVRO = "AVRO"
    JSON = "JSON"
    PROTOBUF = "PROTOBUF"


class Reference(NamedTuple):
    """A use of another subject's schema: by `name` inside the text, found as `version` of `subject`."""

    name: str
    subject: str
    version: int


class InvalidSchema(Exception):  # noqa: N818 - the registry's answer names what is wrong
    """The text is no schema of its type; the message says what is wrong and where."""


class CompatibilityPolicy(StrEnum):
    """How strictly changes are judged: LENIENT lets content models of JSON Schema change, LOGICAL looks at tables too."""

    STRICT = "STRICT"
    LENIENT = "LENIENT"
    LOGICAL = "LOGICAL"


class Conditions(NamedTuple):
    """What besides the two schemas decides whether one may follow the other.

    `reserved` and `earlier_reserved` are the property `confluent:reserved` of the two versions' metadata, taken apart
    at its commas: names of fields that may come to mean something later, so that no schema may use them.
    """

    policy: CompatibilityPolicy = CompatibilityPolicy.STRICT
    reserved: frozenset[str] = frozenset()
    earlier_reserved: frozenset[str] = frozenset()

    def turned(self) -> Self:
        """The same for the comparison in the other direction."""
        return self._replace(reserved=self.earlier_reserved, earlier_reserved=self.reserved)


STRICTLY = Conditions()


class Schema(Protocol):
    """A parsed schema. Equal to another one of its type if their canonical texts and references are equal."""

    @property
    def type(self) -> SchemaType: ...

    @property
    def canonical(self) -> str:
        """The text it is stored and identified by."""
        ...

    @property
    def normalized(self) -> str:
        """The canonical text of the schema in its simplest form; its references are `normalized_references`."""
        ...

    @property
    def references(self) -> tuple[Reference, ...]: ...

    def formatted(self, format_name: str) -> str:
        """The text in a format of the type's own ("resolved", "serialized"…); the canonical one for any other."""
        ...

    def validate(self, *, strict: bool) -> None:
        """Raises InvalidSchema where the whole is unsound; `strict` (validateFields) also refuses `$$` names."""
        ...

    def has_top_level_field(self, name: str) -> bool:
        """Whether messages have a field of that name at their top: where `confluent:reserved` looks."""
        ...

    def unreadable(self, writer: Schema, conditions: Conditions = STRICTLY) -> list[str]:
        """What keeps a reader with this schema from reading what was written with `writer`, which has its type.

        Each text is Confluent's with `%1$s` for the reader's schema ("new" or "old") and `%2$s` for the writer's. Empty: all
        can be read.
        """
        ...

    def says_the_same(self, other: Schema) -> bool:
        """Whether `other`, which has its type, differs in nothing but what is written out here and referred to there."""
        ...

    def logical(self) -> Typed:
        """The columns of a table that holds its values; InvalidSchema where there are none."""
        ...


def normalized_references(references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """The references of a normalized schema: each once, by subject and version (SchemaReference.compareTo)."""
    return tuple(
        dict.fromkeys(sorted(references, key=lambda reference: (reference.subject, reference.version)))
    )


ResolvedReferences = Mapping[str, str]
"""The text of every schema that is referred to, over all levels, by the name it is referred to under: what stands at
the bottom first, as a parser needs it."""
