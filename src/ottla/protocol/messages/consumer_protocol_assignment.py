"""ConsumerProtocolAssignment: what a consumer is assigned: the bytes inside SyncGroup. Version first, as an int16."""

from ottla.protocol.declare import BYTES, INT32, STRING, Data, Struct, array, field


class TopicPartition(Struct):
    """`assigned_partitions` of `ConsumerProtocolAssignment`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ConsumerProtocolAssignment(Data, versions="0-3", flexible="none"):
    """What a consumer is assigned: the bytes inside SyncGroup. Version first, as an int16."""

    assigned_partitions: list[TopicPartition] = field(array(TopicPartition), "0+", factory=list)
    """The partitions assigned."""
    user_data: bytes | None = field(BYTES, "0+", default=None, nullable="0+")
    """Bytes for the assignor."""
