"""StreamsGroupCurrentMemberAssignment: the tasks that a member of a streams group runs now, as a coordinator records it."""

from ottla.protocol.declare import INT8, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupCurrentMemberAssignmentKey(RecordKey, record_type=22, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    member_id: str = field(STRING, "0", default="")


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupCurrentMemberAssignmentValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class StreamsGroupCurrentMemberAssignmentValue(RecordValue, record_type=22, versions="0", flexible="0+"):
    """The tasks that a member of a streams group runs now. No value (a tombstone) means that it is gone."""

    member_epoch: int = field(INT32, "0+", default=0)
    previous_member_epoch: int = field(INT32, "0+", default=0)
    state: int = field(INT8, "0+", default=0)
    active_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    standby_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    warmup_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    active_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    standby_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    warmup_tasks_pending_revocation: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
