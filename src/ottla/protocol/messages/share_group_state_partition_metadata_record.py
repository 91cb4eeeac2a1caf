"""ShareGroupStatePartitionMetadata: the share partitions whose state is begun, or being deleted, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ShareGroupStatePartitionMetadataKey(RecordKey, record_type=15, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")


class TopicPartitionsInfo(Struct):
    """Shared by several fields of `ShareGroupStatePartitionMetadataValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    topic_name: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class TopicInfo(Struct):
    """Shared by several fields of `ShareGroupStatePartitionMetadataValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    topic_name: str = field(STRING, "0+", default="")


class ShareGroupStatePartitionMetadataValue(RecordValue, record_type=15, versions="0", flexible="0+"):
    """The share partitions whose state is begun, or being deleted. No value (a tombstone) means that it is gone."""

    initializing_topics: list[TopicPartitionsInfo] = field(array(TopicPartitionsInfo), "0+", factory=list)
    initialized_topics: list[TopicPartitionsInfo] = field(array(TopicPartitionsInfo), "0+", factory=list)
    deleting_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
