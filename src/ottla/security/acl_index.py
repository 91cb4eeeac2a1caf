"""Rules laid out for the questions that requests ask, so that ten thousand of them cost no more than ten.

    literal patterns     (type, name)                     one look-up; `*` is a name like others, looked up besides
    prefixed patterns    (type, prefix)                   one look-up for each length that a prefix of the type has
    a principal's rules  (type, principal) -> patterns    so that nobody pays for others' rules about the same pattern

A change moves one pattern's entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from ottla.cluster.acl_bindings import (
    ANYONE,
    EVERY_RESOURCE,
    AclBinding,
    AclEntry,
    PatternType,
    ResourcePattern,
    ResourceType,
)

Entries: TypeAlias = Sequence[AclEntry]

_NONE: Final[Mapping[ResourcePattern, Entries]] = MappingProxyType({})


class AclIndex:
    """See the module."""

    __slots__ = ("_by_principal", "_prefix_lengths", "_rules")

    def __init__(self) -> None:
        self._rules: dict[ResourcePattern, Entries] = {}
        self._prefix_lengths: dict[ResourceType, Counter[int]] = {}
        self._by_principal: dict[tuple[ResourceType, str], dict[ResourcePattern, list[AclEntry]]] = {}

    def __len__(self) -> int:
        """How many rules there are. Counts them."""
        return sum(map(len, self._rules.values()))

    def put(self, pattern: ResourcePattern, entries: Entries) -> None:
        """All entries of a pattern from now on; none takes the pattern out."""
        before = self._rules.pop(pattern, None)
        if before is not None:
            self._forget(pattern, before)
        if entries:
            self._rules[pattern] = entries
            self._count_prefix(pattern, 1)
        for entry in entries:
            patterns = self._by_principal.setdefault((pattern.resource_type, entry.principal), {})
            patterns.setdefault(pattern, []).append(entry)

    def about(self, resource_type: ResourceType, name: str) -> Sequence[ResourcePattern]:
        """The patterns that match a resource and have any rules, whomever these concern."""
        rules = self._rules
        return [pattern for pattern in self._patterns_of(resource_type, name) if pattern in rules]

    def of_principal(self, pattern: ResourcePattern, principal: str) -> Entries:
        """A pattern's rules about this very principal."""
        return self._by_principal.get((pattern.resource_type, principal), _NONE).get(pattern, ())

    def concerning(self, resource_type: ResourceType, principal: str) -> Iterator[AclBinding]:
        """Every rule about resources of a type that is about a principal, or about anyone."""
        for who in {principal, ANYONE}:
            for pattern, entries in self._by_principal.get((resource_type, who), _NONE).items():
                for entry in entries:
                    yield AclBinding(pattern, entry)

    def _forget(self, pattern: ResourcePattern, entries: Entries) -> None:
        for principal in {entry.principal for entry in entries}:
            key = pattern.resource_type, principal
            patterns = self._by_principal[key]
            del patterns[pattern]
            if not patterns:
                del self._by_principal[key]
        self._count_prefix(pattern, -1)

    def _patterns_of(self, resource_type: ResourceType, name: str) -> Iterator[ResourcePattern]:
        yield ResourcePattern(resource_type, name, PatternType.LITERAL)
        if name != EVERY_RESOURCE:
            yield ResourcePattern(resource_type, EVERY_RESOURCE, PatternType.LITERAL)
        for length in self._prefix_lengths.get(resource_type, ()):
            if length <= len(name):
                yield ResourcePattern(resource_type, name[:length], PatternType.PREFIXED)

    def _count_prefix(self, pattern: ResourcePattern, by: int) -> None:
        if pattern.pattern_type is not PatternType.PREFIXED:
            return
        lengths = self._prefix_lengths.setdefault(pattern.resource_type, Counter())
        length = len(pattern.name)
        lengths[length] += by
        if lengths[length] <= 0:
            del lengths[length]
