"""ConsumerGroupTargetAssignmentMember: what a member of a consumer group shall own, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ConsumerGroupTargetAssignmentMemberKey(RecordKey, record_type=7, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class TopicPartition(Struct):
    """`topic_partitions` of `ConsumerGroupTargetAssignmentMemberValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ConsumerGroupTargetAssignmentMemberValue(RecordValue, record_type=7, versions="0", flexible="0+"):
    """What a member of a consumer group shall own. No value (a tombstone) means that it is gone."""

    topic_partitions: list[TopicPartition] = field(array(TopicPartition), "0+", factory=list)
    """Partitions, by topic."""
