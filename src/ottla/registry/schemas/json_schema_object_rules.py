"""What changes between two objects.

A property may come only where the old schema did not already allow it with any value: an open content model. It may go only
where the new one still allows its values: anything, or what a pattern or the rule for further properties says.
"""

from __future__ import annotations

from typing import Literal

from ottla.registry.schemas.json_schema_comparison import Findings, Pair, Steps
from ottla.registry.schemas.json_schema_patterns import found_in
from ottla.registry.schemas.json_schema_rule_parts import compare_limits, compare_optional
from ottla.registry.schemas.json_schema_shapes import Empty, Nothing, Object, Shape, Unset


def object_changes(found: Findings, original: Object, update: Object) -> Steps:
    """The rules for a pair of objects."""
    _required(found, original, update)
    for name in sorted(original.properties.keys() | update.properties.keys()):
        before, after = original.properties.get(name), update.properties.get(name)
        path = f"properties/{name}"
        if before is not None and after is not None:
            result = yield Pair(before, after)
            found.include(result, path)
        elif before is not None:
            yield from _removed(found, path, name, before, update)
        elif after is not None:
            yield from _added(found, path, name, after, original, update)
    _property_dependencies(found, original, update)
    yield from _schema_dependencies(found, original, update)
    yield from additional_changes(
        found, "Properties", original.additional_properties, update.additional_properties
    )
    yield from unevaluated_changes(
        found, "Properties", original.unevaluated_properties, update.unevaluated_properties
    )
    compare_limits(found, "maxProperties", original.max_properties, update.max_properties)
    compare_limits(found, "minProperties", original.min_properties, update.min_properties)


def _required(found: Findings, original: Object, update: Object) -> None:
    for name in original.properties:
        if name not in update.properties:
            continue
        if name in original.required and name not in update.required:
            found.add("REQUIRED_ATTRIBUTE_REMOVED", f"required/{name}")
        elif name in update.required and name not in original.required:
            with_default = "WITH_DEFAULT_" if _has_default(update.properties[name]) else ""
            found.add(f"REQUIRED_ATTRIBUTE_{with_default}ADDED", f"required/{name}")


def _has_default(shape: Shape) -> bool:
    return not isinstance(shape.default, Unset)


def _removed(found: Findings, path: str, name: str, before: Shape, update: Object) -> Steps:
    if _is_open(update):
        found.add("PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL", path)
        return
    covering = _partially_open(update, name)
    if covering is not None:
        result = yield Pair(before, covering)
        found.include(result, path)
        covered = "IS_COVERED" if result.compatible else "NOT_COVERED"
        found.add(f"PROPERTY_REMOVED_{covered}_BY_PARTIALLY_OPEN_CONTENT_MODEL", path)
    elif isinstance(before, Nothing):
        found.add("PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL", path)
    else:
        found.add("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", path)


def _added(found: Findings, path: str, name: str, after: Shape, original: Object, update: Object) -> Steps:
    necessity = "OPTIONAL"
    if name in update.required:
        necessity = "REQUIRED"
    with_default = "_WITH_DEFAULT" if necessity == "REQUIRED" and _has_default(after) else ""
    if _is_open(original):
        if isinstance(after, Empty):
            found.add("PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL", path)
        else:
            found.add(f"{necessity}_PROPERTY{with_default}_ADDED_TO_OPEN_CONTENT_MODEL", path)
        return
    covering = _partially_open(original, name)
    if covering is not None:
        result = yield Pair(covering, after)
        found.include(result, path)
        covered = "IS_COVERED" if result.compatible else "NOT_COVERED"
        found.add(f"PROPERTY_ADDED_{covered}_BY_PARTIALLY_OPEN_CONTENT_MODEL", path)
    found.add(f"{necessity}_PROPERTY{with_default}_ADDED_TO_UNOPEN_CONTENT_MODEL", path)


def _is_open(shape: Object) -> bool:
    return (
        not shape.patterns
        and shape.additional_properties is None
        and (shape.unevaluated_properties is None or isinstance(shape.unevaluated_properties, Empty))
    )


def _partially_open(shape: Object, name: str) -> Shape | None:
    """What the object says about a property that it does not name; None where it says nothing or allows none."""
    for pattern, covering in shape.patterns.items():
        if found_in(pattern, name):
            return covering
    if shape.additional_properties is not None:
        return shape.additional_properties or None
    unevaluated = shape.unevaluated_properties
    return None if isinstance(unevaluated, Nothing) else unevaluated


def _property_dependencies(found: Findings, original: Object, update: Object) -> None:
    for name in sorted(original.property_dependencies.keys() | update.property_dependencies.keys()):
        before = original.property_dependencies.get(name)
        after = update.property_dependencies.get(name)
        if before == after:
            continue
        if after is None:
            change = "REMOVED"
        elif before is None:
            change = "ADDED"
        elif before < after:
            change = "EXTENDED"
        else:
            change = "NARROWED" if before > after else "CHANGED"
        found.add(f"DEPENDENCY_ARRAY_{change}", f"dependencies/{name}")


def _schema_dependencies(found: Findings, original: Object, update: Object) -> Steps:
    for name in sorted(original.schema_dependencies.keys() | update.schema_dependencies.keys()):
        before = original.schema_dependencies.get(name)
        after = update.schema_dependencies.get(name)
        path = f"dependencies/{name}"
        if after is None:
            found.add("DEPENDENCY_SCHEMA_REMOVED", path)
        elif before is None:
            found.add("DEPENDENCY_SCHEMA_ADDED", path)
        else:
            result = yield Pair(before, after)
            found.include(result, path)


Further = Shape | Literal[False] | None


def additional_changes(found: Findings, what: str, original: Further, update: Further) -> Steps:
    """`additionalProperties` and `additionalItems`: forbidden (False), by a schema, or anything (None)."""
    path, kind = f"additional{what}", f"ADDITIONAL_{what.upper()}"
    if (original is False) != (update is False):
        found.add(f"{kind}_{'ADDED' if original is False else 'REMOVED'}", path)
    elif original is False or update is False:
        return
    elif original is None and update is not None:
        found.add(f"{kind}_NARROWED", path)
    elif update is None and original is not None:
        found.add(f"{kind}_EXTENDED", path)
    else:
        yield from compare_optional(found, path, original, update)


def unevaluated_changes(found: Findings, what: str, original: Shape | None, update: Shape | None) -> Steps:
    """`unevaluatedProperties` and `unevaluatedItems`: what is not said counts as true."""
    path, kind = f"unevaluated{what}", f"UNEVALUATED_{what.upper()}"
    if original is None and update is None:
        return
    closed, closes = isinstance(original, Nothing), isinstance(update, Nothing)
    if closed != closes:
        found.add(f"{kind}_{'ADDED' if closed else 'REMOVED'}", path)
    elif original is None or (isinstance(original, Empty) and not isinstance(update, Empty | None)):
        found.add(f"{kind}_NARROWED", path)
    elif update is None or (isinstance(update, Empty) and not isinstance(original, Empty)):
        found.add(f"{kind}_EXTENDED", path)
    else:
        yield from compare_optional(found, path, original, update)
