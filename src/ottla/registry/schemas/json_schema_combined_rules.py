"""What changes between two combinations (`allOf`, `anyOf`, `oneOf`).

Each part of one is matched with a part of the other that bears it; as many as the smaller combination has must find one.
"""

from __future__ import annotations

from ottla.registry.schemas.json_schema_comparison import Findings, Pair, Result, Steps
from ottla.registry.schemas.json_schema_matching import maximum_matching
from ottla.registry.schemas.json_schema_shapes import Combined


def combined_changes(found: Findings, original: Combined, update: Combined) -> Steps:
    """The rules for a pair of combinations."""
    if original.criterion != update.criterion:
        if not _criterion_bearable(original, update):
            found.add("COMBINED_TYPE_CHANGED")
            return
        found.add("COMBINED_TYPE_EXTENDED")
    before, after = original.distinct, update.distinct
    if len(before) < len(after):
        found.add("PRODUCT_TYPE_EXTENDED" if update.criterion == "allOf" else "SUM_TYPE_EXTENDED")
    elif len(before) > len(after):
        found.add("PRODUCT_TYPE_NARROWED" if original.criterion == "allOf" else "SUM_TYPE_NARROWED")

    results: list[dict[int, Result]] = []
    for shape in before:
        borne: dict[int, Result] = {}
        for index, candidate in enumerate(after):
            result = yield Pair(shape, candidate)
            if result.compatible:
                borne[index] = result
        results.append(borne)
    # A part that did not change is the likeliest match.
    edges = [
        [index for _, index in sorted((len(result.changes) > 0, index) for index, result in borne.items())]
        for borne in results
    ]
    matching = maximum_matching(edges, len(after))
    for left, right in matching.items():
        found.include(results[left][right], f"{original.criterion}/{left}")
    if len(matching) < min(len(before), len(after)):
        found.add("COMBINED_TYPE_SUBSCHEMAS_CHANGED")


def _criterion_bearable(original: Combined, update: Combined) -> bool:
    """Whether the new criterion alone refuses nothing that the old one let pass."""
    if update.criterion == "anyOf":
        return True
    if len(original.shapes) == 1:
        return update.criterion == "oneOf" or len(update.shapes) == 1
    return original.criterion == "allOf" and len(update.shapes) == 1
