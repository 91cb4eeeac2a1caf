"""SaslHandshake (API key 17): choose a SASL mechanism."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, STRING, Request, Response, array, field


class SaslHandshakeRequest(Request, api_key=ApiKey.SASL_HANDSHAKE, versions="0-1", flexible="none"):
    """Asks to choose a SASL mechanism."""

    mechanism: str = field(STRING, "0+", default="")
    """The SASL mechanism."""


class SaslHandshakeResponse(Response, api_key=ApiKey.SASL_HANDSHAKE, versions="0-1", flexible="none"):
    """Answers `SaslHandshakeRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    mechanisms: list[str] = field(array(STRING), "0+", factory=list)
    """The SASL mechanisms there are."""
