"""A member of a streams group, as its two records tell (KIP-1071).

Apache: org.apache.kafka.coordinator.group.streams.StreamsGroupMember and MemberState.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from ottla.groups.streams_tasks import NO_TASKS, TasksTuple

LEAVE_MEMBER_EPOCH = -1
"""The epoch of a member that leaves, or left."""
LEAVE_STATIC_MEMBER_EPOCH = -2
"""The epoch with which a static member leaves for a while."""
UNKNOWN_EPOCH = -1


class StreamsMemberState(IntEnum):
    """How far a member is on its way to its target assignment. The number is the record's."""

    STABLE = 1
    """It has its target, as of its epoch."""
    UNREVOKED_TASKS = 2
    """It has to give up tasks before it comes to the next epoch."""
    UNRELEASED_TASKS = 3
    """It is in the newest epoch, but others have not given up yet what it shall have."""
    UNKNOWN = 127
    """Of a later Kafka."""

    @classmethod
    def of(cls, number: int) -> "StreamsMemberState":
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the application that the member is part of can be asked."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StreamsMember:
    """A member. A change makes another one, so that a change is seen by comparing."""

    member_id: str
    member_epoch: int = 0
    previous_member_epoch: int = UNKNOWN_EPOCH
    state: StreamsMemberState = StreamsMemberState.STABLE
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = -1
    process_id: str = ""
    user_endpoint: Endpoint | None = None
    client_tags: Mapping[str, str] = field(default_factory=dict)
    assigned_tasks: TasksTuple = NO_TASKS
    tasks_pending_revocation: TasksTuple = NO_TASKS

    def is_reconciled_to(self, target_assignment_epoch: int) -> bool:
        return self.state is StreamsMemberState.STABLE and self.member_epoch == target_assignment_epoch

    def advanced(
        self,
        state: StreamsMemberState,
        member_epoch: int,
        assigned_tasks: TasksTuple,
        tasks_pending_revocation: TasksTuple = NO_TASKS,
    ) -> "StreamsMember":
        """The member one step further."""
        return replace(
            self,
            state=state,
            member_epoch=member_epoch,
            previous_member_epoch=self.member_epoch,
            assigned_tasks=assigned_tasks,
            tasks_pending_revocation=tasks_pending_revocation,
        )
