"""StreamsGroupTargetAssignmentMember: the tasks that a member of a streams group shall run, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, RecordKey, RecordValue, Struct, array, field


class StreamsGroupTargetAssignmentMemberKey(RecordKey, record_type=21, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupTargetAssignmentMemberValue`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class StreamsGroupTargetAssignmentMemberValue(RecordValue, record_type=21, versions="0", flexible="0+"):
    """The tasks that a member of a streams group shall run. No value (a tombstone) means that it is gone."""

    active_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks that it runs."""
    standby_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it keeps a copy of."""
    warmup_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it is building up to take them over."""
