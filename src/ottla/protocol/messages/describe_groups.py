"""DescribeGroups (API key 15): describe classic groups and their members."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, BYTES, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeGroupsRequest(Request, api_key=ApiKey.DESCRIBE_GROUPS, versions="0-6", flexible="5+"):
    """Asks to describe classic groups and their members."""

    groups: list[str] = field(array(STRING), "0+", factory=list)
    """Group by group."""
    include_authorized_operations: bool = field(BOOL, "3+", default=False)
    """Whether the answer shall tell what the client may do."""


class DescribedGroupMember(Struct):
    """`members` of `DescribeGroupsResponse`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    group_instance_id: str | None = field(STRING, "4+", default=None, nullable="4+", ignorable=True)
    """The name of a static member (KIP-345); null for a dynamic one."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    member_metadata: bytes = field(BYTES, "0+", default=b"")
    """What the member told the assignor."""
    member_assignment: bytes = field(BYTES, "0+", default=b"")
    """What the member was assigned."""


class DescribedGroup(Struct):
    """`groups` of `DescribeGroupsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "6+", default=None, nullable="6+")
    """The error in words; null where the code says enough."""
    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    group_state: str = field(STRING, "0+", default="")
    """The state the group is in, by name."""
    protocol_type: str = field(STRING, "0+", default="")
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    protocol_data: str = field(STRING, "0+", default="")
    """The assignor's name."""
    members: list[DescribedGroupMember] = field(array(DescribedGroupMember), "0+", factory=list)
    """Member by member."""
    authorized_operations: int = field(INT32, "3+", default=-2147483648)
    """What the client may do, a bit per operation; -2147483648 when not asked for."""


class DescribeGroupsResponse(Response, api_key=ApiKey.DESCRIBE_GROUPS, versions="0-6", flexible="5+"):
    """Answers `DescribeGroupsRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    groups: list[DescribedGroup] = field(array(DescribedGroup), "0+", factory=list)
    """Group by group."""
