"""How a member of a streams group comes from what it has to what it shall have, a step with each heartbeat (KIP-1071).

    STABLE ──── a new target ────▶ computes the difference: what stays, what it must give up, what it may have at once
    UNREVOKED_TASKS ── all that it must give up is no longer among the tasks it says it owns ──▶ next epoch, computes again
    UNRELEASED_TASKS ── any heartbeat ──▶ computes again: it gets what others have released by now

No task runs twice: an active task is handed out when no member has it. And no process keeps one task twice, be it to run it
or as a copy: the state's directory on disk is the process's.

Apache: org.apache.kafka.coordinator.group.streams.CurrentAssignmentBuilder.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

from ottla.groups.streams_member import StreamsMember, StreamsMemberState
from ottla.groups.streams_tasks import Tasks, TasksTuple
from ottla.protocol.errors import ErrorCode, KafkaError


class TaskOwners(Protocol):
    """Which processes have a task, to run it or as a copy: given to one of their members, or not taken back yet."""

    def active_process(self, subtopology_id: str, partition: int) -> str | None: ...

    def standby_processes(self, subtopology_id: str, partition: int) -> AbstractSet[str]: ...

    def warmup_processes(self, subtopology_id: str, partition: int) -> AbstractSet[str]: ...


class _Difference:
    """Of one kind of tasks: what stays, what is to be given up, what may be had, and whether more is to come."""

    __slots__ = ("assigned", "has_unreleased", "pending_assignment", "pending_revocation")

    def __init__(self, current: Tasks, target: Tasks, is_unreleased: Callable[[str, int], bool]) -> None:
        self.assigned: dict[str, frozenset[int]] = {}
        self.pending_revocation: dict[str, frozenset[int]] = {}
        self.pending_assignment: dict[str, frozenset[int]] = {}
        self.has_unreleased = False
        none: frozenset[int] = frozenset()
        for subtopology_id in current.keys() | target.keys():
            had = current.get(subtopology_id, none)
            wanted = target.get(subtopology_id, none)
            missing = wanted - had
            free = frozenset(each for each in missing if not is_unreleased(subtopology_id, each))
            self.has_unreleased |= len(free) < len(missing)
            for tasks, partitions in (
                (self.assigned, had & wanted),
                (self.pending_revocation, had - wanted),
                (self.pending_assignment, free),
            ):
                if partitions:
                    tasks[subtopology_id] = partitions


def reconcile(
    member: StreamsMember,
    target_epoch: int,
    target: TasksTuple,
    owners: TaskOwners,
    owned: TasksTuple | None,
) -> StreamsMember:
    """The member after this heartbeat; the same one if it can't move.

    `owned` is what the member says it has, None if it did not say. Raises KafkaError FENCED_MEMBER_EPOCH for a member in
    a state that is not known, unless it says that it has nothing.
    """
    if member.state is StreamsMemberState.STABLE:
        if member.member_epoch == target_epoch:
            return member
        return _next(member, member.member_epoch, target_epoch, target, owners, owned)
    if member.state is StreamsMemberState.UNREVOKED_TASKS:
        if owned is None or owned.contains_any(member.tasks_pending_revocation):
            return member
        return _next(member, member.member_epoch + 1, target_epoch, target, owners, owned)
    if member.state is StreamsMemberState.UNRELEASED_TASKS:
        return _next(member, member.member_epoch, target_epoch, target, owners, owned)
    if owned is None or not owned.is_empty:
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            "The streams group member is in a unknown state. The member must abandon all its tasks and rejoin.",
        )
    return _next(member, target_epoch, target_epoch, target, owners, owned)


def _next(
    member: StreamsMember,
    member_epoch: int,
    target_epoch: int,
    target: TasksTuple,
    owners: TaskOwners,
    owned: TasksTuple | None,
) -> StreamsMember:
    process_id = member.process_id

    def kept_here(subtopology_id: str, partition: int) -> bool:
        return process_id in owners.standby_processes(
            subtopology_id, partition
        ) or process_id in owners.warmup_processes(subtopology_id, partition)

    def runs_or_kept_here(subtopology_id: str, partition: int) -> bool:
        return owners.active_process(subtopology_id, partition) is not None or kept_here(
            subtopology_id, partition
        )

    def anything_here(subtopology_id: str, partition: int) -> bool:
        return owners.active_process(subtopology_id, partition) == process_id or kept_here(
            subtopology_id, partition
        )

    current = member.assigned_tasks
    active = _Difference(current.active, target.active, runs_or_kept_here)
    standby = _Difference(current.standby, target.standby, anything_here)
    warmup = _Difference(current.warmup, target.warmup, anything_here)
    assigned = TasksTuple(active.assigned, standby.assigned, warmup.assigned)
    to_revoke = TasksTuple(active.pending_revocation, standby.pending_revocation, warmup.pending_revocation)
    to_assign = TasksTuple(active.pending_assignment, standby.pending_assignment, warmup.pending_assignment)

    if not to_revoke.is_empty and (owned is None or owned.contains_any(to_revoke)):
        return member.advanced(StreamsMemberState.UNREVOKED_TASKS, member_epoch, assigned, to_revoke)
    has_unreleased = active.has_unreleased or standby.has_unreleased or warmup.has_unreleased
    state = StreamsMemberState.UNRELEASED_TASKS if has_unreleased else StreamsMemberState.STABLE
    return member.advanced(state, target_epoch, assigned.merge(to_assign))
