"""What a JSON Schema says, as the comparison sees it: shapes.

A schema of any draft becomes a tree of shapes, one kind each: a string, an object, several combined. Keywords of several
kinds in one schema make a shape that combines them all. The kinds are those of the validator library that Confluent's
registry compares by (everit), since a change from one kind to another is what it calls TYPE_CHANGED.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from ottla.registry.schemas.json_text import JsonValue, value_text

Criterion: TypeAlias = Literal["allOf", "anyOf", "oneOf"]
Number: TypeAlias = int | Decimal


TOLD_BY_SHAPES: Final = frozenset(
    {
        "$defs", "$dynamicRef", "$id", "$recursiveRef", "$ref", "$schema", "additionalItems",
        "additionalProperties", "allOf", "anyOf", "const", "connect.type", "default", "definitions",
        "dependencies", "dependentRequired", "dependentSchemas", "description", "enum", "exclusiveMaximum",
        "exclusiveMinimum", "id", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
        "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties",
        "prefixItems", "properties", "required", "title", "type", "unevaluatedItems", "unevaluatedProperties",
        "uniqueItems",
    }
)  # fmt: skip
"""Keywords that have attributes of their own, or say nothing about values."""

NO_ANNOTATIONS: Final[Mapping[str, JsonValue]] = MappingProxyType({})


class Unset:
    """Where a schema has no default: null is one."""

    __slots__ = ()


UNSET: Final = Unset()


class Shape:
    """What every kind may carry besides its own keywords."""

    __slots__ = ("annotations", "connect_type", "default", "description", "id", "title")

    def __init__(self) -> None:
        self.id: str | None = None
        self.title: str | None = None
        self.description: str | None = None
        self.default: JsonValue | Unset = UNSET
        self.connect_type: str | None = None
        self.annotations: Mapping[str, JsonValue] = NO_ANNOTATIONS

    def annotate(self, json: Mapping[str, JsonValue], formats: frozenset[str]) -> None:
        """Keep what else the schema says: what Kafka Connect and Flink note there, keywords that are not compared or not
        known. A format counts if it is one of those given."""
        connect_type = json.get("connect.type")
        self.connect_type = connect_type if isinstance(connect_type, str) else None
        noted = {name: json[name] for name in json if name not in TOLD_BY_SHAPES}
        if "format" in noted and not (isinstance(noted["format"], str) and noted["format"] in formats):
            del noted["format"]
        if noted:
            self.annotations = noted

    def described(self) -> JsonValue:
        """The keywords as a value: two shapes that say the same have equal ones."""
        own: dict[str, JsonValue] = {"kind": type(self).__name__, **self.annotations}
        for name in ("id", "title", "description", "connect_type", *self._keywords()):
            value = getattr(self, name)
            if value is not None:
                own[name] = _described(value)
        if not isinstance(self.default, Unset):
            own["default"] = self.default
        return own

    def _keywords(self) -> tuple[str, ...]:
        slots: tuple[str, ...] = type(self).__slots__
        return tuple(slots)


def _described(value: object) -> JsonValue:
    if isinstance(value, Shape):
        return value.described()
    if isinstance(value, dict):
        return {str(name): _described(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_described(part) for part in value]
    if isinstance(value, set | frozenset):
        return [*sorted(str(part) for part in value)]
    assert value is None or isinstance(value, bool | int | float | Decimal | str)
    return _shortest(value) if isinstance(value, Decimal) else value


def _shortest(value: Decimal) -> Decimal | int:
    """1.0 is 1; what is longer than a number of 64 bits stays as it is."""
    whole = value.adjusted() < 19 and value == value.to_integral_value()
    return int(value) if whole else value.normalize()


def identity(shape: Shape) -> str:
    """A text that two shapes have in common exactly if they say the same: one that stands twice in a combination counts
    once, and what is not compared tells them apart too."""
    return value_text(shape.described())


class Empty(Shape):
    """No keyword that restricts anything."""

    __slots__ = ()


class Anything(Empty):
    """`true`."""

    __slots__ = ()


class Nothing(Shape):
    """`false`."""

    __slots__ = ()


class Boolean(Shape):
    __slots__ = ()


class Null(Shape):
    __slots__ = ()


class Conditional(Shape):
    """`if`, `then`, `else`: changes in these are not looked at, as in the original."""

    __slots__ = ()


class Text(Shape):
    """A string. Here and with other kinds, `typed`: the schema says so, not keywords alone that strings have."""

    __slots__ = ("max_length", "min_length", "pattern", "typed")

    def __init__(self) -> None:
        super().__init__()
        self.typed = False
        self.min_length: int | None = None
        self.max_length: int | None = None
        self.pattern: str | None = None


class Numeric(Shape):
    """A number, or an `integer`."""

    __slots__ = (
        "exclusive_maximum",
        "exclusive_minimum",
        "integer",
        "maximum",
        "minimum",
        "multiple_of",
        "typed",
    )

    def __init__(self, *, integer: bool = False) -> None:
        super().__init__()
        self.typed = False
        self.integer = integer
        self.minimum: Number | None = None
        self.maximum: Number | None = None
        self.exclusive_minimum: Number | None = None
        self.exclusive_maximum: Number | None = None
        self.multiple_of: Number | None = None


class Enumeration(Shape):
    """`enum`: the JSON texts of its values."""

    __slots__ = ("values",)

    def __init__(self, values: list[JsonValue]) -> None:
        super().__init__()
        self.values = frozenset(value_text(value) for value in values)


class Constant(Shape):
    """`const`."""

    __slots__ = ("value",)

    def __init__(self, value: JsonValue) -> None:
        super().__init__()
        self.value = value_text(value)


class Negation(Shape):
    """`not`."""

    __slots__ = ("shape",)

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape


class Combined(Shape):
    """Several shapes of which all, any or one must hold.

    `generated`: no keyword of the schema's but what it took to hold several kinds together.
    """

    __slots__ = ("_distinct", "criterion", "generated", "shapes")

    def __init__(self, criterion: Criterion, shapes: list[Shape], *, generated: bool = False) -> None:
        super().__init__()
        self.criterion: Criterion = criterion
        # Combinations come first, whatever place they were given: paths count in this order.
        self.shapes = sorted(shapes, key=lambda shape: not isinstance(shape, Combined))
        self.generated = generated
        self._distinct: list[Shape] | None = None

    @property
    def distinct(self) -> list[Shape]:
        """The parts without those that say the same as one before them."""
        if self._distinct is None:
            texts: dict[str, Shape] = {}
            for shape in self.shapes:
                texts.setdefault(identity(shape), shape)
            self._distinct = list(texts.values())
        return self._distinct

    def _keywords(self) -> tuple[str, ...]:
        return ("criterion", "shapes")


class Reference(Shape):
    """`$ref`: the target is set once the schema it leads to has been read."""

    __slots__ = ("target", "text")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.target: Shape | None = None

    def _keywords(self) -> tuple[str, ...]:
        return ("text",)  # the target may lead back here


class Array(Shape):
    """An array. `all_items` holds for each item; or `items` for the first ones, by position, and for those after them
    `additional_items`: False where there may be none, None where nothing is said."""

    __slots__ = (
        "additional_items",
        "all_items",
        "items",
        "max_contains",
        "max_items",
        "min_contains",
        "min_items",
        "typed",
        "unevaluated_items",
        "unique_items",
    )

    def __init__(self) -> None:
        super().__init__()
        self.typed = False
        self.all_items: Shape | None = None
        self.items: list[Shape] = []
        self.additional_items: Shape | Literal[False] | None = None
        self.unevaluated_items: Shape | None = None
        self.min_items: int | None = None
        self.max_items: int | None = None
        self.min_contains: int | None = None
        self.max_contains: int | None = None
        self.unique_items = False


class Object(Shape):
    """An object. `additional_properties`: False where there may be none, None where nothing is said."""

    __slots__ = (
        "additional_properties",
        "max_properties",
        "min_properties",
        "patterns",
        "properties",
        "property_dependencies",
        "required",
        "schema_dependencies",
        "typed",
        "unevaluated_properties",
    )

    def __init__(self) -> None:
        super().__init__()
        self.typed = False
        self.properties: dict[str, Shape] = {}
        self.patterns: dict[str, Shape] = {}
        self.required: frozenset[str] = frozenset()
        self.additional_properties: Shape | Literal[False] | None = None
        self.unevaluated_properties: Shape | None = None
        self.min_properties: int | None = None
        self.max_properties: int | None = None
        self.property_dependencies: dict[str, frozenset[str]] = {}
        self.schema_dependencies: dict[str, Shape] = {}


def referred(shape: Shape) -> Shape:
    """The shape itself, or what its references lead to; those that lead nowhere were refused when they were read."""
    while isinstance(shape, Reference):
        assert shape.target is not None
        shape = shape.target
    return shape
