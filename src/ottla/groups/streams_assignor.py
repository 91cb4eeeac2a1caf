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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ottla.coordination.partitioning import java_string_hash
from ottla.groups.java_hash_order import bucket_order, capacity_for, hash_order, string_hash_order
from ottla.groups.streams_processes import LoadOrder, Owner, Process
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


class TaskPairs:
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
        self._pairs = TaskPairs(self._tasks_left * (self._tasks_left - 1) // 2)
        self._active: dict[str, set[TaskId]] = {member_id: set() for member_id in members}
        self._standby: dict[str, set[TaskId]] = {member_id: set() for member_id in members}
        self._ran_by: dict[TaskId, Owner] = {}
        self._copied_by: dict[TaskId, list[Owner]] = {}
        processes: dict[str, Process] = {}
        for member_id in string_hash_order(members):
            self._note_previous(member_id, members[member_id], processes)
        self._processes = {process_id: processes[process_id] for process_id in string_hash_order(processes)}
        for process in self._processes.values():
            process.sort_members()
        self._by_load = LoadOrder(list(self._processes.values()))
        self._by_load_and_bucket: dict[int, LoadOrder] = {}
        """The processes in the order of Java's hash map where loads are equal, by the number of its buckets."""

    def _note_previous(self, member_id: str, member: AssignedMember, processes: dict[str, Process]) -> None:
        process = processes.get(member.process_id)
        if process is None:
            process = processes[member.process_id] = Process(member.process_id)
        process.add_member(member_id)
        owner = Owner(member.process_id, member_id)
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
            process = self._first_to_meet(task, self._by_load)
            self._give(process.member_with_least_load(), task, active=True)

    def _keep(self, task: TaskId, owner: Owner | None) -> bool:
        """Give the task to this owner, if that has less than its share."""
        if owner is None:
            return False
        if self._processes[owner.process_id].task_counts[owner.member_id] >= self._tasks_per_member:
            return False
        self._give(owner, task, active=True)
        return True

    def _assign_standby(self, task: TaskId, num_standby_replicas: int) -> None:
        # One process runs it, and each copy takes one more away from those that may have the next.
        processes_left = len(self._processes) - 1
        for available in range(processes_left, max(processes_left - num_standby_replicas, 0), -1):
            owner = self._previous_for_standby(task)
            if owner is None:
                without = (each for each in self._hash_order_of(available) if task not in each.assigned)
                owner = self._first_to_meet(task, without).member_with_least_load()
            self._give(owner, task, active=False)

    def _hash_order_of(self, count: int) -> LoadOrder:
        """All processes by load, those of equal load as Java goes through a map of `count` of them."""
        capacity = capacity_for(count)
        order = self._by_load_and_bucket.get(capacity)
        if order is None:
            processes = bucket_order(self._processes.values(), Process.hash_code, capacity)
            order = self._by_load_and_bucket[capacity] = LoadOrder(processes)
        return order

    def _previous_for_standby(self, task: TaskId) -> Owner | None:
        ran_by = self._ran_by.get(task)
        if ran_by is not None:
            process = self._processes[ran_by.process_id]
            if (
                task not in process.assigned
                and self._is_balanced(process)
                and self._pairs.has_new_pair(task, process.assigned)
            ):
                return ran_by
        if task in self._copied_by:
            self._copied_by[task] = [
                each
                for each in self._copied_by[task]
                if task not in self._processes[each.process_id].assigned
            ]
        owner = self._least_loaded_copy(task)
        if owner is None or not self._is_balanced(self._processes[owner.process_id]):
            return None
        return owner

    def _least_loaded_copy(self, task: TaskId) -> Owner | None:
        """Of those that kept a copy of the task's state, one in the process with the least load."""
        owners = self._copied_by.get(task)
        if not owners:
            return None
        candidates = sorted((self._processes[owner.process_id] for owner in owners), key=Process.by_load)
        process = self._first_to_meet(task, candidates)
        return next(owner for owner in owners if owner.process_id == process.process_id)

    def _first_to_meet(self, task: TaskId, by_load: Iterable[Process]) -> Process:
        """The first where the task meets a new one; the first of all if there is none.

        `by_load` is gone through no further than that: mostly the least loaded one will do.
        """
        first = None
        for process in by_load:
            if self._pairs.has_new_pair(task, process.assigned):
                return process
            first = first or process
        assert first is not None
        return first

    def _is_balanced(self, process: Process) -> bool:
        return process.has_capacity or process.load == self._by_load.least_load

    def _give(self, owner: Owner, task: TaskId, *, active: bool) -> None:
        process = self._processes[owner.process_id]
        load_before = process.load
        process.add(owner.member_id, task, active=active)
        self._by_load.changed(process, load_before)
        for order in self._by_load_and_bucket.values():
            order.changed(process, load_before)
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
