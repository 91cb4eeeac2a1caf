"""The kinds of change from one JSON Schema to the next, by Confluent's names, and which of them a reader bears.

A change names its path in the schema: `MAXIMUM_DECREASED #/properties/age/maximum`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ottla.registry.schemas.schema import CompatibilityPolicy

COMPATIBLE: Final = frozenset(
    {
        "ID_CHANGED",
        "DESCRIPTION_CHANGED",
        "TITLE_CHANGED",
        "DEFAULT_CHANGED",
        "SCHEMA_REMOVED",
        "TYPE_EXTENDED",
        # strings
        "MAX_LENGTH_INCREASED",
        "MAX_LENGTH_REMOVED",
        "MIN_LENGTH_DECREASED",
        "MIN_LENGTH_REMOVED",
        "PATTERN_REMOVED",
        # numbers
        "MAXIMUM_INCREASED",
        "MAXIMUM_REMOVED",
        "MINIMUM_DECREASED",
        "MINIMUM_REMOVED",
        "EXCLUSIVE_MAXIMUM_INCREASED",
        "EXCLUSIVE_MAXIMUM_REMOVED",
        "EXCLUSIVE_MINIMUM_DECREASED",
        "EXCLUSIVE_MINIMUM_REMOVED",
        "MULTIPLE_OF_REDUCED",
        "MULTIPLE_OF_REMOVED",
        # objects
        "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED",
        "REQUIRED_ATTRIBUTE_REMOVED",
        "DEPENDENCY_ARRAY_NARROWED",
        "DEPENDENCY_ARRAY_REMOVED",
        "DEPENDENCY_SCHEMA_REMOVED",
        "MAX_PROPERTIES_INCREASED",
        "MAX_PROPERTIES_REMOVED",
        "MIN_PROPERTIES_DECREASED",
        "MIN_PROPERTIES_REMOVED",
        "ADDITIONAL_PROPERTIES_ADDED",
        "ADDITIONAL_PROPERTIES_EXTENDED",
        "UNEVALUATED_PROPERTIES_ADDED",
        "UNEVALUATED_PROPERTIES_EXTENDED",
        "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL",
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL",
        "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
        "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL",
        "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        "PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        # arrays
        "MAX_ITEMS_INCREASED",
        "MAX_ITEMS_REMOVED",
        "MIN_ITEMS_DECREASED",
        "MIN_ITEMS_REMOVED",
        "MAX_CONTAINS_INCREASED",
        "MAX_CONTAINS_REMOVED",
        "MIN_CONTAINS_DECREASED",
        "MIN_CONTAINS_REMOVED",
        "UNIQUE_ITEMS_REMOVED",
        "ADDITIONAL_ITEMS_ADDED",
        "ADDITIONAL_ITEMS_EXTENDED",
        "UNEVALUATED_ITEMS_ADDED",
        "UNEVALUATED_ITEMS_EXTENDED",
        "ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL",
        "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL",
        "ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL",
        "ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        "ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        # values and combinations
        "ENUM_ARRAY_EXTENDED",
        "COMBINED_TYPE_EXTENDED",
        "PRODUCT_TYPE_NARROWED",
        "SUM_TYPE_EXTENDED",
        "NOT_TYPE_NARROWED",
    }
)

LENIENT: Final = COMPATIBLE | {
    "ADDITIONAL_PROPERTIES_NARROWED",
    "ADDITIONAL_PROPERTIES_REMOVED",
    "UNEVALUATED_PROPERTIES_NARROWED",
    "UNEVALUATED_PROPERTIES_REMOVED",
    "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL",
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
}
"""What a lenient subject bears besides: fields that others may have used for something else."""


def compatible_kinds(policy: CompatibilityPolicy) -> frozenset[str]:
    """The kinds of change that leave a reader able to read."""
    return LENIENT if policy is CompatibilityPolicy.LENIENT else COMPATIBLE


_CONTENT_MODELS: Final = {
    "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL": (
        "The property at {path} is required by the %1$s schema and unknown to the %2$s schema"
    ),
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "The %1$s schema allows no further properties and lacks the one at {path} of the %2$s schema"
    ),
    "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "The %1$s schema allows no further items and lacks the one at {path} of the %2$s schema"
    ),
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "What the %1$s schema allows for further properties does not cover the one at {path} of the %2$s schema"
    ),
    "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "What the %1$s schema allows for further items does not cover the one at {path} of the %2$s schema"
    ),
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "The property at {path} of the %1$s schema does not cover what the %2$s schema allows there"
    ),
    "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "The item at {path} of the %1$s schema does not cover what the %2$s schema allows there"
    ),
    "RESERVED_PROPERTY_REMOVED": (
        "The property '{path}' is reserved by the metadata of the %2$s schema and not by that of the %1$s schema"
    ),
    "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY": (
        "The property at {path} of the %1$s schema is reserved by its metadata"
    ),
    "COMBINED_TYPE_SUBSCHEMAS_CHANGED": (
        "At {path} the %1$s schema has no match for a part of the combination in the %2$s schema"
    ),
}

_ENDINGS: Final = (
    ("_TO_OPEN_CONTENT_MODEL", "The %2$s schema allows anything at {path}, which the %1$s schema restricts"),
    ("_ADDED", "The %1$s schema has a restriction at {path} that the %2$s schema has not"),
    ("_REMOVED", "The %1$s schema allows nothing further at {path}, the %2$s schema does"),
    ("_INCREASED", "The value at {path} is greater in the %1$s schema than in the %2$s schema"),
    ("_EXPANDED", "The value at {path} is greater in the %1$s schema than in the %2$s schema"),
    ("_DECREASED", "The value at {path} is less in the %1$s schema than in the %2$s schema"),
    ("_NARROWED", "The %1$s schema allows less at {path} than the %2$s schema"),
    ("_EXTENDED", "The %1$s schema demands more at {path} than the %2$s schema"),
    ("_CHANGED", "What stands at {path} of the %1$s schema does not fit the %2$s schema"),
)


class Change(NamedTuple):
    """One difference between two schemas."""

    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"

    def at_root(self) -> Change:
        """With a path that begins at the whole schema."""
        return Change(self.kind, f"#/{self.path}")

    def text(self) -> str:
        """In the form the registry answers with; `%1$s` stands for the reader's schema, `%2$s` for the writer's."""
        sentence = _CONTENT_MODELS.get(self.kind) or next(
            text for ending, text in _ENDINGS if self.kind.endswith(ending)
        )
        return f'{{errorType:"{self.kind}", description:"{sentence.replace("{path}", self.path)}"}}'
