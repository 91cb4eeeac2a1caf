"""Regular expressions in JSON Schemas: matched by RE2 or not at all.

An expression comes from whoever registers a schema, so nothing may run it that can take exponential time. What RE2 has
not (looking ahead, back-references) is kept but matches no name.

google-re2 is loaded by the first schema with a pattern.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ottla.registry.schemas.schema import InvalidSchema

if TYPE_CHECKING:
    import re2

MAX_PATTERN_MEMORY_BYTES: Final = 4 << 20
"""What one compiled expression may take; a larger one matches nothing."""

# What no dialect of regular expressions takes; the rest of RE2's refusals are features that Java's has.
_BROKEN = (
    "missing ]",
    "missing )",
    "unexpected )",
    "trailing \\",
    "no argument for repetition operator",
    "invalid character class range",
)


def check_pattern(pattern: str, where: str) -> None:
    """Raises InvalidSchema for what is no regular expression in any language."""
    fault = _compiled(pattern)
    if isinstance(fault, str) and fault.startswith(_BROKEN):
        raise InvalidSchema(f"{where}: {pattern!r} is no regular expression: {fault}")


def found_in(pattern: str, name: str) -> bool:
    """Whether the expression matches somewhere in the name."""
    compiled = _compiled(pattern)
    return not isinstance(compiled, str) and compiled.search(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re2._Regexp | str:
    import re2

    options = re2.Options()
    options.log_errors = False  # RE2 would write them to stderr
    options.max_mem = MAX_PATTERN_MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
