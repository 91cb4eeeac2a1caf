"""Which names a topic may have (Apache's `org.apache.kafka.common.internals.Topic`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_NAME_LENGTH: Final = 249
"""A directory `<topic>-<partition>` with a 32-digit id and `-delete` at its end must fit in 255 bytes."""

_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]+")


def why_invalid(name: str) -> str | None:
    """Apache's sentence on what is wrong with the name, or None."""
    if not name:
        reason = "the empty string is not allowed"
    elif name in {".", ".."}:
        reason = f"'{name}' is not allowed"
    elif len(name) > MAX_NAME_LENGTH:
        reason = f"the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}"
    elif not _LEGAL.fullmatch(name):
        reason = f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    else:
        return None
    return f"Topic name is invalid: {reason}"


class CollisionIndex:
    """Finds the topics that differ from a name only by `.` and `_`, which metrics can't tell apart."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = {}
        for name in names:
            if "." in name or "_" in name:
                self._names.setdefault(name.replace(".", "_"), []).append(name)

    def colliding(self, name: str) -> str | None:
        """One of the others with which `name` collides."""
        if "." not in name and "_" not in name:
            return None
        return next((other for other in self._names.get(name.replace(".", "_"), []) if other != name), None)
