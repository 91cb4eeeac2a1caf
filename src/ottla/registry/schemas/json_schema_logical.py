"""A JSON Schema as columns (Confluent's `JsonToLogicalTypeConverter`).

Properties that are not required may be null. What holds all of several schemas is one table of all their properties, or the
one of them that has a type. Annotations of Kafka Connect and Flink tell what JSON has no type for.
"""

from __future__ import annotations

from typing import Final

from ottla.registry.schemas.json_schema_shapes import (
    Array,
    Boolean,
    Combined,
    Conditional,
    Empty,
    Enumeration,
    Negation,
    Null,
    Numeric,
    Object,
    Shape,
    Text,
    Unset,
    referred,
)
from ottla.registry.schemas.logical_types import (
    Default,
    LogicalField,
    LogicalKind,
    LogicalType,
    Typed,
    bytes_of,
    text_of,
)
from ottla.registry.schemas.schema import InvalidSchema

DECIMAL_TITLE: Final = "org.apache.kafka.connect.data.Decimal"
TIME_TITLE: Final = "org.apache.kafka.connect.data.Time"
DATE_TITLE: Final = "org.apache.kafka.connect.data.Date"
TIMESTAMP_TITLE: Final = "org.apache.kafka.connect.data.Timestamp"
DEFAULT_PRECISION: Final = 38
DEFAULT_SCALE: Final = 18

_NUMBERS: Final = {
    "int8": LogicalKind.TINYINT,
    "int16": LogicalKind.SMALLINT,
    "int32": LogicalKind.INT,
    "int64": LogicalKind.BIGINT,
    "float32": LogicalKind.FLOAT,
    "float64": LogicalKind.DOUBLE,
}


def json_schema_columns(shape: Shape) -> Typed:
    """The schema as a logical type; InvalidSchema where it has none."""
    return _Conversion().whole(shape)


class _Conversion:
    """What was converted is kept, since references may lead to it in any number of ways. Objects are put off until the types
    around them are done: they may lead on to each other without end."""

    __slots__ = ("_combined", "_known", "_pending", "_under_way")

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], LogicalType] = {}
        self._combined: dict[int, Typed] = {}
        self._pending: list[tuple[LogicalType, list[Object]]] = []
        self._under_way: set[int] = set()

    def whole(self, shape: Shape) -> Typed:
        """The type with all that it leads to."""
        result = self.typed(shape, nullable=False)
        while self._pending:
            struct, objects = self._pending.pop()
            struct.fields += self._fields(objects)
        return result

    def typed(self, shape: Shape, *, nullable: bool) -> Typed:
        shape = referred(shape)
        found = self._combination(shape) if isinstance(shape, Combined) else Typed(self._type(shape))
        return Typed(found.type, found.nullable or nullable)

    def _combination(self, shape: Combined) -> Typed:
        known = self._combined.get(id(shape))
        if known is not None:
            return known
        if id(shape) in self._under_way:
            raise InvalidSchema("a combination of schemas contains itself")
        self._under_way.add(id(shape))
        made = self._all_of(shape) if shape.criterion == "allOf" else self._one_of(shape)
        self._under_way.discard(id(shape))
        self._combined[id(shape)] = made
        return made

    def _one_of(self, shape: Combined) -> Typed:
        parts = [part for part in shape.shapes if not isinstance(referred(part), Null)]
        nullable = len(parts) < len(shape.shapes)
        if len(parts) == 1:
            return self.typed(parts[0], nullable=nullable)
        union = LogicalType(LogicalKind.STRUCT)
        for index, part in enumerate(parts):
            name = part.title or f"connect_union_field_{index}"
            union.fields.append(LogicalField(name, self.typed(part, nullable=True)))
        return Typed(union, nullable)

    def _all_of(self, shape: Combined) -> Typed:
        parts = [part for part in map(referred, shape.shapes) if _has_type(part)]
        objects = [part for part in parts if isinstance(part, Object)]
        if parts and len(objects) == len(parts):
            return Typed(self._one_object(objects))
        for kind in (Enumeration, Combined, Object, Array, Text, Numeric, Boolean):
            for part in parts:
                if isinstance(part, kind):
                    return self.typed(part, nullable=False)
        raise InvalidSchema("allOf has no schema with a type")

    def _type(self, shape: Shape) -> LogicalType:
        match shape:
            case Object():
                return self._one_object([shape])
            case Array():
                return self._array(shape)
            case Text():
                return _text(shape)
            case Numeric():
                return _number(shape)
            case Boolean():
                return LogicalType(LogicalKind.BOOLEAN)
            case Enumeration():
                return LogicalType(LogicalKind.ENUM)
            case Empty():
                return LogicalType(LogicalKind.VARIANT)
        raise InvalidSchema(
            f"{'null alone' if isinstance(shape, Null) else 'such a schema'} is no type of a column"
        )

    def _one_object(self, shapes: list[Object]) -> LogicalType:
        first = shapes[0]
        identity = tuple(map(id, shapes))
        known = self._known.get(identity)
        if known is not None:
            return known
        if first.connect_type != "map":
            struct = self._known[identity] = LogicalType(LogicalKind.STRUCT)
            self._pending.append((struct, shapes))
            return struct
        values = first.additional_properties
        if not isinstance(values, Shape):
            raise InvalidSchema("a map does not tell its values' type")
        container = self._known[identity] = _map_like(first)
        return self._filled(container, Typed(LogicalType(LogicalKind.VARCHAR)), values)

    def _fields(self, shapes: list[Object]) -> list[LogicalField]:
        properties = {name: part for shape in shapes for name, part in shape.properties.items()}
        required = frozenset[str]().union(*(shape.required for shape in shapes))
        return [
            LogicalField(
                name,
                self.typed(properties[name], nullable=name not in required),
                _default(properties[name]),
            )
            for name in sorted(properties, key=lambda name: (_index(properties[name]), name))
        ]

    def _array(self, shape: Array) -> LogicalType:
        known = self._known.get((id(shape),))
        if known is not None:
            return known
        if shape.all_items is None:
            raise InvalidSchema("an array does not tell the one type of its items")
        items = referred(shape.all_items)
        if shape.connect_type == "map" and isinstance(items, Object):
            if not {"key", "value"} <= items.properties.keys():
                raise InvalidSchema("the items of a map have no key and value")
            container = self._known[(id(shape),)] = _map_like(shape)
            key = self.typed(items.properties["key"], nullable=False)
            return self._filled(container, key, items.properties["value"])
        array = self._known[(id(shape),)] = LogicalType(LogicalKind.ARRAY)
        array.element = self.typed(items, nullable=False)
        return array

    def _filled(self, container: LogicalType, key: Typed, values: Shape) -> LogicalType:
        if container.kind is LogicalKind.MAP:
            container.key, container.element = key, self.typed(values, nullable=False)
        else:
            container.element = key
        return container


