"""What the controller decided: operations for the tree, the image that follows from them, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ottla.cluster.image import ImageDraft
from ottla.cluster.tree import Check, Operation

Outcome = TypeVar("Outcome")

MAX_OPERATIONS_PER_MULTI: Final = 1_000
"""ZooKeeper refuses a request over 1 MB (`jute.maxbuffer`); a thousand of our operations stay below a third of it."""


@dataclass(slots=True)
class Decision(Generic[Outcome]):
    """To be carried out in order: every step one `multi`; then the draft becomes the image; then the outcomes go out.

    If a step fails, what earlier steps wrote stays: each kind of change is laid out so that the tree, read anew, tells
    how to go on.
    """

    draft: ImageDraft
    outcomes: list[Outcome] = field(default_factory=list)
    steps: list[list[Operation]] = field(default_factory=list)

    def add_step(self, operations: Sequence[Operation]) -> None:
        """One more step, split if it is too long for one `multi`."""
        for start in range(0, len(operations), MAX_OPERATIONS_PER_MULTI):
            self.steps.append(list(operations[start : start + MAX_OPERATIONS_PER_MULTI]))

    def add_to_last_step(self, operations: Sequence[Operation]) -> None:
        """Together with the last step if there is room, so that small changes need one fsync."""
        if self.steps and len(self.steps[-1]) + len(operations) <= MAX_OPERATIONS_PER_MULTI:
            self.steps[-1].extend(operations)
        else:
            self.add_step(operations)

    def discard(self) -> None:
        """Keep the outcomes alone: the request wanted only to know."""
        self.steps.clear()
        self.draft = ImageDraft(self.draft.older)

    def fence(self, check: Check) -> None:
        """Put `check` in front of every step: nothing is written once another controller has taken over."""
        for step in self.steps:
            step.insert(0, check)
