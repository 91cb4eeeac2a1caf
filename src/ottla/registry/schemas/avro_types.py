"""Avro's types as a tree that may lead back into itself: a name stands for the object that defined it.

Source: the Avro specification 1.12 and the class `Schema` of Apache Avro for Java, whose rules on names these are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ottla.registry.schemas.json_text import JsonValue
from ottla.registry.schemas.schema import InvalidSchema

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
TYPE_NAMES: Final = PRIMITIVES | {"record", "enum", "array", "map", "union", "fixed"}


class Missing:
    """Where a field has no default: null is one."""

    __slots__ = ()


MISSING: Final = Missing()


class Name(NamedTuple):
    """A name in its namespace; `space` is None for the null namespace."""

    simple: str
    space: str | None

    @property
    def full(self) -> str:
        return f"{self.space}.{self.simple}" if self.space else self.simple

    def seen_from(self, space: str | None) -> str:
        """How it is written inside a namespace: alone, unless it belongs elsewhere or would read as a type's."""
        if self.space is not None and self.space == space and self.simple not in TYPE_NAMES:
            return self.simple
        return self.full


def name_in(text: str, space: str | None) -> Name:
    """The name a text stands for within a namespace; a dotted one brings its own."""
    head, dot, simple = text.rpartition(".")
    if dot:
        space = head
    return Name(check_name(simple), space or None)


def check_name(name: str) -> str:
    """The name, if it is one: letters of any script, digits, underscores, no digit first (`UTF_VALIDATOR`)."""
    if not name:
        raise InvalidSchema("Empty name")
    if not (name[0].isalpha() or name[0] == "_"):
        raise InvalidSchema(f"Illegal initial character: {name}")
    if not all(character.isalpha() or character.isdigit() or character == "_" for character in name):
        raise InvalidSchema(f"Illegal character in: {name}")
    return name


class Type:
    """A type without parts: a primitive one. `properties` is what its object says besides Avro's own attributes."""

    __slots__ = ("kind", "properties")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.properties: dict[str, JsonValue] = {}

    @property
    def branch_name(self) -> str:
        """What it is called inside a union, where no name may stand twice."""
        return self.kind


class Array(Type):
    __slots__ = ("items",)

    def __init__(self, items: Type) -> None:
        super().__init__("array")
        self.items = items


class Map(Type):
    __slots__ = ("values",)

    def __init__(self, values: Type) -> None:
        super().__init__("map")
        self.values = values


class Union(Type):
    __slots__ = ("branches",)

    def __init__(self, branches: list[Type]) -> None:
        super().__init__("union")
        self.branches = branches


class Named(Type):
    """A type that is defined once and referred to by name."""

    __slots__ = ("aliases", "doc", "name")

    def __init__(self, kind: str, name: Name, doc: str | None, aliases: list[Name]) -> None:
        super().__init__(kind)
        self.name = name
        self.doc = doc
        self.aliases = aliases

    @property
    def branch_name(self) -> str:
        return self.name.full


class Enum(Named):
    __slots__ = ("default", "symbols")

    def __init__(self, name: Name, doc: str | None, aliases: list[Name]) -> None:
        super().__init__("enum", name, doc, aliases)
        self.symbols: list[str] = []
        self.default: str | None = None


class Fixed(Named):
    __slots__ = ("size",)

    def __init__(self, name: Name, doc: str | None, aliases: list[Name]) -> None:
        super().__init__("fixed", name, doc, aliases)
        self.size = 0


class Unresolved(Type):
    """A name whose definition has not come yet; nothing of the sort is left once a schema has been read."""

    __slots__ = ("full_name",)

    def __init__(self, full_name: str) -> None:
        super().__init__("unresolved")
        self.full_name = full_name


class Field:
    """A field of a record; `default` is the JSON as it was given."""

    __slots__ = ("aliases", "default", "doc", "name", "order", "position", "properties", "type")

    def __init__(self, name: str, field_type: Type, position: int) -> None:
        self.name = name
        self.type = field_type
        self.position = position
        self.doc: str | None = None
        self.default: JsonValue | Missing = MISSING
        self.order = "ascending"
        self.aliases: list[str] = []
        self.properties: dict[str, JsonValue] = {}


class Record(Named):
    """A record, or an error of a protocol."""

    __slots__ = ("fields", "fields_by_name", "is_error")

    def __init__(self, name: Name, doc: str | None, aliases: list[Name], *, is_error: bool) -> None:
        super().__init__("record", name, doc, aliases)
        self.is_error = is_error
        self.fields: list[Field] = []
        self.fields_by_name: dict[str, Field] = {}
