"""AlterConfigs (API key 33): replace all dynamic settings of resources."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class AlterableConfig(Struct):
    """`configs` of `AlterConfigsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    value: str | None = field(STRING, "0+", default="", nullable="0+")
    """Its value."""


class AlterConfigsResource(Struct):
    """`resources` of `AlterConfigsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    configs: list[AlterableConfig] = field(array(AlterableConfig), "0+", factory=list)
    """Settings."""


class AlterConfigsRequest(Request, api_key=ApiKey.ALTER_CONFIGS, versions="0-2", flexible="2+"):
    """Asks to replace all dynamic settings of resources."""

    resources: list[AlterConfigsResource] = field(array(AlterConfigsResource), "0+", factory=list)
    """Resource by resource."""
    validate_only: bool = field(BOOL, "0+", default=False)
    """Only tell what would become of it."""


class AlterConfigsResourceResponse(Struct):
    """`responses` of `AlterConfigsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""


class AlterConfigsResponse(Response, api_key=ApiKey.ALTER_CONFIGS, versions="0-2", flexible="2+"):
    """Answers `AlterConfigsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    responses: list[AlterConfigsResourceResponse] = field(
        array(AlterConfigsResourceResponse), "0+", factory=list
    )
    """What became of each part of the request."""
