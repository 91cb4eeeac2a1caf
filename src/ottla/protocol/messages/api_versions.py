"""ApiVersions (API key 18): learn which APIs a broker serves in which versions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ApiVersionsRequest(Request, api_key=ApiKey.API_VERSIONS, versions="0-4", flexible="3+"):
    """Asks to learn which APIs a broker serves in which versions."""

    client_software_name: str = field(STRING, "3+", default="", ignorable=True)
    """The client library's name."""
    client_software_version: str = field(STRING, "3+", default="", ignorable=True)
    """The client library's version."""


class ApiVersion(Struct):
    """`api_keys` of `ApiVersionsResponse`."""

    api_key: int = field(INT16, "0+", default=0)
    """The API's key."""
    min_version: int = field(INT16, "0+", default=0)
    """The lowest version."""
    max_version: int = field(INT16, "0+", default=0)
    """The highest version."""


class SupportedFeatureKey(Struct):
    """`supported_features` of `ApiVersionsResponse`."""

    name: str = field(STRING, "3+", default="")
    """Its name."""
    min_version: int = field(INT16, "3+", default=0)
    """The lowest version."""
    max_version: int = field(INT16, "3+", default=0)
    """The highest version."""


class FinalizedFeatureKey(Struct):
    """`finalized_features` of `ApiVersionsResponse`."""

    name: str = field(STRING, "3+", default="")
    """Its name."""
    max_version_level: int = field(INT16, "3+", default=0)
    """The highest level."""
    min_version_level: int = field(INT16, "3+", default=0)
    """The lowest level."""


class ApiVersionsResponse(Response, api_key=ApiKey.API_VERSIONS, versions="0-4", flexible="3+"):
    """Answers `ApiVersionsRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    api_keys: list[ApiVersion] = field(array(ApiVersion), "0+", factory=list)
    """API by API."""
    throttle_time_ms: int = field(INT32, "1+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    supported_features: list[SupportedFeatureKey] = field(
        array(SupportedFeatureKey), "3+", factory=list, tag=0, tagged="3+", ignorable=True
    )
    """The features this broker could take part in."""
    finalized_features_epoch: int = field(INT64, "3+", default=-1, tag=1, tagged="3+", ignorable=True)
    """The epoch of the finalized features; -1 if unknown."""
    finalized_features: list[FinalizedFeatureKey] = field(
        array(FinalizedFeatureKey), "3+", factory=list, tag=2, tagged="3+", ignorable=True
    )
    """The features the cluster has agreed on."""
    zk_migration_ready: bool = field(BOOL, "3+", default=False, tag=3, tagged="3+", ignorable=True)
    """Whether a migration from ZooKeeper may begin."""
