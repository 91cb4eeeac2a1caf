"""What changes between two shapes: the rules of Confluent's `SchemaDiff`.

A shape that becomes a combination, or was one, is compared with the parts of it first. Otherwise the kinds have to be the
same, or the old one allowed nothing, or the new one allows everything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Final, cast

from ottla.registry.schemas.json_schema_array_rules import array_changes
from ottla.registry.schemas.json_schema_combined_rules import combined_changes
from ottla.registry.schemas.json_schema_comparison import Findings, Pair, Result, Steps
from ottla.registry.schemas.json_schema_object_rules import object_changes
from ottla.registry.schemas.json_schema_rule_parts import compare_limits
from ottla.registry.schemas.json_schema_shapes import (
    Array,
    Combined,
    Constant,
    Empty,
    Enumeration,
    Negation,
    Nothing,
    Numeric,
    Object,
    Shape,
    Text,
    Unset,
)
from ottla.registry.schemas.json_text import value_text


def changes(found: Findings, original: Shape, update: Shape) -> Steps:
    """The rules for any pair."""
    settled = False
    if not isinstance(original, Combined) and isinstance(update, Combined):
        settled = yield from _fits_in(found, original, update)
    elif isinstance(original, Combined) and not isinstance(update, Combined):
        settled = yield from _taken_from(found, original, update)
    if settled:
        return
    if _kind(original) is not _kind(update):
        if not _bearable(original, update):
            found.add("TYPE_CHANGED")
        return
    _annotations(found, original, update)
    rule = _RULES.get(_kind(original))
    if rule is not None:
        yield from rule(found, original, update)


def _fits_in(found: Findings, original: Shape, update: Combined) -> Generator[Pair, Result, bool]:
    """Whether one part of the new combination alone takes what the old shape allowed."""
    sum_type = len(update.shapes) != 1
    if sum_type and update.criterion == "allOf":
        return False
    for shape in update.shapes:
        result = yield Pair(original, shape)
        if result.compatible:
            found.include(result)
            if sum_type:
                found.add("SUM_TYPE_EXTENDED")
            return True
    return False


def _taken_from(found: Findings, original: Combined, update: Shape) -> Generator[Pair, Result, bool]:
    """Whether the new shape takes what one part of the old combination allowed, where all had to hold."""
    product_type = len(original.shapes) != 1
    if product_type and original.criterion != "allOf":
        return False
    for shape in original.shapes:
        result = yield Pair(shape, update)
        if result.compatible:
            found.include(result)
            if product_type:
                found.add("PRODUCT_TYPE_NARROWED")
            return True
    return False


def _kind(shape: Shape) -> type[Shape]:
    return Empty if isinstance(shape, Empty) else type(shape)


def _bearable(original: Shape, update: Shape) -> bool:
    # Kafka Connect writes bytes as strings or as numbers: the value is the same to it.
    return (
        isinstance(original, Nothing)
        or isinstance(update, Empty)
        or (original.connect_type == "bytes" and update.connect_type == "bytes")
    )


def _annotations(found: Findings, original: Shape, update: Shape) -> None:
    if original.id != update.id:
        found.add("ID_CHANGED")
    if original.title != update.title:
        found.add("TITLE_CHANGED")
    if original.description != update.description:
        found.add("DESCRIPTION_CHANGED")
    if _default_text(original) != _default_text(update):
        found.add("DEFAULT_CHANGED")


def _default_text(shape: Shape) -> str | None:
    return None if isinstance(shape.default, Unset) else value_text(shape.default)


def _text_changes(found: Findings, original: Text, update: Text) -> Steps:
    compare_limits(found, "maxLength", original.max_length, update.max_length)
    compare_limits(found, "minLength", original.min_length, update.min_length)
    if original.pattern == update.pattern:
        return
    if original.pattern is None:
        found.add("PATTERN_ADDED", "pattern")
    elif update.pattern is None:
        found.add("PATTERN_REMOVED", "pattern")
    else:
        found.add("PATTERN_CHANGED", "pattern")
    yield from ()


def _number_changes(found: Findings, original: Numeric, update: Numeric) -> Steps:
    compare_limits(found, "maximum", original.maximum, update.maximum)
    compare_limits(found, "minimum", original.minimum, update.minimum)
    compare_limits(found, "exclusiveMaximum", original.exclusive_maximum, update.exclusive_maximum)
    compare_limits(found, "exclusiveMinimum", original.exclusive_minimum, update.exclusive_minimum)
    _multiple_changes(found, original.multiple_of, update.multiple_of)
    if original.integer and not update.integer:
        found.add("TYPE_EXTENDED")
    elif update.integer and not original.integer:
        found.add("TYPE_NARROWED")
    yield from ()


def _multiple_changes(found: Findings, original: int | Decimal | None, update: int | Decimal | None) -> None:
    if original == update:
        return
    if original is None:
        found.add("MULTIPLE_OF_ADDED", "multipleOf")
    elif update is None:
        found.add("MULTIPLE_OF_REMOVED", "multipleOf")
    elif _divides(original, update):
        found.add("MULTIPLE_OF_EXPANDED", "multipleOf")
    elif _divides(update, original):
        found.add("MULTIPLE_OF_REDUCED", "multipleOf")
    else:
        found.add("MULTIPLE_OF_CHANGED", "multipleOf")


def _divides(divisor: int | Decimal, value: int | Decimal) -> bool:
    try:
        return Decimal(value) % Decimal(divisor) == 0
    except ArithmeticError:  # further apart than the digits that are reckoned with
        return False


def _enum_changes(found: Findings, original: Enumeration, update: Enumeration) -> Steps:
    if original.values < update.values:
        found.add("ENUM_ARRAY_EXTENDED", "enum")
    elif original.values > update.values:
        found.add("ENUM_ARRAY_NARROWED", "enum")
    elif original.values != update.values:
        found.add("ENUM_ARRAY_CHANGED", "enum")
    yield from ()


def _const_changes(found: Findings, original: Constant, update: Constant) -> Steps:
    if original.value != update.value:
        found.add("ENUM_ARRAY_CHANGED", "const")
    yield from ()


def _not_changes(found: Findings, original: Negation, update: Negation) -> Steps:
    # What may not hold must become less, so the two change sides.
    result = yield Pair(update.shape, original.shape)
    found.add("NOT_TYPE_NARROWED" if result.compatible else "NOT_TYPE_EXTENDED", "not")


_RULES: Final = cast(
    "dict[type[Shape], Callable[[Findings, Shape, Shape], Steps]]",
    {
        Text: _text_changes,
        Numeric: _number_changes,
        Enumeration: _enum_changes,
        Constant: _const_changes,
        Negation: _not_changes,
        Combined: combined_changes,
        Object: object_changes,
        Array: array_changes,
    },
)
