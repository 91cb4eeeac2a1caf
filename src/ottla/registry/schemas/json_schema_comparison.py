"""The differences between two JSON Schemas, found pair of shapes by pair of shapes.

The rules for a pair are generators: they yield the pairs inside it that they need to know about and are sent the results.
So schemas may refer to one another as deeply as they like, a pair is compared once wherever it is met, and the work is
bounded.

Recursive schemas come back to pairs that are under way. These are taken for compatible; when one turns out not to be,
everything is compared again with that known, until no assumption was wrong (the greatest fixed point).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, NamedTuple, TypeAlias

from ottla.registry.schemas.json_schema_changes import Change, compatible_kinds
from ottla.registry.schemas.json_schema_shapes import Shape, referred
from ottla.registry.schemas.schema import CompatibilityPolicy

MAX_STEPS: Final = 100_000
"""Pairs asked for in one comparison: about a second. Unions of three hundred parts stay below."""

MAX_CHANGES: Final = 1_000
"""Kept of one pair's changes: of those a reader bears, and again of those it does not."""


CHANGES_A_STEP: Final = 4
"""As many changes noted are as much work as a pair asked for."""


class TooComplex(Exception):  # noqa: N818 - never leaves the room as an error
    """The schemas have more pairs of parts to compare than anybody should wait for."""


class Result(NamedTuple):
    """What differs between a pair, with paths from there on (without `#/`), and whether a reader bears all of it."""

    changes: tuple[Change, ...]
    compatible: bool


class Budget:
    """What is left of the work that one comparison may be."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_STEPS * CHANGES_A_STEP

    def spend(self, work: int) -> None:
        """Raises TooComplex when nothing is left."""
        self._left -= work
        if self._left < 0:
            raise TooComplex


class Pair(NamedTuple):
    """The shape that data was written by, and the one to read it."""

    original: Shape
    update: Shape


Steps: TypeAlias = Generator[Pair, Result, None]


class Findings:
    """The differences of one pair, as they are found."""

    __slots__ = ("_bearable", "_budget", "_changes", "_room", "compatible")

    def __init__(self, bearable: frozenset[str], budget: Budget) -> None:
        self._bearable = bearable
        self._budget = budget
        self._changes: list[Change] = []
        self._room = {True: MAX_CHANGES, False: MAX_CHANGES}
        self.compatible = True

    def add(self, kind: str, path: str = "") -> None:
        bearable = kind in self._bearable
        self.compatible = self.compatible and bearable
        self._budget.spend(1)
        if self._room[bearable]:
            self._room[bearable] -= 1
            self._changes.append(Change(kind, path))

    def include(self, result: Result, path: str = "") -> None:
        """What a pair inside this one came to, at its path."""
        if any(self._room.values()):
            for change in result.changes:
                self.add(change.kind, _below(path, change.path))
        self.compatible = self.compatible and result.compatible

    def result(self) -> Result:
        return Result(tuple(self._changes), self.compatible)


def _below(path: str, rest: str) -> str:
    return f"{path}/{rest}" if path and rest else path or rest


Rules: TypeAlias = Callable[[Findings, Shape, Shape], Steps]
Key: TypeAlias = tuple[int, int]


class Comparison:
    """All pairs of two schemas; `rules` says for a pair what to find and what to ask for."""

    __slots__ = ("_assumed", "_bearable", "_budget", "_known_bad", "_results", "_rules")

    def __init__(self, rules: Rules, policy: CompatibilityPolicy) -> None:
        self._rules = rules
        self._bearable = compatible_kinds(policy)
        self._results: dict[Key, Result] = {}
        self._assumed: set[Key] = set()
        self._known_bad: set[Key] = set()
        self._budget = Budget()

    def compare(self, original: Shape, update: Shape) -> Result:
        """What differs from `original` to `update`. Raises TooComplex."""
        while True:
            self._results.clear()
            self._assumed.clear()
            result = self._run(Pair(referred(original), referred(update)))
            wrong = {key for key in self._assumed - self._known_bad if not self._results[key].compatible}
            if not wrong:
                return Result(tuple(change.at_root() for change in result.changes), result.compatible)
            self._known_bad |= wrong

    def _run(self, pair: Pair) -> Result:
        stack = [_Frame(pair, self._rules, self._findings())]
        under_way = {stack[0].key}
        answer: Result | None = None
        while True:
            frame = stack[-1]
            asked = frame.advance(answer)
            if asked is None:
                answer = self._results[frame.key] = frame.findings.result()
                under_way.discard(frame.key)
                stack.pop()
                if not stack:
                    return answer
                continue
            self._budget.spend(CHANGES_A_STEP)
            key = _key(asked)
            answer = self._results.get(key)
            if answer is None and key in under_way:
                self._assumed.add(key)
                answer = Result((), key not in self._known_bad)
            elif answer is None:
                stack.append(_Frame(asked, self._rules, self._findings()))
                under_way.add(key)

    def _findings(self) -> Findings:
        return Findings(self._bearable, self._budget)


class _Frame:
    """One pair under way."""

    __slots__ = ("_generator", "findings", "key")

    def __init__(self, pair: Pair, rules: Rules, findings: Findings) -> None:
        self.key = _key(pair)
        self.findings = findings
        self._generator = rules(self.findings, pair.original, pair.update)

    def advance(self, answer: Result | None) -> Pair | None:
        """The next pair it asks for, with references followed; None when it is done."""
        try:
            pair = next(self._generator) if answer is None else self._generator.send(answer)
        except StopIteration:
            return None
        return Pair(referred(pair.original), referred(pair.update))


def _key(pair: Pair) -> Key:
    # Both live as long as the schemas they belong to.
    return id(pair.original), id(pair.update)
