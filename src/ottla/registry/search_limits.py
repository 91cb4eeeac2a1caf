"""How much one answer lists, by default and at most: `schema.search.default.limit`, `schema.search.max.limit` and their likes.

A request that asks for none, or for more than the most, gets the default. Confluent: AbstractSchemaRegistry.normalizeLimit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Self, cast

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import Range
from ottla.config.values import INT_MAX, Value


class Limit(NamedTuple):
    """Of one kind of list."""

    default: int = INT_MAX
    most: int = INT_MAX

    def of(self, asked: int) -> int:
        """How many are listed where a request asks for so many; 0 and less is all it can get."""
        return asked if 0 < asked <= self.most else self.default


UNLIMITED: Final = Limit()


class SearchLimits(NamedTuple):
    """By what is listed."""

    schemas: Limit = Limit(1_000, 1_000)
    subjects: Limit = UNLIMITED
    versions: Limit = UNLIMITED
    contexts: Limit = UNLIMITED

    @classmethod
    def from_settings(cls, values: Mapping[str, Value]) -> Self:
        """As the settings of a registry have them."""
        return cls(
            *(
                Limit(cast("int", values[f"{name}.default.limit"]), cast("int", values[f"{name}.max.limit"]))
                for name, _, _ in _KINDS
            )
        )


_KINDS: Final = (
    ("schema.search", "schemas", SearchLimits().schemas),
    ("subject.search", "subjects", SearchLimits().subjects),
    ("subject.version.search", "versions, and ids of what refers to one,", SearchLimits().versions),
    ("context.search", "contexts", SearchLimits().contexts),
)
"""Name, what is listed, and how many unless it is set."""


def _settings(name: str, what: str, limit: Limit) -> tuple[Setting, Setting]:
    return (
        Setting(
            name=f"{name}.default.limit",
            type=Type.INT,
            default=limit.default,
            valid=Range(1, INT_MAX),
            doc=f"How many {what} one answer lists where the request does not say, or asks for too many.",
            importance=Importance.LOW,
        ),
        Setting(
            name=f"{name}.max.limit",
            type=Type.INT,
            default=limit.most,
            valid=Range(1, INT_MAX),
            doc=f"How many {what} a request may ask for.",
            importance=Importance.LOW,
        ),
    )


SEARCH_SETTINGS: Final = tuple(setting for kind in _KINDS for setting in _settings(*kind))
