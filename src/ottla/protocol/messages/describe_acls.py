"""DescribeAcls (API key 29): list access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeAclsRequest(Request, api_key=ApiKey.DESCRIBE_ACLS, versions="1-3", flexible="2+"):
    """Asks to list access rules."""

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


class AclDescription(Struct):
    """`acls` of `DescribeAclsResponse`."""

    principal: str = field(STRING, "0+", default="")
    """The principal, as `Type:name`."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    operation: int = field(INT8, "0+", default=0)
    """The operation, by its number."""
    permission_type: int = field(INT8, "0+", default=0)
    """Whether it is allowed or denied, by its number."""


class DescribeAclsResource(Struct):
    """`resources` of `DescribeAclsResponse`."""

    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    pattern_type: int = field(INT8, "1+", default=3)
    """How the resource's name is matched: literally or as a prefix."""
    acls: list[AclDescription] = field(array(AclDescription), "0+", factory=list)
    """The rules of the resource."""


class DescribeAclsResponse(Response, api_key=ApiKey.DESCRIBE_ACLS, versions="1-3", flexible="2+"):
    """Answers `DescribeAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    resources: list[DescribeAclsResource] = field(array(DescribeAclsResource), "0+", factory=list)
    """Resource by resource."""
