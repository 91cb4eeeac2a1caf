"""GroupMetadata: a classic group with its members, as a coordinator records it."""

from ottla.protocol.declare import BYTES, INT32, INT64, STRING, RecordKey, RecordValue, Struct, array, field


class GroupMetadataKey(RecordKey, record_type=2, versions="0", flexible="none"):
    """Says whose record it is."""

    group: str = field(STRING, "0", default="")
    """The group's id."""


class MemberMetadata(Struct):
    """Shared by several fields of `GroupMetadataValue`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "3+", default=None, nullable="3+", ignorable=True)
    """The name of a static member (KIP-345); null for a dynamic one."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    rebalance_timeout: int = field(INT32, "1+", default=-1, ignorable=True)
    """How long members get to join again in a rebalance, in ms; -1 if unknown."""
    session_timeout: int = field(INT32, "0+", default=0)
    """After how long without a heartbeat the member is out, in ms."""
    subscription: bytes = field(BYTES, "0+", default=b"")
    """What the member told the assignor."""
    assignment: bytes = field(BYTES, "0+", default=b"")
    """What the member is assigned."""


class GroupMetadataValue(RecordValue, record_type=2, versions="0-4", flexible="4+"):
    """A classic group with its members. No value (a tombstone) means that it is gone."""

    protocol_type: str = field(STRING, "0+", default="")
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    generation: int = field(INT32, "0+", default=0)
    """The group's generation."""
    protocol: str | None = field(STRING, "0+", default="", nullable="0+")
    """The assignor that the members agreed on; null for none."""
    leader: str | None = field(STRING, "0+", default="", nullable="0+")
    """The leader."""
    current_state_timestamp: int = field(INT64, "2+", default=-1, ignorable=True)
    """Since when the group is in its state, in ms since 1970; -1 if unknown."""
    members: list[MemberMetadata] = field(array(MemberMetadata), "0+", factory=list)
    """Member by member."""
