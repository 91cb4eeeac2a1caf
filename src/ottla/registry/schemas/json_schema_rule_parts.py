"""Parts of rules that several kinds of shapes have in common."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from ottla.registry.schemas.json_schema_comparison import Findings, Pair, Steps
from ottla.registry.schemas.json_schema_shapes import Shape

Limit = int | Decimal | None


def compare_limits(found: Findings, keyword: str, original: Limit, update: Limit) -> None:
    """A keyword with a number, such as maxLength: added, removed, increased or decreased."""
    if original == update:
        return
    if original is None:
        change = "ADDED"
    elif update is None:
        change = "REMOVED"
    else:
        change = "INCREASED" if original < update else "DECREASED"
    found.add(f"{_kind(keyword)}_{change}", keyword)


@lru_cache(maxsize=32)
def _kind(keyword: str) -> str:
    return re.sub("([A-Z])", r"_\1", keyword).upper()


def compare_optional(found: Findings, path: str, original: Shape | None, update: Shape | None) -> Steps:
    """A schema that may be missing on either side."""
    if original is None and update is None:
        return
    if original is None:
        found.add("SCHEMA_ADDED", path)
    elif update is None:
        found.add("SCHEMA_REMOVED", path)
    else:
        result = yield Pair(original, update)
        found.include(result, path)
