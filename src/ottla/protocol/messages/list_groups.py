"""ListGroups (API key 16): list the groups that a broker coordinates."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class ListGroupsRequest(Request, api_key=ApiKey.LIST_GROUPS, versions="0-5", flexible="3+"):
    """Asks to list the groups that a broker coordinates."""

    states_filter: list[str] = field(array(STRING), "4+", factory=list)
    """The states wanted, none for all."""
    types_filter: list[str] = field(array(STRING), "5+", factory=list)
    """The types wanted, none for all."""


class ListedGroup(Struct):
    """`groups` of `ListGroupsResponse`."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    protocol_type: str = field(STRING, "0+", default="")
    """The kind of group: `consumer`, `connect`, `sr` and so on."""
    group_state: str = field(STRING, "4+", default="", ignorable=True)
    """The state the group is in, by name."""
    group_type: str = field(STRING, "5+", default="", ignorable=True)
    """The type of the group: `classic`, `consumer`, `share` or `streams`."""


class ListGroupsResponse(Response, api_key=ApiKey.LIST_GROUPS, versions="0-5", flexible="3+"):
    """Answers `ListGroupsRequest`."""

    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    groups: list[ListedGroup] = field(array(ListedGroup), "0+", factory=list)
    """Group by group."""
