"""The policy LOGICAL: besides what each language demands, tables that are fed from a subject go on working.

The columns that a schema makes are compared by the rules of Flink's and of Iceberg's tables, and a new schema must have
columns at all. An earlier one that has none is passed over: it hinders nobody any more. Confluent: `LogicalPolicyChecker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ottla.registry.schemas.logical_comparison import Finding, LogicalComparison, TooManyFields, below
from ottla.registry.schemas.logical_flink import FlinkComparison
from ottla.registry.schemas.logical_iceberg import IcebergComparison
from ottla.registry.schemas.logical_types import LogicalKind, LogicalType, Typed
from ottla.registry.schemas.schema import InvalidSchema, Schema

COMPARISONS: Final[tuple[type[LogicalComparison], ...]] = (FlinkComparison, IcebergComparison)


def without_columns(schema: Schema) -> list[str]:
    """What keeps a schema from being kept as a table at all, each a text as the registry answers with it."""
    try:
        columns = _columns(schema)
    except InvalidSchema as error:
        return [f"The schema cannot be told as columns of a table: {error}"]
    return [_text(finding, [IcebergComparison.MODE]) for finding in _not_representable(columns)]


def changes_of_columns(reader: Schema, writer: Schema) -> list[str]:
    """What keeps a table with the reader's columns from holding the writer's rows; nothing where one has no columns."""
    try:
        return _changes(_columns(writer), _columns(reader))
    except InvalidSchema:
        return []


def _columns(schema: Schema) -> LogicalType:
    try:
        return schema.logical().type
    except RecursionError:
        raise InvalidSchema("its types are nested too deeply") from None


def _changes(original: LogicalType, update: LogicalType) -> list[str]:
    modes: dict[tuple[str, str], list[str]] = {}
    descriptions: dict[tuple[str, str], Finding] = {}
    for make in COMPARISONS:
        try:
            findings = make().run(original, update)
        except TooManyFields:
            return ["The schemas have too many columns to be compared as tables"]
        for finding in findings:
            place = finding.rule, finding.path
            descriptions.setdefault(place, finding)
            if make.MODE not in modes.setdefault(place, []):
                modes[place].append(make.MODE)
    return [_text(descriptions[place], names) for place, names in modes.items()]


def _text(finding: Finding, modes: Sequence[str]) -> str:
    category = ", ".join(f'"{mode}"' for mode in modes)
    return (
        f'{{errorType:"{finding.rule}", category:[{category}], description:"{finding.description}", '
        f'additionalInfo:"{finding.path}"}}'
    )


def _not_representable(columns: LogicalType) -> list[Finding]:
    """What Iceberg tables of version 2 cannot hold: values of any type, and types that contain themselves."""
    found: list[Finding] = []
    under_way: set[int] = set()
    done: set[int] = set()
    # Entered, then left: an entry met again while it is under way contains itself.
    pending: list[tuple[LogicalType, str, bool]] = [(columns, "", False)]
    while pending:
        one, path, leaving = pending.pop()
        if leaving:
            under_way.discard(id(one))
            done.add(id(one))
        elif id(one) in under_way:
            found.append(Finding("UNSUPPORTED_TYPE", path, "the type contains itself"))
        elif one.kind is LogicalKind.VARIANT:
            found.append(Finding("UNSUPPORTED_TYPE", path, "VARIANT needs version 3 of the table format"))
        elif id(one) not in done:
            under_way.add(id(one))
            pending.append((one, path, True))
            pending += [(part.type, where, False) for part, where in reversed(_parts(one, path))]
    return found


def _parts(one: LogicalType, path: str) -> list[tuple[Typed, str]]:
    parts = [(field.typed, below(path, field.name)) for field in one.fields]
    if one.key is not None:
        parts.append((one.key, f"{path}{{key}}"))
    if one.element is not None:
        parts.append((one.element, f"{path}{{}}" if one.kind is LogicalKind.MAP else f"{path}[]"))
    return parts
