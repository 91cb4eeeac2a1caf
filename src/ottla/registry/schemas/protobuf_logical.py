"""A Protobuf schema as columns: its first message (Confluent's `ProtoToLogicalTypeConverter`).

Messages and fields that are `optional` may be null. Others have a value always, their type's own where none was written,
and so have lists and maps. A oneof is one column, a struct of which one field is set, after the message's other fields.
`confluent.field_meta` has the parameters that Protobuf has no words for: `precision`, `scale`, `flink.notNull`…
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ottla.registry.schemas.logical_types import (
    Default,
    LogicalField,
    LogicalKind,
    LogicalType,
    Typed,
    bytes_of,
    text_of,
)
from ottla.registry.schemas.protobuf_elements import (
    Bare,
    Enum,
    Field,
    Group,
    Message,
    Option,
    OptionValue,
    ProtoFile,
    map_types,
)
from ottla.registry.schemas.protobuf_names import Names
from ottla.registry.schemas.protobuf_options import as_message
from ottla.registry.schemas.schema import InvalidSchema

FIELD_META: Final = "confluent.field_meta"
DEFAULT_PRECISION: Final = 10
TIMESTAMP_PRECISION: Final = 9
"""Protobuf's own timestamps have nanoseconds."""

_K = LogicalKind
_SCALARS: Final = {
    "bool": _K.BOOLEAN,
    "double": _K.DOUBLE,
    "float": _K.FLOAT,
    "int32": _K.INT,
    "sint32": _K.INT,
    "sfixed32": _K.INT,
    "uint32": _K.BIGINT,
    "fixed32": _K.BIGINT,
    "int64": _K.BIGINT,
    "sint64": _K.BIGINT,
    "sfixed64": _K.BIGINT,
    "uint64": _K.BIGINT,
    "fixed64": _K.BIGINT,
}
_WRAPPED: Final = {
    "Bool": "bool",
    "Bytes": "bytes",
    "Double": "double",
    "Float": "float",
    "Int32": "int32",
    "Int64": "int64",
    "String": "string",
    "UInt32": "uint32",
    "UInt64": "uint64",
}
_WRAPPERS: Final = {f"google.protobuf.{name}Value": scalar for name, scalar in _WRAPPED.items()}
_SMALL: Final = {"int8": _K.TINYINT, "int16": _K.SMALLINT}


class _Place(NamedTuple):
    """Where a name is written: inside which messages of which package."""

    package: str
    scope: tuple[str, ...]

    def inside(self, name: str) -> _Place:
        return _Place(self.package, (*self.scope, name))


def protobuf_columns(file: ProtoFile, names: Names) -> Typed:
    """The schema as a logical type; InvalidSchema where it has no message."""
    if not file.messages:
        raise InvalidSchema("there is no message")
    message = file.messages[0]
    place = _Place(file.package or "", (message.name,))
    return Typed(_Conversion(names).whole(message, place))


class _Conversion:
    """Messages are put off until the one around them is done: they may lead on to each other without end."""

    __slots__ = ("_known", "_names", "_pending")

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, LogicalType] = {}
        self._pending: list[tuple[Message, _Place]] = []

    def whole(self, message: Message, place: _Place) -> LogicalType:
        """The struct of a message that lies at the place, with all that it leads to."""
        result = self._message(message, place)
        while self._pending:
            message, place = self._pending.pop()
            struct = self._known[id(message)]
            struct.fields += [self._field(field, place) for field in message.fields]
            struct.fields += [self._group(group, place) for group in message.groups]
            for oneof in message.oneofs:
                struct.fields.append(self._oneof(oneof.name, oneof.fields, oneof.groups, place))
        return result

    def _message(self, message: Message, place: _Place) -> LogicalType:
        known = self._known.get(id(message))
        if known is None:
            known = self._known[id(message)] = LogicalType(LogicalKind.STRUCT)
            self._pending.append((message, place))
        return known

    def _oneof(
        self, name: str, fields: Iterable[Field], groups: Iterable[Group], place: _Place
    ) -> LogicalField:
        union = LogicalType(LogicalKind.STRUCT)
        for field in (
            *(self._field(field, place) for field in fields),
            *(self._group(group, place) for group in groups),
        ):
            union.fields.append(LogicalField(field.name, Typed(field.typed.type, nullable=True)))
        return LogicalField(name, Typed(union, nullable=True))

    def _group(self, group: Group, place: _Place) -> LogicalField:
        struct = self._message(group.body, place.inside(group.name))
        if group.label == "repeated":
            column = LogicalType(LogicalKind.ARRAY, element=Typed(struct))
            return LogicalField(group.name.lower(), Typed(column), Default.VALUE)
        return LogicalField(group.name.lower(), Typed(struct, nullable=group.label != "required"))

    def _field(self, field: Field, place: _Place) -> LogicalField:
        parameters = _parameters(field.options)
        types = map_types(field.type)
        if types is not None:
            key, value = (self._type(name, {}, place) for name in types)
            return LogicalField(field.name, Typed(_map_like(parameters, key, value)), Default.VALUE)
        of_message = self._is_message(field.type, place)
        if field.label == "repeated":
            entry = self._entry(field.type, place)
            if entry is not None:
                return self._field(field._replace(label=None, type=entry), place)
            element = self._type(field.type, parameters, place)
            column = LogicalType(LogicalKind.ARRAY, element=element)
            return LogicalField(field.name, Typed(column), Default.VALUE)
        nullable = field.label == "optional" or of_message
        if "flink.notNull" in parameters:
            nullable = field.label == "optional" or parameters["flink.notNull"].lower() != "true"
        typed = self._type(field.type, parameters, place)._replace(nullable=nullable)
        return LogicalField(field.name, typed, _default(field, nullable=nullable))

    def _found(self, name: str, place: _Place) -> tuple[str, Message | Enum, _Place] | None:
        full_name = self._names.resolve(name, place.package, place.scope)
        found = None if full_name is None else self._names.find(full_name)
        if full_name is None or found is None:
            return None
        scope = tuple(found.local_name(full_name).split("."))
        return full_name, found.element, _Place(found.package, scope)

    def _entry(self, name: str, place: _Place) -> str | None:
        found = self._found(name, place)
        return found[1].entry_type() if found is not None and isinstance(found[1], Message) else None

    def _is_message(self, name: str, place: _Place) -> bool:
        if name in _SCALARS or name in ("string", "bytes"):
            return False
        found = self._found(name, place)
        return found is not None and isinstance(found[1], Message)

    def _type(self, name: str, parameters: dict[str, str], place: _Place) -> Typed:
        scalar = _scalar(name, parameters)
        if scalar is not None:
            return Typed(scalar)
        found = self._found(name, place)
        if found is None:
            raise InvalidSchema(f"the type {name} is not defined")
        full_name, element, inside = found
        if isinstance(element, Enum):
            return Typed(LogicalType(LogicalKind.ENUM))
        known = _known_message(full_name, parameters)
        return Typed(self._message(element, inside) if known is None else known)


