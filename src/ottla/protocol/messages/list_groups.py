"""ListGroups (API key 16): list the groups that a broker coordinates."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class ListGroupsRequest(Request, api_key=ApiKey.LIST_GROUPS, versions="0-5", flexible="3+"):
    """Asks to list the groups that a broker coordinates."""

    states_filter: list[str] = field(array(STRING), "4+", factory=list)
    types_filter: list[str] = field(array(STRING), "5+", factory=list)


class ListedGroup(Struct):
    """`groups` of `ListGroupsResponse`."""

    group_id: str = field(STRING, "0+", default="")
    protocol_type: str = field(STRING, "0+", default="")
    group_state: str = field(STRING, "4+", default="", ignorable=True)
    group_type: str = field(STRING, "5+", default="", ignorable=True)


class ListGroupsResponse(Response, api_key=ApiKey.LIST_GROUPS, versions="0-5", flexible="3+"):
    """Answers `ListGroupsRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    error_code: int = field(INT16, "0+", default=0)
    groups: list[ListedGroup] = field(array(ListedGroup), "0+", factory=list)
