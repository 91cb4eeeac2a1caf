"""ExpireDelegationToken (API key 40): shorten or end the life of a delegation token."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT32, INT64, Request, Response, field


class ExpireDelegationTokenRequest(
    Request, api_key=ApiKey.EXPIRE_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Asks to shorten or end the life of a delegation token."""

    hmac: bytes = field(BYTES, "0+", default=b"")
    """The token's secret."""
    expiry_time_period_ms: int = field(INT64, "0+", default=0)
    """When from now the token shall expire; negative for at once."""


class ExpireDelegationTokenResponse(
    Response, api_key=ApiKey.EXPIRE_DELEGATION_TOKEN, versions="1-2", flexible="2+"
):
    """Answers `ExpireDelegationTokenRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    expiry_timestamp_ms: int = field(INT64, "0+", default=0)
    """When it expires, in ms since 1970."""
    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
