"""What may change of an Apache Iceberg table of format version 2, by Confluent's policy LOGICAL.

Iceberg knows columns by numbers, a schema by names alone, so nothing may go or move: it could not be told from something
that is renamed. Version 2 has no defaults for columns: what is new has to allow null. Containers are an exception, as no
language has a null for them: absent is empty.

Types are compared as Iceberg keeps them: small integers as int, text of any length as string, times in microseconds.
Source: the Iceberg specification's schema evolution; Confluent's `IcebergComparison`.
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
from ottla.registry.schemas.logical_types import Default, LogicalField, LogicalKind, LogicalType

MAX_MICROSECOND_PRECISION: Final = 6
"""Finer timestamps are kept in nanoseconds, another type."""

CONTAINERS: Final = frozenset({LogicalKind.ARRAY, LogicalKind.MAP, LogicalKind.MULTISET})
STRINGS: Final = frozenset({LogicalKind.CHAR, LogicalKind.VARCHAR, LogicalKind.ENUM})
PROMOTIONS: Final = frozenset({("INT", "BIGINT"), ("FLOAT", "DOUBLE")})


class IcebergComparison(LogicalComparison):
    """The rules of Iceberg tables."""

    MODE: ClassVar[str] = "ICEBERG_V2"
    KINDS: ClassVar = {LogicalKind.MULTISET: LogicalKind.MAP}

    def fields(self, original: list[LogicalField], update: list[LogicalField], path: str) -> None:
        before = {field.name: (position, field) for position, field in enumerate(original)}
        last_position = -1
        for field in update:
            here = below(path, field.name)
            if field.name not in before:
                if not _may_be_absent(field):
                    self.add(
                        "REQUIRED_FIELD_ADDED",
                        here,
                        "the column is new and does not allow null, which rows written before have there",
                    )
                continue
            position, earlier = before[field.name]
            if position < last_position:
                self.add("FIELD_REORDERED", here, "the column has come before one that it followed")
            last_position = position
            if earlier.typed.nullable and not _may_be_absent(field):
                self.add("NULLABLE_TO_NON_NULLABLE", here, "rows written before may have null there")
            self.compare(earlier.typed.type, field.typed.type, here)
        names = {field.name for field in update}
        for field in original:
            if field.name not in names:
                self.add("FIELD_DELETED", below(path, field.name), "the column is gone")

    def containers(self, original: LogicalType, update: LogicalType, path: str) -> None:
        if original.kind is LogicalKind.ARRAY:
            self.compare(element_of(original).type, element_of(update).type, f"{path}[]")
            return
        before, after = key_of(original).type, key_of(update).type
        if not _same(before, after):
            self.add("MAP_KEY_TYPE_MISMATCH", path, f"the keys change from {before} to {after}")
        self.compare(_values_of(original), _values_of(update), f"{path}{{}}")

    def primitives(self, original: LogicalType, update: LogicalType, path: str) -> None:
        before, after = _kept_as(original), _kept_as(update)
        if before != after and (before, after) not in PROMOTIONS:
            self.add("UNSUPPORTED_TYPE_CHANGE", path, change_of(original, update))
        elif before == after == "DECIMAL" and (
            original.scale != update.scale or original.precision > update.precision
        ):
            self.add(
                "UNSUPPORTED_TYPE_CHANGE",
                path,
                f"{change_of(original, update)}: only the precision may grow",
            )
        elif before == after == "BINARY" and original.length != update.length:
            self.add("UNSUPPORTED_TYPE_CHANGE", path, f"{change_of(original, update)}: the length is fixed")


def _may_be_absent(field: LogicalField) -> bool:
    if field.typed.nullable:
        return True
    return field.default is not Default.NONE and field.typed.type.kind in CONTAINERS


_COUNTS: Final = LogicalType(LogicalKind.INT)


def _values_of(container: LogicalType) -> LogicalType:
    return _COUNTS if container.kind is LogicalKind.MULTISET else element_of(container).type


def _kept_as(one: LogicalType) -> str:
    match one.kind:
        case LogicalKind.TINYINT | LogicalKind.SMALLINT:
            return "INT"
        case LogicalKind.TIMESTAMP | LogicalKind.TIMESTAMP_LTZ if one.precision > MAX_MICROSECOND_PRECISION:
            return f"{one.kind} in nanoseconds"
    return "STRING" if one.kind in STRINGS else one.kind


def _same(original: LogicalType, update: LogicalType) -> bool:
    """Whether two types of keys are one to Iceberg."""
    seen: set[tuple[int, int]] = set()
    pending = [(original, update)]
    while pending:
        before, after = pending.pop()
        if (id(before), id(after)) in seen:
            continue
        seen.add((id(before), id(after)))
        if not _alike(before, after):
            return False
        pending += [
            (one.typed.type, other.typed.type) for one, other in zip(before.fields, after.fields, strict=True)
        ]
        if before.element is not None and after.element is not None:
            pending += [
                (key_of(before).type, key_of(after).type),
                (_values_of(before), _values_of(after)),
            ]
    return True


def _alike(before: LogicalType, after: LogicalType) -> bool:
    if before.kind in CONTAINERS or after.kind in CONTAINERS:
        return (before.kind is LogicalKind.ARRAY) == (after.kind is LogicalKind.ARRAY) and (
            after.kind in CONTAINERS and before.kind in CONTAINERS
        )
    if _kept_as(before) != _kept_as(after):
        return False
    match before.kind:
        case LogicalKind.STRUCT:
            return [field.name for field in before.fields] == [field.name for field in after.fields]
        case LogicalKind.DECIMAL:
            return (before.precision, before.scale) == (after.precision, after.scale)
        case LogicalKind.BINARY:
            return before.length == after.length
    return True
