"""ConsumerGroupPartitionMetadata: the partitions of the topics that a consumer group subscribes to, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UUID, RecordKey, RecordValue, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ConsumerGroupPartitionMetadataKey(RecordKey, record_type=4, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""


class PartitionMetadata(Struct):
    """`partition_metadata` of `ConsumerGroupPartitionMetadataValue`."""

    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    racks: list[str] = field(array(STRING), "0+", factory=list)
    """The racks it has replicas in."""


class TopicMetadata(Struct):
    """`topics` of `ConsumerGroupPartitionMetadataValue`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    num_partitions: int = field(INT32, "0+", default=0)
    """How many partitions; -1 for the broker's default."""
    partition_metadata: list[PartitionMetadata] = field(array(PartitionMetadata), "0+", factory=list)
    """The racks of the topic's partitions."""


class ConsumerGroupPartitionMetadataValue(RecordValue, record_type=4, versions="0", flexible="0+"):
    """The partitions of the topics that a consumer group subscribes to. No value (a tombstone) means that it is gone."""

    topics: list[TopicMetadata] = field(array(TopicMetadata), "0+", factory=list)
    """Topic by topic."""
