"""StreamsGroupTargetAssignmentMember: the tasks that a member of a streams group shall run, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupTargetAssignmentMemberKey(RecordKey, record_type=21, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    member_id: str = field(STRING, "0", default="")


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupTargetAssignmentMemberValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class StreamsGroupTargetAssignmentMemberValue(RecordValue, record_type=21, versions="0", flexible="0+"):
    """The tasks that a member of a streams group shall run. No value (a tombstone) means that it is gone."""

    active_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    standby_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    warmup_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
