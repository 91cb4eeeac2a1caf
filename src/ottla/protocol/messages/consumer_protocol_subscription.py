"""ConsumerProtocolSubscription: what a consumer subscribes to: the bytes inside JoinGroup. Version first, as an int16."""

from ottla.protocol.declare import BYTES, INT32, STRING, Data, Struct, array, field


class TopicPartition(Struct):
    """`owned_partitions` of `ConsumerProtocolSubscription`."""

    topic: str = field(STRING, "1+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "1+", factory=list)
    """Partition by partition."""


class ConsumerProtocolSubscription(Data, versions="0-3", flexible="none"):
    """What a consumer subscribes to: the bytes inside JoinGroup. Version first, as an int16."""

    topics: list[str] = field(array(STRING), "0+", factory=list)
    """Topic by topic."""
    user_data: bytes | None = field(BYTES, "0+", default=None, nullable="0+")
    """Bytes for the assignor."""
    owned_partitions: list[TopicPartition] = field(array(TopicPartition), "1+", factory=list, ignorable=True)
    """The partitions the member has now."""
    generation_id: int = field(INT32, "2+", default=-1, ignorable=True)
    """The group's generation; -1 for none."""
    rack_id: str | None = field(STRING, "3+", default=None, nullable="3+", ignorable=True)
    """The rack the client stands in."""
