"""Whether a table whose columns are those of a schema may become one with those of the next, for one kind of table.

The walk is the same for all kinds of tables, the rules are not: `logical_iceberg.py`, `logical_flink.py`. Columns are
matched by name. A pair of types with parts is compared once, where it is met first, so that those that contain themselves end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar, Final, NamedTuple

from ottla.registry.schemas.logical_types import LogicalField, LogicalKind, LogicalType, Typed

MAX_FINDINGS: Final = 200
"""Of one pair of schemas and one kind of table."""

MAX_COMPARED_FIELDS: Final = 100_000
"""Structs that use each other can be paired in as many ways as they have pairs."""


MAX_PATH_CHARACTERS: Final = 1_000
"""Types that contain each other repeat the names around them; what is longer is cut."""


class Finding(NamedTuple):
    """A rule that a change breaks, and at which column."""

    rule: str
    path: str
    description: str


class TooManyFields(Exception):  # noqa: N818 - never leaves the room as an error
    """The schemas have more pairs of columns to compare than anybody should wait for."""


class LogicalComparison(ABC):
    """From `original` to `update`: the later one has to read what was written by the earlier."""

    MODE: ClassVar[str]
    KINDS: ClassVar[dict[LogicalKind, LogicalKind]] = {}
    """Kinds that this sort of table keeps as others."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._compared: set[tuple[int, int]] = set()
        self._pending: deque[tuple[LogicalType, LogicalType, str]] = deque()
        self._left = MAX_COMPARED_FIELDS

    def run(self, original: LogicalType, update: LogicalType) -> list[Finding]:
        """What breaks the rules, the outer columns first. Raises TooManyFields."""
        self.compare(original, update, "")
        while self._pending:
            before, after, path = self._pending.popleft()
            self._left -= len(before.fields) + len(after.fields) + 1
            if self._left < 0:
                raise TooManyFields
            if before.kind is LogicalKind.STRUCT:
                self.fields(before.fields, after.fields, path)
            else:
                self.containers(before, after, path)
        return self.findings

    def add(self, rule: str, path: str, description: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(rule, path, description))

    def compare(self, original: LogicalType, update: LogicalType, path: str) -> None:
        """Called for each pair of types at one place; those with parts are put off."""
        group = self.group(original.kind)
        if group is not self.group(update.kind):
            self.add("TYPE_MISMATCH", path, f"the type changes from {original} to {update}")
        elif group is None:
            self.primitives(original, update, path)
        elif (id(original), id(update)) not in self._compared:
            self._compared.add((id(original), id(update)))
            self._pending.append((original, update, path))

    def group(self, kind: LogicalKind) -> LogicalKind | None:
        """What kinds have to be the same: containers and structs each of their own; None for all others."""
        kind = self.KINDS.get(kind, kind)
        return kind if kind in _COMPOUND else None

    @abstractmethod
    def fields(self, original: list[LogicalField], update: list[LogicalField], path: str) -> None:
        """The columns of two structs."""

    @abstractmethod
    def containers(self, original: LogicalType, update: LogicalType, path: str) -> None:
        """Two arrays, two maps…"""

    @abstractmethod
    def primitives(self, original: LogicalType, update: LogicalType, path: str) -> None:
        """Two types without parts."""


_COMPOUND: Final = frozenset({LogicalKind.STRUCT, LogicalKind.ARRAY, LogicalKind.MAP, LogicalKind.MULTISET})


def below(path: str, name: str) -> str:
    """The path of a column of the struct at `path`."""
    whole = f"{path}.{name}" if path else name
    return whole if len(whole) <= MAX_PATH_CHARACTERS else f"{whole[:MAX_PATH_CHARACTERS]}…"


def element_of(container: LogicalType) -> Typed:
    """What a container holds; a map's values."""
    assert container.element is not None
    return container.element


def key_of(container: LogicalType) -> Typed:
    """A map's keys; a multiset counts its elements, so they are keys to a table without multisets."""
    return element_of(container) if container.key is None else container.key


def change_of(original: LogicalType, update: LogicalType) -> str:
    """How a change of type is told."""
    return f"the type changes from {original} to {update}"
