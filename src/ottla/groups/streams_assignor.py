"""Which member of a streams group runs which task: the assignor `sticky`, the only one there is (KIP-1071).

1. A task stays where it ran, as long as that member has less than its share.
2. A task goes where a copy of its state is.
3. What is left goes to the process with the least load per member, preferably one whose tasks it never shared a process
   with, so that the heavy tasks of different subtopologies spread.
4. Copies (standby tasks) of tasks with state, each on a process that has none yet: where the task ran, where a copy was,
   then again by load.

Ties fall as in Apache Kafka 4.1.1, which goes through hash maps: hence java_hash_order.py. One order of Apache's is by the
memory address of an object, that of several members that are equally good for one task; there ours is the order in
which it puts them in.

Apache: org.apache.kafka.coordinator.group.streams.assignor.StickyTaskAssignor and ProcessState.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ottla.coordination.partitioning import java_string_hash
from ottla.groups.java_hash_order import hash_order, string_hash_order
from ottla.groups.streams_tasks import TaskId, Tasks, TasksTuple


@dataclass(frozen=True, slots=True)
class AssignedMember:
    """A member as the assignor sees it."""

    process_id: str
    active: Tasks
    """What its target assignment had so far."""
    standby: Tasks


@dataclass(frozen=True, slots=True)
class AssignedSubtopology:
    """A subtopology as the assignor sees it."""

    number_of_tasks: int
    is_stateful: bool
    """Whether it has changelogs: only then are there copies to keep."""


class _Owner(NamedTuple):
    process_id: str
    member_id: str


class _Process:
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

    def member_with_least_load(self) -> _Owner:
        member_id = min(self.task_counts, key=self.task_counts.__getitem__)
        return _Owner(self.process_id, member_id)


class _TaskPairs:
    """Pairs of tasks that share a process, or did at some step of this assignment."""

    def __init__(self, max_pairs: int) -> None:
        self._max_pairs = max_pairs
        self._count = 0
        self._together: defaultdict[TaskId, set[TaskId]] = defaultdict(set)

    def has_new_pair(self, task: TaskId, assigned: set[TaskId]) -> bool:
        """Whether the task would meet one of `assigned` for the first time."""
        if self._count == self._max_pairs:
            return False
        return not assigned or not assigned <= self._together[task]

    def add_pairs(self, task: TaskId, assigned: set[TaskId]) -> None:
        new = assigned - self._together[task]
        new.discard(task)
        self._together[task] |= new
        for other in new:
            self._together[other].add(task)
        self._count += len(new)


class StickyTaskAssignor:
    """One assignment. It is made, asked once and thrown away."""

    def __init__(
        self, members: Mapping[str, AssignedMember], subtopologies: Mapping[str, AssignedSubtopology]
    ) -> None:
        """`members` by id, at least one; `subtopologies` by id, in the order of their ids."""
        self._subtopologies = subtopologies
        self._subtopology_hashes = {
            subtopology_id: java_string_hash(subtopology_id) for subtopology_id in subtopologies
        }
        self._tasks_left = sum(each.number_of_tasks for each in subtopologies.values())
        self._members_left = len(members)
        self._tasks_per_member = _share(self._tasks_left, self._members_left)
        self._pairs = _TaskPairs(self._tasks_left * (self._tasks_left - 1) // 2)
        self._active: dict[str, set[TaskId]] = {member_id: set() for member_id in members}
        self._standby: dict[str, set[TaskId]] = {member_id: set() for member_id in members}
        self._ran_by: dict[TaskId, _Owner] = {}
        self._copied_by: dict[TaskId, list[_Owner]] = {}
        processes: dict[str, _Process] = {}
        for member_id in string_hash_order(members):
            self._note_previous(member_id, members[member_id], processes)
        self._processes = {process_id: processes[process_id] for process_id in string_hash_order(processes)}
        for process in self._processes.values():
            process.sort_members()

    def _note_previous(self, member_id: str, member: AssignedMember, processes: dict[str, _Process]) -> None:
        process = processes.get(member.process_id)
        if process is None:
            process = processes[member.process_id] = _Process(member.process_id)
        process.add_member(member_id)
        owner = _Owner(member.process_id, member_id)
        for task in _task_ids(member.active):
            self._ran_by[task] = owner
        for task in _task_ids(member.standby):
            self._copied_by.setdefault(task, []).append(owner)

    def assign(self, num_standby_replicas: int) -> dict[str, TasksTuple]:
        """The tasks of each member."""
        self._assign_active(self._task_order(stateful_only=False))
        if num_standby_replicas > 0:
            for task in self._task_order(stateful_only=True):
                self._assign_standby(task, num_standby_replicas)
        return {
            member_id: TasksTuple(
                _by_subtopology(self._active[member_id]), _by_subtopology(self._standby[member_id])
            )
            for member_id in self._active
        }

    def _task_order(self, *, stateful_only: bool) -> list[TaskId]:
        tasks = [
            TaskId(subtopology_id, partition)
            for subtopology_id, subtopology in self._subtopologies.items()
            if subtopology.is_stateful or not stateful_only
            for partition in range(subtopology.number_of_tasks)
        ]
        # Java's hash of a record: 31 times the first component's, plus the next one's.
        return hash_order(
            tasks, lambda task: 31 * self._subtopology_hashes[task.subtopology_id] + task.partition
        )

    def _assign_active(self, tasks: list[TaskId]) -> None:
        left = [task for task in tasks if not self._keep(task, self._ran_by.get(task))]
        left = [task for task in left if not self._keep(task, self._least_loaded_copy(task))]
        for task in left:
            process = self._least_loaded(self._processes.values(), task)
            self._give(process.member_with_least_load(), task, active=True)

    def _keep(self, task: TaskId, owner: _Owner | None) -> bool:
        """Give the task to this owner, if that has less than its share."""
        if owner is None:
            return False
        if self._processes[owner.process_id].task_counts[owner.member_id] >= self._tasks_per_member:
            return False
        self._give(owner, task, active=True)
        return True

    def _assign_standby(self, task: TaskId, num_standby_replicas: int) -> None:
        for _ in range(num_standby_replicas):
            available = [process for process in self._processes.values() if task not in process.assigned]
            if not available:
                return
            owner = self._previous_for_standby(task, {process.process_id for process in available})
            if owner is None:
                process = self._least_loaded(hash_order(available, _Process.hash_code), task)
                owner = process.member_with_least_load()
            self._give(owner, task, active=False)

    def _previous_for_standby(self, task: TaskId, available: set[str]) -> _Owner | None:
        ran_by = self._ran_by.get(task)
        if (
            ran_by is not None
            and ran_by.process_id in available
            and self._is_balanced(ran_by.process_id)
            and self._pairs.has_new_pair(task, self._processes[ran_by.process_id].assigned)
        ):
            return ran_by
        if task in self._copied_by:
            self._copied_by[task] = [each for each in self._copied_by[task] if each.process_id in available]
        owner = self._least_loaded_copy(task)
        return owner if owner is not None and self._is_balanced(owner.process_id) else None

    def _least_loaded_copy(self, task: TaskId) -> _Owner | None:
        """Of those that kept a copy of the task's state, one in the process with the least load."""
        owners = self._copied_by.get(task)
        if not owners:
            return None
        process = self._least_loaded([self._processes[owner.process_id] for owner in owners], task)
        return next(owner for owner in owners if owner.process_id == process.process_id)

    def _least_loaded(self, processes: Iterable[_Process], task: TaskId) -> _Process:
        """The first with the least load, of those where the task meets a new one; of all if there are none."""
        candidates: Sequence[_Process] = list(processes)
        meeting_new = [each for each in candidates if self._pairs.has_new_pair(task, each.assigned)]
        return min(meeting_new or candidates, key=lambda process: process.load)

    def _is_balanced(self, process_id: str) -> bool:
        process = self._processes[process_id]
        return process.has_capacity or process.load == min(other.load for other in self._processes.values())

    def _give(self, owner: _Owner, task: TaskId, *, active: bool) -> None:
        process = self._processes[owner.process_id]
        process.add(owner.member_id, task, active=active)
        (self._active if active else self._standby)[owner.member_id].add(task)
        if len(self._processes) > 1:  # One alone is never weighed against another, and pairs are what costs.
            self._pairs.add_pairs(task, process.assigned)
        if active and len(process.active) == self._tasks_per_member:
            # The share of the others, now that this one has its own. (By process, as Apache's counts.)
            self._members_left -= 1
            self._tasks_left -= len(process.active)
            self._tasks_per_member = _share(self._tasks_left, self._members_left)


def _share(tasks: int, members: int) -> int:
    """Tasks for each member, rounded up; Java's division rounds towards zero, and its remainder has the sign of `tasks`."""
    if members == 0:
        return 0
    quotient = abs(tasks) // abs(members)
    if (tasks < 0) != (members < 0):
        quotient = -quotient
    return quotient + (tasks - quotient * members > 0)


def _task_ids(tasks: Tasks) -> Iterable[TaskId]:
    for subtopology_id, partitions in tasks.items():
        for partition in partitions:
            yield TaskId(subtopology_id, partition)


def _by_subtopology(tasks: set[TaskId]) -> dict[str, frozenset[int]]:
    grouped: defaultdict[str, set[int]] = defaultdict(set)
    for subtopology_id, partition in tasks:
        grouped[subtopology_id].add(partition)
    return {subtopology_id: frozenset(partitions) for subtopology_id, partitions in grouped.items()}
