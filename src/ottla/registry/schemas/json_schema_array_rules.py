"""What changes between two arrays: the schema of all items, those of the first ones by position, and how many there are."""

from __future__ import annotations

from ottla.registry.schemas.json_schema_comparison import Findings, Pair, Steps
from ottla.registry.schemas.json_schema_object_rules import additional_changes, unevaluated_changes
from ottla.registry.schemas.json_schema_rule_parts import compare_limits, compare_optional
from ottla.registry.schemas.json_schema_shapes import Array, Empty, Nothing, Shape


def array_changes(found: Findings, original: Array, update: Array) -> Steps:
    """The rules for a pair of arrays."""
    yield from compare_optional(found, "items", original.all_items, update.all_items)
    both = min(len(original.items), len(update.items))
    for index in range(both):
        result = yield Pair(original.items[index], update.items[index])
        found.include(result, f"items/{index}")
    for index in range(both, len(original.items)):
        yield from _removed(found, f"items/{index}", original.items[index], update)
    for index in range(both, len(update.items)):
        yield from _added(found, f"items/{index}", update.items[index], original)
    yield from additional_changes(found, "Items", original.additional_items, update.additional_items)
    yield from unevaluated_changes(found, "Items", original.unevaluated_items, update.unevaluated_items)
    compare_limits(found, "maxItems", original.max_items, update.max_items)
    compare_limits(found, "minItems", original.min_items, update.min_items)
    if original.unique_items != update.unique_items:
        found.add(f"UNIQUE_ITEMS_{'REMOVED' if original.unique_items else 'ADDED'}", "uniqueItems")
    compare_limits(found, "maxContains", original.max_contains, update.max_contains)
    compare_limits(found, "minContains", original.min_contains, update.min_contains)


def _removed(found: Findings, path: str, before: Shape, update: Array) -> Steps:
    if _is_open(update):
        found.add("ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL", path)
        return
    covering = _partially_open(update)
    if covering is not None:
        result = yield Pair(before, covering)
        found.include(result, path)
        covered = "IS_COVERED" if result.compatible else "NOT_COVERED"
        found.add(f"ITEM_REMOVED_{covered}_BY_PARTIALLY_OPEN_CONTENT_MODEL", path)
    elif isinstance(before, Nothing):
        found.add("ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL", path)
    else:
        found.add("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", path)


def _added(found: Findings, path: str, after: Shape, original: Array) -> Steps:
    if _is_open(original):
        empty = isinstance(after, Empty)
        found.add(
            f"ITEM_{'WITH_EMPTY_SCHEMA_' if empty else ''}ADDED_TO_OPEN_CONTENT_MODEL",
            path,
        )
        return
    covering = _partially_open(original)
    if covering is None:
        found.add("ITEM_ADDED_TO_CLOSED_CONTENT_MODEL", path)
        return
    result = yield Pair(covering, after)
    found.include(result, path)
    covered = "IS_COVERED" if result.compatible else "NOT_COVERED"
    found.add(f"ITEM_ADDED_{covered}_BY_PARTIALLY_OPEN_CONTENT_MODEL", path)


def _is_open(shape: Array) -> bool:
    return shape.additional_items is None and (
        shape.unevaluated_items is None or isinstance(shape.unevaluated_items, Empty)
    )


def _partially_open(shape: Array) -> Shape | None:
    if shape.additional_items is not None:
        return shape.additional_items or None
    unevaluated = shape.unevaluated_items
    return None if isinstance(unevaluated, Nothing) else unevaluated
