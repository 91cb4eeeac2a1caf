"""ConsumerGroupMemberMetadata: a member of a consumer group, as a coordinator records it."""

from ottla.protocol.declare import BYTES, INT32, STRING, RecordKey, RecordValue, Struct, array, field


class ConsumerGroupMemberMetadataKey(RecordKey, record_type=5, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class ClassicProtocol(Struct):
    """`supported_protocols` of `ConsumerGroupMemberMetadataValue`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    metadata: bytes = field(BYTES, "0+", default=b"")
    """Bytes, or text, that go with it and that only clients read."""


class ClassicMemberMetadata(Struct):
    """`classic_member_metadata` of `ConsumerGroupMemberMetadataValue`."""

    session_timeout_ms: int = field(INT32, "0+", default=0)
    """After how long without a heartbeat the member is out."""
    supported_protocols: list[ClassicProtocol] = field(array(ClassicProtocol), "0+", factory=list)
    """The protocols the member supports."""


class ConsumerGroupMemberMetadataValue(RecordValue, record_type=5, versions="0", flexible="0+"):
    """A member of a consumer group. No value (a tombstone) means that it is gone."""

    instance_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The rack the client stands in."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    subscribed_topic_names: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it subscribes to by name."""
    subscribed_topic_regex: str | None = field(STRING, "0+", default="", nullable="0+")
    """A regular expression of the topics it subscribes to; null for none."""
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    """How long members get to join again in a rebalance."""
    server_assignor: str | None = field(STRING, "0+", default="", nullable="0+")
    """The assignor that the member wants the broker to use."""
    classic_member_metadata: ClassicMemberMetadata | None = field(
        ClassicMemberMetadata, "0+", factory=ClassicMemberMetadata, nullable="0+", tag=0, tagged="0+"
    )
    """What a member of the classic protocol has said; null for the new one."""
