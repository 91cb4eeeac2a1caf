"""ShareGroupStatePartitionMetadata: the share partitions whose state is begun, or being deleted, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ShareGroupStatePartitionMetadataKey(RecordKey, record_type=15, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""


class TopicPartitionsInfo(Struct):
    """Shared by several fields of `ShareGroupStatePartitionMetadataValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class TopicInfo(Struct):
    """Shared by several fields of `ShareGroupStatePartitionMetadataValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""


class ShareGroupStatePartitionMetadataValue(RecordValue, record_type=15, versions="0", flexible="0+"):
    """The share partitions whose state is begun, or being deleted. No value (a tombstone) means that it is gone."""

    initializing_topics: list[TopicPartitionsInfo] = field(array(TopicPartitionsInfo), "0+", factory=list)
    """Share partitions whose state is being made."""
    initialized_topics: list[TopicPartitionsInfo] = field(array(TopicPartitionsInfo), "0+", factory=list)
    """Share partitions whose state is made."""
    deleting_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """Topics whose share partitions' state is being deleted."""
