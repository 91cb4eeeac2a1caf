"""ConsumerGroupCurrentMemberAssignment: what a member of a consumer group owns now, as a coordinator records it."""

from ottla.protocol.declare import INT8, INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ConsumerGroupCurrentMemberAssignmentKey(RecordKey, record_type=8, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    member_id: str = field(STRING, "0", default="")


class TopicPartitions(Struct):
    """Shared by several fields of `ConsumerGroupCurrentMemberAssignmentValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class ConsumerGroupCurrentMemberAssignmentValue(RecordValue, record_type=8, versions="0", flexible="0+"):
    """What a member of a consumer group owns now. No value (a tombstone) means that it is gone."""

    member_epoch: int = field(INT32, "0+", default=0)
    previous_member_epoch: int = field(INT32, "0+", default=0)
    state: int = field(INT8, "0+", default=0)
    assigned_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    partitions_pending_revocation: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
