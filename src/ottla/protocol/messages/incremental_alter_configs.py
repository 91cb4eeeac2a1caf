"""IncrementalAlterConfigs (API key 44): change single dynamic settings of resources."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class AlterableConfig(Struct):
    """`configs` of `IncrementalAlterConfigsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    config_operation: int = field(INT8, "0+", default=0)
    """0 set, 1 delete, 2 append, 3 subtract."""
    value: str | None = field(STRING, "0+", default="", nullable="0+")
    """Its value."""


class AlterConfigsResource(Struct):
    """`resources` of `IncrementalAlterConfigsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    configs: list[AlterableConfig] = field(array(AlterableConfig), "0+", factory=list)
    """Settings."""


class IncrementalAlterConfigsRequest(
    Request, api_key=ApiKey.INCREMENTAL_ALTER_CONFIGS, versions="0-1", flexible="1+"
):
    """Asks to change single dynamic settings of resources."""

    resources: list[AlterConfigsResource] = field(array(AlterConfigsResource), "0+", factory=list)
    """Resource by resource."""
    validate_only: bool = field(BOOL, "0+", default=False)
    """Only tell what would become of it."""


class AlterConfigsResourceResponse(Struct):
    """`responses` of `IncrementalAlterConfigsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""


class IncrementalAlterConfigsResponse(
    Response, api_key=ApiKey.INCREMENTAL_ALTER_CONFIGS, versions="0-1", flexible="1+"
):
    """Answers `IncrementalAlterConfigsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    responses: list[AlterConfigsResourceResponse] = field(
        array(AlterConfigsResourceResponse), "0+", factory=list
    )
    """What became of each part of the request."""
