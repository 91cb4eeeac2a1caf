"""ConsumerGroupMemberMetadata: a member of a consumer group, as a coordinator records it."""

from ottla.protocol.declare import BYTES, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class ConsumerGroupMemberMetadataKey(RecordKey, record_type=5, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    member_id: str = field(STRING, "0", default="")


class ClassicProtocol(Struct):
    """`supported_protocols` of `ConsumerGroupMemberMetadataValue`."""

    name: str = field(STRING, "0+", default="")
    metadata: bytes = field(BYTES, "0+", default=b"")


class ClassicMemberMetadata(Struct):
    """`classic_member_metadata` of `ConsumerGroupMemberMetadataValue`."""

    session_timeout_ms: int = field(INT32, "0+", default=0)
    supported_protocols: list[ClassicProtocol] = field(array(ClassicProtocol), "0+", factory=list)


class ConsumerGroupMemberMetadataValue(RecordValue, record_type=5, versions="0", flexible="0+"):
    """A member of a consumer group. No value (a tombstone) means that it is gone."""

    instance_id: str | None = field(STRING, "0+", default="", nullable="0+")
    rack_id: str | None = field(STRING, "0+", default="", nullable="0+")
    client_id: str = field(STRING, "0+", default="")
    client_host: str = field(STRING, "0+", default="")
    subscribed_topic_names: list[str] = field(array(STRING), "0+", factory=list)
    subscribed_topic_regex: str | None = field(STRING, "0+", default="", nullable="0+")
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    server_assignor: str | None = field(STRING, "0+", default="", nullable="0+")
    classic_member_metadata: ClassicMemberMetadata | None = field(
        ClassicMemberMetadata, "0+", factory=ClassicMemberMetadata, nullable="0+", tag=0, tagged="0+"
    )
