"""SaslAuthenticate (API key 36): exchange the tokens of a SASL mechanism."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BYTES, INT16, INT64, STRING, Request, Response, field


class SaslAuthenticateRequest(Request, api_key=ApiKey.SASL_AUTHENTICATE, versions="0-2", flexible="2+"):
    """Asks to exchange the tokens of a SASL mechanism."""

    auth_bytes: bytes = field(BYTES, "0+", default=b"")
    """The token of the SASL mechanism."""


class SaslAuthenticateResponse(Response, api_key=ApiKey.SASL_AUTHENTICATE, versions="0-2", flexible="2+"):
    """Answers `SaslAuthenticateRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default="", nullable="0+")
    """The error in words; null where the code says enough."""
    auth_bytes: bytes = field(BYTES, "0+", default=b"")
    """The token of the SASL mechanism."""
    session_lifetime_ms: int = field(INT64, "1+", default=0, ignorable=True)
    """After how long to log in again; 0 for never."""
