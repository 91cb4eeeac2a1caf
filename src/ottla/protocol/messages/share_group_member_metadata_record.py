"""ShareGroupMemberMetadata: a member of a share group, as a coordinator records it."""

from ottla.protocol.declare import STRING, RecordKey, RecordValue, array, field


class ShareGroupMemberMetadataKey(RecordKey, record_type=10, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class ShareGroupMemberMetadataValue(RecordValue, record_type=10, versions="0", flexible="0+"):
    """A member of a share group. No value (a tombstone) means that it is gone."""

    rack_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The rack the client stands in."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    subscribed_topic_names: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it subscribes to by name."""
