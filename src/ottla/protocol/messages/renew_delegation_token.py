"""RenewDelegationToken (API key 39): extend the life of a delegation token."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, Request, Response, field


class RenewDelegationTokenRequest(
    Request, api_key=ApiKey.RENEW_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Asks to extend the life of a delegation token."""

    hmac: bytes = field(BYTES, "0+", default=b"")
    """The token's secret."""
    renew_period_ms: int = field(INT64, "0+", default=0)
    """For how long to renew, in ms; -1 for the broker's setting."""


class RenewDelegationTokenResponse(
    Response, api_key=ApiKey.RENEW_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Answers `RenewDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    expiry_timestamp_ms: int = field(INT64, "0+", default=0)
    """When it expires, in ms since 1970."""
    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
