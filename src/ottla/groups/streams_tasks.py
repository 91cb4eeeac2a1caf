"""The tasks of a streams group (KIP-1071): a task is one partition of one subtopology.

Apache: org.apache.kafka.coordinator.group.streams.TasksTuple.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Tasks = Mapping[str, frozenset[int]]
"""Partitions by the id of their subtopology."""


class TaskId(NamedTuple):
    """One task."""

    subtopology_id: str
    partition: int


class TaskIdsMessage(Protocol):
    """`TaskIds` of any message that has it."""

    @property
    def subtopology_id(self) -> str: ...

    @property
    def partitions(self) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class TasksTuple:
    """Tasks of the three kinds: those a member runs, copies of state that it keeps, and copies that it catches up."""

    active: Tasks = field(default_factory=dict)
    standby: Tasks = field(default_factory=dict)
    warmup: Tasks = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.standby or self.warmup)

    def merge(self, other: "TasksTuple") -> "TasksTuple":
        """The tasks of both."""
        return TasksTuple(
            _union(self.active, other.active),
            _union(self.standby, other.standby),
            _union(self.warmup, other.warmup),
        )

    def contains_any(self, other: "TasksTuple") -> bool:
        """Whether a task is in both, of the same kind."""
        return (
            _overlap(self.active, other.active)
            or _overlap(self.standby, other.standby)
            or _overlap(self.warmup, other.warmup)
        )


NO_TASKS = TasksTuple()


def tasks_of(messages: Iterable[TaskIdsMessage]) -> dict[str, frozenset[int]]:
    """Tasks as a message lists them."""
    return {each.subtopology_id: frozenset(each.partitions) for each in messages}


def sorted_tasks(tasks: Tasks) -> list[tuple[str, list[int]]]:
    """Tasks as records and answers list them: by subtopology, then by partition."""
    return [(subtopology_id, sorted(tasks[subtopology_id])) for subtopology_id in sorted(tasks)]


def _union(one: Tasks, other: Tasks) -> Tasks:
    merged = dict(one)
    for subtopology_id, partitions in other.items():
        merged[subtopology_id] = merged.get(subtopology_id, frozenset()) | partitions
    return merged


def _overlap(one: Tasks, other: Tasks) -> bool:
    return any(
        not partitions.isdisjoint(other[subtopology_id])
        for subtopology_id, partitions in one.items()
        if subtopology_id in other
    )
