"""CreateAcls (API key 30): create access rules."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class AclCreation(Struct):
    """`creations` of `CreateAclsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    resource_name: str = field(STRING, "0+", default="")
    resource_pattern_type: int = field(INT8, "1+", default=3)
    principal: str = field(STRING, "0+", default="")
    host: str = field(STRING, "0+", default="")
    operation: int = field(INT8, "0+", default=0)
    permission_type: int = field(INT8, "0+", default=0)


class CreateAclsRequest(Request, api_key=ApiKey.CREATE_ACLS, versions="1-3", flexible="2+"):
    """Asks to create access rules."""

    creations: list[AclCreation] = field(array(AclCreation), "0+", factory=list)


class AclCreationResult(Struct):
    """`results` of `CreateAclsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")


class CreateAclsResponse(Response, api_key=ApiKey.CREATE_ACLS, versions="1-3", flexible="2+"):
    """Answers `CreateAclsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    results: list[AclCreationResult] = field(array(AclCreationResult), "0+", factory=list)