def _map_like(shape: Shape) -> LogicalType:
    multiset = shape.annotations.get("flink.type") == "multiset"
    return LogicalType(LogicalKind.MULTISET if multiset else LogicalKind.MAP)


def _has_type(shape: Shape) -> bool:
    return not isinstance(shape, Conditional | Empty | Negation)


def _text(shape: Text) -> LogicalType:
    if shape.connect_type == "bytes":
        return bytes_of(shape.annotations.get("flink.minLength"), shape.annotations.get("flink.maxLength"))
    return text_of(shape.min_length, shape.max_length)


def _number(shape: Numeric) -> LogicalType:
    name = shape.connect_type
    if name is None:
        return LogicalType(LogicalKind.BIGINT if shape.integer else LogicalKind.DOUBLE)
    if name == "bytes" and shape.title == DECIMAL_TITLE:
        return LogicalType(
            LogicalKind.DECIMAL,
            precision=_parameter(shape, "connect.decimal.precision", DEFAULT_PRECISION),
            scale=_parameter(shape, "scale", DEFAULT_SCALE),
        )
    if name not in _NUMBERS:
        raise InvalidSchema(f"there is no number of the connect.type {name}")
    return _time(shape, name) or LogicalType(_NUMBERS[name])


def _time(shape: Numeric, name: str) -> LogicalType | None:
    precision = shape.annotations.get("flink.precision", 3)
    if isinstance(precision, bool) or not isinstance(precision, int):
        raise InvalidSchema("flink.precision has to be a whole number")
    match name, shape.title:
        case "int32", title if title == TIME_TITLE:
            return LogicalType(LogicalKind.TIME, precision=precision)
        case "int32", title if title == DATE_TITLE:
            return LogicalType(LogicalKind.DATE)
        case "int64", title if title == TIMESTAMP_TITLE:
            return LogicalType(LogicalKind.TIMESTAMP_LTZ, precision=precision)
        case "int64", _ if shape.annotations.get("flink.type") == "timestamp":
            return LogicalType(LogicalKind.TIMESTAMP, precision=precision)
    return None


def _parameter(shape: Shape, name: str, otherwise: int) -> int:
    parameters = shape.annotations.get("connect.parameters")
    text = parameters.get(name) if isinstance(parameters, dict) else None
    if text is None:
        return otherwise
    try:
        return int(str(text))
    except ValueError:
        raise InvalidSchema(f"connect.parameters: {name} has to be a whole number") from None


def _default(shape: Shape) -> Default:
    default = referred(shape).default
    return Default.NONE if isinstance(default, Unset) or default is None else Default.VALUE


def _index(shape: Shape) -> int:
    index = shape.annotations.get("connect.index")
    return index if isinstance(index, int) else 2**31
