"""CreateAcls (API key 30): create access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class AclCreation(Struct):
    """`creations` of `CreateAclsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    resource_pattern_type: int = field(INT8, "1+", default=3)
    """How the resource's name is matched: literally or as a prefix."""
    principal: str = field(STRING, "0+", default="")
    """The principal, as `Type:name`."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    operation: int = field(INT8, "0+", default=0)
    """What the rule is about, by its number."""
    permission_type: int = field(INT8, "0+", default=0)
    """Whether it is allowed or denied, by its number."""


class CreateAclsRequest(Request, api_key=ApiKey.CREATE_ACLS, versions="1-3", flexible="2+"):
    """Asks to create access rules."""

    creations: list[AclCreation] = field(array(AclCreation), "0+", factory=list)
    """The rules to create."""


class AclCreationResult(Struct):
    """`results` of `CreateAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""


class CreateAclsResponse(Response, api_key=ApiKey.CREATE_ACLS, versions="1-3", flexible="2+"):
    """Answers `CreateAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[AclCreationResult] = field(array(AclCreationResult), "0+", factory=list)
    """What became of each part of the request."""
