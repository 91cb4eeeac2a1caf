"""An Avro schema as columns (Confluent's `AvroToLogicalTypeConverter`).

Null in a union with one other type makes this nullable; more types are a union, a struct of which one field is set.
Annotations of Kafka Connect (`connect.type`) and Flink (`flink.precision`, `flink.maxLength`…) tell what Avro has no type for.
"""

from __future__ import annotations

from typing import Final

from ottla.registry.schemas.avro_types import Array, Enum, Field, Fixed, Map, Missing, Record, Type, Union
from ottla.registry.schemas.json_text import JsonValue
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

DEFAULT_PRECISION: Final = 10
_INTEGERS: Final = {"int8": LogicalKind.TINYINT, "int16": LogicalKind.SMALLINT}
_PLAIN: Final = {
    "boolean": LogicalKind.BOOLEAN,
    "float": LogicalKind.FLOAT,
    "double": LogicalKind.DOUBLE,
}
_TIMES: Final = {
    "time-millis": (LogicalKind.TIME, 3),
    "time-micros": (LogicalKind.TIME, 6),
    "timestamp-millis": (LogicalKind.TIMESTAMP_LTZ, 3),
    "timestamp-micros": (LogicalKind.TIMESTAMP_LTZ, 6),
    "timestamp-nanos": (LogicalKind.TIMESTAMP_LTZ, 9),
    "local-timestamp-millis": (LogicalKind.TIMESTAMP, 3),
    "local-timestamp-micros": (LogicalKind.TIMESTAMP, 6),
    "local-timestamp-nanos": (LogicalKind.TIMESTAMP, 9),
}


def avro_columns(avro_type: Type) -> Typed:
    """The schema as a logical type; InvalidSchema where it has none."""
    return _Conversion().whole(avro_type)


class _Conversion:
    """Records are put off until the types around them are done: they may lead on to each other without end."""

    __slots__ = ("_pending", "_records")

    def __init__(self) -> None:
        self._records: dict[int, LogicalType] = {}
        self._pending: list[Record] = []

    def whole(self, avro_type: Type) -> Typed:
        """The type with all that it leads to."""
        result = self.typed(avro_type)
        while self._pending:
            record = self._pending.pop()
            self._records[id(record)].fields += [
                LogicalField(field.name, self.typed(field.type), _default(field)) for field in record.fields
            ]
        return result

    def typed(self, avro_type: Type) -> Typed:
        if not isinstance(avro_type, Union):
            return Typed(self._type(avro_type))
        branches = [branch for branch in avro_type.branches if branch.kind != "null"]
        nullable = len(branches) < len(avro_type.branches)
        if len(branches) == 1:
            return Typed(self._type(branches[0]), nullable)
        union = LogicalType(LogicalKind.STRUCT)
        union.fields = [
            LogicalField(branch.branch_name, Typed(self._type(branch), nullable=True)) for branch in branches
        ]
        return Typed(union, nullable)

    def _type(self, avro_type: Type) -> LogicalType:
        properties = avro_type.properties
        match avro_type:
            case Record():
                return self._record(avro_type)
            case Enum():
                return LogicalType(LogicalKind.ENUM)
            case Array():
                return self._array(avro_type)
            case Map():
                return _map_like(
                    properties, Typed(LogicalType(LogicalKind.VARCHAR)), self.typed(avro_type.values)
                )
        match avro_type.kind:
            case "bytes" | "fixed" if _name(properties, "logicalType") == "decimal":
                return LogicalType(
                    LogicalKind.DECIMAL,
                    precision=_number(properties, "precision", DEFAULT_PRECISION),
                    scale=_number(properties, "scale", 0),
                )
            case "fixed":
                assert isinstance(avro_type, Fixed)
                return LogicalType(LogicalKind.BINARY, length=avro_type.size)
            case "bytes":
                return bytes_of(None, properties.get("flink.maxLength"))
            case "string":
                return text_of(properties.get("flink.minLength"), properties.get("flink.maxLength"))
            case "int" | "long":
                return _integer(avro_type.kind, properties)
            case "null":
                raise InvalidSchema("null alone is no type of a column")
        return LogicalType(_PLAIN[avro_type.kind])

    def _record(self, record: Record) -> LogicalType:
        if record.name.full == "confluent.type.Variant":
            return LogicalType(LogicalKind.VARIANT)
        known = self._records.get(id(record))
        if known is None:
            known = self._records[id(record)] = LogicalType(LogicalKind.STRUCT)
            self._pending.append(record)
        return known

    def _array(self, array: Array) -> LogicalType:
        items = array.items
        if isinstance(items, Record) and _is_map_entry(array, items):
            key, value = (items.fields_by_name[name].type for name in ("key", "value"))
            return _map_like(array.properties, self.typed(key), self.typed(value))
        return LogicalType(LogicalKind.ARRAY, element=self.typed(items))


def _is_map_entry(array: Array, items: Record) -> bool:
    marked = (
        _name(array.properties, "logicalType") == "map"
        or _name(items.properties, "connect.internal.type") == "mapentry"
    )
    return marked and items.fields_by_name.keys() == {"key", "value"}


def _map_like(properties: dict[str, JsonValue], key: Typed, value: Typed) -> LogicalType:
    if properties.get("flink.type") == "multiset":
        return LogicalType(LogicalKind.MULTISET, element=key)
    return LogicalType(LogicalKind.MAP, key=key, element=value)


def _integer(kind: str, properties: dict[str, JsonValue]) -> LogicalType:
    logical = _name(properties, "logicalType")
    if kind == "int" and logical == "date":
        return LogicalType(LogicalKind.DATE)
    time = _TIMES.get(logical)
    if time is not None and (kind == "long" or time[0] is LogicalKind.TIME):
        return LogicalType(time[0], precision=_number(properties, "flink.precision", time[1]))
    if kind == "long":
        return LogicalType(LogicalKind.BIGINT)
    return LogicalType(_INTEGERS.get(_name(properties, "connect.type"), LogicalKind.INT))


def _default(field: Field) -> Default:
    if isinstance(field.default, Missing):
        return Default.NONE
    return Default.NULL if field.default is None else Default.VALUE


def _name(properties: dict[str, JsonValue], name: str) -> str:
    value = properties.get(name)
    return value.lower() if isinstance(value, str) else ""


def _number(properties: dict[str, JsonValue], name: str, otherwise: int) -> int:
    value = properties.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSchema(f"the property {name} has to be a whole number")
    return value
