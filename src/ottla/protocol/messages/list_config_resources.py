"""ListConfigResources (API key 74): list the resources that have settings."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class ListConfigResourcesRequest(
    Request, api_key=ApiKey.LIST_CONFIG_RESOURCES, versions="0-1", flexible="0+"
):
    """Asks to list the resources that have settings."""

    resource_types: list[int] = field(array(INT8), "1+", factory=list)
    """The kinds wanted, none for all."""


class ConfigResource(Struct):
    """`config_resources` of `ListConfigResourcesResponse`."""

    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    resource_type: int = field(INT8, "1+", default=16, ignorable=True)
    """The kind of resource, by its number."""


class ListConfigResourcesResponse(
    Response, api_key=ApiKey.LIST_CONFIG_RESOURCES, versions="0-1", flexible="0+"
):
    """Answers `ListConfigResourcesRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    config_resources: list[ConfigResource] = field(array(ConfigResource), "0+", factory=list)
    """Resource by resource."""
