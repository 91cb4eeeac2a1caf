"""What may change of a table in Apache Flink, by Confluent's policy LOGICAL.

A change is refused if a value that was written would have to be read as another, or one that was never written would have
to be made up. Columns may go, move and be renamed. Types may widen as Flink's own implicit casts do
(`LogicalTypeCasts`), which do not look at lengths, precisions and scales; those are looked at here.
"""

from __future__ import annotations

from typing import ClassVar, Final

from ottla.registry.schemas.logical_comparison import (
    LogicalComparison,
    below,
    change_of,
    element_of,
    key_of,
)
from ottla.registry.schemas.logical_types import (
    MAX_LENGTH,
    Default,
    LogicalField,
    LogicalKind,
    LogicalType,
    Typed,
)

_K = LogicalKind
_INTEGERS: Final = (_K.TINYINT, _K.SMALLINT, _K.INT, _K.BIGINT)
_NUMBERS: Final = frozenset({*_INTEGERS, _K.FLOAT, _K.DOUBLE, _K.DECIMAL})

CASTS: Final[dict[LogicalKind, frozenset[LogicalKind]]] = {
    _K.SMALLINT: frozenset(_INTEGERS[:1]),
    _K.INT: frozenset(_INTEGERS[:2]),
    _K.BIGINT: frozenset(_INTEGERS[:3]),
    _K.FLOAT: frozenset({*_INTEGERS, _K.DECIMAL}),
    _K.DOUBLE: _NUMBERS,
    _K.DECIMAL: _NUMBERS,
    _K.VARCHAR: frozenset({_K.CHAR}),
    _K.VARBINARY: frozenset({_K.BINARY}),
    _K.DATE: frozenset({_K.TIMESTAMP}),
    _K.TIME: frozenset({_K.TIMESTAMP}),
    _K.TIMESTAMP: frozenset({_K.TIMESTAMP_LTZ}),
    _K.TIMESTAMP_LTZ: frozenset({_K.TIMESTAMP}),
}
"""By type, what others become it by themselves."""

DIGITS: Final = {_K.TINYINT: 3, _K.SMALLINT: 5, _K.INT: 10, _K.BIGINT: 19}
FIXED_LENGTH: Final = frozenset({_K.CHAR, _K.BINARY})
VARYING_LENGTH: Final = frozenset({_K.VARCHAR, _K.VARBINARY})
TIMES: Final = frozenset({_K.TIME, _K.TIMESTAMP, _K.TIMESTAMP_LTZ})


class FlinkComparison(LogicalComparison):
    """The rules of Flink's tables."""

    MODE: ClassVar[str] = "FLINK"

    def fields(self, original: list[LogicalField], update: list[LogicalField], path: str) -> None:
        before = {field.name: field for field in original}
        for field in update:
            here = below(path, field.name)
            earlier = before.get(field.name)
            if earlier is None:
                if not (field.typed.nullable or field.default is Default.VALUE):
                    self.add(
                        "REQUIRED_FIELD_ADDED",
                        here,
                        "the column is new, does not allow null and has no default for rows written before",
                    )
                continue
            self._nullability(earlier.typed, field.typed, here)
            if (
                not earlier.typed.nullable
                and not field.typed.nullable
                and earlier.default is Default.VALUE
                and field.default is not Default.VALUE
            ):
                self.add(
                    "NON_NULLABLE_DEFAULT_REMOVED",
                    here,
                    "the default is gone that rows were read with which lack the column",
                )
            self.compare(earlier.typed.type, field.typed.type, here)

    def _nullability(self, original: Typed, update: Typed, path: str) -> None:
        if original.nullable and not update.nullable:
            self.add("NULLABLE_TO_NON_NULLABLE", path, "values written before may be null there")

    def containers(self, original: LogicalType, update: LogicalType, path: str) -> None:
        if original.kind is LogicalKind.MAP:
            self._inside(key_of(original), key_of(update), f"{path}{{key}}")
            self._inside(element_of(original), element_of(update), f"{path}{{}}")
        else:
            self._inside(element_of(original), element_of(update), f"{path}[]")

    def _inside(self, original: Typed, update: Typed, path: str) -> None:
        self._nullability(original, update, path)
        self.compare(original.type, update.type, path)

    def primitives(self, original: LogicalType, update: LogicalType, path: str) -> None:
        before, after = _kept_as(original), _kept_as(update)
        if before is not after and before not in CASTS.get(after, ()):
            reason = ""
        else:
            fault = _parameters_fault(before, after, original, update)
            if fault is None:
                return
            reason = f": {fault}"
        self.add("UNSUPPORTED_TYPE_CHANGE", path, change_of(original, update) + reason)


def _kept_as(one: LogicalType) -> LogicalKind:
    return LogicalKind.VARCHAR if one.kind is LogicalKind.ENUM else one.kind


def _parameters_fault(
    before: LogicalKind, after: LogicalKind, original: LogicalType, update: LogicalType
) -> str | None:
    """What is wrong with length, precision or scale, where the kinds alone would do."""
    if after in VARYING_LENGTH:
        return "the length may not shrink" if _length(update) < _length(original) else None
    if after in FIXED_LENGTH:
        return None if update.length == original.length else "the length is fixed"
    if before in TIMES and after in TIMES:
        return None if update.precision == original.precision else "the precision is the unit it is kept in"
    if after is LogicalKind.DECIMAL:
        return _decimal_fault(before, original, update)
    return None


def _decimal_fault(before: LogicalKind, original: LogicalType, update: LogicalType) -> str | None:
    if before is LogicalKind.DECIMAL:
        changed = update.scale != original.scale or update.precision < original.precision
        return "only the precision may grow" if changed else None
    short = update.precision - update.scale < DIGITS.get(before, 0)
    return "it has not the digits of all values" if short else None


def _length(one: LogicalType) -> int:
    return one.length if one.length > 0 else MAX_LENGTH
