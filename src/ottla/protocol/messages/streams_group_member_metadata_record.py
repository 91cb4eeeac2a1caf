"""StreamsGroupMemberMetadata: a member of a streams group, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UINT16, RecordKey, RecordValue, Struct, array, field


class StreamsGroupMemberMetadataKey(RecordKey, record_type=19, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    member_id: str = field(STRING, "0", default="")


class Endpoint(Struct):
    """Shared by several fields of `StreamsGroupMemberMetadataValue`."""

    host: str = field(STRING, "0+", default="")
    port: int = field(UINT16, "0+", default=0)


class KeyValue(Struct):
    """Shared by several fields of `StreamsGroupMemberMetadataValue`."""

    key: str = field(STRING, "0+", default="")
    value: str = field(STRING, "0+", default="")


class StreamsGroupMemberMetadataValue(RecordValue, record_type=19, versions="0", flexible="0+"):
    """A member of a streams group. No value (a tombstone) means that it is gone."""

    instance_id: str | None = field(STRING, "0+", default="", nullable="0+")
    rack_id: str | None = field(STRING, "0+", default="", nullable="0+")
    client_id: str = field(STRING, "0+", default="")
    client_host: str = field(STRING, "0+", default="")
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    topology_epoch: int = field(INT32, "0+", default=0)
    process_id: str = field(STRING, "0+", default="")
    user_endpoint: Endpoint | None = field(Endpoint, "0+", default=None, nullable="0+")
    client_tags: list[KeyValue] = field(array(KeyValue), "0+", factory=list)
