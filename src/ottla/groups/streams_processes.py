"""The processes of a streams group while its tasks are dealt out: their members, what these were given, and who has least.

A process is an instance of the application; its members, one a thread, share its disk and so the state that lies there. Hence
load is counted by process: its tasks for each of its members.

Apache: org.apache.kafka.coordinator.group.streams.assignor.ProcessState.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ottla.coordination.partitioning import java_string_hash
from ottla.groups.java_hash_order import string_hash_order
from ottla.groups.streams_tasks import TaskId


class Owner(NamedTuple):
    """Who has a task."""

    process_id: str
    member_id: str


class Process:
    """The members of one process, and what they were given."""

    __slots__ = (
        "_hash_code",
        "active",
        "assigned",
        "capacity",
        "load",
        "process_id",
        "standby",
        "task_counts",
    )

    def __init__(self, process_id: str) -> None:
        self.process_id = process_id
        self._hash_code = java_string_hash(process_id)
        self.capacity = 0
        """How many members it has."""
        self.load = 0.0
        """Tasks for each of its members."""
        self.task_counts: dict[str, int] = {}
        self.active: set[TaskId] = set()
        self.standby: set[TaskId] = set()
        self.assigned: set[TaskId] = set()

    def hash_code(self) -> int:
        return self._hash_code

    def by_load(self) -> float:
        """For sorting."""
        return self.load

    def add_member(self, member_id: str) -> None:
        self.task_counts[member_id] = 0
        self.capacity += 1

    def sort_members(self) -> None:
        self.task_counts = dict.fromkeys(string_hash_order(self.task_counts), 0)

    def add(self, member_id: str, task: TaskId, *, active: bool) -> None:
        (self.active if active else self.standby).add(task)
        self.assigned.add(task)
        self.task_counts[member_id] += 1
        self.load = (len(self.active) + len(self.standby)) / self.capacity

    @property
    def has_capacity(self) -> bool:
        return len(self.active) + len(self.standby) < self.capacity

    def member_with_least_load(self) -> Owner:
        member_id = min(self.task_counts, key=self.task_counts.__getitem__)
        return Owner(self.process_id, member_id)


class LoadOrder:
    """Processes by their load, and where it is equal in a fixed order. One that was given a task takes its new place."""

    __slots__ = ("_places", "_processes", "_ranks")

    def __init__(self, processes: Sequence[Process]) -> None:
        """`processes` in their order where loads are equal."""
        self._processes = processes
        self._ranks = {process.process_id: rank for rank, process in enumerate(processes)}
        self._places = sorted((process.load, rank) for rank, process in enumerate(processes))

    def __iter__(self) -> Iterator[Process]:
        return (self._processes[rank] for _, rank in self._places)

    @property
    def least_load(self) -> float:
        return self._places[0][0]

    def changed(self, process: Process, load_before: float) -> None:
        rank = self._ranks[process.process_id]
        del self._places[bisect_left(self._places, (load_before, rank))]
        insort(self._places, (process.load, rank))
