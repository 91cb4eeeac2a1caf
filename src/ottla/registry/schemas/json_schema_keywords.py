"""What keywords of a JSON Schema hold: the value of the right type, or InvalidSchema that says where it isn't."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from ottla.registry.schemas.json_schema_documents import Json, Place
from ottla.registry.schemas.json_schema_shapes import (
    Array,
    Boolean,
    Null,
    Number,
    Numeric,
    Object,
    Reference,
    Shape,
    Text,
)
from ottla.registry.schemas.json_text import JsonValue
from ottla.registry.schemas.schema import InvalidSchema

_KINDS: Final[list[tuple[type, str]]] = [
    (bool, "a boolean"),
    (str, "a string"),
    (int, "a number"),
    (Decimal, "a number"),
    (list, "an array"),
    (dict, "an object"),
    (type(None), "null"),
]


class Keywords:
    """The members of one schema object, read by name. References in it are noted in `references`, to be followed later."""

    __slots__ = ("json", "place", "references")

    def __init__(self, json: Json, place: Place, references: list[tuple[Reference, Place]]) -> None:
        self.json = json
        self.place = place
        self.references = references

    def __contains__(self, name: str) -> bool:
        return name in self.json

    def inside(self, *path: str) -> Place:
        """The place of a part; the path is what leads to it from here."""
        part: JsonValue = self.json
        for step in path:
            part = part[int(step)] if isinstance(part, list) else part[step]  # type: ignore[index]
        return self.place._replace(json=part, where="/".join((self.place.where, *path)))

    def fault(self, name: str, expected: str) -> InvalidSchema:
        found = next((text for kind, text in _KINDS if isinstance(self.json[name], kind)), "something else")
        return InvalidSchema(f"{self.place.where}/{name}: expected {expected}, found {found}")

    def text(self, name: str) -> str | None:
        return None if name not in self.json else self.required_text(name)

    def required_text(self, name: str) -> str:
        value = self.json[name]
        if not isinstance(value, str):
            raise self.fault(name, "a string")
        return value

    def reference(self, name: str) -> Reference:
        """A shape for what the keyword refers to."""
        reference = Reference(self.required_text(name))
        self.references.append((reference, self.place))
        return reference

    def number(self, name: str) -> Number | None:
        value = self.json.get(name)
        if name not in self.json:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.fault(name, "a number")
        return value

    def count(self, name: str) -> int | None:
        value = self.number(name)
        if value is None or isinstance(value, int):
            return value
        # 2.0 is a whole number, too; an exponent of millions is not worth writing out.
        if value.adjusted() > 18 or value != value.to_integral_value():
            raise self.fault(name, "a whole number")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.json.get(name, False)
        if not isinstance(value, bool):
            raise self.fault(name, "a boolean")
        return value

    def array(self, name: str) -> list[JsonValue]:
        value = self.json.get(name)
        if not isinstance(value, list):
            raise self.fault(name, "an array")
        return value

    def object(self, name: str) -> Json:
        value = self.json.get(name)
        if not isinstance(value, dict):
            raise self.fault(name, "an object")
        return value

    def names(self, name: str) -> frozenset[str]:
        return strings(self.array(name), f"{self.place.where}/{name}")

    def type_names(self) -> list[str]:
        """The names in `type`, which may be one or an array of them."""
        value = self.json["type"]
        names = [value] if isinstance(value, str) else self.array("type")
        for name in names:
            if not isinstance(name, str) or name not in _OF_TYPE:
                raise InvalidSchema(f"{self.place.where}: unknown type: [{name}]")
        return [str(name) for name in names]


def strings(values: list[JsonValue], where: str) -> frozenset[str]:
    """The strings of an array that may hold nothing else."""
    for value in values:
        if not isinstance(value, str):
            raise InvalidSchema(f"{where}: expected strings only")
    return frozenset(str(value) for value in values)


_OF_TYPE: Final[dict[str, Callable[[], Shape]]] = {
    "string": Text,
    "number": Numeric,
    "integer": lambda: Numeric(integer=True),
    "boolean": Boolean,
    "null": Null,
    "array": Array,
    "object": Object,
}


def shape_of_type(name: str) -> Shape:
    """The shape of all values of a type."""
    shape = _OF_TYPE[name]()
    if isinstance(shape, Array | Numeric | Object | Text):
        shape.typed = True
    return shape
