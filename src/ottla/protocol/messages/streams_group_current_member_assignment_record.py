"""StreamsGroupCurrentMemberAssignment: the tasks that a member of a streams group runs now, as a coordinator records it."""

from ottla.protocol.declare import INT8, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupCurrentMemberAssignmentKey(RecordKey, record_type=22, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupCurrentMemberAssignmentValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class StreamsGroupCurrentMemberAssignmentValue(RecordValue, record_type=22, versions="0", flexible="0+"):
    """The tasks that a member of a streams group runs now. No value (a tombstone) means that it is gone."""

    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    previous_member_epoch: int = field(INT32, "0+", default=0)
    """The member's epoch before this one."""
    state: int = field(INT8, "0+", default=0)
    """The state."""
    active_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks that it runs."""
    standby_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it keeps a copy of."""
    warmup_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it is building up to take them over."""
    active_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks to run that the member has still to give up."""
    standby_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Copies that the member has still to give up."""
    warmup_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks being built up that the member has still to give up."""
