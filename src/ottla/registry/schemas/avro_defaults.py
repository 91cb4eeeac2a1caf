"""Whether a field's default is a value of its type (`Schema.isValidDefault` of Apache Avro for Java)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ottla.registry.schemas.avro_types import Array, Field, Map, Missing, Record, Type, Union
from ottla.registry.schemas.json_text import JsonValue
from ottla.registry.schemas.schema import InvalidSchema

MAX_VALUES: Final = 1_000_000
"""Values looked at in the defaults of one text, each once for every branch of a union that it may be of."""


class Defaults:
    """The defaults of one schema's text. What was found out is kept: a record's default may leave it to those of its
    fields, and theirs to others', along more ways than could be walked."""

    __slots__ = ("_known", "_left")

    def __init__(self) -> None:
        self._left = MAX_VALUES
        self._known: dict[tuple[int, int], bool] = {}

    def fit(self, field_type: Type, default: JsonValue) -> bool:
        """Whether the JSON is a default for the type. A union's may be of any of its branches."""
        self._left -= 1
        if self._left < 0:
            raise InvalidSchema(f"the defaults are more than {MAX_VALUES} values to check")
        match field_type:
            case Union():
                return any(self.fit(branch, default) for branch in field_type.branches)
            case Array():
                return isinstance(default, list) and all(self.fit(field_type.items, item) for item in default)
            case Map():
                return isinstance(default, dict) and all(
                    self.fit(field_type.values, value) for value in default.values()
                )
            case Record():
                return isinstance(default, dict) and self._record_fits(field_type, default)
        return _plain_fits(field_type.kind, default)

    def _record_fits(self, record: Record, default: dict[str, JsonValue]) -> bool:
        key = (id(record), id(default))  # both are part of the text that is being read
        known = self._known.get(key)
        if known is None:
            self._known[key] = False  # one that needs itself is never complete
            known = self._known[key] = all(self._field_fits(field, default) for field in record.fields)
        return known

    def _field_fits(self, field: Field, default: dict[str, JsonValue]) -> bool:
        value = default.get(field.name, field.default)
        return not isinstance(value, Missing) and self.fit(field.type, value)


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
