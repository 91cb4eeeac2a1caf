"""DeleteGroups (API key 42): delete empty groups with their offsets."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class DeleteGroupsRequest(Request, api_key=ApiKey.DELETE_GROUPS, versions="0-2", flexible="2+"):
    """Asks to delete empty groups with their offsets."""

    groups_names: list[str] = field(array(STRING), "0+", factory=list)
    """The groups' ids."""


class DeletableGroupResult(Struct):
    """`results` of `DeleteGroupsResponse`."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class DeleteGroupsResponse(Response, api_key=ApiKey.DELETE_GROUPS, versions="0-2", flexible="2+"):
    """Answers `DeleteGroupsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[DeletableGroupResult] = field(array(DeletableGroupResult), "0+", factory=list)
    """What became of each part of the request."""