def _scalar(name: str, parameters: dict[str, str]) -> LogicalType | None:
    match name:
        case "string" | "bytes":
            make = text_of if name == "string" else bytes_of
            shortest = _number(parameters, "flink.minLength", None)
            return make(shortest, _number(parameters, "flink.maxLength", None))
        case "int32" | "sint32" | "sfixed32" if parameters.get("connect.type") in _SMALL:
            return LogicalType(_SMALL[parameters["connect.type"]])
    return LogicalType(_SCALARS[name]) if name in _SCALARS else None


def _known_message(full_name: str, parameters: dict[str, str]) -> LogicalType | None:
    match full_name:
        case "google.protobuf.Timestamp":
            precision = _number(parameters, "flink.precision", TIMESTAMP_PRECISION)
            kind = _K.TIMESTAMP if parameters.get("flink.type") == "timestamp" else _K.TIMESTAMP_LTZ
            return LogicalType(kind, precision=precision or 0)
        case "google.type.Date":
            return LogicalType(_K.DATE)
        case "google.type.TimeOfDay":
            return LogicalType(_K.TIME, precision=_number(parameters, "flink.precision", 3) or 0)
        case "confluent.type.Decimal":
            return LogicalType(
                _K.DECIMAL,
                precision=_number(parameters, "precision", DEFAULT_PRECISION) or 0,
                scale=_number(parameters, "scale", 0) or 0,
            )
        case "confluent.type.Variant":
            return LogicalType(_K.VARIANT)
    scalar = _WRAPPERS.get(full_name)
    return None if scalar is None else _scalar(scalar, parameters)


def _map_like(parameters: dict[str, str], key: Typed, value: Typed) -> LogicalType:
    if parameters.get("flink.type") == "multiset":
        return LogicalType(LogicalKind.MULTISET, element=key)
    return LogicalType(LogicalKind.MAP, key=key, element=value)


def _default(field: Field, *, nullable: bool) -> Default:
    if field.default is not None:
        return Default.VALUE
    return Default.NONE if nullable or field.label == "required" else Default.VALUE


def _number(parameters: dict[str, str], name: str, otherwise: int | None) -> int | None:
    if name not in parameters:
        return otherwise
    try:
        return int(parameters[name])
    except ValueError:
        raise InvalidSchema(f"the parameter {name} has to be a whole number") from None


def _parameters(options: Sequence[Option]) -> dict[str, str]:
    """The entries of `params` in `confluent.field_meta`, however they are spelled."""
    found: dict[str, str] = {}
    for option in options:
        if option.parenthesized and option.name.removeprefix(".") == FIELD_META:
            value = as_message(option).value
            if isinstance(value, dict):
                entries = value.get("params", [])
                for entry in entries if isinstance(entries, list) else [entries]:
                    if isinstance(entry, dict):
                        found[_plain(entry.get("key"))] = _plain(entry.get("value"))
    return found


def _plain(value: OptionValue | None) -> str:
    return value.text if isinstance(value, Bare) else str(value or "")
