"""UpdateFeatures (API key 57): change the finalized versions of features."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class FeatureUpdateKey(Struct):
    """`feature_updates` of `UpdateFeaturesRequest`."""

    feature: str = field(STRING, "0+", default="")
    """The feature's name."""
    max_version_level: int = field(INT16, "0+", default=0)
    """The highest level."""
    allow_downgrade: bool = field(BOOL, "0", default=False)
    """Whether the level may go down."""
    upgrade_type: int = field(INT8, "1+", default=1)
    """1 an upgrade, 2 a safe downgrade, 3 one that may lose metadata."""


class UpdateFeaturesRequest(Request, api_key=ApiKey.UPDATE_FEATURES, versions="0-2", flexible="0+"):
    """Asks to change the finalized versions of features."""

    timeout_ms: int = field(INT32, "0+", default=60000)
    """How long the broker may take to answer."""
    feature_updates: list[FeatureUpdateKey] = field(array(FeatureUpdateKey), "0+", factory=list)
    """The levels to set."""
    validate_only: bool = field(BOOL, "1+", default=False)
    """Only tell what would become of it."""


class UpdatableFeatureResult(Struct):
    """`results` of `UpdateFeaturesResponse`."""

    feature: str = field(STRING, "0+", default="")
    """The feature's name."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""


class UpdateFeaturesResponse(Response, api_key=ApiKey.UPDATE_FEATURES, versions="0-2", flexible="0+"):
    """Answers `UpdateFeaturesRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    results: list[UpdatableFeatureResult] = field(
        array(UpdatableFeatureResult), "0-1", factory=list, ignorable=True
    )
    """What became of each part of the request."""
