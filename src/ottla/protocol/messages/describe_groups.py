"""DescribeGroups (API key 15): describe classic groups and their members."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, BYTES, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeGroupsRequest(Request, api_key=ApiKey.DESCRIBE_GROUPS, versions="0-6", flexible="5+"):
    """Asks to describe classic groups and their members."""

    groups: list[str] = field(array(STRING), "0+", factory=list)
    include_authorized_operations: bool = field(BOOL, "3+", default=False)


class DescribedGroupMember(Struct):
    """`members` of `DescribeGroupsResponse`."""

    member_id: str = field(STRING, "0+", default="")
    group_instance_id: str | None = field(STRING, "4+", default=None, nullable="4+", ignorable=True)
    client_id: str = field(STRING, "0+", default="")
    client_host: str = field(STRING, "0+", default="")
    member_metadata: bytes = field(BYTES, "0+", default=b"")
    member_assignment: bytes = field(BYTES, "0+", default=b"")


class DescribedGroup(Struct):
    """`groups` of `DescribeGroupsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "6+", default=None, nullable="6+")
    group_id: str = field(STRING, "0+", default="")
    group_state: str = field(STRING, "0+", default="")
    protocol_type: str = field(STRING, "0+", default="")
    protocol_data: str = field(STRING, "0+", default="")
    members: list[DescribedGroupMember] = field(array(DescribedGroupMember), "0+", factory=list)
    authorized_operations: int = field(INT32, "3+", default=-2147483648)


class DescribeGroupsResponse(Response, api_key=ApiKey.DESCRIBE_GROUPS, versions="0-6", flexible="5+"):
    """Answers `DescribeGroupsRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    groups: list[DescribedGroup] = field(array(DescribedGroup), "0+", factory=list)
