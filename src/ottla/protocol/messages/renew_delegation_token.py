"""RenewDelegationToken (API key 39): extend the life of a delegation token."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, Request, Response, field


class RenewDelegationTokenRequest(
    Request, api_key=ApiKey.RENEW_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Asks to extend the life of a delegation token."""

    hmac: bytes = field(BYTES, "0+", default=b"")
    renew_period_ms: int = field(INT64, "0+", default=0)


class RenewDelegationTokenResponse(
    Response, api_key=ApiKey.RENEW_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Answers `RenewDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    expiry_timestamp_ms: int = field(INT64, "0+", default=0)
    throttle_time_ms: int = field(INT32, "0+", default=0)
