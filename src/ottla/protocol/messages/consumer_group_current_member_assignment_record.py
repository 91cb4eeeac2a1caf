"""ConsumerGroupCurrentMemberAssignment: what a member of a consumer group owns now, as a coordinator records it."""

from ottla.protocol.declare import INT8, INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ConsumerGroupCurrentMemberAssignmentKey(RecordKey, record_type=8, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class TopicPartitions(Struct):
    """Shared by several fields of `ConsumerGroupCurrentMemberAssignmentValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ConsumerGroupCurrentMemberAssignmentValue(RecordValue, record_type=8, versions="0", flexible="0+"):
    """What a member of a consumer group owns now. No value (a tombstone) means that it is gone."""

    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    previous_member_epoch: int = field(INT32, "0+", default=0)
    """The member's epoch before this one."""
    state: int = field(INT8, "0+", default=0)
    """The state."""
    assigned_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    """The partitions assigned."""
    partitions_pending_revocation: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    """Partitions the member has still to give up."""
