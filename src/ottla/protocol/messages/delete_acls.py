"""DeleteAcls (API key 31): delete access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DeleteAclsFilter(Struct):
    """`filters` of `DeleteAclsRequest`."""

    resource_type_filter: int = field(INT8, "0+", default=0)
    """The kind of resource to match."""
    resource_name_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    """The resource's name to match; null for any."""
    pattern_type_filter: int = field(INT8, "1+", default=3)
    """How the resource's name is to be matched."""
    principal_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    """The principal to match; null for any."""
    host_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    """The host to match; null for any."""
    operation: int = field(INT8, "0+", default=0)
    """The operation, by its number."""
    permission_type: int = field(INT8, "0+", default=0)
    """Whether it is allowed or denied, by its number."""


class DeleteAclsRequest(Request, api_key=ApiKey.DELETE_ACLS, versions="1-3", flexible="2+"):
    """Asks to delete access rules."""

    filters: list[DeleteAclsFilter] = field(array(DeleteAclsFilter), "0+", factory=list)
    """What to match, one by one."""


class DeleteAclsMatchingAcl(Struct):
    """`matching_acls` of `DeleteAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    pattern_type: int = field(INT8, "1+", default=3)
    """How the resource's name is matched: literally or as a prefix."""
    principal: str = field(STRING, "0+", default="")
    """The principal, as `Type:name`."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    operation: int = field(INT8, "0+", default=0)
    """The operation, by its number."""
    permission_type: int = field(INT8, "0+", default=0)
    """Whether it is allowed or denied, by its number."""


class DeleteAclsFilterResult(Struct):
    """`filter_results` of `DeleteAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    matching_acls: list[DeleteAclsMatchingAcl] = field(array(DeleteAclsMatchingAcl), "0+", factory=list)
    """The rules that matched."""


class DeleteAclsResponse(Response, api_key=ApiKey.DELETE_ACLS, versions="1-3", flexible="2+"):
    """Answers `DeleteAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    filter_results: list[DeleteAclsFilterResult] = field(array(DeleteAclsFilterResult), "0+", factory=list)
    """What each filter matched."""
