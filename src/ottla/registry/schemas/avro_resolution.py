"""Names in Avro schemas: those used before they are defined, and those defined twice.

Since 1.12 Apache Avro takes both: names are looked up when everything has been read, a record's own name within it too; and
a type may be defined again in the same way, as those of referenced schemas are that others have written out.
"""

from __future__ import annotations

from collections.abc import Mapping

from ottla.registry.schemas.avro_types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Named,
    Record,
    Type,
    Union,
    Unresolved,
)
from ottla.registry.schemas.json_text import value_text
from ottla.registry.schemas.schema import InvalidSchema


def resolve_names(root: Type, names: Mapping[str, Named]) -> None:
    """Puts definitions in the place of names, wherever these can be come by from the root."""
    seen: set[int] = set()
    pending = [root]
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            _resolve_parts(each, names)
            pending += _inner(each)


def _resolve_parts(whole: Type, names: Mapping[str, Named]) -> None:
    match whole:
        case Array():
            whole.items = _resolved(whole.items, names)
        case Map():
            whole.values = _resolved(whole.values, names)
        case Union():
            whole.branches = [_resolved(branch, names) for branch in whole.branches]
            check_branches(whole)
        case Record():
            for field in whole.fields:
                field.type = _resolved(field.type, names)


def _resolved(part: Type, names: Mapping[str, Named]) -> Type:
    if not isinstance(part, Unresolved):
        return part
    if part.full_name not in names:
        raise InvalidSchema(f"Undefined schema: {part.full_name}")
    return names[part.full_name]


def check_branches(union: Union) -> None:
    """Raises InvalidSchema where a union has a type twice: unnamed kinds once each, names once each."""
    seen = set()
    for branch in union.branches:
        if not isinstance(branch, Unresolved) and branch.branch_name in seen:
            raise InvalidSchema(f"Duplicate in union:{branch.branch_name}")
        seen.add(branch.branch_name)


def same(one: Type, other: Type) -> bool:
    """Whether two types are one to Java's `Schema.equals`, which leaves out docs and aliases.

    A name whose definition is still to come is no other's equal.
    """
    seen: set[tuple[int, int]] = set()
    pending = [(one, other)]
    while pending:
        left, right = pending.pop()
        if left is right or (id(left), id(right)) in seen:
            continue
        seen.add((id(left), id(right)))
        if not _alike(left, right):
            return False
        pending += zip(_inner(left), _inner(right), strict=True)
    return True


def _alike(left: Type, right: Type) -> bool:
    if left.kind != right.kind or value_text(left.properties) != value_text(right.properties):
        return False
    match left, right:
        case Unresolved(), _:
            return False
        case Union(), Union():
            return len(left.branches) == len(right.branches)
        case Named(), Named() if left.name != right.name:
            return False
        case Enum(), Enum():
            return left.symbols == right.symbols
        case Fixed(), Fixed():
            return left.size == right.size
        case Record(), Record():
            return [_described(field) for field in left.fields] == [
                _described(field) for field in right.fields
            ]
    return True


def _described(field: Field) -> tuple[str, str, str | None, str]:
    default = None if isinstance(field.default, Missing) else value_text(field.default)
    return field.name, field.order, default, value_text(field.properties)


def _inner(whole: Type) -> list[Type]:
    match whole:
        case Array():
            return [whole.items]
        case Map():
            return [whole.values]
        case Union():
            return whole.branches
        case Record():
            return [field.type for field in whole.fields]
    return []
