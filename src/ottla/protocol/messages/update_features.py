"""UpdateFeatures (API key 57): change the finalized versions of features."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class FeatureUpdateKey(Struct):
    """`feature_updates` of `UpdateFeaturesRequest`."""

    feature: str = field(STRING, "0+", default="")
    max_version_level: int = field(INT16, "0+", default=0)
    allow_downgrade: bool = field(BOOL, "0", default=False)
    upgrade_type: int = field(INT8, "1+", default=1)


class UpdateFeaturesRequest(Request, api_key=ApiKey.UPDATE_FEATURES, versions="0-2", flexible="0+"):
    """Asks to change the finalized versions of features."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    feature_updates: list[FeatureUpdateKey] = field(array(FeatureUpdateKey), "0+", factory=list)
    validate_only: bool = field(BOOL, "1+", default=False)


class UpdatableFeatureResult(Struct):
    """`results` of `UpdateFeaturesResponse`."""

    feature: str = field(STRING, "0+", default="")
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")


class UpdateFeaturesResponse(Response, api_key=ApiKey.UPDATE_FEATURES, versions="0-2", flexible="0+"):
    """Answers `UpdateFeaturesRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    results: list[UpdatableFeatureResult] = field(
        array(UpdatableFeatureResult), "0-1", factory=list, ignorable=True
    )
