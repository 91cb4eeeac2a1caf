"""DescribeConfigs (API key 32): read settings with their sources and synonyms."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeConfigsResource(Struct):
    """`resources` of `DescribeConfigsRequest`."""

    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    configuration_keys: list[str] | None = field(array(STRING), "0+", factory=list, nullable="0+")
    """The settings wanted; null for all."""


class DescribeConfigsRequest(Request, api_key=ApiKey.DESCRIBE_CONFIGS, versions="1-4", flexible="4+"):
    """Asks to read settings with their sources and synonyms."""

    resources: list[DescribeConfigsResource] = field(array(DescribeConfigsResource), "0+", factory=list)
    """Resource by resource."""
    include_synonyms: bool = field(BOOL, "1+", default=False)
    """Whether the answer shall tell the values behind the one that holds."""
    include_documentation: bool = field(BOOL, "3+", default=False)
    """Whether the answer shall tell what each setting means."""


class DescribeConfigsSynonym(Struct):
    """`synonyms` of `DescribeConfigsResponse`."""

    name: str = field(STRING, "1+", default="")
    """Its name."""
    value: str | None = field(STRING, "1+", default="", nullable="0+")
    """Its value."""
    source: int = field(INT8, "1+", default=0)
    """Where the value comes from, by its number."""


class DescribeConfigsResourceResult(Struct):
    """`configs` of `DescribeConfigsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    value: str | None = field(STRING, "0+", default="", nullable="0+")
    """Its value."""
    read_only: bool = field(BOOL, "0+", default=False)
    """Whether it can't be changed while the broker runs."""
    config_source: int = field(INT8, "1+", default=-1, ignorable=True)
    """Where the value comes from, by its number."""
    is_sensitive: bool = field(BOOL, "0+", default=False)
    """Whether the value is a secret, and therefore not shown."""
    synonyms: list[DescribeConfigsSynonym] = field(
        array(DescribeConfigsSynonym), "1+", factory=list, ignorable=True
    )
    """The values for this setting, the one that holds first."""
    config_type: int = field(INT8, "3+", default=0, ignorable=True)
    """The setting's type, by its number."""
    documentation: str | None = field(STRING, "3+", default="", nullable="0+", ignorable=True)
    """What the setting means."""


class DescribeConfigsResult(Struct):
    """`results` of `DescribeConfigsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    resource_type: int = field(INT8, "0+", default=0)
    """The kind of resource, by its number."""
    resource_name: str = field(STRING, "0+", default="")
    """The resource's name."""
    configs: list[DescribeConfigsResourceResult] = field(
        array(DescribeConfigsResourceResult), "0+", factory=list
    )
    """Settings."""


class DescribeConfigsResponse(Response, api_key=ApiKey.DESCRIBE_CONFIGS, versions="1-4", flexible="4+"):
    """Answers `DescribeConfigsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[DescribeConfigsResult] = field(array(DescribeConfigsResult), "0+", factory=list)
    """What became of each part of the request."""
