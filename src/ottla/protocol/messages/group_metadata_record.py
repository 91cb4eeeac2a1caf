"""GroupMetadata: a classic group with its members, as a coordinator records it."""

from ottla.protocol.declare import BYTES, INT32, INT64, STRING, RecordKey, RecordValue, Struct, array, field


class GroupMetadataKey(RecordKey, record_type=2, versions="0", flexible="none"):
    """Says whose record it is."""

    group: str = field(STRING, "0", default="")


class MemberMetadata(Struct):
    """Shared by several fields of `GroupMetadataValue`."""

    member_id: str = field(STRING, "0+", default="")
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+", ignorable=True)
    client_id: str = field(STRING, "0+", default="")
    client_host: str = field(STRING, "0+", default="")
    rebalance_timeout: int = field(INT32, "1+", default=-1, ignorable=True)
    session_timeout: int = field(INT32, "0+", default=0)
    subscription: bytes = field(BYTES, "0+", default=b"")
    assignment: bytes = field(BYTES, "0+", default=b"")


class GroupMetadataValue(RecordValue, record_type=2, versions="0-4", flexible="4+"):
    """A classic group with its members. No value (a tombstone) means that it is gone."""

    protocol_type: str = field(STRING, "0+", default="")
    generation: int = field(INT32, "0+", default=0)
    protocol: str | None = field(STRING, "0+", default="", nullable="0+")
    leader: str | None = field(STRING, "0+", default="", nullable="0+")
    current_state_timestamp: int = field(INT64, "2+", default=-1, ignorable=True)
    members: list[MemberMetadata] = field(array(MemberMetadata), "0+", factory=list)
