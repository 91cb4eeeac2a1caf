"""IncrementalAlterConfigs (API key 44): change single dynamic settings of resources."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class AlterableConfig(Struct):
    """`configs` of `IncrementalAlterConfigsRequest`."""

    name: str = field(STRING, "0+", default="")
    config_operation: int = field(INT8, "0+", default=0)
    value: str | None = field(STRING, "0+", default="", nullable="0+")


class AlterConfigsResource(Struct):
    """`resources` of `IncrementalAlterConfigsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    resource_name: str = field(STRING, "0+", default="")
    configs: list[AlterableConfig] = field(array(AlterableConfig), "0+", factory=list)


class IncrementalAlterConfigsRequest(
    Request, api_key=ApiKey.INCREMENTAL_ALTER_CONFIGS, versions="0-1", flexible="1+"
):
    """Asks to change single dynamic settings of resources."""

    resources: list[AlterConfigsResource] = field(array(AlterConfigsResource), "0+", factory=list)
    validate_only: bool = field(BOOL, "0+", default=False)


class AlterConfigsResourceResponse(Struct):
    """`responses` of `IncrementalAlterConfigsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    resource_type: int = field(INT8, "0+", default=0)
    resource_name: str = field(STRING, "0+", default="")


class IncrementalAlterConfigsResponse(
    Response, api_key=ApiKey.INCREMENTAL_ALTER_CONFIGS, versions="0-1", flexible="1+"
):
    """Answers `IncrementalAlterConfigsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    responses: list[AlterConfigsResourceResponse] = field(
        array(AlterConfigsResourceResponse), "0+", factory=list
    )
