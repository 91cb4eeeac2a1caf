"""StreamsGroupMemberMetadata: a member of a streams group, as a coordinator records it."""

from ottla.protocol.declare import INT32, STRING, UINT16, RecordKey, RecordValue, Struct, array, field


class StreamsGroupMemberMetadataKey(RecordKey, record_type=19, versions="0", flexible="none"):
    """Says whose record it is."""

    group_id: str = field(STRING, "0", default="")
    """The group's id."""
    member_id: str = field(STRING, "0", default="")
    """The member's id; empty before it has one."""


class Endpoint(Struct):
    """Shared by several fields of `StreamsGroupMemberMetadataValue`."""

    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class KeyValue(Struct):
    """Shared by several fields of `StreamsGroupMemberMetadataValue`."""

    key: str = field(STRING, "0+", default="")
    """What is asked for."""
    value: str = field(STRING, "0+", default="")
    """Its value."""


class StreamsGroupMemberMetadataValue(RecordValue, record_type=19, versions="0", flexible="0+"):
    """A member of a streams group. No value (a tombstone) means that it is gone."""

    instance_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default="", nullable="0+")
    """The rack the client stands in."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    """How long members get to join again in a rebalance."""
    topology_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the topology."""
    process_id: str = field(STRING, "0+", default="")
    """The id of the process, which may run several members."""
    user_endpoint: Endpoint | None = field(Endpoint, "0+", default=None, nullable="0+")
    """Where the application on this client can be asked; null if nowhere."""
    client_tags: list[KeyValue] = field(array(KeyValue), "0+", factory=list)
    """Tags by which standby tasks are spread."""
