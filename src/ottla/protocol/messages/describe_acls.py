"""DescribeAcls (API key 29): list access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeAclsRequest(Request, api_key=ApiKey.DESCRIBE_ACLS, versions="1-3", flexible="2+"):
    """Asks to list access rules."""

    resource_type_filter: int = field(INT8, "0+", default=0)
    resource_name_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    pattern_type_filter: int = field(INT8, "1+", default=3)
    principal_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    host_filter: str | None = field(STRING, "0+", default="", nullable="0+")
    operation: int = field(INT8, "0+", default=0)
    permission_type: int = field(INT8, "0+", default=0)


class AclDescription(Struct):
    """`acls` of `DescribeAclsResponse`."""

    principal: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    operation: int = field(INT8, "0+", default=0)
    permission_type: int = field(INT8, "0+", default=0)


class DescribeAclsResource(Struct):
    """`resources` of `DescribeAclsResponse`."""

    resource_type: int = field(INT8, "0+", default=0)
    resource_name: str = field(STRING, "0+", default="")
    pattern_type: int = field(INT8, "1+", default=3)
    acls: list[AclDescription] = field(array(AclDescription), "0+", factory=list)


class DescribeAclsResponse(Response, api_key=ApiKey.DESCRIBE_ACLS, versions="1-3", flexible="2+"):
    """Answers `DescribeAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    resources: list[DescribeAclsResource] = field(array(DescribeAclsResource), "0+", factory=list)
