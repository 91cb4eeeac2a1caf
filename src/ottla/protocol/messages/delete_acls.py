"""DeleteAcls (API key 31): delete access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DeleteAclsFilter(Struct):
    """`filters` of `DeleteAclsRequest`."""

    resource_type_filter: int = field(INT8, "0+", default=0)
    resource_name_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    pattern_type_filter: int = field(INT8, "1+", default=3)
    principal_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    host_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    operation: int = field(INT8, "0+", default=0)
    permission_type: int = field(INT8, "0+", default=0)


class DeleteAclsRequest(Request, api_key=ApiKey.DELETE_ACLS, versions="1-3", flexible="2+"):
    """Asks to delete access rules."""

    filters: list[DeleteAclsFilter] = field(array(DeleteAclsFilter), "0+", factory=list)


class DeleteAclsMatchingAcl(Struct):
    """`matching_acls` of `DeleteAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    resource_type: int = field(INT8, "0+", default=0)
    resource_name: str = field(STRING, "0+", default="")
    pattern_type: int = field(INT8, "1+", default=3)
    principal: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    operation: int = field(INT8, "0+", default=0)
    permission_type: int = field(INT8, "0+", default=0)


class DeleteAclsFilterResult(Struct):
    """`filter_results` of `DeleteAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    matching_acls: list[DeleteAclsMatchingAcl] = field(array(DeleteAclsMatchingAcl), "0+", factory=list)


class DeleteAclsResponse(Response, api_key=ApiKey.DELETE_ACLS, versions="1-3", flexible="2+"):
    """Answers `DeleteAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    filter_results: list[DeleteAclsFilterResult] = field(array(DeleteAclsFilterResult), "0+", factory=list)
