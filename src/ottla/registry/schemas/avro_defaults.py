"""Whether a field's default is a value of its type (`Schema.isValidDefault` of Apache Avro for Java)."""

from __future__ import annotations

from decimal import Decimal

from ottla.registry.schemas.avro_types import Array, Field, Map, Missing, Record, Type, Union
from ottla.registry.schemas.json_text import JsonValue


def fits(field_type: Type, default: JsonValue) -> bool:
    """Whether the JSON is a default for the type. A union's may be of any of its branches."""
    match field_type:
        case Union():
            return any(fits(branch, default) for branch in field_type.branches)
        case Array():
            return isinstance(default, list) and all(fits(field_type.items, item) for item in default)
        case Map():
            return isinstance(default, dict) and all(
                fits(field_type.values, value) for value in default.values()
            )
        case Record():
            return isinstance(default, dict) and all(
                _field_fits(field, default) for field in field_type.fields
            )
    return _plain_fits(field_type.kind, default)


def _field_fits(field: Field, default: dict[str, JsonValue]) -> bool:
    value = default.get(field.name, field.default)
    return not isinstance(value, Missing) and fits(field.type, value)


def _plain_fits(kind: str, default: JsonValue) -> bool:
    match kind:
        case "null":
            return default is None
        case "boolean":
            return isinstance(default, bool)
        case "int":
            return _whole(default, 31)
        case "long":
            return _whole(default, 63)
        case "float" | "double":
            return isinstance(default, int | float | Decimal) and not isinstance(default, bool)
    return isinstance(default, str)


def _whole(default: JsonValue, bits: int) -> bool:
    return isinstance(default, int) and not isinstance(default, bool) and -(1 << bits) <= default < 1 << bits
